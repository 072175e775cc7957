/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * start.c - How suites begin
 */

#include "start.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "world.h"
#include "zones.h"

static int load_driver(const char *parameters)
{
	int ret = load_module("/memtide.ko", parameters);

	CHECK(!ret, "memtide.ko: %s", strerror(-ret));
	world.base_kb = mem_total_kb();
	TRY(zones_note());
	ret = open_device();
	CHECK(!ret, "open: %s", strerror(-ret));
	CHECK(!call(MEMTIDE_IOC_INFO, &world.info), "INFO");
	world.per_block = world.info.block_granules;
	CHECK(world.info.window_granules >= NR_BLOCKS * world.per_block,
	      "window of %u granules", world.info.window_granules);
	return zones_check();
}

int test_driver_loaded_tight(void)
{
	return load_driver("window_mib=1536");
}

int test_driver_loaded(void)
{
	return load_driver("window_mib=4096");
}

int test_driver_loaded_wide(void)
{
	return load_driver("window_mib=24576");
}
