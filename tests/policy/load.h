/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load.h - What a guest's work wants, over time
 *
 * Points in time, between which it changes evenly. Two points at one time are
 * a jump.
 */
#ifndef MEMTIDE_TEST_LOAD_H
#define MEMTIDE_TEST_LOAD_H

#include "vmem.h"

#define LOAD_FOREVER	INT64_MAX

struct load_point {
	int64_t at_us;
	struct vmem_want want;
};

/**
 * struct load
 * @points:	in order of time, owned; before the first it is as there
 */
struct load {
	struct load_point *points;
	uint32_t nr, room;
};

void load_done(struct load *l);

/** load_add() - From the last point on evenly to this; aborts without memory */
void load_add(struct load *l, int64_t at_us, struct vmem_want want);

/** load_jump() - As the last point until @at_us, and then at once this */
void load_jump(struct load *l, int64_t at_us, struct vmem_want want);

/**
 * load_at() - What is wanted at a time
 * @ret_same_us: so long nothing changes; 0 while it does
 */
struct vmem_want load_at(const struct load *l, int64_t at_us,
			 int64_t *ret_same_us);

#endif
