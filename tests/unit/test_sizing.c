/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_sizing.c - Floors and zones
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "floor.h"
#include "sizing.h"

#define MIB(n)	((uint64_t)(n) * 256)

/* Source: the table in compute_balloon_floor(), drivers/hv/hv_balloon.c. */
static const struct { uint64_t total_mib, floor_mib; } floors[] = {
	{ 0, 8 }, { 16, 16 }, { 32, 24 }, { 128, 72 }, { 512, 168 },
	{ 2048, 360 }, { 8192, 744 }, { 32768, 1512 },
};

static void the_floor_is_that_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(floors); i++)
		assert_int_equal(floor_pages(MIB(floors[i].total_mib)),
				 MIB(floors[i].floor_mib));
}

static void the_floor_never_falls_as_the_guest_grows(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (uint64_t pages = 0; pages < MIB(20000); pages += 97) {
		assert_true(floor_pages(pages) >= last);
		last = floor_pages(pages);
	}
}

static const struct {
	uint64_t kernel_mib, movable_mib, block_mib;
	enum block_zone zone;
} zones[] = {
	{ 256, 0, 128, BLOCK_MOVABLE },
	{ 256, 1152, 128, BLOCK_MOVABLE },
	{ 256, 1153, 128, BLOCK_KERNEL },
	{ 384, 1792, 128, BLOCK_MOVABLE },
	{ 25, 0, 128, BLOCK_KERNEL },
	{ 26, 0, 128, BLOCK_MOVABLE },
	{ 256, 0, 2048, BLOCK_KERNEL },
	{ 0, 0, 128, BLOCK_KERNEL },
};

static void a_block_is_movable_up_to_five_to_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++)
		assert_int_equal(zone_choose(MIB(zones[i].kernel_mib),
					     MIB(zones[i].movable_mib),
					     MIB(zones[i].block_mib)),
				 zones[i].zone);
}

static void a_guest_that_grows_far_keeps_the_ratio(void **state)
{
	uint64_t kernel = MIB(256), movable = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		if (zone_choose(kernel, movable, MIB(128)) == BLOCK_MOVABLE)
			movable += MIB(128);
		else
			kernel += MIB(128);
		assert_true(movable <= 5 * kernel);
		assert_true(movable + MIB(5 * 128) >= 5 * kernel ||
			    kernel == MIB(256));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_floor_is_that_of_the_table),
		cmocka_unit_test(the_floor_never_falls_as_the_guest_grows),
		cmocka_unit_test(a_block_is_movable_up_to_five_to_one),
		cmocka_unit_test(a_guest_that_grows_far_keeps_the_ratio),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
