/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_serve.c - Who gets what is free
 */
#include "policy_serve.h"

#include "policy_past.h"
#include "policy_want.h"
#include "share.h"

#define QUIET_MS	500u	/* gave nothing for so long: is not counted on */

bool serve_is_quiet(const struct policy_guest *g)
{
	return !g->settled && g->quiet_ms >= QUIET_MS;
}

uint32_t serve_quiet_ms(const struct policy_guest *g)
{
	return g->settled ? QUIET_MS : less(QUIET_MS, g->quiet_ms);
}

void serve(struct run *r, bool relief)
{
	struct share *slots = r->host->slots;
	uint64_t total = r->pool, given = 0;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < r->nr; i++) {
		struct policy_guest *g = &r->guests[i];
		uint32_t has = want_has(g);

		if (!want_asks(g) || (g->reason == POLICY_RELIEF) != relief)
			continue;
		slots[nr++] = (struct share){
			.of = g, .key = g->key, .weight = g->set.weight,
			.lo = has,
			.hi = past_can_grow(g) ? MAX(g->most, has) : has,
		};
		total += has;
	}
	share_out(slots, nr, total);
	for (uint32_t i = 0; i < nr; i++) {
		struct policy_guest *g = slots[i].of;

		given += slots[i].got - slots[i].lo;
		/* What it was to give it keeps first. */
		if (!serve_is_quiet(g))
			r->coming -= less(MIN(g->want, g->held), g->target);
		g->mem.grows |= slots[i].got > slots[i].lo;
		g->target = MIN(g->want, slots[i].got);
	}
	ASSERT(given <= r->pool);
	r->pool -= given;
}

uint64_t serve_lack(struct run *r, bool relief)
{
	uint32_t most = 0;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->nr; i++) {
		const struct policy_guest *g = &r->guests[i];
		uint32_t lack = less(g->most, g->target);

		if (!want_asks(g) || !past_can_grow(g) || !lack ||
		    (g->reason == POLICY_RELIEF) != relief)
			continue;
		sum += lack;
		if (lack > most || (lack == most && g->key < r->other)) {
			most = lack;
			r->other = g->key;
		}
	}
	return sum;
}
