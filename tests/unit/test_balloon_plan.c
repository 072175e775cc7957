/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_balloon_plan.c - The next step of a guest that has but a balloon: by
 * tables, and closed into a loop with a balloon that does as it likes
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cases.h"

#include "balloon_plan.h"

#define BOOT		196624u		/* 768 MiB and what PVH adds */
#define SLACK		240u
#define FULL		(BOOT + SLACK)
#define PATIENCE	1000u
#define G(n)		((uint64_t)(n) * GRANULE_PAGES)

static const struct {
	const char *what;
	uint32_t less;
	bool told;
	uint64_t pages, max_pages;
	uint32_t quiet_ms;
	enum balloon_step step;
	uint64_t ret_max;
} steps[] = {
	{ "nothing to do", 0, true, BOOT, FULL, 0, BALLOON_SETTLED, 0 },
	{ "to shrink, it is told first", 128, false, BOOT, FULL, 0,
	  BALLOON_TELL, 0 },
	{ "then waited for", 128, true, BOOT, FULL, 0, BALLOON_WAIT, 0 },
	{ "what it gave it cannot take again", 128, true, BOOT - G(64), FULL, 0,
	  BALLOON_SET_MAX, FULL - G(64) },
	{ "and it gives on", 128, true, BOOT - G(64), FULL - G(64), 0,
	  BALLOON_WAIT, 0 },
	{ "all given, the maximum is lowered", 128, true, BOOT - G(128),
	  FULL - G(64), 0, BALLOON_SET_MAX, FULL - G(128) },
	{ "there", 128, true, BOOT - G(128), FULL - G(128), 0,
	  BALLOON_SETTLED, 0 },
	{ "to grow, the maximum is raised first", 64, false, BOOT - G(128),
	  FULL - G(128), 0, BALLOON_SET_MAX, FULL - G(64) },
	{ "then it is told", 64, false, BOOT - G(128), FULL - G(64), 0,
	  BALLOON_TELL, 0 },
	{ "and waited for", 64, true, BOOT - G(100), FULL - G(64), 0,
	  BALLOON_WAIT, 0 },
	{ "back", 0, true, BOOT, FULL, 0, BALLOON_SETTLED, 0 },
	{ "one page off may be on its way", 128, true, BOOT - G(128) + 1,
	  FULL - G(128) + 1, 0, BALLOON_WAIT, 0 },
	{ "one page off and quiet is there", 128, true, BOOT - G(128) - 1,
	  FULL - G(128), 100, BALLOON_SETTLED, 0 },
	{ "a MiB off and quiet is there", 128, true, BOOT - G(128) + 256,
	  FULL - G(128) + 256, 100, BALLOON_SETTLED, 0 },
	{ "a page more is not", 128, true, BOOT - G(128) + 257,
	  FULL - G(128) + 257, 100, BALLOON_WAIT, 0 },
	{ "with patience", 128, true, BOOT, FULL, 999, BALLOON_WAIT, 0 },
	{ "not for ever", 128, true, BOOT, FULL, 1000, BALLOON_STUCK, 0 },
	{ "nor on the way back", 0, true, BOOT - G(1), FULL, 1000,
	  BALLOON_STUCK, 0 },
	{ "the toolstack lowered the maximum below what is held", 128, true,
	  BOOT, BOOT - G(128), 0, BALLOON_SET_MAX, FULL },
	{ "the toolstack raised the maximum", 128, true, BOOT - G(128),
	  FULL, 0, BALLOON_SET_MAX, FULL - G(128) },
	{ "it gave more than it had to: it may have that again", 64, true,
	  BOOT - G(70), FULL - G(64), 0, BALLOON_WAIT, 0 },
};

static struct balloon balloon_of(uint32_t less, bool told, uint32_t quiet_ms)
{
	return (struct balloon){
		.on = true, .has_told = told, .boot_pages = BOOT,
		.slack_pages = SLACK, .less = less, .told = less,
		.nearest = UINT64_MAX, .quiet_ms = quiet_ms,
	};
}

static void the_next_step_is_that_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct balloon b = balloon_of(steps[i].less, steps[i].told,
					      steps[i].quiet_ms);
		uint64_t max = 0;

		case_is("%s", steps[i].what);
		case_int_equal(balloon_next(&b, steps[i].pages,
					    steps[i].max_pages, PATIENCE, &max),
			       steps[i].step);
		if (steps[i].step == BALLOON_SET_MAX)
			case_int_equal(max, steps[i].ret_max);
	}
}

static void another_target_is_told_though_one_was(void **state)
{
	struct balloon b = balloon_of(10, true, 0);
	uint64_t max;

	(void)state;
	b.told = 9;
	assert_int_equal(balloon_next(&b, BOOT - G(9), FULL - G(9), PATIENCE,
				      &max), BALLOON_TELL);
}

static void patience_ends_only_without_progress(void **state)
{
	struct balloon b = balloon_of(128, true, 0);

	(void)state;
	balloon_asked(&b);
	balloon_looked(&b, BOOT, 900);
	assert_int_equal(b.quiet_ms, 0);
	balloon_looked(&b, BOOT, 900);
	assert_int_equal(b.quiet_ms, 900);
	balloon_looked(&b, BOOT - 1, 900);
	assert_int_equal(b.quiet_ms, 0);
	/* To and fro is no progress. */
	balloon_looked(&b, BOOT, 600);
	balloon_looked(&b, BOOT - 1, 600);
	assert_int_equal(b.quiet_ms, 1200);
	balloon_looked(&b, BOOT, UINT32_MAX);
	assert_int_equal(b.quiet_ms, UINT32_MAX);
}

static void who_is_deaf_hears_when_he_moves(void **state)
{
	struct balloon b = balloon_of(128, true, 0);

	(void)state;
	b.deaf = true;
	balloon_asked(&b);
	balloon_looked(&b, BOOT, 10);
	assert_true(b.deaf);
	balloon_looked(&b, BOOT + 1, 10);
	assert_true(b.deaf);
	balloon_looked(&b, BOOT - 1, 10);
	assert_false(b.deaf);
	/* Or if it is there when it is looked at. */
	b.deaf = true;
	balloon_asked(&b);
	balloon_looked(&b, BOOT - G(128), 10);
	assert_false(b.deaf);
}

static const struct {
	const char *what;
	uint32_t less;
	uint64_t pages, max_pages, promised;
} promises[] = {
	{ "it has all", 0, BOOT, FULL, 0 },
	{ "it has what it shall", 128, BOOT - G(128), FULL - G(128), 0 },
	{ "it shall have more", 64, BOOT - G(128), FULL - G(128), G(64) },
	{ "it may take again what it gave", 128, BOOT - G(50), FULL, G(50) },
	{ "it cannot any more", 128, BOOT - G(50), FULL - G(50), 0 },
	{ "it gave too much", 64, BOOT - G(100), FULL - G(64), G(36) },
	{ "no maximum to speak of", 64, BOOT - G(64), 0, 0 },
};

static void what_it_may_take_is_promised(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(promises); i++) {
		struct balloon b = balloon_of(promises[i].less, true, 0);

		case_is("%s", promises[i].what);
		case_int_equal(balloon_promised(&b, promises[i].pages,
						promises[i].max_pages),
			       promises[i].promised);
	}
}

static void sizes_are_whole_granules_between_floor_and_boot(void **state)
{
	struct balloon b = balloon_of(0, false, 0);

	(void)state;
	assert_int_equal(balloon_most_kib(&b), 768 * 1024);
	/* 104 MiB and an eighth of 768 MiB and 64 KiB, up to granules */
	assert_int_equal(balloon_least_kib(&b), 202 * 1024);
	assert_int_equal(balloon_less(&b, 768 * 1024), 0);
	assert_int_equal(balloon_less(&b, 768 * 1024 - 1), 0);
	assert_int_equal(balloon_less(&b, 766 * 1024), 1);
	assert_int_equal(balloon_less(&b, 765 * 1024), 1);
	assert_int_equal(balloon_less(&b, balloon_least_kib(&b)), 283);
	/* One built with less than its floor has no choice. */
	b.boot_pages = 4 * 256;
	assert_int_equal(balloon_least_kib(&b), 4 * 1024);
}

/* A domain with a balloon, and Xen, which lets it have what it may. */
struct world {
	uint64_t pages, max_pages;
	uint64_t random;
};

static uint32_t draw(struct world *w, uint32_t limit)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w->random >> 33) % limit;
}

/* Up to @by nearer to what it was told, or anywhere if it is not a good one. */
static void move(struct world *w, const struct balloon *b, bool good)
{
	uint64_t want = BOOT - G(b->told), by = draw(w, 40000);

	if (!good)
		want = draw(w, FULL);
	if (!b->has_told)
		return;
	if (w->pages < want)
		want = MIN(w->pages + by, want);
	else
		want = MAX(w->pages - MIN(by, w->pages), want);
	w->pages = want > w->pages ? MAX(MIN(want, w->max_pages), w->pages) :
				     want;
}

static enum balloon_step take_step(struct world *w, struct balloon *b)
{
	uint64_t max, promised;
	enum balloon_step step;

	balloon_looked(b, w->pages, 10);
	promised = balloon_promised(b, w->pages, w->max_pages);
	step = balloon_next(b, w->pages, w->max_pages, PATIENCE, &max);
	if (step == BALLOON_SET_MAX) {
		/* Never more than was promised before, never below. */
		assert_true(max <= w->pages + promised + SLACK);
		assert_true(max >= w->pages);
		w->max_pages = max;
	}
	if (step == BALLOON_TELL) {
		assert_true(w->max_pages >= balloon_want(b) + SLACK);
		b->has_told = true;
		b->told = b->less;
	}
	return step;
}

/* Targets come at any time; a good balloon gets there, a bad one is told to be
 * stuck or gets there by chance, and neither ever has more than it may. */
static void every_target_is_reached_or_given_up(void **state)
{
	(void)state;
	for (uint32_t seed = 0; seed < 2000; seed++) {
		struct world w = { BOOT, FULL, seed };
		struct balloon b = balloon_of(0, false, 0);
		bool good = seed % 2;
		enum balloon_step step;
		uint32_t n = 0;

		for (uint32_t i = draw(&w, 6); i; i--) {
			b.less = draw(&w, 280);
			balloon_asked(&b);
			for (uint32_t k = draw(&w, 20); k; k--) {
				take_step(&w, &b);
				move(&w, &b, good);
			}
		}
		balloon_asked(&b);
		do {
			step = take_step(&w, &b);
			if (step == BALLOON_WAIT)
				move(&w, &b, good);
			assert_true(w.pages <= FULL);
			assert_true(++n < 100000);
		} while (step != BALLOON_SETTLED && step != BALLOON_STUCK);
		assert_true(!good || step == BALLOON_SETTLED);
		assert_true(w.max_pages ==
			    MAX(w.pages, balloon_want(&b)) + SLACK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_step_is_that_of_the_table),
		cmocka_unit_test(another_target_is_told_though_one_was),
		cmocka_unit_test(patience_ends_only_without_progress),
		cmocka_unit_test(who_is_deaf_hears_when_he_moves),
		cmocka_unit_test(what_it_may_take_is_promised),
		cmocka_unit_test(sizes_are_whole_granules_between_floor_and_boot),
		cmocka_unit_test(every_target_is_reached_or_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
