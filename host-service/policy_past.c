/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_past.c - What a guest was asked and given, and how it went
 */
#include "policy_past.h"

#define HURT_MS		30000u	/* so soon after it gave, it gave too much */
#define BACKOFF_MIN_MS	60000u	/* who was hurt or gave too little is left out */
#define BACKOFF_MAX_MS	(64u * 60000u)
#define ASK_AGAIN_MS	60000u	/* who gave too little, for relief */
#define NO_GROW_MIN_MS	1000u	/* who could not grow, at first and at last */
#define NO_GROW_MAX_MS	64000u

bool past_hurts(const struct policy_guest *g)
{
	return g->level == DEMAND_DISTRESS || g->level == DEMAND_PRESSED;
}

uint32_t past_mark(const struct policy_guest *g)
{
	return g->mem.mark_ms ? g->mem.mark : 0;
}

bool past_can_grow(const struct policy_guest *g)
{
	return !g->mem.no_grow_ms;
}

bool past_gives(const struct policy_guest *g)
{
	return !g->mem.give_backoff_ms;
}

uint32_t past_no_give_ms(const struct policy_guest *g, bool relief)
{
	const struct policy_memory *m = &g->mem;
	uint32_t passed_ms = less(m->give_backoff_ms, m->no_give_ms);

	return relief ? MIN(m->no_give_ms, less(ASK_AGAIN_MS, passed_ms)) :
			m->no_give_ms;
}

static uint32_t next_backoff(uint32_t ms)
{
	return MAX(MIN(ms * 2, BACKOFF_MAX_MS), BACKOFF_MIN_MS);
}

/* What is not there will not come, or who knows when: the rest is not promised
 * any longer, and is not asked for again. Who gave half of it may be asked. */
void past_end(struct policy_guest *g)
{
	struct policy_memory *m = &g->mem;
	uint32_t missing = less(g->target, g->held);
	bool takes_nothing = missing && g->quiet_ms >= NO_GROW_MIN_MS;

	if (!g->settled && !takes_nothing)
		return;
	m->donor = false;
	if (missing >= g->grain) {
		m->grow_backoff_ms = MAX(MIN(m->grow_backoff_ms * 2,
					     NO_GROW_MAX_MS), NO_GROW_MIN_MS);
		m->no_grow_ms = m->grow_backoff_ms;
	} else if (m->grows) {
		m->grow_backoff_ms = 0;
	}
	m->grows = false;
	if (g->target == g->held)
		return;
	if (less(g->held, g->target) > m->asked / 2) {
		m->give_backoff_ms = next_backoff(m->give_backoff_ms);
		m->no_give_ms = m->give_backoff_ms;
		m->refused_with = less(g->held, g->used);
	} else if (m->asked) {
		m->give_backoff_ms = 0;
	}
	m->asked = 0;
	m->goal = MIN(m->goal, g->held);
	g->target = g->held;
	g->reason = POLICY_FELL_SHORT;
}

/* It gave, and now it hurts: do not do that again too soon. If it uses more than
 * when it gave, that is why it hurts. */
static void remember_pain(struct policy_guest *g)
{
	struct policy_memory *m = &g->mem;

	if (!m->gave_from)
		return;
	if (past_hurts(g) && g->used > m->gave_used + g->headroom / 2) {
		m->gave_from = 0;
	} else if (past_hurts(g)) {
		m->mark = m->gave_from;
		m->backoff_ms = next_backoff(m->backoff_ms);
		m->mark_ms = m->backoff_ms;
		m->gave_from = 0;
	} else if (m->gave_ms >= HURT_MS) {
		if (g->target < m->mark)
			m->backoff_ms /= 2;
		m->gave_from = 0;
	}
}

void past_age(struct policy_guest *g, uint32_t elapsed_ms)
{
	struct policy_memory *m = &g->mem;

	m->mark_ms = less(m->mark_ms, elapsed_ms);
	m->pause_ms = less(m->pause_ms, elapsed_ms);
	m->no_give_ms = less(m->no_give_ms, elapsed_ms);
	m->no_grow_ms = less(m->no_grow_ms, elapsed_ms);
	m->gave_ms = cap_u32((uint64_t)m->gave_ms + elapsed_ms);
	remember_pain(g);
}
