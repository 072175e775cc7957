/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_demand.c - From reports to levels and rates
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cases.h"
#include "demand.h"

#define S		INT64_C(1000000)
#define MIB		UINT64_C(1024)

static struct msg_report calm_report(uint64_t time_us)
{
	return (struct msg_report){
		.mem_total_kib = 1000 * MIB, .mem_free_kib = 100 * MIB,
		.mem_available_kib = 500 * MIB, .swap_total_kib = 1000 * MIB,
		.swap_free_kib = 1000 * MIB, .time_us = time_us,
		.has_pressure = true,
	};
}

struct step {
	uint64_t span_us, stall_us, refault_pages, swap_in_pages;
	bool no_pressure, stalled;
	uint64_t available_mib;
	enum demand_level level;
};

static void test_levels(void **state)
{
	static const struct step steps[] = {
		{ 200000, 0, 0, 0, false, false, 500, DEMAND_CALM },
		/* 0.5 and 5 % of the time */
		{ 200000, 900, 0, 0, false, false, 500, DEMAND_CALM },
		{ 200000, 1000, 0, 0, false, false, 500, DEMAND_PRESSED },
		{ 200000, 9800, 0, 0, false, false, 500, DEMAND_PRESSED },
		{ 200000, 10000, 0, 0, false, false, 500, DEMAND_DISTRESS },
		/* More than there was: it lies, and that is all there is. */
		{ 200000, 1 << 30, 0, 0, false, false, 500, DEMAND_DISTRESS },
		/* The trigger: over a minute the share is not to be seen. */
		{ 60000000, 20000, 0, 0, false, true, 500, DEMAND_DISTRESS },
		{ 1000000, 20000, 0, 0, false, true, 500, DEMAND_PRESSED },
		/* 1 MiB/s read again, 256 KiB/s from swap */
		{ 1000000, 0, 256, 0, false, false, 500, DEMAND_PRESSED },
		{ 1000000, 0, 255, 0, false, false, 500, DEMAND_CALM },
		{ 1000000, 0, 0, 64, false, false, 500, DEMAND_PRESSED },
		/* With PSI that is all that refaults say. */
		{ 1000000, 0, 100000, 0, false, false, 500, DEMAND_PRESSED },
		{ 1000000, 0, 4096, 0, true, false, 500, DEMAND_DISTRESS },
		{ 1000000, 0, 0, 1024, true, false, 500, DEMAND_DISTRESS },
		{ 1000000, 0, 0, 0, false, false, 10, DEMAND_CALM },
		{ 1000000, 0, 0, 0, true, false, 10, DEMAND_DISTRESS },
		{ 1000000, 0, 0, 0, true, false, 50, DEMAND_PRESSED },
		{ 1000000, 0, 0, 0, true, false, 63, DEMAND_CALM },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const struct step *s = &steps[i];
		struct msg_report r = calm_report(1);
		struct demand d = { 0 };

		case_is("step %zu", i);
		r.has_pressure = !s->no_pressure;
		demand_report(&d, &r, 1024 * MIB, true, S);
		case_int_equal(demand_level(&d, S), DEMAND_CALM);
		r.time_us += s->span_us;
		r.stall_some_us = s->stall_us;
		r.refault_pages = s->refault_pages;
		r.swap_in_pages = s->swap_in_pages;
		r.stalled = s->stalled;
		r.mem_available_kib = s->available_mib * MIB;
		demand_report(&d, &r, 1024 * MIB, true, 2 * S);
		case_int_equal(demand_level(&d, 2 * S), s->level);
	}
}

static void test_a_level_does_not_last(void **state)
{
	struct msg_report r = calm_report(1);
	struct demand d = { 0 };

	(void)state;
	assert_int_equal(demand_level(&d, S), DEMAND_UNKNOWN);
	demand_report(&d, &r, 1024 * MIB, true, S);
	assert_int_equal(demand_calm_ms(&d, 5 * S), DEMAND_NEVER);
	r.time_us += 200000;
	r.stall_some_us += 100000;
	demand_report(&d, &r, 1024 * MIB, true, 10 * S);
	assert_int_equal(d.stall_permille, 500);
	assert_int_equal(demand_level(&d, 11 * S), DEMAND_DISTRESS);
	assert_int_equal(demand_level(&d, 12 * S), DEMAND_PRESSED);
	assert_int_equal(demand_calm_ms(&d, 12 * S), 0);
	assert_int_equal(demand_level(&d, 20 * S), DEMAND_CALM);
	assert_int_equal(demand_calm_ms(&d, 20 * S), 10000);
}

static void test_counts_that_go_back_begin_anew(void **state)
{
	struct msg_report r = calm_report(5000000);
	struct demand d = { 0 };

	(void)state;
	r.stall_some_us = r.refault_pages = r.swap_in_pages = 1 << 20;
	demand_report(&d, &r, 1024 * MIB, true, S);
	r.time_us += 1000000;
	r.stall_some_us = 0;
	r.refault_pages *= 2;
	demand_report(&d, &r, 1024 * MIB, true, 2 * S);
	assert_int_equal(demand_level(&d, 2 * S), DEMAND_CALM);
	assert_int_equal(d.refault_kib_s, 0);
	/* So does its clock. */
	r.time_us = 1;
	r.stall_some_us = 1 << 20;
	demand_report(&d, &r, 1024 * MIB, true, 3 * S);
	assert_int_equal(demand_level(&d, 3 * S), DEMAND_CALM);
	assert_int_equal(d.stall_permille, 0);
}

static void test_an_old_agent_is_judged_by_sizes_alone(void **state)
{
	struct msg_report r = calm_report(0);
	struct demand d = { 0 };

	(void)state;
	r.has_pressure = false;
	for (int i = 1; i < 5; i++) {
		r.mem_available_kib = (i % 2 ? 500 : 20) * MIB;
		demand_report(&d, &r, 1024 * MIB, true, i * S);
		assert_int_equal(demand_level(&d, i * S),
				 i % 2 ? DEMAND_CALM : DEMAND_DISTRESS);
		assert_int_equal(d.growth_kib_s, 0);
	}
}

static void test_growth_is_what_is_used_more_also_in_swap(void **state)
{
	struct msg_report r = calm_report(1);
	struct demand d = { 0 };

	(void)state;
	demand_report(&d, &r, 1024 * MIB, true, S);
	r.time_us += 500000;
	r.mem_available_kib -= 100 * MIB;
	r.swap_free_kib -= 50 * MIB;
	demand_report(&d, &r, 1024 * MIB, true, S + S / 2);
	assert_int_equal(d.growth_kib_s, 300 * MIB);
	/* A larger total is no growth; what was fades in two seconds. */
	r.time_us += 500000;
	r.mem_total_kib += 500 * MIB;
	r.mem_available_kib += 500 * MIB;
	demand_report(&d, &r, 1536 * MIB, false, 2 * S);
	assert_int_equal(d.growth_kib_s, 225 * MIB);
	r.time_us += 2000000;
	demand_report(&d, &r, 1536 * MIB, true, 4 * S);
	assert_int_equal(d.growth_kib_s, 0);
}

static void test_what_it_uses_is_of_what_it_holds(void **state)
{
	struct msg_report r = calm_report(1);
	struct demand d = { 0 };

	(void)state;
	assert_int_equal(demand_used_kib(&d, 1024 * MIB), 0);
	demand_report(&d, &r, 1024 * MIB, true, S);
	/* 24 MiB its kernel never showed */
	assert_int_equal(demand_used_kib(&d, 1024 * MIB), 524 * MIB);
	/* More is held, and not seen yet: nothing else is used. */
	assert_int_equal(demand_used_kib(&d, 1536 * MIB), 524 * MIB);
	/* While it moves, what is hidden is as before. */
	r.time_us += S;
	r.mem_total_kib += 100 * MIB;
	r.mem_available_kib += 100 * MIB;
	demand_report(&d, &r, 1536 * MIB, false, 2 * S);
	assert_int_equal(demand_used_kib(&d, 1536 * MIB), 524 * MIB);
	/* Whatever it says, not more than it holds. */
	r.time_us += S;
	r.mem_total_kib = UINT64_C(1) << 54;
	r.mem_available_kib = 0;
	demand_report(&d, &r, 1536 * MIB, true, 3 * S);
	assert_int_equal(demand_used_kib(&d, 1536 * MIB), 1536 * MIB);
}

static void test_the_wildest_numbers_overflow_nothing(void **state)
{
	const uint64_t big = UINT64_C(1) << 56;
	struct demand d = { 0 };
	struct msg_report r = calm_report(1);

	(void)state;
	demand_report(&d, &r, 1, true, S);
	r = (struct msg_report){
		.mem_total_kib = UINT64_C(1) << 54, .time_us = 10002,
		.swap_total_kib = UINT64_C(1) << 54,
		.stall_some_us = big, .stall_full_us = big,
		.refault_pages = big, .swap_in_pages = big,
		.has_pressure = true,
	};
	demand_report(&d, &r, 1, true, 2 * S);
	assert_int_equal(d.stall_permille, 1000);
	assert_int_equal(d.refault_kib_s, 64 << 20);
	assert_int_equal(d.growth_kib_s, 64 << 20);
	assert_int_equal(demand_used_kib(&d, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_a_level_does_not_last),
		cmocka_unit_test(test_counts_that_go_back_begin_anew),
		cmocka_unit_test(test_an_old_agent_is_judged_by_sizes_alone),
		cmocka_unit_test(test_growth_is_what_is_used_more_also_in_swap),
		cmocka_unit_test(test_what_it_uses_is_of_what_it_holds),
		cmocka_unit_test(test_the_wildest_numbers_overflow_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
