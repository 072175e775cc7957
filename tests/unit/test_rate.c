/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_rate.c - How often something may happen
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rate.h"

static const struct rate_limit limit = { 3, 100 };

static void a_burst_is_free_and_then_one_a_period(void **state)
{
	int64_t now_us = 1000000;
	struct rate r = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rate_wait_us(&r, &limit, now_us), 0);
		rate_count(&r, &limit, now_us);
	}
	assert_int_equal(rate_wait_us(&r, &limit, now_us), 100);
	assert_int_equal(rate_wait_us(&r, &limit, now_us + 99), 1);
	now_us += 100;
	assert_int_equal(rate_wait_us(&r, &limit, now_us), 0);
	rate_count(&r, &limit, now_us);
	assert_int_equal(rate_wait_us(&r, &limit, now_us), 100);
}

static void a_rest_fills_the_bucket_and_no_more(void **state)
{
	struct rate r = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		rate_count(&r, &limit, 5000);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rate_wait_us(&r, &limit, 1000000), 0);
		rate_count(&r, &limit, 1000000);
	}
	assert_int_equal(rate_wait_us(&r, &limit, 1000000), 100);
}

static void what_came_beyond_the_limit_is_waited_for(void **state)
{
	struct rate r = { 0 };

	(void)state;
	for (int i = 0; i < 13; i++)
		rate_count(&r, &limit, 1000);
	assert_int_equal(rate_wait_us(&r, &limit, 1000), 1100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_free_and_then_one_a_period),
		cmocka_unit_test(a_rest_fills_the_bucket_and_no_more),
		cmocka_unit_test(what_came_beyond_the_limit_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
