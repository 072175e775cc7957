/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmem.h - What happens to the memory of a guest that needs some
 *
 * DOC: Theory of operation
 *
 * Pure. A guest's memory is its kernel's, anonymous memory, hot page cache
 * (files its work reads again and again) and cold (read once). Its work wants
 * so much anonymous memory and so much hot cache (struct vmem_want); what it
 * has follows in steps of time:
 *
 * - Anonymous memory is allocated at most at VMEM_ALLOC_KIB_S, from free memory
 *   down to the watermark, then from cold cache, for which nobody waits, then
 *   from hot cache at VMEM_EVICT_KIB_S, then by swapping out at
 *   VMEM_SWAP_KIB_S, if there is swap. While less is had than could be
 *   allocated, tasks wait: the part of the step that is missing is stall, and
 *   full stall.
 * - Hot cache that was evicted is read back as it is used: a guest goes through
 *   all of its hot cache in VMEM_REUSE_US. So is anonymous memory that was
 *   swapped out, but for a fifth that nobody needs. Reading takes VMEM_READ_US
 *   for VMEM_READ_KIB, a task waits for it (some stall, half of it full), and
 *   each such page is a refault. What there is no room for takes the place of
 *   other hot cache: that guest thrashes. Hot cache read for the first time is
 *   I/O, not stall.
 * - Free memory fills with cold cache at the rate at which the work reads
 *   files, and when it is full what is read takes the place of other cold cache.
 * - Who frees cache while nobody waits is kswapd, at VMEM_KSWAPD_KIB_S. Linux
 *   counts the time that takes as some stall (psi_memstall_enter() in
 *   mm/vmscan.c), so that @psi_some_us is more than tasks have waited.
 * - The work cannot run while it waits: the stall of a step is at most all of
 *   it.
 * - Out of memory: an allocation has found nothing at all, no cache and no
 *   swap, for VMEM_OOM_US in sum. Then the anonymous memory is gone, and the
 *   work begins anew after VMEM_RESTART_US, in which it is down; then it
 *   allocates at VMEM_RELOAD_KIB_S, as what it had must be read or made again.
 *
 * MemAvailable is what Linux makes of it: free memory above the reserve and the
 * page cache, hot or cold, which Linux cannot tell apart.
 *
 * Left out: huge pages, slab, dirty pages, several tasks that wait by turns.
 */
#ifndef MEMTIDE_TEST_VMEM_H
#define MEMTIDE_TEST_VMEM_H

#include "base.h"

#define VMEM_ALLOC_KIB_S	(2048 * 1024)	/* zeroing 4 KiB pages */
#define VMEM_EVICT_KIB_S	(1024 * 1024)	/* direct reclaim */
#define VMEM_KSWAPD_KIB_S	(2048 * 1024)
#define VMEM_SWAP_KIB_S		(200 * 1024)
#define VMEM_READ_US		100	/* an SSD */
#define VMEM_READ_KIB		16	/* readahead, half of it of use */
#define VMEM_REUSE_US		5000000
#define VMEM_OOM_US		1000000
#define VMEM_RESTART_US		5000000
#define VMEM_RELOAD_KIB_S	(256 * 1024)
#define VMEM_OOM_CACHE_KIB	16384		/* libraries are in use yet */

/**
 * struct vmem_want - what the work of a guest wants now
 * @cold_kib_s:	how fast it reads files that it does not need again
 */
struct vmem_want {
	int64_t anon_kib;
	int64_t hot_kib;
	int64_t cold_kib_s;
};

/**
 * struct vmem - the memory of a guest [KiB]
 * @total:	what it has, as MemTotal
 * @kernel:	of it, what cannot be reclaimed
 * @anon, @swapped, @hot, @cold: as above
 * @evicted:	hot cache that was read once and is not there now
 * @swap:	size of its swap
 * @blocked_us:	since when nothing at all was found, in sum
 * @restart_us:	until the work begins anew; @reloads: it does
 * @kswapd_us:	what kswapd did in this step takes
 * @psi_some_us: as in /proc/pressure/memory
 * @stall_some_us, @stall_full_us, @refault_pages, @swap_in_pages, @oom_kills,
 *		@down_us: since it booted
 */
struct vmem {
	int64_t total;
	int64_t kernel;
	int64_t anon, swapped, hot, cold;
	int64_t evicted;
	int64_t swap;
	int64_t blocked_us, restart_us;
	bool reloads;
	int64_t kswapd_us;
	uint64_t psi_some_us;
	uint64_t stall_some_us;
	uint64_t stall_full_us;
	uint64_t refault_pages;
	uint64_t swap_in_pages;
	uint64_t down_us;
	uint32_t oom_kills;
};

/** vmem_step() - @us of the guest's life */
void vmem_step(struct vmem *m, const struct vmem_want *want, int64_t us);

/** vmem_free(), vmem_available(), vmem_used() - As in its /proc/meminfo; used
 * is without cache, with what is in swap */
int64_t vmem_free(const struct vmem *m);
int64_t vmem_available(const struct vmem *m);
int64_t vmem_used(const struct vmem *m);

/** vmem_need() - MemTotal with which nothing of this would be missed */
int64_t vmem_need(const struct vmem *m, const struct vmem_want *want);

/** vmem_runs() - Is the anonymous memory there that is wanted? */
bool vmem_runs(const struct vmem *m, const struct vmem_want *want);

/** vmem_has_all() - And the cache? */
bool vmem_has_all(const struct vmem *m, const struct vmem_want *want);

/**
 * vmem_shrink() - Take @kib away
 *
 * From free memory, then cache, cold before hot.
 *
 * Return: KiB of it that had to be reclaimed or moved, or -1 if there is not
 *         that much; then nothing has changed
 */
int64_t vmem_shrink(struct vmem *m, int64_t kib);

#endif
