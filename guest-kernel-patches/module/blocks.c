// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blocks.c - Adding and removing the window's memory blocks
 *
 * A window is one piece of guest-physical address space, and what backs it is
 * the host's choice granule by granule, so no node of the guest is right by
 * nature. If the firmware says to which node memory at such an address belongs
 * (SRAT), that is right; what was above the end of RAM at boot is known to
 * phys_to_target_node() alone. For what the firmware does not mention the
 * architecture answers with the node of the first memory. The parameter is for
 * whoever knows better. Spreading blocks over nodes would not make them
 * interleaved, but make each node's memory come and go by the order in which
 * blocks do.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/memory.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/numa.h>

#include "driver.h"
#include "trace.h"

static int node = NUMA_NO_NODE;
module_param(node, int, 0444);
MODULE_PARM_DESC(node,
		 "NUMA node that memory is added to (default -1: by its address)");

int init_node(void)
{
	if (node == NUMA_NO_NODE)
		return 0;
	if (node >= 0 && node < MAX_NUMNODES && node_possible(node))
		return 0;
	pr_err("there can be no node %d\n", node);
	return -EINVAL;
}

static int block_node(const struct block *b)
{
	int nid = node;

	if (nid == NUMA_NO_NODE)
		nid = phys_to_target_node(block_start(b));
	if (nid == NUMA_NO_NODE)
		nid = memory_add_physaddr_to_nid(block_start(b));
	return nid;
}

/* The only writer of a block's presence. */
static void set_present(struct block *b, bool present)
{
	WRITE_ONCE(b->present, present);
	WRITE_ONCE(mt.nr_present, mt.nr_present + (present ? 1 : -1));
	if (present) {
		__module_get(THIS_MODULE);
		mt.unaccounted += mt.memmap_granules;
	} else {
		b->zone = MEMTIDE_ZONE_NONE;
		mt.unaccounted -= mt.memmap_granules;
		module_put(THIS_MODULE);
	}
}

/* Why the core did not add a block, as the interface says it. */
static int add_error(const struct block *b, int err)
{
	pr_warn_ratelimited("cannot add block %u: %d\n", block_index(b), err);
	return err == -ENOMEM ? -ENOMEM : -ECANCELED;
}

static int try_to_add(struct block *b, u32 zone)
{
	enum mmop online_type = zone == MEMTIDE_ZONE_MOVABLE ?
				MMOP_ONLINE_MOVABLE : MMOP_ONLINE_KERNEL;
	u64 start = block_start(b), size = memory_block_size_bytes();
	int ret;

	if (test_bit(MT_HIBERNATING, &mt.flags))
		return -EBUSY;

	ret = __add_memory_driver_managed(block_node(b), start, size,
					  "System RAM (memtide)",
					  MHP_MEMMAP_ON_MEMORY, online_type);
	if (ret)
		return add_error(b, ret);
	set_present(b, true);
	if (READ_ONCE(b->active))
		return 0;

	pr_warn_ratelimited("cannot bring block %u online\n", block_index(b));
	/* This fails only if the administrator has just put it online. */
	if (remove_memory(start, size))
		return 0;
	set_present(b, false);
	return -ECANCELED;
}

/* Add a block, with all of its pages kept offline but those of the memmap. */
int add_block(struct block *b, u32 zone)
{
	int ret = try_to_add(b, zone);

	trace_memtide_add(block_index(b), zone, ret);
	return ret;
}

static int try_to_remove(struct block *b)
{
	int ret;

	if (is_broken())
		return -EIO;
	if (b->nr_online)
		return -ENOTEMPTY;

	ret = offline_and_remove_memory(block_start(b),
					memory_block_size_bytes());
	switch (ret) {
	case 0:
		set_present(b, false);
		return 0;
	case -EINTR:
	case -ENOMEM:
		return ret;
	default:
		return -EBUSY;
	}
}

int remove_block(struct block *b)
{
	u32 zone = b->zone;
	int ret;

	if (!b->present)
		return 0;
	ret = try_to_remove(b);
	trace_memtide_remove(block_index(b), zone, ret);
	return ret;
}
