/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_take.c - Who gives what others need
 */
#include "policy_take.h"

#include "policy_past.h"
#include "policy_want.h"
#include "share.h"

#define GIVE_MIN	8u	/* granules of what is given slowly */
#define MARK_CALM_MS	15000u	/* calm for so long: its mark stops no relief */
#define SILENT_MS	10000u	/* demand.c: then it is calm */

uint32_t take_keeps(const struct policy_guest *g, const struct taking *t)
{
	uint64_t size = (uint64_t)g->used +
			MAX((uint64_t)g->headroom * t->headrooms,
			    g->least) +
			want_ahead(g, WANT_AHEAD_MS);

	return cap_u32(MAX(size, g->set.floor));
}

/* How long is its low mark yet respected? Distress now is worse than what may
 * hurt: of who has long been calm it is not. */
static uint32_t mark_holds_ms(const struct policy_guest *g,
			      const struct taking *t)
{
	uint32_t calm_ms = less(MARK_CALM_MS, g->calm_ms);

	return t->relief ? MIN(g->mem.mark_ms, calm_ms) : g->mem.mark_ms;
}

uint32_t take_spare(const struct policy_guest *g, uint32_t keeps)
{
	uint32_t n = less(g->target, keeps);

	return n < WANT_CRUMB ? 0 : n;
}

/* In how long may it give? 0: now; POLICY_NEVER: not by waiting alone. */
static uint32_t gives_in_ms(const struct policy_guest *g,
			    const struct taking *t)
{
	uint32_t ms = 0;

	if (g->can == POLICY_CAN_NOTHING || want_asks(g) ||
	    g->level == DEMAND_UNKNOWN)
		return POLICY_NEVER;
	if (past_hurts(g))
		ms = less(SILENT_MS, g->report_ms) + t->calm_ms;
	else
		ms = less(t->calm_ms, g->calm_ms);
	ms = MAX(ms, past_no_give_ms(g, t->relief));
	if (t->pause_ms)
		ms = MAX(ms, g->mem.pause_ms);
	/* Its steps end first, and that is told. */
	if (!ms && (g->can != POLICY_CAN_BOTH || (t->pause_ms && !g->settled)))
		return POLICY_NEVER;
	return ms;
}

/* The longer it is calm the more it gives: doubled time, one part more. */
static uint64_t idleness(const struct policy_guest *g)
{
	uint64_t n = 1;

	for (uint32_t ms = g->calm_ms; ms >= 2000; ms /= 2)
		n++;
	return n;
}

static void give(struct policy_guest *g, uint32_t n, enum policy_reason reason,
		 uint32_t other)
{
	struct policy_memory *m = &g->mem;

	m->donor = reason != POLICY_GIVE_SHARE;
	m->gave_from = m->donor ? g->target : 0;
	m->gave_used = g->used;
	m->gave_ms = 0;
	m->asked = n + less(g->held, g->target);
	g->target -= n;
	g->want = g->target;
	g->reason = reason;
	g->other = other;
}

void take_slots(struct run *r, uint32_t nr, uint64_t n,
		enum policy_reason reason)
{
	struct share *slots = r->host->slots;

	share_out(slots, nr, n);
	for (uint32_t i = 0; i < nr; i++) {
		struct policy_guest *g = slots[i].of;

		if (!slots[i].got)
			continue;
		r->coming += slots[i].got;
		/* Of what was promised and is not there, nothing comes. */
		r->coming -= MIN(slots[i].got, less(g->target, g->held));
		give(g, slots[i].got, reason,
		     reason == POLICY_GIVE_GUEST ||
				     reason == POLICY_GIVE_SHARE ?
			     r->other :
			     0);
	}
}

void take_up_to(struct run *r, uint64_t n, const struct taking *t)
{
	struct share *slots = r->host->slots;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < r->nr && n; i++) {
		struct policy_guest *g = &r->guests[i];
		uint32_t low = mark_holds_ms(g, t) ? g->mem.mark : 0;
		uint32_t keeps = MAX(take_keeps(g, t), low);
		uint32_t most = gives_in_ms(g, t) ? 0 : take_spare(g, keeps);

		if (!most)
			continue;
		slots[nr++] = (struct share){
			.of = g, .key = g->key,
			.weight = most * idleness(g) * POLICY_WEIGHT_MAX /
				  g->set.weight,
			.hi = MIN(most, MAX(most / t->part, GIVE_MIN)),
		};
	}
	take_slots(r, nr, n, t->reason);
	for (uint32_t i = 0; i < nr && t->pause_ms; i++) {
		struct policy_guest *g = slots[i].of;

		g->mem.pause_ms = t->pause_ms;
	}
}

uint32_t take_next_ms(const struct run *r, const struct taking *t)
{
	uint32_t next_ms = POLICY_NEVER;

	for (uint32_t i = 0; i < r->nr; i++) {
		const struct policy_guest *g = &r->guests[i];
		uint32_t keep = take_keeps(g, t), ms = gives_in_ms(g, t);

		if (ms == POLICY_NEVER || !take_spare(g, keep))
			continue;
		if (!take_spare(g, MAX(keep, past_mark(g))))
			ms = MAX(ms, mark_holds_ms(g, t));
		/* Who may give now was asked, or enough is coming. */
		if (ms)
			next_ms = MIN(next_ms, ms);
	}
	return next_ms;
}
