/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * start.c - How suites begin, and how they end
 */

#include "start.h"

#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#include "world.h"
#include "zones.h"

/* Source: Documentation/admin-guide/tainted-kernels.rst */
#define TAINT_BAD_PAGE	(1 << 5)
#define TAINT_DIE	(1 << 7)
#define TAINT_WARN	(1 << 9)
#define TAINT_LOCKUP	(1 << 14)

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

/* To the console, where not all of it may have gone */
static void print_log(void)
{
	static char text[4 << 20];
	int len = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, text, sizeof(text));
	FILE *f = fopen("/dev/console", "we");

	if (f) {
		fwrite(text, 1, len > 0 ? len : 0, f);
		fclose(f);
	}
}

/* Having found a problem, lockdep stops looking for others. */
static int check_kernel(void)
{
	const long bad = TAINT_BAD_PAGE | TAINT_DIE | TAINT_WARN | TAINT_LOCKUP;
	long tainted = read_value("/proc/sys/kernel/tainted", "");
	const char *lockdep = "/proc/lockdep_stats";

	CHECK(tainted >= 0 && !(tainted & bad), "tainted: %#lx", tainted);
	CHECK(access(lockdep, F_OK) ||
	      read_value(lockdep, " debug_locks:") == 1, "lockdep is off");
	return 0;
}

int test_kernel_is_sound(void)
{
	int ret = check_kernel();

	if (ret)
		print_log();
	return ret;
}
