// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oom.c - Ask the host before a process is killed
 *
 * When nothing is left to reclaim, and before it kills, the kernel asks those
 * who keep memory from it. Ours is with the host: who reads from the device is
 * told (uapi/memtide.h), and the one who allocates waits for granules to come
 * online. If none come in time there is nothing to be had, and for a while
 * nobody waits again: a process that has to be killed is killed at once.
 *
 * The allocating task may hold any lock. If that is one that bringing memory
 * online needs, the wait ends by its time. If it is the agent itself, nobody
 * would answer, so it does not wait.
 */

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/oom.h>
#include <linux/sched.h>

#include "driver.h"
#include "trace.h"

#define VAIN_PAUSE	(10 * HZ)	/* after waiting in vain */

static unsigned int oom_wait_ms = 3000;
module_param(oom_wait_ms, uint, 0644);
MODULE_PARM_DESC(oom_wait_ms,
		 "How long to wait for the host's memory before a process is killed; 0: not at all (default 3000)");

/* Without a lock: there is no harm in being wrong once. */
static bool can_be_helped(void)
{
	return test_bit(MT_LISTENING, &mt.flags) &&
	       current->tgid != READ_ONCE(mt.owner) &&
	       READ_ONCE(mt.nr_present) * mt.memmap_granules +
	       READ_ONCE(mt.nr_online[MEMTIDE_ZONE_KERNEL]) +
	       READ_ONCE(mt.nr_online[MEMTIDE_ZONE_MOVABLE]) < mt.nr_granules;
}

/*
 * What cannot be moved must not be where everything can be. If there is free
 * memory for what can, somebody needs the other kind.
 */
static u32 wanted_zone(void)
{
	int nid;

	for_each_online_node(nid) {
		struct zone *zone = &NODE_DATA(nid)->node_zones[ZONE_MOVABLE];

		if (zone_page_state(zone, NR_FREE_PAGES) >
		    high_wmark_pages(zone) + GRANULE_PAGES)
			return MEMTIDE_ZONE_KERNEL;
	}
	return MEMTIDE_ZONE_MOVABLE;
}

static int on_oom(struct notifier_block *nb, unsigned long action, void *data)
{
	/* The callers of out_of_memory() take turns. */
	static unsigned long not_before = INITIAL_JIFFIES;
	unsigned long wait = msecs_to_jiffies(READ_ONCE(oom_wait_ms));
	unsigned long before = READ_ONCE(mt.exposed), more;
	ktime_t begin = ktime_get();

	if (!wait || !can_be_helped() || time_before(jiffies, not_before))
		return NOTIFY_OK;

	WRITE_ONCE(mt.wanted_zone, wanted_zone());
	atomic_inc(&mt.asked);
	wake_up_all(&mt.wait);
	wait_event_timeout(mt.wait, READ_ONCE(mt.exposed) != before, wait);
	more = READ_ONCE(mt.exposed) - before;
	if (!more)
		not_before = jiffies + VAIN_PAUSE;
	*(unsigned long *)data += more * GRANULE_PAGES;
	trace_memtide_oom(more, ktime_us_delta(ktime_get(), begin));
	return NOTIFY_OK;
}

static struct notifier_block oom_notifier = {
	.notifier_call = on_oom,
};

int register_oom(void)
{
	return register_oom_notifier(&oom_notifier);
}

void unregister_oom(void)
{
	unregister_oom_notifier(&oom_notifier);
}
