/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * measure.c - How well a policy has done
 */
#include "measure.h"

#include <errno.h>
#include <string.h>

#define WRONG_US	10000000
#define RING		(WRONG_US / MEASURE_US)
#define CALM_US		500000
#define MOVE_KIB	(64 * 1024)

/**
 * struct turns - of a size that changes
 * @from:	from here a move of MOVE_KIB the other way is a turn
 * @way:	it went last, 1 or -1; 0: not yet
 */
struct turns {
	int64_t from;
	int way;
	uint32_t nr;
};

/**
 * struct one - of a guest
 * @taken:	KiB taken in each of the last looks, not yet found wrong
 */
struct one {
	struct measure_guest last;
	bool pressed, lies;
	int64_t taken[RING];
	struct turns held, need;
};

/* How long a burst waited, -1: it does yet; @since_us: what may be its end */
struct wait {
	int64_t real_us, ideal_us;
	int64_t since_us;
};

struct measure {
	const struct scenario *s;
	struct one guests[SCENARIO_GUESTS_MAX];
	struct wait *waits;
	uint32_t ring;
	bool begun;
	int64_t looked_us, elapsed_us;
	int64_t pressed_us, stalled_us, idle_kib_us, moved_kib, wrong_kib;
	int64_t lied_kib_us, length_us;
	uint64_t fair_sum, fair_looks;
	uint32_t kills;
};

int measure_new(const struct scenario *s, struct measure **ret)
{
	struct measure *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->s = s;
	m->waits = malloc((s->nr_bursts + 1) * sizeof(*m->waits));
	if (!m->waits) {
		free(m);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < s->nr_bursts; i++)
		m->waits[i] = (struct wait){ -1, -1, -1 };
	for (uint32_t i = 0; i < s->nr; i++)
		m->guests[i].lies = s->guests[i].lie != VGUEST_HONEST;
	*ret = m;
	return 0;
}

void measure_free(struct measure *m)
{
	if (!m)
		return;
	free(m->waits);
	free(m);
}

bool measure_pressed(const struct measure *m, uint32_t guest)
{
	return m->guests[guest].pressed;
}

static void look_at_stall(struct measure *m, const struct measure_guest *guests)
{
	for (uint32_t i = 0; i < m->s->nr; i++) {
		struct one *o = &m->guests[i];
		int64_t us = (int64_t)(guests[i].stall_us - o->last.stall_us);

		o->pressed = !o->lies && us >= m->elapsed_us / 10;
		m->kills += guests[i].kills - o->last.kills;
		if (o->lies)
			continue;
		m->stalled_us += us;
		m->pressed_us += o->pressed ? m->elapsed_us : 0;
	}
}

static void look_at_bursts(struct measure *m, int64_t at_us,
			   const struct measure_guest *guests)
{
	for (uint32_t i = 0; i < m->s->nr_bursts; i++) {
		const struct burst *b = &m->s->bursts[i];
		const struct measure_guest *g = &guests[b->guest];
		struct wait *w = &m->waits[i];
		bool over = at_us >= b->until_us;

		if (at_us <= b->from_us)
			continue;
		if (w->ideal_us < 0 && (g->ideal_runs || over))
			w->ideal_us = MIN(at_us, b->until_us) - b->from_us;
		if (w->real_us >= 0)
			continue;
		if (!g->runs || m->guests[b->guest].pressed)
			w->since_us = -1;
		else if (w->since_us < 0)
			w->since_us = at_us;
		if (over && w->since_us < 0)
			w->since_us = b->until_us;
		if (w->since_us >= 0 &&
		    (over || at_us - w->since_us >= CALM_US))
			w->real_us = w->since_us - b->from_us;
	}
}

static void note_turn(struct turns *t, int64_t size)
{
	int way = size > t->from ? 1 : -1;

	/* The furthest that it went is where it would turn. */
	if (way != t->way && llabs(size - t->from) < MOVE_KIB)
		return;
	t->nr += way == -t->way;
	t->from = size;
	t->way = way;
}

static void look_at_moves(struct measure *m, const struct measure_guest *guests)
{
	bool any = false;

	for (uint32_t i = 0; i < m->s->nr; i++)
		any |= m->guests[i].pressed;
	for (uint32_t i = 0; i < m->s->nr; i++) {
		struct one *o = &m->guests[i];
		int64_t by = guests[i].held - o->last.held;
		int64_t enough = guests[i].need * 5 / 4 + 256 * 1024;

		m->moved_kib += llabs(by);
		o->taken[m->ring] = by < 0 ? -by : 0;
		note_turn(&o->held, guests[i].held);
		note_turn(&o->need, guests[i].need);
		if (!o->lies && by > 0 && any && o->last.held > enough)
			m->wrong_kib += by;
		for (uint32_t k = 0; o->pressed && k < RING; k++) {
			m->wrong_kib += o->taken[k];
			o->taken[k] = 0;
		}
	}
	m->ring = (m->ring + 1) % RING;
}

static void look_at_idle(struct measure *m, int64_t free_kib)
{
	for (uint32_t i = 0; i < m->s->nr; i++) {
		if (!m->guests[i].pressed)
			continue;
		m->idle_kib_us += MAX(free_kib, 0) * m->elapsed_us;
		return;
	}
}

static void look_at_liars(struct measure *m, const struct measure_guest *guests)
{
	m->length_us += m->elapsed_us;
	for (uint32_t i = 0; i < m->s->nr; i++) {
		if (m->guests[i].lies)
			m->lied_kib_us += m->elapsed_us *
				MAX(guests[i].held - guests[i].need, 0);
	}
}

/* Divides what is there by weight, nobody gets more than it needs. */
static void shares(const struct scenario *s, const struct measure_guest *guests,
		   int64_t kib, int64_t *ret)
{
	uint64_t weights = 1;

	for (uint32_t i = 0; i < s->nr; i++) {
		ret[i] = MIN((int64_t)s->guests[i].boot_mib * 1024,
			     guests[i].need);
		kib -= ret[i];
	}
	while (kib > 1024 && weights) {
		int64_t given = 0;

		weights = 0;
		for (uint32_t i = 0; i < s->nr; i++) {
			if (ret[i] < guests[i].need)
				weights += s->guests[i].weight;
		}
		for (uint32_t i = 0; weights && i < s->nr; i++) {
			int64_t part = kib * s->guests[i].weight /
				       (int64_t)weights;

			part = MIN(part, guests[i].need - ret[i]);
			ret[i] += MAX(part, 0);
			given += MAX(part, 0);
		}
		kib -= given;
		if (!given)
			return;
	}
}

/* Jain's index of what each holds of its share, in ten-thousandths */
static void look_at_fairness(struct measure *m,
			     const struct measure_guest *guests,
			     int64_t free_kib)
{
	int64_t kib = free_kib, share[SCENARIO_GUESTS_MAX], n = 0;
	uint64_t sum = 0, squares = 0;
	bool lacking = false;

	for (uint32_t i = 0; i < m->s->nr; i++) {
		kib += guests[i].held;
		lacking |= guests[i].held < guests[i].need &&
			   !m->guests[i].lies;
	}
	if (!lacking)
		return;
	shares(m->s, guests, kib, share);
	for (uint32_t i = 0; i < m->s->nr; i++) {
		uint64_t x;

		if (m->guests[i].lies)
			continue;
		x = (uint64_t)(MIN(guests[i].held, share[i]) * 10000 /
			       MAX(share[i], 1));
		sum += x;
		squares += x * x;
		n++;
	}
	m->fair_sum += sum * sum * 10000 / ((uint64_t)n * squares);
	m->fair_looks++;
}

void measure_look(struct measure *m, int64_t at_us,
		  const struct measure_guest *guests, int64_t free_kib)
{
	m->elapsed_us = at_us - m->looked_us;
	m->looked_us = at_us;
	if (!m->begun) {
		m->begun = true;
		for (uint32_t i = 0; i < m->s->nr; i++) {
			m->guests[i].last = guests[i];
			m->guests[i].held.from = guests[i].held;
			m->guests[i].need.from = guests[i].need;
		}
		return;
	}
	look_at_stall(m, guests);
	look_at_bursts(m, at_us, guests);
	look_at_moves(m, guests);
	look_at_idle(m, free_kib);
	look_at_liars(m, guests);
	look_at_fairness(m, guests, free_kib);
	for (uint32_t i = 0; i < m->s->nr; i++)
		m->guests[i].last = guests[i];
}

static int by_size(const void *a, const void *b)
{
	int64_t x = ((const struct relief *)a)->ms;
	int64_t y = ((const struct relief *)b)->ms;

	return (x > y) - (x < y);
}

static void end_bursts(const struct measure *m, struct measured *ret)
{
	ret->reliefs = calloc(m->s->nr_bursts + 1, sizeof(*ret->reliefs));
	ASSERT(ret->reliefs);
	for (uint32_t i = 0; i < m->s->nr_bursts; i++) {
		const struct wait *w = &m->waits[i];
		int64_t us = MAX(w->real_us - w->ideal_us, 0);

		if (w->real_us >= 0 && w->ideal_us >= 0 &&
		    !m->guests[m->s->bursts[i].guest].lies)
			ret->reliefs[ret->bursts++] =
				(struct relief){ us / 1000, i };
	}
	qsort(ret->reliefs, ret->bursts, sizeof(*ret->reliefs), by_size);
}

static void note_most_turns(const struct one *o, uint32_t guest,
			    struct measured *r)
{
	if (o->lies || o->held.nr <= o->need.nr + r->turns)
		return;
	r->turns = o->held.nr - o->need.nr;
	r->turner = guest;
}

struct measured measure_end(struct measure *m)
{
	struct measured r = {
		.pressed_ms = m->pressed_us / 1000,
		.stalled_ms = m->stalled_us / 1000,
		.moved_mib = m->moved_kib / 1024,
		.wrong_mib = m->wrong_kib / 1024,
		.idle_mib_s = m->idle_kib_us / 1024 / 1000000,
		.lied_mib_s = m->lied_kib_us / 1024 / 1000000,
		.length_s = m->length_us / 1000000,
		.fair = m->fair_sum, .looks = m->fair_looks,
		.kills = m->kills,
	};

	for (uint32_t i = 0; i < m->s->nr; i++)
		note_most_turns(&m->guests[i], i, &r);
	end_bursts(m, &r);
	return r;
}

void measured_add(struct measured *sum, struct measured *more)
{
	uint32_t bursts = sum->bursts + more->bursts;

	sum->reliefs = realloc(sum->reliefs,
				 (bursts + 1) * sizeof(*sum->reliefs));
	ASSERT(sum->reliefs);
	memcpy(sum->reliefs + sum->bursts, more->reliefs,
	       more->bursts * sizeof(*sum->reliefs));
	sum->bursts = bursts;
	qsort(sum->reliefs, bursts, sizeof(*sum->reliefs), by_size);
	sum->pressed_ms += more->pressed_ms;
	sum->stalled_ms += more->stalled_ms;
	sum->moved_mib += more->moved_mib;
	sum->wrong_mib += more->wrong_mib;
	sum->idle_mib_s += more->idle_mib_s;
	sum->lied_mib_s += more->lied_mib_s;
	sum->length_s += more->length_s;
	sum->fair += more->fair;
	sum->looks += more->looks;
	sum->kills += more->kills;
	sum->turns = MAX(sum->turns, more->turns);
	sum->messages += more->messages;
	sum->runs += more->runs;
	measured_done(more);
}

void measured_done(struct measured *m)
{
	free(m->reliefs);
	*m = (struct measured){ 0 };
}

int64_t measured_relief_ms(const struct measured *m, uint32_t permille)
{
	return m->bursts ? m->reliefs[(m->bursts - 1) * permille / 1000].ms : 0;
}

uint32_t measured_fairness(const struct measured *m)
{
	return m->looks ? (uint32_t)(m->fair / m->looks) : 10000;
}
