/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_doubt.c - What a guest says, and how far it is believed
 */
#include "policy_doubt.h"

#include "policy_past.h"
#include "policy_want.h"

#define PROOF_MS	10000u	/* a sign of need holds for so long */
#define PROOF_MORE	4u	/* and for this part more than it had then */
#define SHARES		2u	/* that distress is believed for */
#define TIMES		4u	/* likewise: of what it had at the beginning */
#define SPARE_PART	4u	/* likewise: of what others can do without */
#define LEND_PART	8u	/* of its size is lent at a time after that */
#define LEND_MIN_MS	60000u
#define LEND_MAX_MS	(64u * 60000u)

/* It has what it should have. */
static bool is_content(const struct policy_guest *g)
{
	return g->level != DEMAND_DISTRESS &&
	       less(g->held, g->used) >= g->headroom * 3 / 4;
}

bool doubt_is_proven(const struct policy_guest *g)
{
	return past_hurts(g) || g->shown_ms < PROOF_MS;
}

void doubt_age(struct policy_guest *g, uint32_t elapsed_ms)
{
	struct policy_memory *m = &g->mem;
	uint32_t size = want_has(g);

	m->lend_ms = less(m->lend_ms, elapsed_ms);
	if (doubt_is_proven(g) || !m->proven)
		m->proven = size;
	m->proven = MIN(m->proven, size);
	if (is_content(g)) {
		m->began = m->lent = 0;
		m->lend_ms = m->lend_backoff_ms = 0;
	} else if (!m->began) {
		m->began = size;
	}
}

void doubt_bound(struct policy_guest *g, uint64_t share, uint64_t spare)
{
	const struct policy_memory *m = &g->mem;
	uint64_t bound;

	if (doubt_is_proven(g)) {
		bound = MAX(share * SHARES, share + spare / SPARE_PART);
		bound = MAX(bound, (uint64_t)m->began * TIMES);
		bound = MAX(bound, m->lent);
	} else {
		bound = (uint64_t)m->proven +
			MAX(m->proven / PROOF_MORE, g->headroom);
		bound = MAX(bound, share);
	}
	g->mem.bound = cap_u32(MAX(bound, 1));
}

/* It has what it was to get, and is in distress as before. */
static void lend_later(struct policy_guest *g)
{
	struct policy_memory *m = &g->mem;

	if (m->lend_ms || !g->settled)
		return;
	if (m->lend_backoff_ms)
		m->lent = g->target + g->target / LEND_PART;
	m->lend_backoff_ms = MIN(MAX(m->lend_backoff_ms * 2, LEND_MIN_MS),
				 LEND_MAX_MS);
	m->lend_ms = m->lend_backoff_ms;
}

bool doubt_limit(struct policy_guest *g)
{
	uint32_t bound = MAX(g->mem.bound, g->set.floor);

	g->claim = 0;
	if (!g->mem.bound || g->want <= MAX(bound, g->target))
		return false;
	g->claim = g->want;
	g->want = MAX(bound, g->target);
	if (g->want - g->target >= g->grain)
		return false;
	g->want = g->target;
	g->mem.goal = 0;
	if (doubt_is_proven(g))
		lend_later(g);
	return true;
}
