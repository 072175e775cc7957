/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * share.h - Divide a number of things by weight
 *
 * Everyone's share grows with one common level, by its weight, from its least to
 * its most, until all is given (weighted max-min fairness). The level is found
 * by bisection and not by sorting: the order of the shares changes nothing, and
 * it takes some 50 looks at each. What then is left over, less than one for
 * each, goes to the lowest keys.
 *
 * Pure; a pass needs no memory but the shares.
 */
#ifndef MEMTIDE_SHARE_H
#define MEMTIDE_SHARE_H

#include "base.h"

/**
 * struct share
 * @of:		the caller's
 * @key:	unique
 * @weight:	scaled in place to at most 2^20; 0 counts as 1
 * @lo, @hi:	least and most; lo <= hi
 * @got:	out
 * @full:	scratch
 */
struct share {
	void *of;
	uint64_t weight;
	uint64_t full;
	uint32_t key;
	uint32_t lo, hi;
	uint32_t got;
};

/**
 * share_out() - Divide @total
 *
 * If @total is less than the sum of all lo, each has its lo; if it is more than
 * that of all hi, each has its hi.
 */
void share_out(struct share *shares, uint32_t nr, uint64_t total);

#endif
