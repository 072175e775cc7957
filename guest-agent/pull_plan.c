/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pull_plan.c - Which granules to try to give back next
 */
#include "pull_plan.h"

#include <errno.h>
#include <string.h>

int pull_plan_init(struct pull_plan *p, const struct window_map *map)
{
	*p = (struct pull_plan){ .map = map };
	p->failed = calloc(map->geo.window_granules / 64, sizeof(*p->failed));
	p->blocks = calloc(map->nr_blocks, sizeof(*p->blocks));
	if (!p->failed || !p->blocks) {
		pull_plan_done(p);
		return -ENOMEM;
	}
	pull_plan_start(p, true);
	return 0;
}

void pull_plan_done(struct pull_plan *p)
{
	free(p->failed);
	free(p->blocks);
	*p = (struct pull_plan){ 0 };
}

void pull_plan_start(struct pull_plan *p, bool forget_floor)
{
	const struct window_geometry *geo = &p->map->geo;

	memset(p->failed, 0, geo->window_granules / 8);
	for (uint32_t i = 0; i < p->map->nr_blocks; i++)
		p->blocks[i] = (struct pull_plan_block){
			.limit = geo->block_granules,
		};
	if (forget_floor)
		p->floor_limit = geo->block_granules;
	p->whole = PULL_PLAN_NO_BLOCK;
}

static bool has_failed(const struct pull_plan *p, uint32_t granule)
{
	return p->failed[granule / 64] >> (granule % 64) & 1;
}

/* Can the block be given back whole, within what remains? */
static bool fits_whole(const struct pull_plan *p, uint32_t i,
		       uint32_t remaining)
{
	const struct window_block *b = &p->map->blocks[i];

	return b->zone != BLOCK_ABSENT && !p->blocks[i].stuck &&
	       !p->blocks[i].nr_failed &&
	       b->online + p->map->geo.memmap_granules <= remaining;
}

static bool has_untried(const struct pull_plan *p, uint32_t i)
{
	return p->map->blocks[i].online > p->blocks[i].nr_failed;
}

/* Smaller is better: movable, then the fewest granules online. */
static uint64_t rank_whole(const struct window_map *m, uint32_t i)
{
	uint64_t kernel = m->blocks[i].zone == BLOCK_KERNEL;

	return kernel << 32 | m->blocks[i].online;
}

/* Smaller is better: partial already, then movable, then the fewest online. */
static uint64_t rank_partial(const struct window_map *m, uint32_t i)
{
	uint32_t full = m->geo.block_granules - m->geo.memmap_granules;
	uint64_t whole = m->blocks[i].online == full;

	return whole << 33 | rank_whole(m, i);
}

static uint32_t choose_whole(const struct pull_plan *p, uint32_t remaining)
{
	uint64_t best = UINT64_MAX;
	uint32_t ret = PULL_PLAN_NO_BLOCK;

	if (p->whole != PULL_PLAN_NO_BLOCK &&
	    fits_whole(p, p->whole, remaining))
		return p->whole;
	for (uint32_t i = p->map->nr_blocks; i-- > 0;) {
		if (!fits_whole(p, i, remaining) ||
		    rank_whole(p->map, i) >= best)
			continue;
		best = rank_whole(p->map, i);
		ret = i;
	}
	return ret;
}

static uint32_t choose_partial(const struct pull_plan *p)
{
	uint64_t best = UINT64_MAX;
	uint32_t ret = PULL_PLAN_NO_BLOCK;

	for (uint32_t i = p->map->nr_blocks; i-- > 0;) {
		if (!has_untried(p, i) || rank_partial(p->map, i) >= best)
			continue;
		best = rank_partial(p->map, i);
		ret = i;
	}
	return ret;
}

/*
 * From @end of a block down: up to @max granules in use, none failed, in up to
 * @max_runs runs. @nr of the step is 0 if there are none.
 */
static struct pull_step pull_below(const struct pull_plan *p, uint32_t block,
				   uint32_t end, uint32_t max,
				   uint32_t max_runs)
{
	struct granules usable = window_map_usable(p->map, block);
	struct pull_step step = { .type = PULL_STEP_PULL, .block = block };
	uint32_t low = end, top = end;

	for (uint32_t g = end; g-- > usable.first;) {
		if (!window_map_in_use(p->map, g))
			continue;
		if (has_failed(p, g) && step.nr)
			break;
		if (has_failed(p, g))
			continue;
		if (step.nr == max)
			break;
		if (!step.nr || low != g + 1) {
			if (step.runs == max_runs)
				break;
			step.runs++;
		}
		if (!step.nr++)
			top = g;
		low = g;
	}
	step.range = (struct granules){ low, top - low + 1 };
	return step;
}

/* The pieces of a block, of up to @piece granules, in all up to @max. */
static uint32_t pull_pieces(const struct pull_plan *p, uint32_t block,
			    uint32_t piece, uint32_t max,
			    struct pull_step *ret_steps)
{
	struct granules usable = window_map_usable(p->map, block);
	uint32_t end = usable.first + usable.nr;
	uint32_t runs = PULL_STEP_RUNS_MAX, nr = 0;

	while (max && runs) {
		struct pull_step step = pull_below(p, block, end,
						   MIN(piece, max), runs);

		if (!step.nr)
			break;
		ret_steps[nr++] = step;
		end = step.range.first;
		max -= step.nr;
		runs -= step.runs;
	}
	ASSERT(nr);
	return nr;
}

uint32_t pull_plan_next(struct pull_plan *p, uint32_t remaining,
			struct pull_step ret_steps[PULL_STEP_RUNS_MAX])
{
	uint32_t block, piece;

	block = choose_whole(p, remaining);
	p->whole = block;
	if (block != PULL_PLAN_NO_BLOCK && !p->map->blocks[block].online) {
		struct granules memmap = window_map_memmap(p->map, block);

		ret_steps[0] = (struct pull_step){
			.type = PULL_STEP_REMOVE, .block = block,
			.range = memmap, .nr = memmap.nr,
		};
		return 1;
	}
	if (block == PULL_PLAN_NO_BLOCK)
		block = choose_partial(p);
	if (block == PULL_PLAN_NO_BLOCK || !remaining || !p->floor_limit) {
		ret_steps[0] = (struct pull_step){ .type = PULL_STEP_END };
		return 1;
	}
	piece = MIN(p->floor_limit, p->blocks[block].limit);
	/* No more of it than needed, as long as another may go as a whole. */
	if (p->whole != PULL_PLAN_NO_BLOCK)
		remaining = MIN(remaining, piece);
	return pull_pieces(p, block, piece, remaining, ret_steps);
}

static void learn_failure(struct pull_plan *p, const struct pull_step *step)
{
	struct pull_plan_block *b = &p->blocks[step->block];

	if (step->type == PULL_STEP_REMOVE) {
		b->stuck = true;
	} else if (step->nr > 1) {
		b->limit = step->nr / 2;
	} else {
		uint32_t g = step->range.first;

		p->failed[g / 64] |= UINT64_C(1) << (g % 64);
		b->nr_failed++;
	}
}

void pull_plan_learn(struct pull_plan *p, const struct pull_step *step,
		     int error)
{
	struct pull_plan_block *b = &p->blocks[step->block];

	if (error == -ENOSPC)
		p->floor_limit = step->nr / 2;
	else if (error)
		learn_failure(p, step);
	else
		b->limit = MIN(MAX(b->limit, step->nr) * 2,
			       p->map->geo.block_granules);
}
