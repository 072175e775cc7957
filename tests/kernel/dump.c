/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * dump.c - A guest to be dumped from outside, with some of its memory offline
 */

#include "dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "world.h"

/* All there are, as the kernel itself sees them */
static long count_offline(void)
{
	static uint64_t flags[64 * 512];
	long nr = 0;

	for (uint32_t b = 0; b < NR_BLOCKS; b++) {
		ssize_t got = read_page_flags(granule_pfn(b * 64), flags,
					      64 * 512);

		for (ssize_t i = 0; i < got; i++)
			nr += flags[i] >> KPF_OFFLINE & 1;
	}
	return nr;
}

/* Granules of blocks that are there, never used: memory nobody has touched */
static void print_untouched(void)
{
	for (uint32_t g = 0; g < 4 * 64; g++)
		if (!world.touched[g])
			printf("untouched %u\n", g);
}

/* Granules that were in use, and are not: nothing is to be read in them */
static void print_pulled(void)
{
	for (uint32_t g = 0; g < 4 * 64; g++)
		if (world.touched[g] && !world.used[g])
			printf("pulled %u\n", g);
}

/* Never online, in use, taken back; and waits until the machine is stopped. */
int test_dump(void)
{
	CHECK(!online(0, 20, MEMTIDE_ZONE_MOVABLE), "online");
	CHECK(!online(64, 40, MEMTIDE_ZONE_MOVABLE), "online");
	CHECK(!online(128, 1, MEMTIDE_ZONE_MOVABLE), "online");
	CHECK(!online(192, 64, MEMTIDE_ZONE_MOVABLE), "online");
	TRY(pull_patiently(70, 13));
	TRY(pull_patiently(193, 63));
	TRY(check_world());
	print_untouched();
	print_pulled();
	printf("offline %ld\n", count_offline());
	fflush(stdout);
	for (;;)
		pause();
}
