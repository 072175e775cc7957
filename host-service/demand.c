/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * demand.c - What a guest's reports say about its need of memory
 */
#include "demand.h"

/* Below that, two reports are as one; above, an average says nothing. */
#define SPAN_MIN_US		10000u
#define SPAN_MAX_US		2000000u

/* Of the time, tasks waited: systemd-oomd acts at 600, memory agents at 10. */
#define STALL_DISTRESS_PERMILLE	50u
#define STALL_PRESSED_PERMILLE	5u
#define REFAULT_PRESSED_KIB_S	1024u
#define SWAP_IN_PRESSED_KIB_S	256u
/* Without PSI only: what is seen with it. */
#define REFAULT_DISTRESS_KIB_S	16384u
#define SWAP_IN_DISTRESS_KIB_S	4096u
#define LITTLE_DISTRESS		32u	/* of the total available */
#define LITTLE_PRESSED		16u

/* A level without a new report */
#define FRESH_US		2000000
#define STALE_US		10000000

/* Faster than any machine's memory. */
#define RATE_MAX_KIB_S		(64u << 20)

static const char *const level_names[] = {
	[DEMAND_UNKNOWN] = "unknown",
	[DEMAND_CALM] = "calm",
	[DEMAND_PRESSED] = "pressed",
	[DEMAND_DISTRESS] = "distress",
};
static_assert(ARRAY_SIZE(level_names) == DEMAND_NUM_LEVELS,
	      "a level without a name");

const char *demand_level_name(enum demand_level level)
{
	return level_names[level];
}

/* Also if either is a lie: nothing here overflows. */
static uint32_t kib_per_s(uint64_t before, uint64_t now, uint64_t unit_kib,
			  uint64_t span_us)
{
	uint64_t n = now - before;

	if (now <= before || !span_us)
		return 0;
	n = MIN(n, (uint64_t)RATE_MAX_KIB_S) * unit_kib * 1000000 / span_us;
	return (uint32_t)MIN(n, RATE_MAX_KIB_S);
}

static uint32_t permille(uint64_t before, uint64_t now, uint64_t span_us)
{
	if (now <= before || !span_us)
		return 0;
	return (uint32_t)(MIN(now - before, span_us) * 1000 / span_us);
}

static uint64_t unavailable_kib(const struct msg_report *r)
{
	return r->mem_total_kib - MIN(r->mem_total_kib, r->mem_available_kib);
}

/* Also what had to go to swap. */
static uint64_t taken_kib(const struct msg_report *r)
{
	return unavailable_kib(r) + r->swap_total_kib - r->swap_free_kib;
}

static uint32_t faded(uint32_t rate, uint64_t span_us)
{
	if (span_us >= SPAN_MAX_US)
		return 0;
	return (uint32_t)(rate * (SPAN_MAX_US - span_us) / SPAN_MAX_US);
}

static bool went_back(const struct msg_report *before,
		      const struct msg_report *now)
{
	return now->time_us <= before->time_us ||
	       now->stall_some_us < before->stall_some_us ||
	       now->refault_pages < before->refault_pages ||
	       now->swap_in_pages < before->swap_in_pages;
}

static bool shows(const struct demand *d, const struct msg_report *r)
{
	return r->stalled || r->starving ||
	       r->stall_some_us != d->last.stall_some_us ||
	       r->refault_pages != d->last.refault_pages ||
	       r->swap_in_pages != d->last.swap_in_pages;
}

static void find_rates(struct demand *d, const struct msg_report *r,
		       uint64_t span_us)
{
	const struct msg_report *b = &d->last;

	d->stall_permille = permille(b->stall_some_us, r->stall_some_us,
				     span_us);
	d->refault_kib_s = kib_per_s(b->refault_pages, r->refault_pages,
				     PAGE_KIB, span_us);
	d->swap_in_kib_s = kib_per_s(b->swap_in_pages, r->swap_in_pages,
				     PAGE_KIB, span_us);
	/* Who is blocked does not grow, but would: that fades. */
	d->growth_kib_s = faded(d->growth_kib_s, span_us);
	if (span_us <= SPAN_MAX_US)
		d->growth_kib_s = MAX(d->growth_kib_s,
				      kib_per_s(taken_kib(b), taken_kib(r), 1,
						span_us));
}

static bool is_little(const struct msg_report *r, uint64_t part)
{
	return r->mem_available_kib < r->mem_total_kib / part;
}

static enum demand_level find_level(const struct demand *d,
				    const struct msg_report *r,
				    bool long_ago)
{
	bool psi = r->has_pressure;

	if (r->starving || d->stall_permille >= STALL_DISTRESS_PERMILLE)
		return DEMAND_DISTRESS;
	/* Its tasks wait just now; over a long time that is not to be seen. */
	if (r->stalled && long_ago)
		return DEMAND_DISTRESS;
	if (!psi && (d->refault_kib_s >= REFAULT_DISTRESS_KIB_S ||
		     d->swap_in_kib_s >= SWAP_IN_DISTRESS_KIB_S ||
		     is_little(r, LITTLE_DISTRESS)))
		return DEMAND_DISTRESS;
	if (r->stalled || d->stall_permille >= STALL_PRESSED_PERMILLE ||
	    d->refault_kib_s >= REFAULT_PRESSED_KIB_S ||
	    d->swap_in_kib_s >= SWAP_IN_PRESSED_KIB_S)
		return DEMAND_PRESSED;
	if (!psi && is_little(r, LITTLE_PRESSED))
		return DEMAND_PRESSED;
	return DEMAND_CALM;
}

void demand_report(struct demand *d, const struct msg_report *r,
		   uint64_t held_kib, bool still, int64_t now_us)
{
	uint64_t span_us = r->time_us - d->last.time_us;
	bool anew = !d->report_us || went_back(&d->last, r);

	/* Too close: judged by the sum with the next. */
	if (!anew && span_us < SPAN_MIN_US && !r->stalled &&
	    !r->starving)
		return;
	if (still || !d->report_us)
		d->hidden_kib = held_kib - MIN(held_kib, r->mem_total_kib);
	if (anew) {
		d->stall_permille = d->refault_kib_s = 0;
		d->swap_in_kib_s = d->growth_kib_s = 0;
	} else {
		find_rates(d, r, MAX(span_us, SPAN_MIN_US));
	}
	if (shows(d, r))
		d->shown_us = now_us;
	d->level = find_level(d, r, anew || span_us > SPAN_MAX_US);
	d->last = *r;
	d->report_us = now_us;
	if (d->level >= DEMAND_PRESSED)
		d->pressed_us = now_us;
}

enum demand_level demand_level(const struct demand *d, int64_t now_us)
{
	int64_t age_us = now_us - d->report_us;

	if (!d->report_us)
		return DEMAND_UNKNOWN;
	if (d->level == DEMAND_DISTRESS && age_us < FRESH_US)
		return DEMAND_DISTRESS;
	if (d->level >= DEMAND_PRESSED && age_us < STALE_US)
		return DEMAND_PRESSED;
	return DEMAND_CALM;
}

uint32_t demand_stall_permille(const struct demand *d, int64_t now_us)
{
	return now_us - d->report_us < STALE_US ? d->stall_permille : 0;
}

uint32_t demand_calm_ms(const struct demand *d, int64_t now_us)
{
	if (demand_level(d, now_us) != DEMAND_CALM)
		return 0;
	if (!d->pressed_us)
		return DEMAND_NEVER;
	return (uint32_t)MIN((now_us - d->pressed_us) / 1000,
			     (int64_t)DEMAND_NEVER - 1);
}

uint64_t demand_used_kib(const struct demand *d, uint64_t held_kib)
{
	uint64_t used_kib = unavailable_kib(&d->last);

	/* Both are bounded by what the codec lets pass, but may be lies. */
	used_kib = MIN(used_kib, held_kib);
	return MIN(used_kib + MIN(d->hidden_kib, held_kib), held_kib);
}
