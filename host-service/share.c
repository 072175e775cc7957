/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * share.c - Divide a number of things by weight
 */
#include "share.h"

#define SHARE_SHIFT	20
#define SHARE_WEIGHT_MAX (UINT64_C(1) << SHARE_SHIFT)

static uint32_t share_at(const struct share *s, uint64_t level)
{
	if (level >= s->full)
		return s->hi;
	return MAX((uint32_t)(level * s->weight >> SHARE_SHIFT), s->lo);
}

static uint64_t sum_at(const struct share *shares, uint32_t nr,
			  uint64_t level)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nr; i++)
		sum += share_at(&shares[i], level);
	return sum;
}

/* One level is one granule at most: what the steps of level leave over. */
static void scale_weights(struct share *shares, uint32_t nr)
{
	uint64_t most = 1;

	for (uint32_t i = 0; i < nr; i++)
		most = MAX(most, shares[i].weight);
	for (uint32_t i = 0; i < nr; i++) {
		struct share *s = &shares[i];

		if (most > SHARE_WEIGHT_MAX)
			s->weight = s->weight * SHARE_WEIGHT_MAX / most;
		s->weight = MAX(s->weight, 1);
		s->full = ((uint64_t)s->hi << SHARE_SHIFT) / s->weight + 1;
	}
}

/* The rest, less than a granule each, goes to the lowest keys. */
static void share_rest(struct share *shares, uint32_t nr, uint64_t level,
		       uint64_t rest)
{
	uint64_t low = 0, high = (uint64_t)UINT32_MAX + 1;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2, sum = 0;

		for (uint32_t i = 0; i < nr; i++)
			sum += shares[i].key <= mid ?
				share_at(&shares[i], level + 1) - shares[i].got :
				0;
		if (sum <= rest)
			low = mid + 1;
		else
			high = mid;
	}
	for (uint32_t i = 0; i < nr; i++) {
		if (shares[i].key < low)
			shares[i].got = share_at(&shares[i], level + 1);
	}
}

void share_out(struct share *shares, uint32_t nr, uint64_t total)
{
	uint64_t low = 0, high = 1, sum;

	scale_weights(shares, nr);
	for (uint32_t i = 0; i < nr; i++)
		high = MAX(high, shares[i].full);
	/* The highest level that is not too high; at 0 all have their lo. */
	while (low + 1 < high) {
		uint64_t mid = low + (high - low) / 2;

		if (sum_at(shares, nr, mid) <= total)
			low = mid;
		else
			high = mid;
	}
	if (sum_at(shares, nr, high) <= total)
		low = high;
	for (uint32_t i = 0; i < nr; i++)
		shares[i].got = share_at(&shares[i], low);
	sum = sum_at(shares, nr, low);
	if (sum < total)
		share_rest(shares, nr, low, total - sum);
}
