// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - Memory that a hypervisor gives and takes in granules of 2 MiB
 *
 * DOC: Theory of operation
 *
 * What user space may ask is said in uapi/memtide.h: window, block, granule,
 * and what "in use" means. This is how it is kept true.
 *
 * The window is a resource of its own, not busy, so that the kernel's memory
 * hotplug can put its blocks there, and nobody looks for free space there. A
 * memory block in it is taken for ours, whoever onlines or offlines it: one that
 * we did not add is refused when it is to go online.
 *
 * A block's pages are marked, all of them, to stay offline each time the block
 * goes online (MEM_GOING_ONLINE), and those of the granules that are recorded
 * as online are handed to the page allocator right after (MEM_ONLINE). So a
 * block that the administrator takes offline and online again comes back with
 * the same granules, and the one online page callback of the kernel, taken by
 * Xen's balloon, is never asked.
 *
 * The memmap of a block lies in its first granules (MHP_MEMMAP_ON_MEMORY),
 * because a guest that grows may have no memory left for it.
 *
 * Locks, outermost first:
 *
 *   mt.lock		serializes the ioctls. Taken by the notifier of sleep
 *			states, never by that of memory.
 *   device hotplug lock, taken by the core when blocks are added or removed
 *   mem_hotplug_lock	protects the records that ioctls and notifier share:
 *			written in ioctls with mt.lock and get_online_mems(),
 *			in the notifier with it held for writing. As page
 *			states change under it too, record and pages agree
 *			whenever it is free.
 *
 * Everything is allocated when the module is loaded. A present block holds a
 * reference to the module: without the notifier, onlining it would hand memory
 * that is not there to the page allocator.
 *
 * When a record proves wrong (a page is not in the state that we left it in),
 * going on could free memory in use: the driver warns once, and from then on
 * answers -EIO to whatever would change something.
 *
 * main.c loads and unloads; the other files are listed in driver.h.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/memory.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "driver.h"

struct memtide mt = {
	.lock = __MUTEX_INITIALIZER(mt.lock),
	.wait = __WAIT_QUEUE_HEAD_INITIALIZER(mt.wait),
	.window = {
		.name = "memtide",
		/* Exclusive: /dev/mem must not read what may not be there. */
		.flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_EXCLUSIVE,
	},
};

static uint window_mib = 256 * 1024;
module_param(window_mib, uint, 0444);
MODULE_PARM_DESC(window_mib,
		 "Size of the guest-physical window in MiB (default 262144)");

#define NEEDED(function) { #function, function }

static const struct {
	const char *name;
	const void *function;
} needed[] = {
	NEEDED(get_online_mems),
	NEEDED(put_online_mems),
	NEEDED(mark_offline_page_range),
	NEEDED(free_offline_page_range),
	NEEDED(alloc_offline_page_range),
	NEEDED(offline_page_ranges_changed),
	NEEDED(__add_memory_driver_managed),
#ifdef CONFIG_XEN_BALLOON
	NEEDED(xen_balloon_account_pages),
#endif
};

/* Has this kernel what core.h declares? */
static int check_core(void)
{
	int i, missing = 0;

	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		if (needed[i].function)
			continue;
		pr_err("this kernel has no %s()\n", needed[i].name);
		missing++;
	}
	if (!missing)
		return 0;
	pr_err("needs a kernel with memtide's patches to memory hotplug (guest-kernel-patches/ of memtide)\n");
	return -EOPNOTSUPP;
}

static int note_ram_end(struct resource *res, void *arg)
{
	u64 *ram_end = arg;

	*ram_end = max(*ram_end, res->end + 1);
	return 0;
}

/*
 * Claim the lowest free range above all memory, at 4 GiB or above because
 * firmware tables and devices live below. Take less where the processor cannot
 * address that much, or something is in the way.
 */
static int claim_window(void)
{
	const struct range range = mhp_get_pluggable_range(true);
	u64 align = memory_block_size_bytes(), ram_end = 0, low, high, size;

	walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM, 0, -1,
			    &ram_end, note_ram_end);
	low = ALIGN(max3((u64)SZ_4G, range.start, ram_end), align);
	high = min(range.end, iomem_resource.end);
	if (low >= high)
		return -ERANGE;

	size = min((u64)window_mib * SZ_1M, high - low + 1);
	for (size = ALIGN_DOWN(size, align); size;
	     size = ALIGN_DOWN(size / 2, align)) {
		if (!allocate_resource(&iomem_resource, &mt.window, size, low,
				       high, align, NULL, NULL))
			return 0;
	}
	return -EBUSY;
}

static int init_geometry(void)
{
	unsigned long block_size = memory_block_size_bytes();

	if (!mhp_supports_memmap_on_memory()) {
		pr_err("needs the kernel parameter memory_hotplug.memmap_on_memory=1, and a block size that allows for it\n");
		return -EOPNOTSUPP;
	}
	mt.block_granules = block_size / GRANULE_SIZE;
	mt.memmap_granules = DIV_ROUND_UP(PHYS_PFN(block_size) *
					  sizeof(struct page), GRANULE_SIZE);
	return 0;
}

static int init_window(void)
{
	int ret = claim_window();

	if (ret) {
		pr_err("no room for a window of %u MiB: %d\n", window_mib, ret);
		return ret;
	}
	mt.nr_granules = resource_size(&mt.window) / GRANULE_SIZE;
	mt.blocks = kvcalloc(nr_blocks(), sizeof(*mt.blocks), GFP_KERNEL);
	mt.online = kvcalloc(BITS_TO_LONGS(mt.nr_granules), sizeof(long),
			     GFP_KERNEL);
	return mt.blocks && mt.online ? 0 : -ENOMEM;
}

static void free_window(void)
{
	kvfree(mt.online);
	kvfree(mt.blocks);
	if (mt.window.parent)
		release_resource(&mt.window);
}

static int __init memtide_init(void)
{
	int ret;

	ret = check_core();
	if (!ret)
		ret = init_geometry();
	if (!ret)
		ret = init_node();
	if (ret)
		return ret;

	ret = init_window();
	if (ret)
		goto out_free;
	ret = register_notifiers();
	if (ret)
		goto out_free;
	ret = register_oom();
	if (ret)
		goto out_unregister;
	ret = register_device();
	if (ret)
		goto out_unregister_oom;

	pr_info("window %pR, blocks of %u granules, %u for memmap\n",
		&mt.window, mt.block_granules, mt.memmap_granules);
	return 0;

out_unregister_oom:
	unregister_oom();
out_unregister:
	unregister_notifiers();
out_free:
	free_window();
	return ret;
}
module_init(memtide_init);

static void __exit memtide_exit(void)
{
	unregister_device();
	unregister_oom();
	unregister_notifiers();
	free_window();
}
module_exit(memtide_exit);

MODULE_DESCRIPTION("Memory that a hypervisor gives and takes in granules");
MODULE_AUTHOR("memtide developers");
MODULE_LICENSE("GPL");
