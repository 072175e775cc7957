/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy.c - Who should hold how much memory
 */
#include "policy.h"

#include "policy_doubt.h"
#include "policy_fair.h"
#include "policy_past.h"
#include "policy_take.h"
#include "policy_want.h"

#define CALM_FAST_MS	2000u	/* calm for so long: gives to a guest in need */
#define CALM_SOON_MS	5000u
#define CALM_SLOW_MS	30000u	/* gives to the reserve */
#define GIVE_EVERY_MS	2000u
#define GIVE_SHARE	8u	/* and this part of what is beyond the need */

static const char *const reason_names[] = {
	[POLICY_KEEP] = "keep",
	[POLICY_NOT_OURS] = "not-automatic",
	[POLICY_WAITS] = "waits",
	[POLICY_RELIEF] = "relief",
	[POLICY_NEED] = "need",
	[POLICY_FLOOR] = "floor",
	[POLICY_CEILING] = "ceiling",
	[POLICY_GIVE_GUEST] = "give-guest",
	[POLICY_GIVE_RESERVATION] = "give-reservation",
	[POLICY_GIVE_RESERVE] = "give-reserve",
	[POLICY_GIVE_SHARE] = "give-share",
	[POLICY_STOPS] = "stops",
	[POLICY_DOUBTED] = "doubted",
	[POLICY_FELL_SHORT] = "fell-short",
};
static_assert(ARRAY_SIZE(reason_names) == POLICY_NUM_REASONS,
	      "a reason without a name");

const char *policy_reason_name(enum policy_reason reason)
{
	return reason_names[reason];
}

static const struct taking take_for_relief = {
	POLICY_GIVE_GUEST, CALM_FAST_MS, 1, 1, 0, true
};
static const struct taking take_for_reservation = {
	POLICY_GIVE_RESERVATION, CALM_FAST_MS, 1, 1, 0, false
};
static const struct taking take_for_need = {
	POLICY_GIVE_GUEST, CALM_FAST_MS, 2, 1, 0, false
};
/* Less than half of the burst reserve is there: from those that have plenty. */
static const struct taking take_soon = {
	POLICY_GIVE_RESERVE, CALM_SOON_MS, 4, 2, GIVE_EVERY_MS, false
};
static const struct taking take_for_reserve = {
	POLICY_GIVE_RESERVE, CALM_SLOW_MS, 2, GIVE_SHARE, GIVE_EVERY_MS, false
};

/* What is so without regard to others. */
static void look(struct run *r, struct policy_guest *g)
{
	g->want = g->target;
	g->other = 0;
	g->reason = POLICY_KEEP;
	g->claim = 0;
	past_age(g, r->host->elapsed_ms);
	doubt_age(g, r->host->elapsed_ms);
	if (g->can == POLICY_CAN_NOTHING) {
		g->reason = POLICY_NOT_OURS;
		g->mem.goal = 0;
		return;
	}
	past_end(g);
	/* It has more to give than when it did not. */
	if (less(g->held, g->used) >= g->mem.refused_with + g->headroom)
		g->mem.no_give_ms = 0;
	if (past_hurts(g) && g->mem.donor && g->target < g->held) {
		g->target = MIN(g->held, g->set.ceiling);
		g->reason = POLICY_STOPS;
	}
	if (g->target > g->set.ceiling && g->can == POLICY_CAN_BOTH &&
	    !g->mem.no_give_ms) {
		g->mem.asked = g->target - g->set.ceiling;
		g->target = g->set.ceiling;
		g->reason = POLICY_CEILING;
	}
	doubt_bound(g, r->total * g->set.weight / MAX(r->weights, 1), r->spare);
	want_find(g, r->plenty);
	g->most = g->want;
}

/* What there is for all of them together. */
static void look_at_host(struct run *r)
{
	uint32_t nr_distress = 0;

	r->total = r->spare = r->host->free;
	for (uint32_t i = 0; i < r->nr; i++) {
		struct policy_guest *g = &r->guests[i];

		g->from = g->target;
		g->least = want_least(g->used);
		g->headroom = want_headroom(g);
		nr_distress += g->level == DEMAND_DISTRESS;
		if (g->can == POLICY_CAN_NOTHING)
			continue;
		r->total += want_has(g);
		r->weights += g->set.weight;
		if (g->level == DEMAND_CALM)
			r->spare += less(g->held, MAX(g->used + g->headroom,
						      g->set.floor));
	}
	r->plenty = r->host->free / MAX(nr_distress * 2, 2);
}

static void look_at_all(struct run *r)
{
	for (uint32_t i = 0; i < r->nr; i++) {
		struct policy_guest *g = &r->guests[i];
		uint32_t promised = less(g->from, g->held);

		look(r, g);
		r->pool += less(promised, less(g->target, g->held));
		if (!serve_is_quiet(g))
			r->coming += less(g->held, g->target);
	}
}

static uint64_t lacking(const struct run *r, uint64_t n)
{
	return n - MIN(n, r->coming);
}

static void refill(struct run *r)
{
	uint64_t burst = r->host->burst;

	if (r->pool >= burst)
		return;
	r->how = r->pool < burst / 2 ? &take_soon : &take_for_reserve;
	if (r->pool < burst / 2)
		take_up_to(r, lacking(r, burst / 2 - r->pool), &take_soon);
	take_up_to(r, lacking(r, burst - r->pool), &take_for_reserve);
	r->is_short = lacking(r, burst - r->pool);
}

static void balance(struct run *r)
{
	struct policy_host *h = r->host;
	uint64_t need, relief;

	serve(r, true);
	h->granted = (uint32_t)MIN(r->pool, h->wanted);
	r->pool -= h->granted;
	fair_limit(r);
	serve(r, false);

	need = serve_lack(r, false);
	relief = serve_lack(r, true);
	r->lack = relief + h->wanted - h->granted;
	if (need)
		r->how = &take_for_need;
	if (r->lack) {
		r->how = relief ? &take_for_relief : &take_for_reservation;
		take_up_to(r, lacking(r, r->lack), r->how);
	}
	if (relief && lacking(r, r->lack))
		fair_take(r);
	if (need)
		take_up_to(r, lacking(r, r->lack + need), &take_for_need);
	r->is_short = lacking(r, r->lack + need);
	if (!r->how)
		refill(r);
}

static void conclude(struct run *r)
{
	struct policy_host *h = r->host;

	/* The reserve can wait for those that were asked. */
	bool is_urgent = r->how && !r->how->pause_ms;

	h->lacking = r->how != NULL;
	h->next_ms = r->is_short ? take_next_ms(r, r->how) : POLICY_NEVER;
	if (r->is_short && r->how == &take_soon)
		h->next_ms = MIN(h->next_ms,
				 take_next_ms(r, &take_for_reserve));
	h->changes = 0;
	for (uint32_t i = 0; i < r->nr; i++) {
		struct policy_guest *g = &r->guests[i];

		if (is_urgent && g->target < g->held && !serve_is_quiet(g))
			h->next_ms = MIN(h->next_ms, serve_quiet_ms(g));
		if (want_asks(g) && !past_can_grow(g)) {
			h->next_ms = MIN(h->next_ms, g->mem.no_grow_ms);
			g->reason = POLICY_FELL_SHORT;
		}
		/* It has not grown, it only keeps what it was to give. */
		if (want_asks(g) && g->from < g->held && g->target == g->held)
			g->reason = g->settled ? POLICY_FELL_SHORT :
						 POLICY_STOPS;
		if (g->target == g->from && g->can != POLICY_CAN_NOTHING)
			g->reason = want_asks(g) ? POLICY_WAITS :
				    g->claim ? POLICY_DOUBTED : POLICY_KEEP;
		g->mem.doubted = g->reason == POLICY_DOUBTED;
		h->changes += g->target != g->from;
	}
}

void policy_run(struct policy_host *host, struct policy_guest *guests,
		uint32_t nr)
{
	struct run r = {
		.host = host, .guests = guests, .nr = nr, .pool = host->free,
	};

	look_at_host(&r);
	look_at_all(&r);
	balance(&r);
	conclude(&r);
}

bool policy_asks(const struct policy_guest *g)
{
	struct policy_guest copy = *g;

	copy.least = want_least(copy.used);
	copy.headroom = want_headroom(&copy);
	copy.reason = POLICY_KEEP;
	/* A sign of need may raise what it is believed. */
	if (doubt_is_proven(&copy))
		copy.mem.bound = 0;
	if (copy.can != POLICY_CAN_NOTHING)
		want_find(&copy, 0);
	return copy.can != POLICY_CAN_NOTHING &&
	       (want_asks(&copy) || (copy.claim && !copy.mem.doubted));
}

uint64_t policy_possible(const struct policy_host *host,
			 const struct policy_guest *guests, uint32_t nr)
{
	const struct taking *t = &take_for_reservation;
	uint64_t n = host->free;

	for (uint32_t i = 0; i < nr; i++) {
		struct policy_guest g = guests[i];

		g.least = want_least(g.used);
		g.headroom = want_headroom(&g);
		n += less(g.held, g.target);
		if (g.can != POLICY_CAN_NOTHING && !policy_asks(&g) &&
		    g.level == DEMAND_CALM && !g.mem.no_give_ms)
			n += take_spare(&g, MAX(take_keeps(&g, t),
						past_mark(&g)));
	}
	return n;
}

struct policy_change policy_change(const struct policy_guest *g)
{
	return (struct policy_change){
		.reason = g->reason,
		.from = g->from,
		.to = g->target,
		.want = MAX(g->want, g->claim),
		.held = g->held,
		.used = g->used,
		.headroom = g->headroom,
		.floor = g->set.floor,
		.ceiling = g->set.ceiling,
		.stall_permille = g->stall_permille,
		.refault_kib_s = g->refault_kib_s,
		.swap_in_kib_s = g->swap_in_kib_s,
		.growth_kib_s = g->growth_kib_s,
		.calm_ms = g->calm_ms,
		.other = g->other,
	};
}
