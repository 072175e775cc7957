/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pace.c - When the agent looks at the guest's memory, and when it reports
 */
#include "pace.h"

#include <string.h>

/* What is not worth a message: less than this of a size, and of what was
 * available or free an eighth, but a large guest is coarser: */
#define MOVED_KIB_MIN	1024u
#define MOVED_PART	8u	/* of what is left */
#define MOVED_TOTAL	32u	/* of the whole */
#define MOVED_PAGES	256u	/* read back: 1 MiB */

void pace_defaults(struct msg_welcome *w)
{
	if (!w->stall_us) {
		w->stall_us = PACE_STALL_US;
		w->stall_window_ms = PACE_WINDOW_MS;
	}
	if (!w->calm_s)
		w->calm_s = PACE_CALM_S;
}

static uint64_t first_gap_ms(const struct pace *p)
{
	return p->deaf ? MAX(p->interval_ms, PACE_DEAF_MIN_MS) :
			 p->interval_ms;
}

void pace_start(struct pace *p, const struct msg_welcome *w, bool deaf,
		uint64_t now_ms)
{
	*p = (struct pace){
		.interval_ms = w->report_interval_ms,
		.calm_ms = w->calm_s * 1000,
		.stall_us = w->stall_us,
		.keepalive_each_ms = w->keepalive_s * UINT64_C(1000),
		.deaf = deaf,
		.look_ms = UINT64_MAX,
		.min_ms = now_ms,
		.keepalive_ms = now_ms,
	};
	pace_stir(p, now_ms);
}

void pace_stir(struct pace *p, uint64_t now_ms)
{
	p->moved_ms = now_ms;
	p->gap_ms = first_gap_ms(p);
	p->look_ms = MIN(p->look_ms, now_ms);
}

void pace_stall(struct pace *p, uint64_t now_ms)
{
	/* At once: the kernel says so at most once in the stall's window. */
	if (!p->stalled)
		p->min_ms = now_ms;
	p->stalled = true;
	pace_stir(p, now_ms);
}

void pace_peek(struct pace *p, uint64_t now_ms)
{
	p->look_ms = MIN(p->look_ms, now_ms + PACE_PEEK_MS);
}

uint64_t pace_due_ms(const struct pace *p)
{
	return MAX(MIN(p->look_ms, p->keepalive_ms), p->min_ms);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a < b ? b - a : a - b;
}

static bool size_moved(uint64_t total, uint64_t was, uint64_t is)
{
	uint64_t part = MIN(was / MOVED_PART, total / MOVED_TOTAL);

	return distance(was, is) >= MAX(part, MOVED_KIB_MIN);
}

static bool moved(const struct pace *p, const struct msg_report *seen)
{
	const struct msg_report *was = &p->reported;
	uint64_t back = distance(was->refault_pages, seen->refault_pages) +
			distance(was->swap_in_pages, seen->swap_in_pages);

	return seen->mem_total_kib != was->mem_total_kib ||
	       seen->swap_total_kib != was->swap_total_kib ||
	       seen->has_pressure != was->has_pressure ||
	       size_moved(was->mem_total_kib, was->mem_available_kib,
			  seen->mem_available_kib) ||
	       size_moved(was->swap_total_kib, was->swap_free_kib,
			  seen->swap_free_kib) ||
	       back >= MOVED_PAGES ||
	       distance(was->stall_some_us, seen->stall_some_us) >=
			p->stall_us;
}

/* Nobody tells a deaf agent of a stall: it is one if the count since the look
 * before amounts to it. */
static void hear_stall(struct pace *p, const struct msg_report *seen)
{
	if (p->deaf && p->looked.has_pressure &&
	    seen->stall_some_us >= p->looked.stall_some_us + p->stall_us)
		p->stalled = true;
}

static void plan_look(struct pace *p, uint64_t now_ms)
{
	uint64_t calm_ms = p->moved_ms + p->calm_ms;

	p->look_ms = now_ms + p->gap_ms;
	p->gap_ms *= 2;
	if (p->deaf)
		p->gap_ms = MIN(p->gap_ms, MAX(p->interval_ms,
					       PACE_DEAF_MAX_MS));
	else if (now_ms >= calm_ms)
		p->look_ms = UINT64_MAX;
	else
		p->look_ms = MIN(p->look_ms, calm_ms);
}

bool pace_look(struct pace *p, struct msg_report *seen, uint64_t now_ms)
{
	bool news = moved(p, seen);

	hear_stall(p, seen);
	seen->stalled = p->stalled;
	news |= p->stalled;
	p->looked = *seen;
	if (news) {
		p->moved_ms = now_ms;
		p->gap_ms = first_gap_ms(p);
	}
	p->min_ms = now_ms + p->interval_ms;
	plan_look(p, now_ms);
	return news || now_ms >= p->keepalive_ms;
}

void pace_blind(struct pace *p, uint64_t now_ms)
{
	p->min_ms = now_ms + p->interval_ms;
	p->keepalive_ms = now_ms + p->keepalive_each_ms;
	plan_look(p, now_ms);
}

void pace_sent(struct pace *p, const struct msg_report *sent, uint64_t now_ms)
{
	p->reported = *sent;
	p->stalled = false;
	p->keepalive_ms = now_ms + p->keepalive_each_ms;
}
