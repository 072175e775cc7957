/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_plan.c - The next step: by tables, and closed into a loop with a guest
 * that answers at random
 *
 * Windows are drawn as text, a letter a granule: '.' empty, 'o' idle, '#'
 * exposed; what is not drawn is empty. Blocks of 8 granules, one of memmap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "plan.h"

#define WINDOW	64u
#define BLOCK	8u

struct plan_case {
	const char *text;
	uint32_t target;
	struct flight flight;
	enum plan_step step;
	struct granules range;
	uint32_t nr;
};

static void draw(struct ledger *l, const char *text)
{
	assert_int_equal(ledger_init(l, WINDOW, BLOCK, 1), 0);
	for (uint32_t i = 0; text[i]; i++) {
		if (text[i] != '.')
			ledger_set_backed(l, (struct granules){ i, 1 });
		if (text[i] == '#')
			ledger_set_exposed(l, (struct granules){ i, 1 });
	}
}

static void check_cases(const struct plan_case *c, size_t nr_cases)
{
	for (size_t i = 0; i < nr_cases; i++, c++) {
		struct granules r = { 0, 0 };
		uint32_t nr = 0;
		struct ledger l;

		draw(&l, c->text);
		assert_int_equal(plan_next(&l, c->target, &c->flight, &r, &nr),
				 c->step);
		if (c->range.nr) {
			assert_int_equal(r.first, c->range.first);
			assert_int_equal(r.nr, c->range.nr);
		}
		assert_int_equal(nr, c->nr);
		ledger_done(&l);
	}
}

#define IN_FLIGHT(...)	{ __VA_ARGS__ }

static void test_growing_backs_and_then_exposes(void **state)
{
	static const struct plan_case cases[] = {
		{ "", 0, { 0 }, PLAN_SETTLED, { 0, 0 }, 0 },
		{ "", 5, { 0 }, PLAN_POPULATE, { 0, 5 }, 0 },
		{ "", 20, { 0 }, PLAN_POPULATE, { 0, 8 }, 0 },
		{ "ooooo", 20, { 0 }, PLAN_ONLINE, { 0, 5 }, 0 },
		{ "#####", 20, IN_FLIGHT(.onlines = 1), PLAN_POPULATE,
		  { 5, 3 }, 0 },
		{ "########", 8, IN_FLIGHT(.onlines = 1), PLAN_WAIT,
		  { 0, 0 }, 0 },
		{ "########", 8, { 0 }, PLAN_SETTLED, { 0, 0 }, 0 },
		{ "########oooo", 12, IN_FLIGHT(.onlines = PLAN_ONLINES_MAX),
		  PLAN_WAIT, { 0, 0 }, 0 },
		/* A block for its memmap alone is not worth it. */
		{ "########", 9, { 0 }, PLAN_SETTLED, { 0, 0 }, 0 },
		{ "########", 10, { 0 }, PLAN_POPULATE, { 8, 2 }, 0 },
	};

	(void)state;
	check_cases(cases, ARRAY_SIZE(cases));
}

static void test_shrinking_gives_back_and_then_asks_for_more(void **state)
{
	static const struct plan_case cases[] = {
		{ "########", 3, { 0 }, PLAN_PULL, { 0, 0 }, 5 },
		{ "####oooo", 3, { 0 }, PLAN_GIVE_BACK, { 4, 4 }, 0 },
		{ "####oooo", 6, { 0 }, PLAN_GIVE_BACK, { 6, 2 }, 0 },
		{ "########", 3, IN_FLIGHT(.pull_left = 5), PLAN_WAIT,
		  { 0, 0 }, 0 },
		{ "########", 3, IN_FLIGHT(.onlines = 1), PLAN_WAIT,
		  { 0, 0 }, 0 },
		{ "########", 3, IN_FLIGHT(.hold_pull = true), PLAN_SETTLED,
		  { 0, 0 }, 0 },
		{ "####oooo", 3, IN_FLIGHT(.hold_give = true), PLAN_PULL,
		  { 0, 0 }, 1 },
		{ "####oooo", 4, IN_FLIGHT(.hold_give = true), PLAN_SETTLED,
		  { 0, 0 }, 0 },
		{ "oooooooooooooooooooooooo", 0, { 0 }, PLAN_GIVE_BACK,
		  { 24 - PLAN_GIVE_BACK_MAX, PLAN_GIVE_BACK_MAX }, 0 },
	};

	(void)state;
	check_cases(cases, ARRAY_SIZE(cases));
}

static void test_the_newest_target_wins_over_a_pull(void **state)
{
	static const struct plan_case cases[] = {
		/* Less is wanted back, or nothing, or the opposite. */
		{ "########", 6, IN_FLIGHT(.pull_left = 5), PLAN_CANCEL_PULL,
		  { 0, 0 }, 0 },
		{ "########", 8, IN_FLIGHT(.pull_left = 5), PLAN_CANCEL_PULL,
		  { 0, 0 }, 0 },
		{ "########", 20, IN_FLIGHT(.pull_left = 5), PLAN_CANCEL_PULL,
		  { 0, 0 }, 0 },
		/* Its end is awaited: what it still gives may be a block. */
		{ "########", 20,
		  IN_FLIGHT(.pull_left = 5, .pull_cancelled = true), PLAN_WAIT,
		  { 0, 0 }, 0 },
		{ "######oo", 20, IN_FLIGHT(.pull_cancelled = true), PLAN_WAIT,
		  { 0, 0 }, 0 },
		/* More is wanted: this pull goes on, another will follow. */
		{ "########", 0, IN_FLIGHT(.pull_left = 5), PLAN_WAIT,
		  { 0, 0 }, 0 },
	};

	(void)state;
	check_cases(cases, ARRAY_SIZE(cases));
}

static void test_what_cannot_be_exposed_is_given_back(void **state)
{
	static const struct plan_case cases[] = {
		{ ".ooo", 20, { 0 }, PLAN_GIVE_BACK, { 1, 3 }, 0 },
		{ "oooo", 20, IN_FLIGHT(.hold_grow = true), PLAN_GIVE_BACK,
		  { 0, 4 }, 0 },
		{ "oooo", 20, IN_FLIGHT(.hold_grow = true, .onlines = 1),
		  PLAN_WAIT, { 0, 0 }, 0 },
		{ "oooo", 20, IN_FLIGHT(.hold_grow = true, .hold_give = true),
		  PLAN_SETTLED, { 0, 0 }, 0 },
		{ "####", 20, IN_FLIGHT(.hold_grow = true), PLAN_SETTLED,
		  { 0, 0 }, 0 },
	};

	(void)state;
	check_cases(cases, ARRAY_SIZE(cases));
}

/* A guest that answers at random --------------------------------------- */

#define LOOP_WINDOW_MAX	3072u

/**
 * struct loop - host and guest
 * @in_use:	the guest's truth
 * @present:	its blocks
 * @asked:	online requests on their way, the oldest first
 * @pull_got:	what the pull on its way has brought
 * @noisy:	things fail
 */
struct loop {
	struct ledger l;
	struct flight f;
	uint32_t target;
	bool in_use[LOOP_WINDOW_MAX];
	bool present[LOOP_WINDOW_MAX];
	struct granules asked[PLAN_ONLINES_MAX];
	uint32_t pull_got;
	bool pull_out;
	bool noisy;
};

static bool one_in(const struct loop *m, int n)
{
	return m->noisy && rand() % n == 0;
}

static bool bit(const uint64_t *map, uint32_t i)
{
	return map[i / 64] >> i % 64 & 1;
}

/* I1, and the host's word for what is exposed errs to the safe side. */
static void check_law(const struct loop *m)
{
	for (uint32_t i = 0; i < m->l.granules; i++) {
		if (!m->in_use[i])
			continue;
		assert_true(bit(m->l.backed, i));
		assert_true(bit(m->l.exposed, i));
	}
}

static bool in_one_block(const struct loop *m, struct granules r)
{
	return r.nr && r.first % m->l.block + r.nr <= m->l.block;
}

static uint32_t how_many(const struct loop *m, uint32_t nr)
{
	return one_in(m, 4) ? (uint32_t)rand() % nr : nr;
}

static void populate(struct loop *m, struct granules r)
{
	uint32_t done = how_many(m, r.nr);

	assert_true(in_one_block(m, r));
	assert_in_range(r.nr, 1, PLAN_POPULATE_MAX);
	assert_true(m->l.nr_backed + r.nr <= m->target);
	for (uint32_t i = r.first; i < r.first + r.nr; i++)
		assert_false(bit(m->l.backed, i));
	if (done)
		ledger_set_backed(&m->l, (struct granules){ r.first, done });
	m->f.hold_grow |= done < r.nr;
}

static void give_back(struct loop *m, struct granules r)
{
	uint32_t done = how_many(m, r.nr);

	assert_in_range(r.nr, 1, PLAN_GIVE_BACK_MAX);
	for (uint32_t i = r.first; i < r.first + r.nr; i++)
		assert_false(m->in_use[i]);
	if (done)
		ledger_clear_backed(&m->l, (struct granules){ r.first, done });
	m->f.hold_give |= done < r.nr;
}

static void ask_online(struct loop *m, struct granules r)
{
	assert_true(in_one_block(m, r));
	assert_true(m->f.onlines < PLAN_ONLINES_MAX);
	assert_false(m->pull_out);
	ledger_set_exposed(&m->l, r);
	m->asked[m->f.onlines++] = r;
}

static void ask_pull(struct loop *m, uint32_t nr)
{
	assert_false(m->pull_out);
	assert_int_equal(m->f.onlines, 0);
	assert_in_range(nr, 1, m->l.nr_exposed);
	m->pull_out = true;
	m->pull_got = 0;
	m->f.pull_left = nr;
}

/* One step of the host; false if it has none to take. */
static bool host_step(struct loop *m, enum plan_step *ret)
{
	struct granules r = { 0, 0 };
	uint32_t nr = 0;

	*ret = plan_next(&m->l, m->target, &m->f, &r, &nr);
	switch (*ret) {
	case PLAN_SETTLED:
		assert_int_equal(m->f.onlines, 0);
		assert_false(m->pull_out);
		return false;
	case PLAN_WAIT:
		assert_true(m->f.onlines || m->pull_out);
		return false;
	case PLAN_POPULATE:
		populate(m, r);
		break;
	case PLAN_ONLINE:
		ask_online(m, r);
		break;
	case PLAN_PULL:
		ask_pull(m, nr);
		break;
	case PLAN_CANCEL_PULL:
		assert_true(m->pull_out);
		assert_false(m->f.pull_cancelled);
		m->f.pull_cancelled = true;
		break;
	case PLAN_GIVE_BACK:
		give_back(m, r);
		break;
	}
	check_law(m);
	return true;
}

/* As the driver: a block opens with its memmap, or not at all. */
static uint32_t guest_online(struct loop *m, struct granules r)
{
	uint32_t block = r.first / m->l.block;

	if (one_in(m, 4) ||
	    (!m->present[block] &&
	     (r.first % m->l.block || r.nr < m->l.memmap)))
		return 0;
	m->present[block] = true;
	for (uint32_t i = r.first; i < r.first + r.nr; i++) {
		assert_true(bit(m->l.backed, i));	/* I1 */
		m->in_use[i] = true;
	}
	return r.nr;
}

static void answer_online(struct loop *m)
{
	struct granules r = m->asked[0];
	uint32_t done = guest_online(m, r);

	memmove(m->asked, m->asked + 1, sizeof(m->asked) - sizeof(r));
	m->f.onlines--;
	if (done < r.nr) {
		ledger_clear_exposed(&m->l, r);
		m->f.hold_grow = true;
	}
}

static void release(struct loop *m, uint32_t i)
{
	m->in_use[i] = false;
	ledger_clear_exposed(&m->l, (struct granules){ i, 1 });
	m->pull_got++;
	m->f.pull_left--;
}

/* Granules of a block in use, without and with its memmap */
static uint32_t block_use(const struct loop *m, uint32_t start, uint32_t from)
{
	uint32_t nr = 0;

	for (uint32_t i = start + from; i < start + m->l.block; i++)
		nr += m->in_use[i];
	return nr;
}

static bool release_in(struct loop *m, uint32_t start)
{
	uint32_t online = block_use(m, start, m->l.memmap);
	bool whole = m->present[start / m->l.block] &&
		     block_use(m, start, 0) <= m->f.pull_left;

	for (uint32_t i = start + m->l.block; i-- > start + m->l.memmap;) {
		if (m->f.pull_left && m->in_use[i])
			release(m, i);
	}
	if (whole) {
		for (uint32_t i = start; i < start + m->l.memmap; i++)
			release(m, i);
		m->present[start / m->l.block] = false;
	}
	return online || (whole && m->l.memmap);
}

static void end_pull(struct loop *m, bool short_of)
{
	if (!m->f.pull_cancelled && (short_of || !m->pull_got))
		m->f.hold_pull = true;
	m->pull_out = false;
	m->f.pull_left = 0;
	m->f.pull_cancelled = false;
}

/* Some of it, from some block on; or the end. */
static void answer_pull(struct loop *m)
{
	uint32_t blocks = m->l.granules / m->l.block;
	uint32_t first = (uint32_t)rand() % blocks;

	if (m->f.pull_cancelled || one_in(m, 6)) {
		end_pull(m, true);
		return;
	}
	for (uint32_t i = 0; i < blocks; i++) {
		uint32_t block = (first + i) % blocks;

		if (!release_in(m, block * m->l.block))
			continue;
		if (!m->f.pull_left)
			end_pull(m, false);
		return;
	}
	end_pull(m, true);
}

static void guest_turn(struct loop *m)
{
	if (m->f.onlines && (!m->pull_out || rand() % 2))
		answer_online(m);
	else if (m->pull_out)
		answer_pull(m);
	check_law(m);
}

static void retry(struct loop *m)
{
	m->f.hold_grow = false;
	m->f.hold_pull = false;
	m->f.hold_give = false;
}

/* Until the host waits for something: it must not run for ever. */
static enum plan_step run_host(struct loop *m)
{
	uint32_t steps = 0;
	enum plan_step step;

	while (host_step(m, &step))
		assert_true(steps++ < 2 * m->l.granules + 16);
	return step;
}

static void make_noise(struct loop *m)
{
	m->noisy = true;
	for (unsigned int i = 0; i < 60; i++) {
		enum plan_step step;

		if (rand() % 8 == 0) {
			m->target = (uint32_t)rand() % (m->l.granules + 1);
			retry(m);
		}
		if (rand() % 16 == 0)
			retry(m);
		if (rand() % 2)
			guest_turn(m);
		else
			host_step(m, &step);
	}
	m->noisy = false;
}

/* See judge.c of tests/sim: what no sequence of steps could reach */
static uint32_t reachable(const struct ledger *l, uint32_t target)
{
	uint32_t rest = target % l->block;

	if (rest <= l->memmap)
		target -= rest;
	return target < l->granules / l->block * l->memmap ? 0 : target;
}

static void expect_target(struct loop *m)
{
	uint32_t turns = 0, retries = 0;

	m->target = reachable(&m->l, (uint32_t)rand() % (m->l.granules + 1));
	retry(m);
	for (;;) {
		enum plan_step step = run_host(m);

		assert_true(turns++ < 20 * m->l.granules + 100);
		if (step == PLAN_WAIT) {
			guest_turn(m);
			continue;
		}
		if (m->l.nr_backed == m->target && !ledger_nr_idle(&m->l))
			break;
		assert_true(retries++ < 8);
		retry(m);
	}
	for (uint32_t i = 0; i < m->l.granules; i++)
		assert_int_equal(m->in_use[i], bit(m->l.backed, i));
}

static void test_whatever_went_wrong_the_target_is_reached_after(void **state)
{
	static const struct {
		uint32_t granules, block, memmap, rounds;
	} shapes[] = {
		{ 512, 64, 1, 400 }, { 512, 64, 0, 400 },
		{ 3072, 1024, 16, 40 }, { 64, 8, 1, 2000 },
		{ 64, 1, 0, 400 },
	};
	static struct loop m;

	(void)state;
	srand(1);
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		memset(&m, 0, sizeof(m));
		assert_int_equal(ledger_init(&m.l, shapes[i].granules,
					     shapes[i].block,
					     shapes[i].memmap), 0);
		for (uint32_t k = 0; k < shapes[i].rounds; k++) {
			make_noise(&m);
			expect_target(&m);
		}
		ledger_done(&m.l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growing_backs_and_then_exposes),
		cmocka_unit_test(test_shrinking_gives_back_and_then_asks_for_more),
		cmocka_unit_test(test_the_newest_target_wins_over_a_pull),
		cmocka_unit_test(test_what_cannot_be_exposed_is_given_back),
		cmocka_unit_test(test_whatever_went_wrong_the_target_is_reached_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
