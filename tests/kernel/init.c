/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * init.c - Tests of memtide.ko, run as the only process of a guest
 *
 * RAM really exists where the window lies (see run), so before the driver is
 * loaded a pattern is written to it through /dev/mem, and when the driver is
 * gone it must still be there in all granules that were never in use.
 */

#include "cancel.h"
#include "dump.h"
#include "kexec.h"
#include "nodes.h"
#include "oom.h"
#include "poison.h"
#include "selftest.h"
#include "start.h"
#include "storm.h"
#include "stress.h"
#include "suite.h"
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_BLOCK	2	/* holds the pattern */

/* The number in an attribute of the driver */
static long driver_value(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/class/misc/memtide/%s", name);
	return read_value(path, "");
}

/*
 * A window of this size starts where the RAM hidden by mem= does, at 4 GiB; the
 * default one does not fit below the emulated machine's PCI devices.
 */
#define WINDOW_MIB	"window_mib=4096"
#define WINDOW_GRANULES	2048
#define WINDOW_START	(4UL << 30)

static uint64_t *map_block(uint32_t block)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	size_t size = 128UL << 20;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       WINDOW_START + block * size);

	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* One word in each 512 bytes of the block that must not be touched. */
static int test_pattern_written(void)
{
	size_t nr = (128UL << 20) / 8;
	uint64_t *p = map_block(KEPT_BLOCK);

	CHECK(p, "/dev/mem: %s", strerror(errno));
	for (size_t i = 0; i < nr; i += 64)
		p[i] = pattern(i);
	munmap(p, nr * 8);
	return 0;
}

static int test_loads(void)
{
	int ret;

	world.base_kb = mem_total_kb();
	ret = load_module("/memtide.ko", WINDOW_MIB);
	CHECK(!ret, "memtide.ko: %s", strerror(-ret));
	CHECK(mem_total_kb() == world.base_kb, "loading took memory");
	return 0;
}

static int test_one_opener_at_a_time(void)
{
	struct stat st;
	int fd;

	CHECK(!stat("/dev/memtide", &st) && (st.st_mode & 0777) == 0600,
	      "mode %o", st.st_mode);
	CHECK(!open_device(), "open: %s", strerror(errno));
	fd = open("/dev/memtide", O_RDWR | O_CLOEXEC);
	CHECK(fd < 0 && errno == EBUSY, "second open: %d", fd);
	close_device();
	CHECK(!open_device(), "third open: %s", strerror(errno));
	return 0;
}

static int test_info_is_sound(void)
{
	struct memtide_info *info = &world.info;

	CHECK(!call(MEMTIDE_IOC_INFO, info), "INFO: %s", strerror(errno));
	world.per_block = info->block_granules;
	CHECK(info->api_version == MEMTIDE_API_VERSION &&
	      info->granule_pages == 512 && !info->pad, "version or granule");
	CHECK(info->block_granules == 64 && info->memmap_granules == 1,
	      "blocks of %u granules, %u for memmap", info->block_granules,
	      info->memmap_granules);
	CHECK(info->window_gfn * PAGE == WINDOW_START, "window at %" PRIx64,
	      (uint64_t)info->window_gfn * PAGE);
	CHECK(info->window_granules == WINDOW_GRANULES, "window of %u granules",
	      info->window_granules);
	return 0;
}

static int test_window_is_in_iomem(void)
{
	uint64_t start, end, ram_end = 0, at = 0;
	char line[128], name[64];
	FILE *f = fopen("/proc/iomem", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %" SCNx64 "-%" SCNx64 " : %63[^\n]", &start,
			   &end, name) != 3)
			continue;
		if (!strcmp(name, "System RAM"))
			ram_end = end;
		if (!strcmp(name, "memtide") &&
		    end - start + 1 == world.info.window_granules * GRANULE)
			at = start;
	}
	if (f)
		fclose(f);
	CHECK(at == WINDOW_START && at > ram_end, "window at %" PRIx64, at);
	CHECK(!map_block(0), "/dev/mem maps the window");
	return check_world();
}

struct bad_call {
	unsigned long cmd;
	uint32_t arg[6];	/* the structure, word by word */
	int error;
};

static int test_bad_input_is_refused(void)
{
	const uint32_t win = world.info.window_granules;
	const struct bad_call calls[] = {
		/* pointer (2 words), nr, budget, flags, pad */
		{ MEMTIDE_IOC_ONLINE, { 0, 0, 0 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 0, 0, 65 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 0, 0, -1 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 0, 0, 1, 0, 1 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 0, 0, 1, 0, 1U << 31 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 0, 0, 1, 0, 0, 1 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 0, 0, 1 }, -EFAULT },
		{ MEMTIDE_IOC_PULL, { 0, 0, 0 }, -EINVAL },
		{ MEMTIDE_IOC_PULL, { 0, 0, 65 }, -EINVAL },
		{ MEMTIDE_IOC_PULL, { 0, 0, 1, 0, 2 }, -EINVAL },
		{ MEMTIDE_IOC_PULL, { 0, 0, 1, 0, 0, 1 }, -EINVAL },
		{ MEMTIDE_IOC_PULL, { 0, 0, 64 }, -EFAULT },
		/* index, zone, online, flags */
		{ MEMTIDE_IOC_BLOCK, { win / 64 }, -EINVAL },
		{ MEMTIDE_IOC_BLOCK, { 0, 0, 0, 1 }, -EINVAL },
		{ MEMTIDE_IOC_REMOVE, { win / 64 }, -EINVAL },
		{ MEMTIDE_IOC_REMOVE, { 0, 0, 0, 1 }, -EINVAL },
		/* first, nr, pointer (2 words) */
		{ MEMTIDE_IOC_STATE, { 1, 64 }, -EINVAL },
		{ MEMTIDE_IOC_STATE, { 0, 63 }, -EINVAL },
		{ MEMTIDE_IOC_STATE, { 0, 0 }, -EINVAL },
		{ MEMTIDE_IOC_STATE, { win, 64 }, -EINVAL },
		{ MEMTIDE_IOC_STATE, { 64, -64 }, -EINVAL },
		{ MEMTIDE_IOC_STATE, { 0, 64, 0, 0 }, -EFAULT },
		{ _IO('m', 0xb0), { 0 }, -ENOTTY },
		{ _IOWR('m', 0xb1, uint64_t[9]), { 0 }, -ENOTTY },
		{ _IOWR('m', 0xb6, uint32_t), { 0 }, -ENOTTY },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct bad_call c = calls[i];
		int ret = call(c.cmd, c.arg);

		CHECK(ret == c.error, "call %zu: %d, expected %d", i, ret,
		      c.error);
	}
	CHECK(ioctl(world.fd, MEMTIDE_IOC_INFO, NULL) && errno == EFAULT,
	      "INFO to nowhere");
	return check_world();
}

/* One bad range, and nothing of the batch is done. */
static int test_bad_ranges_are_refused(void)
{
	const uint32_t win = world.info.window_granules;
	const struct {
		unsigned long cmd;
		struct memtide_range r;
	} bad[] = {
		{ MEMTIDE_IOC_ONLINE, { .first = 0, .nr = 0, .zone = 1 } },
		{ MEMTIDE_IOC_ONLINE, { .first = 0, .nr = 65, .zone = 1 } },
		{ MEMTIDE_IOC_ONLINE, { .first = 60, .nr = 8, .zone = 1 } },
		{ MEMTIDE_IOC_ONLINE, { .first = win, .nr = 1, .zone = 1 } },
		{ MEMTIDE_IOC_ONLINE, { .first = -1, .nr = 1, .zone = 1 } },
		{ MEMTIDE_IOC_ONLINE, { .first = -1, .nr = 2, .zone = 1 } },
		{ MEMTIDE_IOC_ONLINE, { .first = 0, .nr = -1, .zone = 1 } },
		{ MEMTIDE_IOC_ONLINE, { .first = 0, .nr = 2, .zone = 0 } },
		{ MEMTIDE_IOC_ONLINE, { .first = 0, .nr = 2, .zone = 3 } },
		{ MEMTIDE_IOC_ONLINE, { .nr = 2, .zone = 1, .pad = 1 } },
		{ MEMTIDE_IOC_ONLINE, { .nr = 2, .zone = 1,
					.floor_pages = 1ULL << 32 } },
		{ MEMTIDE_IOC_PULL, { .first = 1, .nr = 0 } },
		{ MEMTIDE_IOC_PULL, { .first = 0, .nr = 1 } },
		{ MEMTIDE_IOC_PULL, { .first = 64, .nr = 2 } },
		{ MEMTIDE_IOC_PULL, { .first = 1, .nr = 64 } },
		{ MEMTIDE_IOC_PULL, { .first = win + 1, .nr = 1 } },
		{ MEMTIDE_IOC_PULL, { .first = 1, .nr = -1 } },
		{ MEMTIDE_IOC_PULL, { .first = 1, .nr = 1, .zone = 1 } },
		{ MEMTIDE_IOC_PULL, { .first = 1, .nr = 1, .pad = 1 } },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct memtide_range ranges[2] = {
			{ .first = 0, .nr = 2, .zone = MEMTIDE_ZONE_MOVABLE },
			bad[i].r,
		};
		int ret;

		if (bad[i].cmd == MEMTIDE_IOC_PULL)
			ranges[0] = (struct memtide_range){ .first = 1, .nr = 1 };
		ret = batch(bad[i].cmd, ranges, 2, 0);
		CHECK(ret == -EINVAL, "range %zu: %d", i, ret);
		TRY(check_world());
	}
	CHECK(online(1, 2, MEMTIDE_ZONE_MOVABLE) == -ENXIO,
	      "absent block, no memmap");
	CHECK(online(win - 1, 1, MEMTIDE_ZONE_MOVABLE) == -ENXIO,
	      "last granule");
	return check_world();
}

static int test_what_is_so_counts_as_done(void)
{
	CHECK(!pull(1, 63, 0), "pull from an absent block");
	CHECK(!pull(1, 63, UINT64_MAX), "pull of nothing below the floor");
	CHECK(!remove_block(0), "removal of an absent block");
	return check_world();
}

static int test_add_takes_no_memory(void)
{
	long free_kb = read_value("/proc/meminfo", "MemFree:"), lost_kb;

	for (uint32_t b = 0; b < NR_BLOCKS; b++)
		CHECK(!online(b * 64, 1, MEMTIDE_ZONE_MOVABLE), "block %u", b);
	lost_kb = free_kb - read_value("/proc/meminfo", "MemFree:");
	/* Page tables, sysfs nodes and noise: far less than the memmaps. */
	CHECK(lost_kb < NR_BLOCKS * GRANULE_KB / 4, "took %ld kB", lost_kb);
	TRY(check_world());
	return remove_all();
}

static int test_online_and_pull_are_exact(void)
{
	CHECK(!online(0, 1, MEMTIDE_ZONE_MOVABLE), "online memmap");
	TRY(check_world());
	CHECK(!online(1, 1, MEMTIDE_ZONE_MOVABLE), "online 1");
	TRY(check_world());
	CHECK(!online(10, 8, MEMTIDE_ZONE_MOVABLE), "online 8");
	TRY(check_world());
	CHECK(!online(0, 64, MEMTIDE_ZONE_MOVABLE), "online all");
	TRY(check_world());
	CHECK(!online(0, 64, MEMTIDE_ZONE_MOVABLE), "online again");
	TRY(check_world());
	CHECK(!pull(20, 4, 0), "pull 4");
	TRY(check_world());
	CHECK(!pull(18, 10, 0), "pull around a hole");
	TRY(check_world());
	CHECK(!pull(1, 63, 0), "pull all");
	TRY(check_world());
	CHECK(!online(63, 1, MEMTIDE_ZONE_MOVABLE), "online last");
	return check_world();
}

/* One range that cannot be, between two that can */
static int test_batch_has_results_of_its_own(void)
{
	struct memtide_range up[] = {
		{ .first = 0, .nr = 9, .zone = MEMTIDE_ZONE_MOVABLE },
		{ .first = 70, .nr = 2, .zone = MEMTIDE_ZONE_MOVABLE },
		{ .first = 128, .nr = 64, .zone = MEMTIDE_ZONE_MOVABLE },
		{ .first = 16, .nr = 4, .zone = MEMTIDE_ZONE_MOVABLE },
	};
	struct memtide_range down[] = {
		{ .first = 1, .nr = 8 },
		{ .first = 129, .nr = 1, .floor_pages = UINT64_MAX },
		{ .first = 16, .nr = 4 },
	};

	CHECK(!batch(MEMTIDE_IOC_ONLINE, up, 4, 0), "online");
	for (int i = 0; i < 4; i++)
		note_used(up[i].first, up[i].done, true);
	CHECK(!up[0].error && up[1].error == -ENXIO && !up[2].error &&
	      !up[3].error, "errors %d %d %d %d", up[0].error, up[1].error,
	      up[2].error, up[3].error);
	CHECK(up[0].done == 9 && !up[1].done && up[2].done == 64 &&
	      up[3].done == 4, "done %u %u %u %u", up[0].done, up[1].done,
	      up[2].done, up[3].done);
	TRY(check_world());

	/* What follows the floor is not begun. */
	CHECK(!batch(MEMTIDE_IOC_PULL, down, 3, 0), "pull");
	note_used(1, 8, false);
	CHECK(!down[0].error && down[1].error == -ENOSPC &&
	      down[2].error == -EAGAIN, "errors %d %d %d", down[0].error,
	      down[1].error, down[2].error);
	CHECK(down[0].done == 8 && !down[1].done && !down[2].done,
	      "done %u %u %u", down[0].done, down[1].done, down[2].done);
	TRY(check_world());
	return remove_all();
}

/* A batch of as many as there may be; time for a part of them only */
static int test_batch_ends_when_time_is_up(void)
{
	struct memtide_range ranges[MEMTIDE_RANGES_MAX] = { 0 };
	uint32_t n, begun = 0, calls = 0;

	for (uint32_t b = 0; b < 4; b++)
		CHECK(!online(b * 64, 64, MEMTIDE_ZONE_MOVABLE), "online");
	for (n = 0; n < MEMTIDE_RANGES_MAX; n++) {
		uint32_t memmap = n % 16 ? 0 : 1;

		ranges[n].first = n * 4 + memmap;
		ranges[n].nr = 4 - memmap;
	}
	while (begun < MEMTIDE_RANGES_MAX) {
		uint32_t left = MEMTIDE_RANGES_MAX - begun;

		CHECK(!batch(MEMTIDE_IOC_PULL, ranges + begun, left, 1), "pull");
		calls++;
		for (n = begun; n < MEMTIDE_RANGES_MAX && !ranges[n].error; n++)
			note_used(ranges[n].first, ranges[n].nr, false);
		CHECK(n > begun || ranges[n].error == -EBUSY, "first: %d",
		      ranges[n].error);
		for (begun = n; n < MEMTIDE_RANGES_MAX; n++)
			CHECK(ranges[n].error == -EAGAIN ||
			      ranges[n].error == -EBUSY, "range %u: %d", n,
			      ranges[n].error);
		TRY(check_world());
	}
	CHECK(calls > 1, "all in time");
	return remove_all();
}

static int test_sysfs_shows_what_is(void)
{
	CHECK(driver_value("window_size") ==
	      WINDOW_GRANULES * (long)GRANULE, "window_size");
	CHECK(driver_value("block_size") == 64 * (long)GRANULE &&
	      driver_value("granule_size") == (long)GRANULE &&
	      driver_value("memmap_size") == (long)GRANULE, "sizes");
	CHECK(!driver_value("blocks_present"), "a block");
	CHECK(!online(0, 5, MEMTIDE_ZONE_MOVABLE) &&
	      !online(64, 1, MEMTIDE_ZONE_MOVABLE), "online");
	CHECK(driver_value("blocks_present") == 2 &&
	      driver_value("blocks_offline") == 0, "blocks");
	CHECK(driver_value("granules_movable") == 4 &&
	      driver_value("granules_kernel") == 0 &&
	      driver_value("granules_offline") == 0, "granules");
	CHECK(driver_value("broken") == 0, "broken");
	TRY(remove_all());
	CHECK(!driver_value("blocks_present") &&
	      !driver_value("granules_movable"), "counts when removed");
	return 0;
}

#define TRACING	"/sys/kernel/tracing/"

/* The line of the trace that has @event and @text, or false */
static bool traced(const char *event, const char *text)
{
	FILE *f = fopen(TRACING "trace", "re");
	char line[512];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, event) && strstr(line, text);
	if (f)
		fclose(f);
	return found;
}

static int test_tracepoints_tell(void)
{
	char text[64];
	uint32_t g;

	mount("tracefs", TRACING, "tracefs", 0, NULL);
	CHECK(!write_text(TRACING "events/memtide/enable", "1"),
	      "no tracepoints");
	CHECK(!online(0, 64, MEMTIDE_ZONE_MOVABLE), "online");
	g = pin_granule(100UL << 20, 1, 63);
	CHECK(g, "no page to pin");
	CHECK(pull(g, 1, 0) == -EBUSY, "pulled a pinned page");
	unpin_granule();
	TRY(remove_all());

	CHECK(traced("memtide_add:", "block=0 zone=2 result=0"), "add");
	CHECK(traced("memtide_notified:", "event=GOING_ONLINE block=0"),
	      "notified");
	CHECK(traced("memtide_online:", "granules=0+64 done=64 result=0"),
	      "online");
	snprintf(text, sizeof(text), "granules=%u+1 done=0 result=-16", g);
	CHECK(traced("memtide_pull_end:", text), "pull_end: %s", text);
	snprintf(text, sizeof(text), "granule=%u pfn=", g);
	CHECK(traced("memtide_pull_busy:", text), "pull_busy: %s", text);
	CHECK(traced("memtide_remove:", "block=0 zone=2 result=0"), "remove");
	return write_text(TRACING "events/memtide/enable", "0");
}

/* Does the kernel's log have it? */
static bool logged(const char *text)
{
	char record[4096];
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool found = false;
	ssize_t len;

	while ((len = read(fd, record, sizeof(record) - 1)) > 0 && !found) {
		record[len] = '\0';
		found = strstr(record, text);
	}
	close(fd);
	return found;
}

/*
 * There is nothing to hibernate to, so without blocks it fails further on, and
 * a block can be added after it.
 */
static int test_hibernation_is_refused_with_blocks(void)
{
	int ret;

	CHECK(!online(0, 2, MEMTIDE_ZONE_MOVABLE), "online");
	ret = write_text("/sys/power/state", "disk");
	CHECK(ret == -EBUSY, "hibernated with a block: %d", ret);
	CHECK(logged("cannot hibernate with 1 memory blocks"), "not logged");
	TRY(remove_all());
	ret = write_text("/sys/power/state", "disk");
	CHECK(ret && ret != -EBUSY, "hibernated: %d", ret);
	CHECK(!online(0, 2, MEMTIDE_ZONE_MOVABLE), "online after it");
	return remove_all();
}

static int test_block_with_memory_stays(void)
{
	CHECK(remove_block(0) == -ENOTEMPTY, "removed");
	TRY(check_world());
	CHECK(!pull(63, 1, 0) && !remove_block(0), "removal when empty");
	return check_world();
}

static int test_floor_is_kept(void)
{
	long available;

	CHECK(!online(0, 64, MEMTIDE_ZONE_MOVABLE), "online");
	available = read_value("/proc/meminfo", "MemAvailable:") / 4;
	CHECK(pull(1, 1, UINT64_MAX) == -ENOSPC, "no bound");
	CHECK(pull(1, 32, available - 8 * 512) == -ENOSPC, "32 of 8");
	TRY(check_world());
	CHECK(!pull(1, 4, available - 8 * 512), "4 of 8");
	TRY(check_world());
	return remove_all();
}

/* In pages; 0 if the zone is empty */
static long high_watermark(const char *zone)
{
	char line[128], name[32];
	bool found = false;
	long value = 0;
	FILE *f = fopen("/proc/zoneinfo", "re");

	while (f && !value && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %*d, zone %31s", name) == 1)
			found = !strcmp(name, zone);
		else if (found)
			sscanf(line, " high %ld", &value);
	}
	if (f)
		fclose(f);
	return value;
}

static int test_watermarks_follow(void)
{
	long low, high;

	CHECK(!online(0, 2, MEMTIDE_ZONE_MOVABLE), "online 2");
	low = high_watermark("Movable");
	for (uint32_t b = 0; b < 4; b++)
		CHECK(!online(b * 64, 64, MEMTIDE_ZONE_MOVABLE), "online");
	high = high_watermark("Movable");
	CHECK(high > 4 * low, "%ld with 2 MiB, %ld with 504", low, high);
	for (uint32_t b = 0; b < 4; b++)
		TRY(pull_patiently(b * 64 + 2, 62));
	high = high_watermark("Movable");
	CHECK(high <= 2 * low, "%ld again, was %ld", high, low);
	return remove_all();
}

/* Block KEPT_BLOCK, where a pattern lies in the granules never in use. */
static int test_sysfs_cycle_keeps_granules(void)
{
	const uint32_t first = KEPT_BLOCK * 64;
	struct memtide_block block;

	CHECK(!online(first, 3, MEMTIDE_ZONE_MOVABLE), "online 3");
	CHECK(!online(first + 10, 2, MEMTIDE_ZONE_MOVABLE), "online 2");
	TRY(check_world());

	CHECK(!set_state(KEPT_BLOCK, "offline"), "offline");
	CHECK(mem_total_kb() == world.base_kb, "MemTotal when offline");
	CHECK(online(first + 20, 1, MEMTIDE_ZONE_MOVABLE) == -EPERM,
	      "online in a block that is offline");
	CHECK(!online(first, 3, MEMTIDE_ZONE_MOVABLE), "what is so");
	CHECK(!pull(first + 1, 1, 0), "pull from a block that is offline");
	CHECK(remove_block(KEPT_BLOCK) == -ENOTEMPTY, "removed");
	CHECK(!block_info(KEPT_BLOCK, &block) &&
	      block.flags == MEMTIDE_BLOCK_OFFLINE, "flags %x", block.flags);
	CHECK(driver_value("blocks_offline") == 1 &&
	      driver_value("granules_offline") == 3 &&
	      driver_value("granules_movable") == 0, "sysfs when offline");

	CHECK(!set_state(KEPT_BLOCK, "online_movable"), "online_movable");
	TRY(check_world());
	CHECK(!set_state(KEPT_BLOCK, "offline"), "offline again");
	CHECK(!set_state(KEPT_BLOCK, "online_movable"), "online_movable again");
	TRY(check_world());
	CHECK(!block_info(KEPT_BLOCK, &block) &&
	      block.zone == MEMTIDE_ZONE_MOVABLE, "zone %u", block.zone);
	CHECK(!online(first + 1, 1, MEMTIDE_ZONE_MOVABLE), "online 1");
	TRY(check_world());
	CHECK(!set_state(KEPT_BLOCK, "offline"), "offline");
	CHECK(!pull(first + 1, 63, 0) && !remove_block(KEPT_BLOCK),
	      "removal of a block that is offline");
	return check_world();
}

static int test_bad_memory_reports_on_offline_pages(void)
{
	char addr[32];

	CHECK(!online(0, 2, MEMTIDE_ZONE_MOVABLE), "online");
	for (int i = 0; i < 3; i++) {
		snprintf(addr, sizeof(addr), "%#lx",
			 (granule_pfn(5) + i) * PAGE);
		CHECK(write_text("/sys/devices/system/memory/hard_offline_page",
				 addr), "report accepted");
	}
	CHECK(!set_state(0, "offline") && !set_state(0, "online_movable"),
	      "offline and online");
	CHECK(!online(5, 1, MEMTIDE_ZONE_MOVABLE), "online the granule");
	TRY(check_world());
	return remove_all();
}

static int test_unloading_waits_for_blocks(void)
{
	CHECK(!online(0, 1, MEMTIDE_ZONE_MOVABLE), "online");
	close_device();
	CHECK(unload_module("memtide") == -EWOULDBLOCK, "unloaded with a block");
	CHECK(!open_device(), "open");
	TRY(remove_all());
	CHECK(unload_module("memtide") == -EWOULDBLOCK, "unloaded while open");
	return 0;
}

static int test_unused_granules_untouched(void)
{
	size_t nr = (128UL << 20) / 8, bad = 0, kept = 0;
	uint64_t *p;
	int ret;

	close_device();
	ret = unload_module("memtide");
	CHECK(!ret, "unload: %s", strerror(-ret));
	p = map_block(KEPT_BLOCK);
	CHECK(p, "/dev/mem: %s", strerror(errno));
	for (size_t i = 0; i < nr; i += 64) {
		if (world.touched[KEPT_BLOCK * 64 + i * 8 / GRANULE])
			continue;
		kept++;
		bad += p[i] != pattern(i);
	}
	munmap(p, nr * 8);
	CHECK(!bad && kept, "%zu of %zu words changed", bad, kept);
	return 0;
}


static int test_loads_again(void)
{
	int ret = load_module("/memtide.ko", WINDOW_MIB);

	CHECK(!ret, "memtide.ko: %s", strerror(-ret));
	CHECK(!open_device(), "open: %s", strerror(errno));
	return check_world();
}

static int test_asked_zone_wins_over_default(void)
{
	struct memtide_block block;

	CHECK(!online(0, 3, MEMTIDE_ZONE_MOVABLE), "online");
	CHECK(!block_info(0, &block) && block.zone == MEMTIDE_ZONE_MOVABLE,
	      "zone %u", block.zone);
	TRY(check_world());
	return remove_all();
}

/*
 * The kernel may put what cannot be moved there at any moment, so here nothing
 * counts on getting memory back.
 */
static int test_kernel_zone(void)
{
	struct memtide_block block;
	int ret;

	CHECK(!online(0, 5, MEMTIDE_ZONE_KERNEL), "online kernel");
	CHECK(!online(64, 5, MEMTIDE_ZONE_MOVABLE), "online movable");
	CHECK(!block_info(0, &block) && block.zone == MEMTIDE_ZONE_KERNEL,
	      "block 0 in zone %u", block.zone);
	CHECK(!block_info(1, &block) && block.zone == MEMTIDE_ZONE_MOVABLE,
	      "block 1 in zone %u", block.zone);
	TRY(check_world());

	for (uint32_t g = 1; g < 5; g++) {
		ret = pull(g, 1, 0);
		CHECK(!ret || ret == -EBUSY, "pull: %s", strerror(-ret));
		TRY(check_world());
	}
	CHECK(!pull(65, 4, 0) && !remove_block(1), "removal of movable");
	return check_world();
}

/* What the administrator does to the zone is respected. */
static int test_zone_changed_by_sysfs(void)
{
	struct memtide_block block;

	CHECK(!online(64, 3, MEMTIDE_ZONE_MOVABLE), "online movable");
	CHECK(!set_state(1, "offline") && !set_state(1, "online_kernel"),
	      "online_kernel");
	CHECK(!block_info(1, &block) && block.zone == MEMTIDE_ZONE_KERNEL,
	      "zone %u", block.zone);
	TRY(check_world());
	CHECK(!online(67, 2, MEMTIDE_ZONE_MOVABLE), "online more");
	CHECK(!block_info(1, &block) && block.zone == MEMTIDE_ZONE_KERNEL,
	      "zone %u", block.zone);
	return check_world();
}

static int load_window(const char *parameters, uint32_t granules)
{
	int ret = load_module("/memtide.ko", parameters);

	CHECK(!ret, "%s: %s", parameters, strerror(-ret));
	CHECK(!open_device() && !call(MEMTIDE_IOC_INFO, &world.info), "INFO");
	close_device();
	CHECK(!unload_module("memtide"), "unload");
	CHECK(world.info.window_granules == granules, "window of %u granules",
	      world.info.window_granules);
	CHECK(world.info.window_gfn * PAGE >= WINDOW_START &&
	      world.info.window_gfn * PAGE % (128UL << 20) == 0, "at %" PRIx64,
	      (uint64_t)world.info.window_gfn * PAGE);
	return 0;
}

static int test_window_size_is_as_asked_or_clipped(void)
{
	const uint64_t bits = 40;	/* of QEMU's default processor */

	close_device();
	CHECK(!unload_module("memtide"), "unload");
	TRY(load_window("", 256 * 512));
	TRY(load_window("window_mib=128", 64));
	TRY(load_window("window_mib=300", 128));
	CHECK(load_module("/memtide.ko", "window_mib=0") < 0, "empty window");
	CHECK(!load_module("/memtide.ko", "window_mib=4294967295"), "huge window");
	CHECK(!open_device() && !call(MEMTIDE_IOC_INFO, &world.info), "INFO");
	CHECK((world.info.window_gfn + world.info.window_granules * 512UL) *
	      PAGE <= 1UL << bits, "not clipped");
	close_device();
	return unload_module("memtide") ? fail("unload") : 0;
}

static int test_refuses_without_memmap_on_memory(void)
{
	int ret = load_module("/memtide.ko", "");

	CHECK(ret == -EOPNOTSUPP, "loaded: %d", ret);
	CHECK(logged("memory_hotplug.memmap_on_memory"),
	      "the message does not name the parameter");
	return 0;
}

/* A copy of the module whose reference to one function leads nowhere. */
static int test_refuses_without_the_patches(void)
{
	int ret = load_module("/missing.ko", "");

	CHECK(ret == -EOPNOTSUPP, "loaded: %d", ret);
	CHECK(logged("this kernel has no free_offline_page_range()"),
	      "the message does not name the function");
	CHECK(logged("needs a kernel with memtide's patches"),
	      "the message does not name the patches");
	return 0;
}

static int test_node_is_as_asked(void)
{
	CHECK(load_module("/memtide.ko", "node=63") == -EINVAL, "a node that is not");
	CHECK(load_module("/memtide.ko", "node=-2") == -EINVAL, "a negative node");
	CHECK(!load_module("/memtide.ko", WINDOW_MIB " node=0"), "node 0");
	CHECK(!open_device() && !call(MEMTIDE_IOC_INFO, &world.info), "INFO");
	CHECK(!online(0, 2, MEMTIDE_ZONE_MOVABLE), "online");
	TRY(check_world());
	TRY(remove_all());
	close_device();
	return unload_module("memtide") ? fail("unload") : 0;
}

static const struct test full[] = {
	T(pattern_written),
	T(loads),
	T(one_opener_at_a_time),
	T(info_is_sound),
	T(window_is_in_iomem),
	T(bad_input_is_refused),
	T(bad_ranges_are_refused),
	T(what_is_so_counts_as_done),
	T(add_takes_no_memory),
	T(online_and_pull_are_exact),
	T(block_with_memory_stays),
	T(floor_is_kept),
	T(sysfs_cycle_keeps_granules),
	T(unused_granules_untouched),
	T(loads_again),
	T(batch_has_results_of_its_own),
	T(batch_ends_when_time_is_up),
	T(sysfs_shows_what_is),
	T(watermarks_follow),
	T(bad_memory_reports_on_offline_pages),
	T(unloading_waits_for_blocks),
	T(full_memory_is_pulled_intact),
	T(pull_is_all_or_nothing),
	T(death_at_any_moment),
	T(offline_and_online_meanwhile),
	T(signals_interrupt_cleanly),
	T(kernel_is_sound),
	{ NULL, NULL }
};

static const struct test automatic[] = {
	T(loads),
	T(one_opener_at_a_time),
	T(info_is_sound),
	T(asked_zone_wins_over_default),
	T(window_size_is_as_asked_or_clipped),
	T(node_is_as_asked),
	{ NULL, NULL }
};

static const struct test kernel_zone[] = {
	T(loads),
	T(one_opener_at_a_time),
	T(info_is_sound),
	T(kernel_zone),
	T(zone_changed_by_sysfs),
	T(image_stays_where_it_is),
	{ NULL, NULL }
};

/* Of what test.config adds to the kernel */
static const struct test watched[] = {
	T(loads),
	T(one_opener_at_a_time),
	T(info_is_sound),
	T(tracepoints_tell),
	T(selftest_passes),
	T(hibernation_is_refused_with_blocks),
	T(kernel_is_sound),
	{ NULL, NULL }
};

static const struct test refused[] = {
	T(refuses_without_memmap_on_memory),
	T(refuses_without_the_patches),
	{ NULL, NULL }
};

/* For a kernel without the series, with the module built for it as missing.ko */
static const struct test unpatched[] = {
	T(refuses_without_the_patches),
	{ NULL, NULL }
};

static const struct test failures[] = {
	T(driver_loaded),
	T(refusal_before_the_driver_undone),
	T(refusal_after_the_driver_undone),
	T(interrupted_offline_undone),
	T(errors_where_nothing_is_ignored),
	T(granule_with_error_stays),
	T(block_with_error_goes_offline),
	T(kernel_is_sound),
	{ NULL, NULL }
};

static const struct test storm[] = {
	T(pattern_written),
	T(driver_loaded),
	T(storm),
	T(kernel_is_sound),
	{ NULL, NULL }
};

static const struct test need[] = {
	T(driver_loaded),
	T(host_is_asked_before_a_process_is_killed),
	T(what_nobody_answers_is_killed),
	T(kernel_is_sound),
	{ NULL, NULL }
};

static const struct test nodes[] = {
	T(driver_loaded),
	T(blocks_join_their_nodes),
	T(kernel_is_sound),
	{ NULL, NULL }
};

static const struct test dump[] = {
	T(driver_loaded_tight),
	T(dump),
	{ NULL, NULL }
};

/* The kernel's own have run before init did. */
static const struct test kunit[] = {
	T(kernel_is_sound),
	{ NULL, NULL }
};

static const struct test large[] = {
	T(driver_loaded_wide),
	T(info_of_large_blocks),
	T(large_blocks_are_exact),
	T(kernel_is_sound),
	{ NULL, NULL }
};

static const struct suite suites[] = {
	{ "full", full },
	{ "auto", automatic },
	{ "kernel", kernel_zone },
	{ "watched", watched },
	{ "refused", refused },
	{ "unpatched", unpatched },
	{ "failures", failures },
	{ "storm", storm },
	{ "need", need },
	{ "nodes", nodes },
	{ "large", large },
	{ "dump", dump },
	{ "kunit", kunit },
};

int main(int argc, char **argv)
{
	return guest_main(argc, argv, suites,
			  sizeof(suites) / sizeof(suites[0]));
}
