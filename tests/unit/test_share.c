/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_share.c - Dividing by weight, against rules that any division must obey
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "cases.h"
#include "policy.h"
#include "share.h"

#define MANY	10000u

static void test_by_weight_between_least_and_most(void **state)
{
	static const struct {
		uint64_t total;
		uint32_t lo[3], hi[3], weight[3], got[3];
	} cases[] = {
		{ 300, { 0, 0, 0 }, { 500, 500, 500 }, { 1, 1, 1 },
		  { 100, 100, 100 } },
		{ 301, { 0, 0, 0 }, { 500, 500, 500 }, { 1, 1, 1 },
		  { 101, 100, 100 } },
		{ 302, { 0, 0, 0 }, { 500, 500, 500 }, { 1, 1, 1 },
		  { 101, 101, 100 } },
		{ 400, { 0, 0, 0 }, { 500, 500, 500 }, { 1, 1, 2 },
		  { 100, 100, 200 } },
		/* What one cannot use is the others'. */
		{ 300, { 0, 0, 0 }, { 20, 500, 500 }, { 1, 1, 1 },
		  { 20, 140, 140 } },
		/* The least is taken first. */
		{ 300, { 200, 0, 0 }, { 500, 500, 500 }, { 1, 1, 1 },
		  { 200, 50, 50 } },
		/* Too little, too much */
		{ 10, { 200, 10, 0 }, { 500, 500, 500 }, { 1, 1, 1 },
		  { 200, 10, 0 } },
		{ 9999, { 0, 0, 0 }, { 5, 6, 7 }, { 1, 1, 1 }, { 5, 6, 7 } },
		{ 0, { 0, 0, 0 }, { 5, 6, 7 }, { 1, 1, 1 }, { 0, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct share s[3];

		case_is("case %zu", i);
		for (uint32_t k = 0; k < 3; k++)
			s[k] = (struct share){
				.key = k, .lo = cases[i].lo[k],
				.hi = cases[i].hi[k],
				.weight = cases[i].weight[k],
			};
		share_out(s, 3, cases[i].total);
		for (uint32_t k = 0; k < 3; k++)
			case_int_equal(s[k].got, cases[i].got[k]);
	}
	share_out(NULL, 0, 100);
}

static uint32_t pick(uint32_t below)
{
	return (uint32_t)random() % below;
}

/* All is given that can be, nobody gets less than another of the same weight
 * that could give way. */
static void check(const struct share *s, const uint64_t *weights, uint32_t nr,
		  uint64_t total)
{
	uint64_t lo = 0, hi = 0, got = 0;

	for (uint32_t i = 0; i < nr; i++) {
		lo += s[i].lo;
		hi += s[i].hi;
		got += s[i].got;
		assert_in_range(s[i].got, s[i].lo, s[i].hi);
	}
	case_int_equal(got, MAX(MIN(total, hi), lo));
	for (uint32_t i = 0; i < nr; i++) {
		for (uint32_t k = 0; k < nr; k++) {
			if (s[i].got == s[i].hi || s[k].got == s[k].lo)
				continue;
			if ((s[i].got + 2) * weights[k] + weights[i] * 2 <
			    s[k].got * weights[i])
				fail_msg("%s: %u of weight %u beside %u of %u",
					 case_name, s[i].got,
					 (uint32_t)weights[i], s[k].got,
					 (uint32_t)weights[k]);
		}
	}
}

static void test_random_divisions_are_fair(void **state)
{
	struct share s[8];
	uint64_t weights[8];

	(void)state;
	srandom(3);
	for (unsigned int n = 0; n < 20000; n++) {
		uint32_t nr = 1 + pick(8);
		uint64_t total = pick(20000);

		case_is("division %u", n);
		for (uint32_t i = 0; i < nr; i++) {
			uint32_t lo = pick(2) * pick(1000);

			weights[i] = 1 + pick(1000);
			s[i] = (struct share){
				.key = 10 * i + pick(10), .lo = lo,
				.hi = lo + pick(5000), .weight = weights[i],
			};
		}
		share_out(s, nr, total);
		check(s, weights, nr, total);
	}
}

/* Processor time: other tests run beside it. */
static double cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* Everyone in distress, too little for all: each phase has work. The limit of
 * design.md is for the program as it is built; sanitizers take their time. */
static void test_ten_thousand_guests_are_balanced_in_no_time(void **state)
{
	struct policy_guest *g = calloc(MANY, sizeof(*g));
	struct share *slots = calloc(MANY, sizeof(*slots));
	struct policy_host h = { .free = 1000, .burst = 5000, .slots = slots };
	double ms;

	(void)state;
	assert_non_null(g);
	assert_non_null(slots);
	for (uint32_t i = 0; i < MANY; i++) {
		g[i] = (struct policy_guest){
			.key = i + 1, .can = POLICY_CAN_BOTH, .settled = true,
			.set = { true, 64, 4096, 1 + pick(1000), 0 },
			.boot = 64, .grain = 2, .held = 64 + pick(2000),
			.level = i % 3 ? DEMAND_DISTRESS : DEMAND_CALM,
			.calm_ms = i % 3 ? 0 : POLICY_NEVER,
		};
		g[i].target = g[i].held;
		g[i].used = i % 3 ? g[i].held : g[i].held / 4;
	}
	ms = -cpu_ms();
	policy_run(&h, g, MANY);
	ms += cpu_ms();
	print_message("10,000 guests: %.1f ms, %u changes\n", ms, h.changes);
	assert_true(h.changes > 1000);
	assert_true(ms < 200);
	free(g);
	free(slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_weight_between_least_and_most),
		cmocka_unit_test(test_random_divisions_are_fair),
		cmocka_unit_test(test_ten_thousand_guests_are_balanced_in_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
