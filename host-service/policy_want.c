/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_want.c - What a guest should have
 */
#include "policy_want.h"

#include "floor.h"
#include "policy_doubt.h"
#include "policy_past.h"

#define HEADROOM_MORE	2u	/* than the agent's floor */
#define FLOOR_ROUNDS	8u
#define NEED_AHEAD_MS	500u

/* The agent stops at the floor of all that it has then. Each round is nearer. */
uint32_t want_least(uint32_t used)
{
	uint64_t floor = 0;

	for (unsigned int i = 0; i < FLOOR_ROUNDS; i++)
		floor = floor_pages((uint64_t)used * GRANULE_PAGES + floor);
	return cap_u32(floor / GRANULE_PAGES + HEADROOM_MORE);
}

uint32_t want_headroom(const struct policy_guest *g)
{
	return g->set.headroom ? g->set.headroom :
				 MAX(g->used / 8, g->least);
}

uint32_t want_ahead(const struct policy_guest *g, uint32_t ms)
{
	uint64_t kib = (uint64_t)g->growth_kib_s * ms / 1000;

	if (!past_gives(g))
		return 0;
	return (uint32_t)MIN(kib / GRANULE_KIB, MAX(g->target, WANT_STEP_MIN));
}

static uint32_t within(const struct policy_guest *g, uint64_t size)
{
	return (uint32_t)MAX(MIN(size, g->set.ceiling), g->set.floor);
}

/* It is sure to have enough: what it waits for is not the host's memory. What is
 * available may be cache that it needs, but then it reads it again. */
static bool has_enough(const struct policy_guest *g)
{
	uint32_t available = less(g->held, g->used);

	if (g->starving)
		return false;
	if (g->unused >= g->headroom)
		return true;
	return !g->refault_kib_s && !g->swap_in_kib_s &&
	       available >= g->headroom + want_ahead(g, WANT_AHEAD_MS);
}

/* Next to nothing of what it has is left. */
static bool has_eaten(const struct policy_guest *g)
{
	return less(g->held, g->used) < g->headroom / 2;
}

/* Has what it was to get arrived, and has it said since how it is? If it has
 * eaten that as it came, half of it will do. */
static bool has_goal(const struct policy_guest *g)
{
	if (g->target + WANT_CRUMB <= g->mem.goal)
		return false;
	if (g->settled)
		return g->report_ms < g->moved_ms;
	return has_eaten(g) && less(g->target, g->held) <= g->mem.step / 2;
}

static void set_goal(struct policy_guest *g, uint32_t plenty)
{
	struct policy_memory *m = &g->mem;
	uint32_t size = MAX(g->target, g->held);
	uint64_t need = (uint64_t)g->used + g->headroom +
			want_ahead(g, WANT_AHEAD_MS);
	uint32_t step = MAX(size / 4, WANT_STEP_MIN);

	if (m->goal && !has_goal(g))
		return;
	if (has_eaten(g) && past_gives(g))
		step = MAX(step * 2, MIN(plenty, size));
	if (m->goal)
		step = MAX(step, MIN(m->step, size / 2) * 2);
	else if (size < past_mark(g))
		/* It was well before it gave. */
		step = m->mark - size;
	step = MAX(step, cap_u32(need - MIN(need, size)));
	m->step = step;
	m->goal = within(g, (uint64_t)size + step);
}

/* A little more than it can be given makes no sense, nor does too little. */
static void round_want(struct policy_guest *g)
{
	if (g->want - g->target < g->grain)
		g->want = g->target + g->grain;
	if (g->want > g->set.ceiling)
		g->want = MAX(g->set.ceiling, g->target);
	if (g->want - g->target < g->grain)
		g->want = g->target;
}

void want_find(struct policy_guest *g, uint32_t plenty)
{
	uint64_t need = (uint64_t)g->used + g->headroom +
			want_ahead(g, NEED_AHEAD_MS);
	enum policy_reason before = g->reason;

	g->want = g->target;
	if (g->level != DEMAND_DISTRESS || has_enough(g))
		g->mem.goal = 0;
	else
		set_goal(g, plenty);
	if (g->mem.goal > g->target) {
		g->want = g->mem.goal;
		g->reason = POLICY_RELIEF;
	} else if (g->level != DEMAND_UNKNOWN &&
		   /* A quarter of the headroom may go before that. */
		   need - g->headroom / 4 > g->target &&
		   within(g, need) > g->target) {
		g->want = within(g, need);
		g->reason = POLICY_NEED;
	} else if (g->target < g->set.floor) {
		g->want = g->set.floor;
		g->reason = POLICY_FLOOR;
	}
	if (g->want > g->target)
		round_want(g);
	if (doubt_limit(g))
		g->reason = before;
}

bool want_asks(const struct policy_guest *g)
{
	return g->want > g->target;
}

uint32_t want_has(const struct policy_guest *g)
{
	return MAX(g->target, g->held);
}
