/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load.c - What a guest's work wants, over time
 */
#include "load.h"

#include <string.h>

void load_done(struct load *l)
{
	free(l->points);
	*l = (struct load){ 0 };
}

void load_add(struct load *l, int64_t at_us, struct vmem_want want)
{
	ASSERT(!l->nr || l->points[l->nr - 1].at_us <= at_us);
	if (l->nr == l->room) {
		l->room = MAX(2 * l->room, 16u);
		l->points = realloc(l->points, l->room * sizeof(*l->points));
		ASSERT(l->points);
	}
	l->points[l->nr++] = (struct load_point){ at_us, want };
}

void load_jump(struct load *l, int64_t at_us, struct vmem_want want)
{
	if (l->nr)
		load_add(l, at_us, l->points[l->nr - 1].want);
	load_add(l, at_us, want);
}

/* The last point at or before a time; 0 also if there is none. */
static uint32_t find(const struct load *l, int64_t at_us)
{
	uint32_t low = 0, high = l->nr;

	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (l->points[mid].at_us <= at_us)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static int64_t between(int64_t a, int64_t b, int64_t part, int64_t of)
{
	return a + (int64_t)((__int128)(b - a) * part / of);
}

struct vmem_want load_at(const struct load *l, int64_t at_us,
			 int64_t *ret_same_us)
{
	uint32_t i = find(l, at_us);
	const struct load_point *a = &l->points[i], *b = a + 1;
	int64_t part, of;

	*ret_same_us = LOAD_FOREVER;
	if (at_us < a->at_us) {
		*ret_same_us = a->at_us - at_us;
		return a->want;
	}
	if (i + 1 == l->nr)
		return a->want;
	*ret_same_us = b->at_us - at_us;
	if (!memcmp(&a->want, &b->want, sizeof(a->want)))
		return a->want;
	*ret_same_us = 0;
	part = at_us - a->at_us;
	of = b->at_us - a->at_us;
	return (struct vmem_want){
		between(a->want.anon_kib, b->want.anon_kib, part, of),
		between(a->want.hot_kib, b->want.hot_kib, part, of),
		between(a->want.cold_kib_s, b->want.cold_kib_s, part, of),
	};
}
