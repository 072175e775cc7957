/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * rival_qmemman.c - Qubes OS' memory balancer
 *
 * A guest looks at its used memory each 0.1 s and tells when it has changed by
 * 30,000 KiB. Then: pref = 1.3 used, within 200 MiB and its maximum; available
 * = free - 50 MiB - Σ (pref - actual). If that is positive, all of it is shared
 * out: target = 0.999 (pref + pref / Σ pref · available), what is above a
 * maximum shared anew. If not, who has more than pref gives it (not below 10
 * MiB), who has less gets actual + pref / Σ pref of these · what was freed.
 * Nothing is done if less than 150 MiB would move in sum, unless somebody below
 * pref would get 15 MiB or the host has too little.
 *
 * Donors first; then each in turn waits for what it is to get, 5 times 0.1 s,
 * and if it is not there by then it gets what is, the others nothing, and the
 * donors that have not moved are left out until they do or need memory.
 *
 * Source: QubesOS/qubes-core-admin, qubes/qmemman/algo.py, systemstate.py;
 * qubes-linux-utils, qmemman/meminfo-writer.c
 */
#include "rival.h"

#include <string.h>

#define CHANGE_KIB	30000
#define LEFT_KIB	(50 * 1024)
#define PREF_MIN_KIB	(200 * 1024)
#define DONOR_MIN_KIB	(10 * 1024)
#define SIGNIFICANT_KIB	(150 * 1024)
#define BELOW_PREF_KIB	(15 * 1024)
#define TRIES		5

/**
 * struct one - of a guest
 * @used:	as it told last
 * @give:	what it is to get when there is room; 0: nothing
 * @before:	what it held when a balance began
 * @stuck:	"no_progress"
 */
struct one {
	int64_t used, give, before, stuck;
};

/* @waits: for somebody's turn; @tries: left for it */
struct qmemman {
	int64_t waits, tries;
	struct one guests[RIVAL_GUESTS_MAX];
};
static_assert(sizeof(struct qmemman) <= sizeof(((struct rival *)0)->words),
	      "its memory has room");

static int64_t pref(const struct one *o, const struct rival_guest *g)
{
	return MAX(MIN(o->used * 13 / 10, g->max), PREF_MIN_KIB);
}

static int64_t held(const struct rival_guest *g)
{
	return MAX(g->actual, g->target);
}

/* What is free and not assigned to somebody who has yet to take it */
static int64_t free_kib(const struct rival_host *host,
			const struct rival_guest *guests, uint32_t nr)
{
	int64_t kib = host->free;

	for (uint32_t i = 0; i < nr; i++)
		kib -= MAX(guests[i].target - guests[i].actual, 0);
	return kib;
}

static bool hear(struct qmemman *q, const struct rival_guest *guests,
		 uint32_t nr)
{
	bool changed = false;

	for (uint32_t i = 0; i < nr; i++) {
		if (llabs(guests[i].used - q->guests[i].used) < CHANGE_KIB)
			continue;
		q->guests[i].used = guests[i].used;
		changed = true;
	}
	return changed;
}

static void share_above(const struct rival_guest *guests, uint32_t nr,
			int64_t left, int64_t *to)
{
	for (uint32_t round = 0; left > 0 && round < nr; round++) {
		int64_t takers = 0, bonus, more = 0;

		for (uint32_t i = 0; i < nr; i++)
			takers += to[i] >= 0 && to[i] < guests[i].max;
		if (!takers)
			return;
		bonus = left / takers * 999 / 1000;
		for (uint32_t i = 0; i < nr; i++) {
			if (to[i] < 0 || to[i] >= guests[i].max)
				continue;
			to[i] += bonus;
			more += MAX(to[i] - guests[i].max, 0);
			to[i] = MIN(to[i], guests[i].max);
		}
		left = more;
	}
}

static void enough(const struct qmemman *q, const struct rival_guest *guests,
		   uint32_t nr, int64_t prefs, int64_t available, int64_t *to)
{
	int64_t left = 0;

	for (uint32_t i = 0; i < nr; i++) {
		int64_t p = pref(&q->guests[i], &guests[i]);

		if (q->guests[i].stuck)
			continue;
		to[i] = p + (int64_t)((__int128)available * p / prefs);
		to[i] = to[i] * 999 / 1000;
		left += MAX(to[i] - guests[i].max, 0);
		to[i] = MIN(to[i], guests[i].max);
	}
	share_above(guests, nr, left, to);
}

static void too_little(const struct qmemman *q,
		       const struct rival_guest *guests, uint32_t nr,
		       int64_t xen_free, int64_t *to)
{
	int64_t prefs = 0, squeezed = xen_free;

	for (uint32_t i = 0; i < nr; i++) {
		int64_t p = pref(&q->guests[i], &guests[i]);
		int64_t over = held(&guests[i]) - p;

		if (q->guests[i].stuck)
			continue;
		if (over < 0) {
			prefs += p;
		} else if (over >= DONOR_MIN_KIB) {
			squeezed += over;
			to[i] = p;
		}
	}
	for (uint32_t i = 0; i < nr && squeezed > 0; i++) {
		int64_t p = pref(&q->guests[i], &guests[i]);
		int64_t got = held(&guests[i]);

		if (q->guests[i].stuck || got >= p)
			continue;
		got += (int64_t)((__int128)squeezed * p / prefs);
		to[i] = MIN(got * 999 / 1000, guests[i].max);
	}
}

static bool significant(const struct qmemman *q,
			const struct rival_guest *guests, uint32_t nr,
			int64_t free, const int64_t *to)
{
	int64_t moved = llabs(free - LEFT_KIB);

	if (LEFT_KIB - free > BELOW_PREF_KIB)
		return true;
	for (uint32_t i = 0; i < nr; i++) {
		int64_t by = to[i] - guests[i].target;

		if (to[i] < 0)
			continue;
		moved += llabs(by);
		if (by > BELOW_PREF_KIB && guests[i].target > 0 &&
		    guests[i].target < pref(&q->guests[i], &guests[i]))
			return true;
	}
	return moved > SIGNIFICANT_KIB;
}

/* Donors at once, the others when it is their turn */
static void begin(struct qmemman *q, struct rival_guest *guests, uint32_t nr,
		  const int64_t *to)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct one *o = &q->guests[i];

		o->before = guests[i].actual;
		o->give = 0;
		if (to[i] < 0)
			continue;
		if (to[i] < held(&guests[i]))
			guests[i].target = to[i];
		else
			o->give = to[i];
	}
	q->waits = 0;
	q->tries = TRIES;
}

static void balance(struct qmemman *q, const struct rival_host *host,
		    struct rival_guest *guests, uint32_t nr)
{
	int64_t free = free_kib(host, guests, nr), available = free - LEFT_KIB;
	int64_t to[RIVAL_GUESTS_MAX], prefs = 0;

	for (uint32_t i = 0; i < nr; i++) {
		struct one *o = &q->guests[i];
		int64_t p = pref(o, &guests[i]);

		to[i] = -1;
		if (guests[i].actual <= guests[i].target + LEFT_KIB / 2 ||
		    held(&guests[i]) < p)
			o->stuck = false;
		if (o->stuck)
			continue;
		available -= p - held(&guests[i]);
		prefs += p;
	}
	if (!prefs)
		return;
	if (available > 0)
		enough(q, guests, nr, prefs, available, to);
	else
		too_little(q, guests, nr, free - LEFT_KIB, to);
	if (significant(q, guests, nr, free, to))
		begin(q, guests, nr, to);
}

/* It has waited in vain: who was to give and has not is left out. */
static void give_up(struct qmemman *q, struct rival_guest *guests, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct one *o = &q->guests[i];

		if (guests[i].actual > guests[i].target + LEFT_KIB / 4 &&
		    guests[i].actual == o->before)
			o->stuck = true;
		o->give = 0;
	}
	q->waits = nr;
}

/* Return: true if nobody waits any more */
static bool go_on(struct qmemman *q, const struct rival_host *host,
		  struct rival_guest *guests, uint32_t nr)
{
	for (; q->waits < nr; q->waits++, q->tries = TRIES) {
		struct one *o = &q->guests[q->waits];
		struct rival_guest *g = &guests[q->waits];
		int64_t room = free_kib(host, guests, nr) - LEFT_KIB * 9 / 10;

		if (!o->give)
			continue;
		if (o->give - held(g) > room && --q->tries > 0)
			return false;
		if (o->give - held(g) > room) {
			g->target = MAX(held(g) + room, g->target);
			give_up(q, guests, nr);
			return true;
		}
		g->target = o->give;
		o->give = 0;
	}
	return true;
}

static void run(struct rival *r, const struct rival_host *host,
		struct rival_guest *guests, uint32_t nr)
{
	struct qmemman *q = (struct qmemman *)r->words;

	if (!go_on(q, host, guests, nr))
		return;
	if (hear(q, guests, nr))
		balance(q, host, guests, nr);
	go_on(q, host, guests, nr);
}

const struct rival_ops rival_qmemman = { "qmemman", run };
