/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_fair.c - Fair shares, when there is not enough for all
 */
#include "policy_fair.h"

#include "policy_past.h"
#include "policy_take.h"
#include "policy_want.h"
#include "share.h"

static bool gives(const struct policy_guest *g)
{
	return g->can == POLICY_CAN_BOTH && !past_no_give_ms(g, true) &&
	       g->level != DEMAND_UNKNOWN;
}

/* What a guest should have at most if all the memory were divided anew. Nobody
 * knows where distress ends; headroom is nothing that others suffer for. */
static uint32_t may_have(const struct policy_guest *g, bool headroom)
{
	if (g->mem.goal)
		return MAX(g->set.ceiling, g->want);
	return headroom ? g->want : g->target;
}

/* Fair shares, with nobody left who has more than it needs. */
static uint32_t share_anew(struct run *r, bool headroom)
{
	struct share *slots = r->host->slots;
	uint64_t total = r->pool;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < r->nr; i++) {
		struct policy_guest *g = &r->guests[i];
		uint32_t lo = gives(g) ? MIN(g->set.floor, g->target) :
					 g->target;

		if (!want_asks(g) && !gives(g))
			continue;
		slots[nr++] = (struct share){
			.of = g, .key = g->key, .weight = g->set.weight,
			.lo = lo, .hi = MAX(may_have(g, headroom), lo),
		};
		total += want_has(g);
	}
	share_out(slots, nr, total);
	return nr;
}

void fair_limit(struct run *r)
{
	struct share *slots = r->host->slots;
	bool distress = false, need = false;
	uint32_t nr;

	for (uint32_t i = 0; i < r->nr; i++) {
		struct policy_guest *g = &r->guests[i];

		distress |= g->mem.goal && g->target < g->set.ceiling;
		need |= want_asks(g) && g->reason != POLICY_RELIEF;
	}
	if (!distress || !need)
		return;
	nr = share_anew(r, true);
	for (uint32_t i = 0; i < nr; i++) {
		struct policy_guest *g = slots[i].of;

		if (g->reason == POLICY_NEED)
			g->most = MIN(g->want, MAX(slots[i].got, want_has(g)));
	}
}

/* What surely helps a guest in distress: more is not taken from others who are
 * in need themselves. */
static uint32_t sure_step(const struct policy_guest *g)
{
	uint32_t size = MAX(g->used + g->headroom, want_has(g) + WANT_STEP_MIN);

	return less(MIN(g->want, size), g->target);
}

void fair_take(struct run *r)
{
	struct share *slots = r->host->slots;
	uint32_t nr = share_anew(r, false), nr_give = 0;
	uint64_t lack = 0;

	for (uint32_t i = 0; i < nr; i++) {
		struct policy_guest *g = slots[i].of;
		uint32_t excess = less(g->target, slots[i].got);

		if (g->reason == POLICY_RELIEF)
			lack += MIN(less(slots[i].got, g->target),
				    sure_step(g));
		if (!gives(g) || excess < WANT_CRUMB)
			continue;
		slots[nr_give++] = (struct share){
			.of = g, .key = g->key, .weight = excess, .hi = excess,
		};
	}
	lack -= MIN(lack, r->coming);
	lack = MIN(lack, r->lack);
	if (lack >= WANT_CRUMB)
		take_slots(r, nr_give, lack, POLICY_GIVE_SHARE);
}
