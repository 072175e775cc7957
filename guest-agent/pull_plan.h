/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pull_plan.h - Which granules to try to give back next
 *
 * DOC: Theory of operation
 *
 * Asked for n granules, the plan never proposes more than what is left of n.
 * Whole blocks come first, since an emptied block gives its memmap back too
 * and leaves nothing behind: blocks that fit as a whole, online granules and
 * memmap, movable ones before kernel-zone ones, those with the fewest granules
 * online first, then the highest. The rest is taken from a block that is
 * partial already, else from the highest.
 *
 * A block is tried in one step. A failure halves what is tried next in that
 * block, a success doubles it, and a single granule that failed is left alone
 * for this pass: so each granule fails at most once a pass, and what cannot
 * move costs few calls. A block with such a granule is not a whole one any
 * more. At the floor (-ENOSPC) what is tried halves everywhere, down to
 * nothing.
 *
 * The pieces of a block that is not to go as a whole make one batch: all of one
 * size are tried, those that can move are gone, and only the others are halved.
 * A block that may go as a whole is tried step by step: when a granule of it
 * turns out to be stuck, its other granules are better left, if another block
 * goes instead.
 */
#ifndef MEMTIDE_PULL_PLAN_H
#define MEMTIDE_PULL_PLAN_H

#include "window_map.h"

/* Runs of granules in use in the ranges of one batch of steps, at most; so a
 * batch has no more steps. */
#define PULL_STEP_RUNS_MAX	32u

enum pull_step_type {
	PULL_STEP_END,		/* nothing left to try in this pass */
	PULL_STEP_PULL,		/* pull @range */
	PULL_STEP_REMOVE,	/* remove @block; its memmap is @range */
};

/**
 * struct pull_step - one call to the driver
 * @block:	in which block
 * @range:	PULL: may include granules that are not in use
 * @nr:		granules in use that success gives back
 * @runs:	PULL: runs of granules in use in @range
 */
struct pull_step {
	enum pull_step_type type;
	uint32_t block;
	struct granules range;
	uint32_t nr;
	uint32_t runs;
};

/**
 * struct pull_plan - what was tried
 * @map:	borrowed from the caller
 * @failed:	bit per granule that could not be pulled in this pass
 * @blocks:	per block: @limit granules to try at once, @nr_failed bits set
 *		in @failed, @stuck if it could not be removed
 * @floor_limit: granules to try at once because of the floor; 0: reached
 * @whole:	block that is being emptied, or PULL_PLAN_NO_BLOCK
 */
struct pull_plan {
	const struct window_map *map;
	uint64_t *failed;
	struct pull_plan_block {
		uint32_t limit;
		uint32_t nr_failed;
		bool stuck;
	} *blocks;
	uint32_t floor_limit;
	uint32_t whole;
};

#define PULL_PLAN_NO_BLOCK	UINT32_MAX

/** pull_plan_init() - Return: 0, -ENOMEM */
int pull_plan_init(struct pull_plan *p, const struct window_map *map);
void pull_plan_done(struct pull_plan *p);

/** pull_plan_start() - Forget what failed; the floor too if @forget_floor */
void pull_plan_start(struct pull_plan *p, bool forget_floor);

/**
 * pull_plan_next() - The next steps, after the map has been brought up to date
 * @remaining:	granules that may still be given back
 * @ret_steps:	a batch of pulls in one block, from the highest range down, or
 *		one step of another type
 *
 * Return: the number of steps, at least 1
 */
uint32_t pull_plan_next(struct pull_plan *p, uint32_t remaining,
			struct pull_step ret_steps[PULL_STEP_RUNS_MAX]);

/**
 * pull_plan_learn() - What became of a step
 * @error:	0, -EBUSY, -ENOMEM or -ENOSPC
 *
 * Of a batch, tell what succeeded before what failed: the failures decide what
 * is tried next.
 */
void pull_plan_learn(struct pull_plan *p, const struct pull_step *step,
		     int error);

#endif
