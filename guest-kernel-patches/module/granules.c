// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * granules.c - Which granules are online, and moving them to and fro
 *
 * Wherever pages change hands, get_online_mems() keeps their block as it is
 * until the record says so too.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/highmem.h>
#include <linux/sched/signal.h>

#include "driver.h"
#include "trace.h"

int set_broken(u32 granule, int err)
{
	set_bit(MT_BROKEN, &mt.flags);
	WARN_ONCE(1, "memtide: granule %u not as recorded (%d), giving up\n",
		  granule, err);
	return -EIO;
}

/* Where a block's granules are counted */
static u32 *online_count(const struct block *b)
{
	return &mt.nr_online[b->active ? b->zone : MEMTIDE_ZONE_NONE];
}

/* sysfs reads the counts without a lock. */
static void add_to(u32 *count, u32 nr)
{
	WRITE_ONCE(*count, *count + nr);
}

/* The only writer of whether a block is online, and of the zone it then has. */
void set_block_zone(struct block *b, u8 zone, bool active)
{
	add_to(online_count(b), -b->nr_online);
	b->zone = zone;
	WRITE_ONCE(b->active, active);
	add_to(online_count(b), b->nr_online);
}

/* The only writer of mt.online, and of the counts that depend on it. */
void set_online(u32 first, u32 nr, bool online)
{
	struct block *b = granule_block(first);

	if (online)
		bitmap_set(mt.online, first, nr);
	else
		bitmap_clear(mt.online, first, nr);
	b->nr_online += online ? nr : -nr;
	add_to(online_count(b), online ? nr : -nr);
	mt.unaccounted += online ? (long)nr : -(long)nr;
	mt.limits_stale |= b->active;
}

u32 nr_online(u32 first, u32 nr)
{
	u32 i, n = 0;

	for (i = first; i < first + nr; i++)
		n += test_bit(i, mt.online);
	return n;
}

bool granule_in_use(u32 granule)
{
	const struct block *b = granule_block(granule);

	if (granule < block_first_usable(b))
		return b->present;
	return test_bit(granule, mt.online);
}

/* 64 granules from @granule, a multiple of 64, so all in one block. */
u64 in_use_word(u32 granule)
{
	const struct block *b = granule_block(granule);
	u64 word = mt.online[BIT_WORD(granule)];
	u32 usable = block_first_usable(b);

	if (b->present && granule < usable)
		word |= GENMASK_ULL(min(usable - granule, 64U) - 1, 0);
	return word;
}

/*
 * What ranges of a batch have left for its end. The balloon must know before
 * user space hears of a change, and so before the host does.
 */
void settle_accounts(void)
{
	if (mt.limits_stale) {
		get_online_mems();
		offline_page_ranges_changed();
		put_online_mems();
	}
	mt.limits_stale = false;
#ifdef CONFIG_XEN_BALLOON
	if (mt.unaccounted)
		xen_balloon_account_pages(mt.unaccounted * (long)GRANULE_PAGES);
#endif
	mt.unaccounted = 0;
}

/* Hand granules of a block that is online to the page allocator. */
int expose(u32 first, u32 nr)
{
	int ret;

	ret = free_offline_page_range(granule_pfn(first), nr * GRANULE_PAGES);
	if (!ret || ret == -EHWPOISON)
		return ret;
	return set_broken(first, ret);
}

/* Put the granules of the range, in a present block, online. */
int online_range(const struct memtide_range *r)
{
	struct block *b = granule_block(r->first);
	unsigned int start = max(r->first, block_first_usable(b));
	unsigned int limit = r->first + r->nr, end;
	int ret = 0;

	get_online_mems();
	for_each_clear_bitrange_from(start, end, mt.online, limit) {
		if (signal_pending(current))
			ret = -EINTR;
		else if (!b->active)
			ret = -EPERM;
		else
			ret = expose(start, end - start);
		if (ret)
			break;
		set_online(start, end - start, true);
		WRITE_ONCE(mt.exposed, mt.exposed + end - start);
		wake_up_all(&mt.wait);
	}
	put_online_mems();
	return ret;
}

static bool below_floor(u32 nr_granules, u64 floor_pages)
{
	u64 available = si_mem_available();
	u64 wanted = nr_granules * GRANULE_PAGES;

	return available < wanted || available - wanted < floor_pages;
}

/* Nobody else is to read what these pages hold. */
static void clear_run(u32 first, u32 nr, bool active)
{
	unsigned long pfn = granule_pfn(first);
	unsigned long end = granule_pfn(first + nr);

	if (mt.pull_as_is)
		return;
	/* Then what is offline is not even mapped. */
	if (!active && debug_pagealloc_enabled())
		return;
	for (; pfn < end; pfn++) {
		/* Broken memory is not touched; the host has it replaced. */
		if (!active || !PageHWPoison(pfn_to_page(pfn)))
			clear_highpage(pfn_to_page(pfn));
		if (!(pfn % GRANULE_PAGES))
			cond_resched();
	}
}

/* Take one run of online granules of a block that is online. */
static int take_run(u32 first, u32 nr)
{
	int ret;

	if (signal_pending(current))
		return -EINTR;
	ret = alloc_offline_page_range(granule_pfn(first), nr * GRANULE_PAGES);
	switch (ret) {
	case -EBUSY:
		trace_busy_page(first, nr);
		fallthrough;
	case -EINTR:
	case -ENOMEM:
		return ret;
	case 0:
		clear_run(first, nr, true);
		return 0;
	default:
		return set_broken(first, ret);
	}
}

/* What was taken goes back; but broken memory, found meanwhile, stays taken. */
static int give_back(u32 first, u32 limit)
{
	int ret;

	for_each_set_bit_from(first, mt.online, limit) {
		ret = expose(first, 1);
		if (ret == -EHWPOISON)
			set_online(first, 1, false);
		else if (ret)
			return ret;
	}
	return 0;
}

/*
 * Take the online granules of the range, or give back what was taken. Records
 * change at the end, so until then they say what to give back.
 */
static int take_range(u32 first, u32 limit)
{
	unsigned int start = first, end;
	int ret;

	for_each_set_bitrange_from(start, end, mt.online, limit) {
		ret = take_run(start, end - start);
		if (ret)
			return give_back(first, start) ?: ret;
	}
	return 0;
}

/* Pull the granules of the range, none of which carries memmap. */
int pull_range(const struct memtide_range *r)
{
	struct block *b = granule_block(r->first);
	unsigned int start = r->first, limit = r->first + r->nr, end;
	u32 nr = nr_online(r->first, r->nr);
	int ret = 0;

	if (!nr)
		return 0;

	get_online_mems();
	/* The allocator does not have the pages of a block that is offline. */
	if (b->active) {
		ret = -ENOSPC;
		if (!below_floor(nr, r->floor_pages))
			ret = take_range(start, limit);
	}
	if (!ret) {
		for_each_set_bitrange_from(start, end, mt.online, limit) {
			if (!b->active)
				clear_run(start, end - start, false);
			set_online(start, end - start, false);
		}
	}
	put_online_mems();
	return ret;
}
