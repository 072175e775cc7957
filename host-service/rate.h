/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * rate.h - How often something may happen (I7)
 *
 * A bucket of @burst allowances that fills with one each @period_us, kept as
 * one number, the time at which it will be full again. Pure: the clock is the
 * caller's.
 */
#ifndef MEMTIDE_RATE_H
#define MEMTIDE_RATE_H

#include "base.h"

/**
 * struct rate_limit
 * @burst:	so many at once, after a rest
 * @period_us:	then one in this time
 */
struct rate_limit {
	uint32_t burst;
	uint32_t period_us;
};

/* struct rate - zero: nothing has happened yet */
struct rate {
	int64_t full_us;
};

/**
 * rate_wait_us() - How long until one more is within the limit
 * @now_us:	of a clock that never goes back
 *
 * Return: 0 if it is now
 */
int64_t rate_wait_us(const struct rate *r, const struct rate_limit *l,
		     int64_t now_us);

/**
 * rate_count() - One more has happened
 *
 * Also beyond the limit: what could not be held back is waited for longer.
 */
void rate_count(struct rate *r, const struct rate_limit *l, int64_t now_us);

#endif
