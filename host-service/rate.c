/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * rate.c - How often something may happen
 */
#include "rate.h"

int64_t rate_wait_us(const struct rate *r, const struct rate_limit *l,
		     int64_t now_us)
{
	int64_t room_us = (int64_t)(l->burst - 1) * l->period_us;

	ASSERT(l->burst);
	return MAX(r->full_us - now_us - room_us, 0);
}

void rate_count(struct rate *r, const struct rate_limit *l, int64_t now_us)
{
	r->full_us = MAX(r->full_us, now_us) + l->period_us;
}
