// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * notify.c - What the kernel does to our blocks, whoever asked for it
 *
 * Sleep states
 *
 * Hibernation is refused while there are blocks. The image would be complete:
 * it holds the pages in use, and those that are PageOffline are left out. But
 * the kernel that is to load it starts in a domain without a single granule
 * backed, has no memory at the addresses that the image wants, and gives up:
 * the guest's state is lost. So it fails before anything is stopped, and says
 * what to do about it. Loading an image is not refused: it was made without
 * blocks, so the blocks of the kernel that loads it are simply left behind, and
 * the host learns from the agent that nothing of the window is in use.
 *
 * Suspend to RAM and to idle leave memory, page tables and this module as they
 * are: the domain exists all the while, and the host takes nothing back that
 * the agent, frozen like all processes, has not released. Nothing to do.
 *
 * Nor for what Xen calls suspend (xl save, migrate): do_suspend() in
 * drivers/xen/manage.c freezes processes and devices without calling the
 * notifiers of sleep states, and the toolstack carries the window over with
 * the rest of the domain.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/memory.h>
#include <linux/notifier.h>
#include <linux/suspend.h>

#include "driver.h"
#include "trace.h"

static int block_going_online(const struct block *b,
			      const struct memory_notify *mn)
{
	u32 usable = mt.block_granules - mt.memmap_granules;

	/* Not added with its memmap in it: nobody but us adds blocks here. */
	if (mn->start_pfn != granule_pfn(block_first_usable(b)) ||
	    mn->nr_pages != usable * GRANULE_PAGES)
		return -EINVAL;
	return mark_offline_page_range(mn->start_pfn, mn->nr_pages);
}

static void block_online(struct block *b, const struct memory_notify *mn)
{
	bool movable = is_zone_movable_page(pfn_to_page(mn->start_pfn));
	unsigned int start = block_first_usable(b), end;

	set_block_zone(b, movable ? MEMTIDE_ZONE_MOVABLE : MEMTIDE_ZONE_KERNEL,
		       true);
	/* Too late to fail. The record errs to the safe side. */
	for_each_set_bitrange_from(start, end, mt.online, block_end(b)) {
		if (expose(start, end - start) && !is_broken())
			set_broken(start, -EHWPOISON);
	}
}

static int memory_notified(struct notifier_block *nb, unsigned long action,
			   void *arg)
{
	struct memory_notify *mn = arg;
	u64 addr = PFN_PHYS(mn->start_pfn);
	struct block *b;
	int ret = 0;

	if (addr < mt.window.start || addr > mt.window.end)
		return NOTIFY_DONE;
	b = granule_block((addr - mt.window.start) / GRANULE_SIZE);

	switch (action) {
	case MEM_GOING_ONLINE:
		ret = block_going_online(b, mn);
		break;
	case MEM_ONLINE:
		block_online(b, mn);
		break;
	case MEM_OFFLINE:
		set_block_zone(b, b->zone, false);
		break;
	}
	trace_memtide_notified(action, block_index(b), b->nr_online, ret);
	return notifier_from_errno(ret);
}

static struct notifier_block memory_nb = {
	.notifier_call = memory_notified,
};

/* No block is added between the answer and the end of it. */
static int going_to_hibernate(void)
{
	int ret = 0;

	mutex_lock(&mt.lock);
	if (mt.nr_present) {
		pr_err("cannot hibernate with %u memory blocks of the host: the image could not be loaded. Have the host take its memory back first\n",
		       mt.nr_present);
		ret = -EBUSY;
	} else {
		set_bit(MT_HIBERNATING, &mt.flags);
	}
	mutex_unlock(&mt.lock);
	return ret;
}

static int sleep_notified(struct notifier_block *nb, unsigned long action,
			  void *arg)
{
	switch (action) {
	case PM_HIBERNATION_PREPARE:
		return notifier_from_errno(going_to_hibernate());
	case PM_POST_HIBERNATION:
		clear_bit(MT_HIBERNATING, &mt.flags);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block sleep_nb = {
	.notifier_call = sleep_notified,
};

int register_notifiers(void)
{
	int ret;

	ret = register_memory_notifier(&memory_nb);
	if (ret)
		return ret;
	ret = register_pm_notifier(&sleep_nb);
	if (ret)
		unregister_memory_notifier(&memory_nb);
	return ret;
}

void unregister_notifiers(void)
{
	unregister_pm_notifier(&sleep_nb);
	unregister_memory_notifier(&memory_nb);
}
