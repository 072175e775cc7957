/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * driver.h - State of the memtide driver, and who changes it
 *
 * The theory of operation is at the top of main.c.
 */
#ifndef MEMTIDE_DRIVER_H
#define MEMTIDE_DRIVER_H

#include <linux/bitops.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/sysfs.h>
#include <linux/wait.h>

#include "core.h"
#include "memtide.h"

#define GRANULE_SIZE	SZ_2M
#define GRANULE_PAGES	(GRANULE_SIZE / PAGE_SIZE)

/* The state bitmap of the interface is our own, word by word. */
static_assert(BITS_PER_LONG == 64);
static_assert((PAGES_PER_SECTION * PAGE_SIZE) % (64UL * GRANULE_SIZE) == 0);

/**
 * struct block - what we know of a memory block
 * @nr_online:	granules of it that are set in mt.online
 * @zone:	enum memtide_zone; the last one while it is offline
 * @present:	added, and the memmap granules in use; mt.lock alone protects it
 * @active:	online as the core sees it; the page allocator has the granules
 *		set in mt.online if so, and gets them once it is
 */
struct block {
	u32 nr_online;
	u8 zone;
	bool present;
	bool active;
};

/**
 * struct memtide - the one window, and what is in it
 * @lock:	serializes ioctls, and sleep states with them
 * @window:	claimed in the resource tree
 * @block_granules, @memmap_granules: of each block, as in struct memtide_info
 * @nr_granules: in the window
 * @blocks:	one for each block of the window
 * @online:	bit per granule, given to the page allocator
 * @unaccounted: granules not yet told to Xen's balloon
 * @limits_stale: managed pages changed and the core has not been told so
 * @nr_online:	granules online by the zone of their block;
 *		[MEMTIDE_ZONE_NONE]: of blocks that are offline
 * @nr_present:	blocks
 * @ranges:	of the batch that is worked on; allocates nothing (I6)
 * @exposed:	granules, since the module was loaded
 * @wait:	for @asked or @exposed to change
 * @asked:	times since the last read() that the kernel wanted memory
 * @wanted_zone: the last time
 * @owner:	process that opened the device
 * @flags:	MT_*
 *
 * Written with @lock held: @unaccounted, @limits_stale, @nr_present, @ranges.
 * @online and @nr_online: as struct block's. sysfs reads counts without a lock.
 */
struct memtide {
	struct mutex lock;	/* as above */
	struct resource window;
	u32 block_granules;
	u32 memmap_granules;
	u32 nr_granules;
	struct block *blocks;
	unsigned long *online;
	long unaccounted;
	bool limits_stale;
	bool pull_as_is;
	u32 nr_online[3];
	u32 nr_present;
	struct memtide_range ranges[MEMTIDE_RANGES_MAX];
	unsigned long exposed;
	wait_queue_head_t wait;
	atomic_t asked;
	u32 wanted_zone;
	pid_t owner;
	unsigned long flags;
};

#define MT_OPEN		0	/* somebody has the device open */
#define MT_BROKEN	1	/* a record proved wrong, change nothing */
#define MT_HIBERNATING	2	/* add no block: the system goes to disk */
#define MT_LISTENING	3	/* who has it open wants to know of @asked */

extern struct memtide mt;

static inline unsigned long granule_pfn(u32 granule)
{
	return PHYS_PFN(mt.window.start) + granule * GRANULE_PAGES;
}

static inline u32 nr_blocks(void)
{
	return mt.nr_granules / mt.block_granules;
}

static inline struct block *granule_block(u32 granule)
{
	return &mt.blocks[granule / mt.block_granules];
}

static inline u32 block_index(const struct block *b)
{
	return b - mt.blocks;
}

static inline u32 block_first(const struct block *b)
{
	return block_index(b) * mt.block_granules;
}

/* The first granule of the block that does not carry memmap. */
static inline u32 block_first_usable(const struct block *b)
{
	return block_first(b) + mt.memmap_granules;
}

static inline u32 block_end(const struct block *b)
{
	return block_first(b) + mt.block_granules;
}

static inline u64 block_start(const struct block *b)
{
	return PFN_PHYS(granule_pfn(block_first(b)));
}

static inline bool is_broken(void)
{
	return test_bit(MT_BROKEN, &mt.flags);
}

/* granules.c: records of granules, and the pages that they are about */
int set_broken(u32 granule, int err);
void set_block_zone(struct block *b, u8 zone, bool active);
void set_online(u32 first, u32 nr, bool online);
u32 nr_online(u32 first, u32 nr);
bool granule_in_use(u32 granule);
u64 in_use_word(u32 granule);
int expose(u32 first, u32 nr);
int online_range(const struct memtide_range *r);
int pull_range(const struct memtide_range *r);
void settle_accounts(void);

/* blocks.c: which blocks there are */
int init_node(void);
int add_block(struct block *b, u32 zone);
int remove_block(struct block *b);

/* notify.c: what the kernel tells us */
int register_notifiers(void);
void unregister_notifiers(void);

/* ioctl.c, sysfs.c: what others see */
int register_oom(void);
void unregister_oom(void);
int register_device(void);
void unregister_device(void);
extern const struct attribute_group *memtide_groups[];

/* busy.c: for the trace, the page because of which a pull failed */
void trace_busy_page(u32 first, u32 nr);

#endif
