/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * plan.c - What to do next for one guest
 */
#include "plan.h"

/* A block is opened in one step: 2 GiB blocks have 16 granules of memmap. */
static_assert(PLAN_POPULATE_MAX > BLOCK_GRANULES_MAX / 64,
	      "a step must hold a block's memmap and more");

/* A pull is out: is it still wanted, in that size? */
static enum plan_step plan_pulling(const struct ledger *l, uint32_t target,
				   const struct flight *f)
{
	uint32_t wanted = target < l->nr_exposed ? l->nr_exposed - target : 0;

	if (!f->pull_cancelled && f->pull_left > wanted)
		return PLAN_CANCEL_PULL;
	return PLAN_WAIT;
}

static enum plan_step plan_shrink(const struct ledger *l, uint32_t target,
				  const struct flight *f,
				  struct granules *ret_range, uint32_t *ret_nr)
{
	uint32_t excess = l->nr_backed - target;

	if (!f->hold_give &&
	    ledger_last_idle(l, MIN(excess, PLAN_GIVE_BACK_MAX), ret_range))
		return PLAN_GIVE_BACK;
	if (f->pull_left || f->pull_cancelled)
		return plan_pulling(l, target, f);
	if (f->onlines)
		return PLAN_WAIT;
	if (f->hold_pull || ledger_nr_idle(l) >= excess)
		return PLAN_SETTLED;
	*ret_nr = excess - ledger_nr_idle(l);
	return PLAN_PULL;
}

/* Idle granules below the target: expose them, or give up on them. */
static enum plan_step plan_idle(const struct ledger *l, const struct flight *f,
				struct granules *ret_range)
{
	if (!f->hold_grow && ledger_next_ready(l, l->block, ret_range))
		return f->onlines < PLAN_ONLINES_MAX ? PLAN_ONLINE : PLAN_WAIT;
	if (f->onlines)
		return PLAN_WAIT;
	if (f->hold_give)
		return PLAN_SETTLED;
	ledger_last_idle(l, PLAN_GIVE_BACK_MAX, ret_range);
	return PLAN_GIVE_BACK;
}

/* A new block must bring more than the memmap it needs. */
static bool plan_worth(const struct ledger *l, struct granules r)
{
	return r.first % l->block || r.nr > l->memmap;
}

static enum plan_step plan_grow(const struct ledger *l, uint32_t target,
				const struct flight *f,
				struct granules *ret_range)
{
	uint32_t missing = target - l->nr_backed;

	/* What the guest still pulls may be the block we would expose into. */
	if (f->pull_left || f->pull_cancelled)
		return plan_pulling(l, target, f);
	if (ledger_nr_idle(l))
		return plan_idle(l, f, ret_range);
	if (missing && !f->hold_grow &&
	    ledger_next_empty(l, MIN(missing, PLAN_POPULATE_MAX), ret_range) &&
	    plan_worth(l, *ret_range))
		return PLAN_POPULATE;
	return f->onlines ? PLAN_WAIT : PLAN_SETTLED;
}

enum plan_step plan_next(const struct ledger *l, uint32_t target,
			 const struct flight *f, struct granules *ret_range,
			 uint32_t *ret_nr)
{
	if (l->nr_backed > target)
		return plan_shrink(l, target, f, ret_range, ret_nr);
	return plan_grow(l, target, f, ret_range);
}
