/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vmem.c - What happens to the memory of a guest that needs some
 */
#include "vmem.h"

#define SECOND_US	INT64_C(1000000)

/* What the allocator keeps for itself: about Linux's low watermark. */
static int64_t watermark(const struct vmem *m)
{
	return 8 * 1024 + m->total / 256;
}

int64_t vmem_free(const struct vmem *m)
{
	return MAX(m->total - m->kernel - m->anon - m->hot - m->cold, 0);
}

/* Above the watermark. */
static int64_t room(const struct vmem *m)
{
	return MAX(vmem_free(m) - watermark(m), 0);
}

int64_t vmem_available(const struct vmem *m)
{
	int64_t cache = m->hot + m->cold;

	return room(m) + cache - MIN(cache / 2, watermark(m));
}

int64_t vmem_used(const struct vmem *m)
{
	return m->kernel + m->anon + m->swapped;
}

int64_t vmem_need(const struct vmem *m, const struct vmem_want *want)
{
	int64_t kib = m->kernel + want->anon_kib + want->hot_kib + 8 * 1024;

	return kib + kib / 255;
}

static int64_t swapped_in_use(const struct vmem *m)
{
	return MAX(m->swapped - (m->anon + m->swapped) / 5, 0);
}

bool vmem_has_all(const struct vmem *m, const struct vmem_want *want)
{
	return vmem_runs(m, want) &&
	       m->hot >= want->hot_kib - want->hot_kib / 32;
}

bool vmem_runs(const struct vmem *m, const struct vmem_want *want)
{
	return m->anon + m->swapped >= want->anon_kib &&
	       swapped_in_use(m) <= (m->anon + m->swapped) / 32;
}

static int64_t take_cold(struct vmem *m, int64_t kib)
{
	kib = MIN(kib, m->cold);
	m->cold -= kib;
	m->kswapd_us += kib * SECOND_US / VMEM_KSWAPD_KIB_S;
	return kib;
}

static int64_t take_hot(struct vmem *m, int64_t kib)
{
	kib = MIN(kib, m->hot);
	m->hot -= kib;
	m->evicted += kib;
	return kib;
}

static int64_t swap_out(struct vmem *m, int64_t kib)
{
	kib = MIN(kib, MIN(m->swap - m->swapped, m->anon));
	m->anon -= kib;
	m->swapped += kib;
	return kib;
}

static int64_t in_step(int64_t kib_s, int64_t us)
{
	return kib_s * us / SECOND_US;
}

/* Room for @kib, made as described; returns what there is. */
static int64_t make_room(struct vmem *m, int64_t kib, int64_t us)
{
	int64_t got = MIN(room(m), kib);

	got += take_cold(m, kib - got);
	/* Some of it is in use by whoever runs, and stays. */
	got += take_hot(m, MIN(MIN(kib - got, in_step(VMEM_EVICT_KIB_S, us)),
			       MAX(m->hot - VMEM_OOM_CACHE_KIB, 0)));
	got += swap_out(m, MIN(kib - got, in_step(VMEM_SWAP_KIB_S, us)));
	return got;
}

static void kill_work(struct vmem *m)
{
	m->oom_kills++;
	m->anon = m->swapped = 0;
	m->blocked_us = 0;
	m->restart_us = VMEM_RESTART_US;
	m->reloads = true;
}

/* Returns how long tasks waited. */
static int64_t allocate(struct vmem *m, int64_t want_kib, int64_t us)
{
	int64_t kib_s = m->reloads ? VMEM_RELOAD_KIB_S : VMEM_ALLOC_KIB_S;
	int64_t asked = MIN(want_kib - m->anon - m->swapped,
			    in_step(kib_s, us));
	int64_t got, waited_us;

	if (asked <= 0) {
		m->blocked_us = 0;
		m->reloads &= !want_kib;
		return 0;
	}
	got = make_room(m, asked, us);
	m->anon += got;
	waited_us = us * (asked - got) / asked;
	m->blocked_us = got ? 0 : m->blocked_us + us;
	if (m->blocked_us >= VMEM_OOM_US)
		kill_work(m);
	return waited_us;
}

/* The work ends: its memory is free, wherever it was. */
static void release(struct vmem *m, int64_t want_kib)
{
	int64_t have = m->anon + m->swapped;

	if (have <= want_kib)
		return;
	m->swapped = m->swapped * want_kib / have;
	m->anon = want_kib - m->swapped;
}

/* Time to read so much back, one after the other. */
static int64_t read_us(int64_t kib)
{
	return kib * VMEM_READ_US / VMEM_READ_KIB;
}

static int64_t at_most(int64_t kib, int64_t us)
{
	return MIN(kib, us * VMEM_READ_KIB / VMEM_READ_US);
}

/* Of @missing, what the work comes upon in a step: nothing is too little. */
static int64_t come_upon(int64_t missing, int64_t us)
{
	return missing ? at_most(missing * us / VMEM_REUSE_US + 1, us) : 0;
}

static int64_t swap_in(struct vmem *m, int64_t us)
{
	int64_t kib = come_upon(swapped_in_use(m), us), got;

	if (!kib)
		return 0;
	got = MIN(room(m), kib);
	got += take_cold(m, kib - got);
	got += take_hot(m, MIN(kib - got, MAX(m->hot - VMEM_OOM_CACHE_KIB, 0)));
	/* The rest takes the place of what goes out for it. */
	m->swapped -= got;
	m->anon += got;
	m->swap_in_pages += (uint64_t)(kib / PAGE_KIB);
	m->refault_pages += (uint64_t)(kib / PAGE_KIB);
	return read_us(kib);
}

static int64_t refault(struct vmem *m, int64_t want_kib, int64_t us)
{
	int64_t kib, got;

	m->evicted = MIN(m->evicted, MAX(want_kib - m->hot, 0));
	kib = come_upon(m->evicted, us);
	if (!kib)
		return 0;
	got = MIN(room(m), kib);
	got += take_cold(m, kib - got);
	/* The rest takes the place of other hot cache. */
	m->hot += got;
	m->evicted -= got;
	m->refault_pages += (uint64_t)(kib / PAGE_KIB);
	return read_us(kib);
}

/* Cache that is read for the first time, and what nobody needs any more. */
static void fill_cache(struct vmem *m, const struct vmem_want *want, int64_t us)
{
	int64_t first = MAX(want->hot_kib - m->hot - m->evicted, 0), got;

	if (m->hot > want->hot_kib) {
		m->cold += m->hot - want->hot_kib;
		m->hot = want->hot_kib;
	}
	first = MIN(first, in_step(VMEM_SWAP_KIB_S * 2, us));
	got = MIN(room(m), first);
	got += take_cold(m, first - got);
	m->hot += got;
	/* No room: it turns out others. */
	m->evicted += first - got;
	got = MIN(room(m), in_step(want->cold_kib_s, us));
	m->cold += got;
	m->cold += take_cold(m, in_step(want->cold_kib_s, us) - got);
}

/* Nothing is wanted while the work is down. */
static int64_t anon_wanted(struct vmem *m, int64_t want_kib, int64_t us)
{
	if (!m->restart_us)
		return want_kib;
	m->restart_us = MAX(m->restart_us - us, 0);
	m->down_us += (uint64_t)us;
	return 0;
}

void vmem_step(struct vmem *m, const struct vmem_want *want, int64_t us)
{
	int64_t anon_kib = anon_wanted(m, want->anon_kib, us);
	int64_t blocked_us, waited_us;

	release(m, anon_kib);
	blocked_us = allocate(m, anon_kib, us);
	waited_us = swap_in(m, us);
	waited_us += refault(m, want->hot_kib, us);
	fill_cache(m, want, us);
	waited_us = MIN(waited_us, us - blocked_us);
	m->stall_some_us += (uint64_t)(blocked_us + waited_us);
	m->psi_some_us += (uint64_t)MIN(blocked_us + waited_us + m->kswapd_us,
					us);
	m->kswapd_us = 0;
	m->stall_full_us += (uint64_t)(blocked_us + waited_us / 2);
}

int64_t vmem_shrink(struct vmem *m, int64_t kib)
{
	int64_t left = kib - MIN(kib, room(m)), moved = left;

	if (left > m->cold + m->hot)
		return -1;
	left -= take_cold(m, left);
	take_hot(m, left);
	m->kswapd_us = 0;
	m->total -= kib;
	return moved;
}
