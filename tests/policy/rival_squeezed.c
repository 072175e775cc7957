/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * rival_squeezed.c - XenServer's and XCP-ng's dynamic memory control
 *
 * Every guest is at the same part of its range: target = min + γ (max - min),
 * γ = surplus / Σ (max - min), at least 0 and at most 1, where the surplus is
 * what would be free with every guest at its minimum. First memory is freed,
 * and only when nobody is above its target it is given. Looked at each 10 s,
 * and each second while something moves. A guest that has not come nearer to
 * its target for 5 s is left out of the sums until it does.
 *
 * Source: xapi-project/xen-api, ocaml/squeezed/lib/squeeze.ml and
 * doc/content/squeezed/design: no regard to what the guest needs. 4 KiB of
 * inaccuracy are a granule here.
 */
#include "rival.h"

#define BALANCE_US	10000000
#define LOOP_US		1000000
#define STUCK_US	5000000
#define INACCURACY	2048

struct one {
	int64_t last_actual, progress_us, stuck;
};

struct squeezed {
	int64_t balance_us, loop_us, moving;
	struct one guests[RIVAL_GUESTS_MAX];
};
static_assert(sizeof(struct squeezed) <= sizeof(((struct rival *)0)->words),
	      "its memory has room");

static bool hit(int64_t actual, int64_t target)
{
	return llabs(actual - target) <= INACCURACY;
}

static void watch(struct one *o, const struct rival_guest *g, int64_t now_us)
{
	int64_t moved = g->actual - o->last_actual;
	bool wanted = !hit(g->actual, g->target);

	o->last_actual = g->actual;
	if (!wanted || (moved > 0 && g->target > g->actual) ||
	    (moved < 0 && g->target < g->actual)) {
		o->progress_us = now_us;
		o->stuck = false;
	}
	if (now_us - o->progress_us > STUCK_US)
		o->stuck = true;
}

static void set_targets(struct squeezed *s, const struct rival_host *host,
			struct rival_guest *guests, uint32_t nr)
{
	int64_t surplus = host->free, range = 0, want[RIVAL_GUESTS_MAX];
	bool freeing = false;

	for (uint32_t i = 0; i < nr; i++) {
		if (s->guests[i].stuck)
			continue;
		surplus += MAX(guests[i].actual - guests[i].min, 0);
		range += guests[i].max - guests[i].min;
	}
	surplus = MIN(MAX(surplus, 0), range);
	for (uint32_t i = 0; i < nr; i++) {
		struct rival_guest *g = &guests[i];

		want[i] = g->target;
		if (!s->guests[i].stuck && range)
			want[i] = g->min + (int64_t)((__int128)surplus *
						(g->max - g->min) / range);
		freeing |= !hit(g->actual, want[i]) && want[i] < g->actual &&
			   !s->guests[i].stuck;
	}
	s->moving = false;
	for (uint32_t i = 0; i < nr; i++) {
		if (s->guests[i].stuck)
			continue;
		s->moving |= !hit(guests[i].actual, want[i]);
		if (!freeing || want[i] < guests[i].actual)
			guests[i].target = want[i];
	}
}

static void run(struct rival *r, const struct rival_host *host,
		struct rival_guest *guests, uint32_t nr)
{
	struct squeezed *s = (struct squeezed *)r->words;

	if (host->now_us < (s->moving ? s->loop_us : s->balance_us))
		return;
	s->loop_us = host->now_us + LOOP_US;
	if (host->now_us >= s->balance_us)
		s->balance_us = host->now_us + BALANCE_US;
	for (uint32_t i = 0; i < nr; i++)
		watch(&s->guests[i], &guests[i], host->now_us);
	set_targets(s, host, guests, nr);
}

const struct rival_ops rival_squeezed = { "squeezed", run };
