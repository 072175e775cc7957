/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * init.c - Tests of memtide.ko, run as the only process of a guest
 *
 * DOC: Theory of operation
 *
 * The test keeps its own record of which granules are in use (world.used) and
 * after each step compares with it everything that can be seen: the driver's
 * state bitmap and block counts, MemTotal to the kB, and the flags of each page
 * of each present block in /proc/kpageflags (check_world()).
 *
 * RAM really exists where the window lies (see run), so before the driver is
 * loaded a pattern is written to it through /dev/mem, and when the driver is
 * gone it must still be there in all granules that were never in use.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memtide.h"

#define PAGE		4096UL
#define GRANULE		(2UL << 20)
#define GRANULE_KB	2048L
#define NR_BLOCKS	12	/* of the window, that tests use */
#define MAX_GRANULES	(NR_BLOCKS * 1024)
#define KEPT_BLOCK	2	/* holds the pattern */

/* Source: include/uapi/linux/kernel-page-flags.h */
#define KPF_LRU		5
#define KPF_BUDDY	10
#define KPF_NOPAGE	20
#define KPF_OFFLINE	23

static struct {
	int fd;			/* of the device, -1 if closed */
	struct memtide_info info;
	uint32_t per_block;	/* granules */
	long base_kb;		/* MemTotal with nothing added */
	bool used[MAX_GRANULES];
	bool touched[MAX_GRANULES];	/* has ever been in use */
} world = { .fd = -1 };

static char why[256];

/* Note why a test fails. Return: -1, for the test to return */
static int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!why[0])
		vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return -1;
}

#define CHECK(cond, ...) do { if (!(cond)) return fail(__VA_ARGS__); } while (0)
#define TRY(call) do { if (call) return -1; } while (0)

/* Seeing what the kernel says */

static long read_value(const char *path, const char *key)
{
	char line[256];
	long value = -1;
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)))
			value = strtol(line + strlen(key), NULL, 10);
	}
	fclose(f);
	return value;
}

static long mem_total_kb(void)
{
	return read_value("/proc/meminfo", "MemTotal:");
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

static uint64_t granule_pfn(uint32_t granule)
{
	return world.info.window_gfn + granule * (GRANULE / PAGE);
}

static int set_state(uint32_t block, const char *state)
{
	uint64_t pfn = granule_pfn(block * world.per_block);
	char path[96];

	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%"
		 PRIu64 "/state", pfn * PAGE / (128UL << 20));
	return write_text(path, state);
}

/* The driver's calls: 0 or -errno */

static int call(unsigned long cmd, void *arg)
{
	return ioctl(world.fd, cmd, arg) ? -errno : 0;
}

static int open_device(void)
{
	world.fd = open("/dev/memtide", O_RDWR | O_CLOEXEC);
	return world.fd < 0 ? -errno : 0;
}

static void close_device(void)
{
	close(world.fd);
	world.fd = -1;
}

static void note(uint32_t first, uint32_t nr, bool used)
{
	for (uint32_t i = first; i < first + nr; i++) {
		world.used[i] = used;
		world.touched[i] |= used;
	}
}

static int online(uint32_t first, uint32_t nr, uint32_t zone)
{
	struct memtide_online req = { .first = first, .nr = nr, .zone = zone };
	int ret = call(MEMTIDE_IOC_ONLINE, &req);

	note(first, req.done, true);
	if (!ret && req.done != nr)
		return -EPROTO;
	return ret;
}

static int pull(uint32_t first, uint32_t nr, uint64_t floor_pages)
{
	struct memtide_pull req = {
		.first = first, .nr = nr, .floor_pages = floor_pages,
	};
	int ret = call(MEMTIDE_IOC_PULL, &req);

	if (!ret && req.done != nr)
		return -EPROTO;
	if (!ret)
		note(first, nr, false);
	return ret;
}

static int block_info(uint32_t index, struct memtide_block *block)
{
	*block = (struct memtide_block){ .index = index };
	return call(MEMTIDE_IOC_BLOCK, block);
}

static int remove_block(uint32_t index)
{
	struct memtide_block block = { .index = index };
	int ret = call(MEMTIDE_IOC_REMOVE, &block);

	if (!ret)
		note(index * world.per_block, world.info.memmap_granules,
		     false);
	return ret;
}

static int read_used(bool *used)
{
	uint64_t words[MAX_GRANULES / 64] = { 0 };
	uint32_t nr = NR_BLOCKS * world.per_block;
	struct memtide_state req = { .nr = nr, .bitmap = (uintptr_t)words };
	int ret = call(MEMTIDE_IOC_STATE, &req);

	for (uint32_t i = 0; i < nr; i++)
		used[i] = words[i / 64] >> (i % 64) & 1;
	return ret;
}

/* Comparing all that can be seen with the test's own record */

static int check_page_flags(uint32_t block, bool present)
{
	static uint64_t flags[1024 * 512];
	uint64_t first = granule_pfn(block * world.per_block);
	size_t nr = world.per_block * (GRANULE / PAGE);
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	ssize_t len = pread(fd, flags, nr * 8, first * 8);

	close(fd);
	if (!present) {
		CHECK(len <= 0 || flags[0] >> KPF_NOPAGE & 1,
		      "absent block %u has pages", block);
		return 0;
	}
	CHECK(len == (ssize_t)nr * 8, "kpageflags of block %u: %zd", block, len);
	for (size_t i = 0; i < nr; i++) {
		bool used = world.used[block * world.per_block + i / 512];
		bool offline = flags[i] >> KPF_OFFLINE & 1;
		bool other = flags[i] & (1 << KPF_LRU | 1 << KPF_BUDDY |
					 1 << KPF_NOPAGE);

		CHECK(offline != used && !(offline && other),
		      "page %zu of block %u: flags %" PRIx64 ", %s", i, block,
		      flags[i], used ? "in use" : "not in use");
	}
	return 0;
}

static int check_world(void)
{
	static bool used[MAX_GRANULES];
	long expected_kb = world.base_kb;
	int ret = read_used(used);

	CHECK(!ret, "STATE: %s", strerror(-ret));
	for (uint32_t i = 0; i < NR_BLOCKS * world.per_block; i++) {
		CHECK(used[i] == world.used[i], "granule %u: %s in use", i,
		      used[i] ? "is" : "is not");
		if (used[i] &&
		    i % world.per_block >= world.info.memmap_granules)
			expected_kb += GRANULE_KB;
	}
	CHECK(mem_total_kb() == expected_kb, "MemTotal %ld, expected %ld",
	      mem_total_kb(), expected_kb);

	for (uint32_t b = 0; b < NR_BLOCKS; b++) {
		bool *mine = &used[b * world.per_block];
		struct memtide_block block;
		uint32_t nr = 0;

		for (uint32_t i = world.info.memmap_granules;
		     i < world.per_block; i++)
			nr += mine[i];
		CHECK(!block_info(b, &block), "BLOCK %u", b);
		CHECK(block.online == nr, "block %u: %u online, expected %u", b,
		      block.online, nr);
		CHECK((block.zone == MEMTIDE_ZONE_NONE) == !mine[0],
		      "block %u in zone %u", b, block.zone);
		TRY(check_page_flags(b, mine[0]));
	}
	return 0;
}

static int pull_patiently(uint32_t first, uint32_t nr)
{
	int ret = -EBUSY;

	for (int i = 0; i < 100 && ret == -EBUSY; i++)
		ret = pull(first, nr, 0);
	CHECK(!ret, "pull of %u at %u: %s", nr, first, strerror(-ret));
	return 0;
}

static int remove_all(void)
{
	for (uint32_t b = 0; b < NR_BLOCKS; b++) {
		uint32_t first = b * world.per_block + world.info.memmap_granules;
		uint32_t nr = world.per_block - world.info.memmap_granules;
		int ret;

		TRY(pull_patiently(first, nr));
		ret = remove_block(b);
		CHECK(!ret, "removal of block %u: %s", b, strerror(-ret));
	}
	TRY(check_world());
	CHECK(mem_total_kb() == world.base_kb, "MemTotal not back");
	return 0;
}

/* Loading and unloading */

static int load(const char *path, const char *parameters)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;

	close(fd);
	return ret;
}

static int unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
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

static uint64_t pattern(size_t i)
{
	return i * 0x9e3779b97f4a7c15 + 1;
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

static int test_loads_with_callback_slot_taken(void)
{
	int ret = load("/slot.ko", "");

	CHECK(!ret, "slot.ko: %s", strerror(-ret));
	world.base_kb = mem_total_kb();
	ret = load("/memtide.ko", WINDOW_MIB);
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
		/* first, nr, zone */
		{ MEMTIDE_IOC_ONLINE, { 0, 0, 1 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 0, 65, 1 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 60, 8, 1 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { win, 1, 1 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { -1, 1, 1 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { -1, 2, 1 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 0, -1, 1 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 0, 2, 0 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 0, 2, 3 }, -EINVAL },
		{ MEMTIDE_IOC_ONLINE, { 1, 2, 1 }, -ENXIO },
		{ MEMTIDE_IOC_ONLINE, { win - 1, 1, 1 }, -ENXIO },
		/* first, nr, floor (2 words), done, pad */
		{ MEMTIDE_IOC_PULL, { 1, 0 }, -EINVAL },
		{ MEMTIDE_IOC_PULL, { 0, 1 }, -EINVAL },
		{ MEMTIDE_IOC_PULL, { 64, 2 }, -EINVAL },
		{ MEMTIDE_IOC_PULL, { 1, 64 }, -EINVAL },
		{ MEMTIDE_IOC_PULL, { win + 1, 1 }, -EINVAL },
		{ MEMTIDE_IOC_PULL, { 1, -1 }, -EINVAL },
		{ MEMTIDE_IOC_PULL, { 1, 1, 0, 0, 0, 1 }, -EINVAL },
		/* index, zone, online, pad */
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

	CHECK(!online(0, 1, MEMTIDE_ZONE_MOVABLE), "online memmap");
	lost_kb = free_kb - read_value("/proc/meminfo", "MemFree:");
	/* A memmap would be 2048 kB; page tables and sysfs nodes remain. */
	CHECK(lost_kb < 512, "took %ld kB", lost_kb);
	return check_world();
}

static int test_online_and_pull_are_exact(void)
{
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

static int test_block_with_memory_stays(void)
{
	CHECK(remove_block(0) == -EBUSY, "removed");
	TRY(check_world());
	CHECK(!pull(63, 1, 0) && !remove_block(0), "removal when empty");
	return check_world();
}

static int test_zones_are_as_asked(void)
{
	struct memtide_block block;

	CHECK(!online(0, 5, MEMTIDE_ZONE_KERNEL), "online kernel");
	CHECK(!online(64, 5, MEMTIDE_ZONE_MOVABLE), "online movable");
	CHECK(!block_info(0, &block) && block.zone == MEMTIDE_ZONE_KERNEL,
	      "block 0 in zone %u", block.zone);
	CHECK(!block_info(1, &block) && block.zone == MEMTIDE_ZONE_MOVABLE,
	      "block 1 in zone %u", block.zone);
	TRY(check_world());
	return remove_all();
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

static int test_watermarks_follow(void)
{
	long before = read_value("/proc/sys/vm/min_free_kbytes", "");
	long after;

	for (uint32_t b = 0; b < 4; b++)
		CHECK(!online(b * 64, 64, MEMTIDE_ZONE_KERNEL), "online");
	after = read_value("/proc/sys/vm/min_free_kbytes", "");
	CHECK(after > before, "min_free_kbytes %ld, was %ld", after, before);
	TRY(remove_all());
	after = read_value("/proc/sys/vm/min_free_kbytes", "");
	CHECK(after == before, "min_free_kbytes %ld, not %ld", after, before);
	return 0;
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
	CHECK(online(first + 20, 1, MEMTIDE_ZONE_MOVABLE) == -EIO,
	      "online in a block that is offline");
	CHECK(!online(first, 3, MEMTIDE_ZONE_MOVABLE), "what is so");
	CHECK(!pull(first + 1, 1, 0), "pull from a block that is offline");
	CHECK(remove_block(KEPT_BLOCK) == -EBUSY, "removed");

	CHECK(!set_state(KEPT_BLOCK, "online_kernel"), "online_kernel");
	TRY(check_world());
	CHECK(!block_info(KEPT_BLOCK, &block) &&
	      block.zone == MEMTIDE_ZONE_KERNEL, "zone %u", block.zone);
	CHECK(!set_state(KEPT_BLOCK, "offline"), "offline again");
	CHECK(!set_state(KEPT_BLOCK, "online_movable"), "online_movable");
	TRY(check_world());
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
	CHECK(unload("memtide") == -EWOULDBLOCK, "unloaded with a block");
	CHECK(!open_device(), "open");
	TRY(remove_all());
	CHECK(unload("memtide") == -EWOULDBLOCK, "unloaded while open");
	return 0;
}

/* Memory full of data that must survive */

static void fill(uint64_t *p, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size / 8; i += 8)
		p[i] = pattern(i) ^ seed;
}

static size_t count_bad(const uint64_t *p, size_t size, uint64_t seed)
{
	size_t bad = 0;

	for (size_t i = 0; i < size / 8; i += 8)
		bad += p[i] != (pattern(i) ^ seed);
	return bad;
}

/* Writes to @ready when filled, then verifies until told to stop. */
static void hold_data(int ready, int stop, uint64_t *p, size_t size,
		      uint64_t seed)
{
	size_t bad = 0;
	char c;

	fill(p, size, seed);
	if (write(ready, "", 1) != 1)
		_exit(2);
	while (read(stop, &c, 1) < 0)	/* not blocking */
		bad += count_bad(p, size, seed);
	bad += count_bad(p, size, seed);
	_exit(bad ? 1 : 0);
}

static uint64_t *map_data(bool tmpfs, size_t size)
{
	int fd = -1, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *p;

	if (tmpfs) {
		flags = MAP_SHARED;
		fd = open("/tmp/data", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || ftruncate(fd, size))
			_exit(2);
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (p == MAP_FAILED)
		_exit(2);
	return p;
}

static long pages_on_lru(void)
{
	static uint64_t flags[512 * 512];
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	ssize_t len = pread(fd, flags, sizeof(flags), granule_pfn(0) * 8);
	long nr = 0;

	close(fd);
	for (ssize_t i = 0; i < len / 8; i++)
		nr += flags[i] >> KPF_LRU & 1;
	return nr;
}

/* By quarters of a block. */
static int empty_blocks(uint32_t nr_blocks)
{
	for (uint32_t g = 0; g < nr_blocks * 64; g += 16) {
		uint32_t skip = g % 64 ? 0 : 1;	/* memmap */

		TRY(pull_patiently(g + skip, 16 - skip));
	}
	return 0;
}

static int test_full_memory_is_pulled_intact(void)
{
	const size_t size = 224UL << 20;
	long killed = read_value("/proc/vmstat", "oom_kill ");
	int ready[2], stop[2], status, bad = 0;
	char c;

	for (uint32_t b = 0; b < 8; b++)
		CHECK(!online(b * 64, 64, MEMTIDE_ZONE_MOVABLE), "online");
	if (pipe2(ready, O_CLOEXEC) || pipe2(stop, O_CLOEXEC | O_NONBLOCK))
		return fail("pipe");
	for (int i = 0; i < 2; i++) {
		if (fork())
			continue;
		close(world.fd);
		close(stop[1]);
		hold_data(ready[1], stop[0], map_data(i, size), size, i);
	}
	for (int i = 0; i < 2; i++)
		CHECK(read(ready[0], &c, 1) == 1, "child");
	CHECK(pages_on_lru() > (long)(size / PAGE), "only %ld pages in window",
	      pages_on_lru());
	TRY(empty_blocks(8));
	TRY(check_world());
	close(stop[1]);	/* end of file stops them */
	for (int i = 0; i < 2; i++) {
		wait(&status);
		bad += status != 0;
	}
	close(ready[0]);
	close(ready[1]);
	close(stop[0]);
	unlink("/tmp/data");
	CHECK(!bad, "data changed");
	CHECK(read_value("/proc/vmstat", "oom_kill ") == killed, "OOM kill");
	return remove_all();
}

/* The granule of the window that a page of ours lies in, or 0 */
static uint32_t granule_of(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0, pfn;

	if (pread(fd, &entry, 8, (uintptr_t)p / PAGE * 8) != 8)
		entry = 0;
	close(fd);
	pfn = entry & ((1UL << 55) - 1);
	if (!(entry >> 63) || pfn < granule_pfn(0))
		return 0;
	return (pfn - granule_pfn(0)) / (GRANULE / PAGE);
}

/* A page in a pipe is pinned: it has a reference that migration cannot move. */
static int pin_page(char *p, int *pipe_fds)
{
	struct iovec iov = { p, PAGE };

	if (pipe2(pipe_fds, O_CLOEXEC) ||
	    vmsplice(pipe_fds[1], &iov, 1, 0) != (ssize_t)PAGE)
		return fail("vmsplice: %s", strerror(errno));
	return 0;
}

static int test_pull_is_all_or_nothing(void)
{
	const size_t size = 100UL << 20;
	uint32_t g = 0;
	int fds[2];
	char *p;

	CHECK(!online(0, 64, MEMTIDE_ZONE_MOVABLE), "online");
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
	for (size_t i = 0; i < size && (g < 8 || g > 62); i += PAGE) {
		g = granule_of(p + i);
		if (g >= 8 && g <= 62)
			TRY(pin_page(p + i, fds));
	}
	CHECK(g >= 8 && g <= 62, "no page of the block");

	/* Two runs: the first can be taken, the second not. */
	CHECK(!pull(4, 2, 0), "pull the hole");
	CHECK(pull(2, g - 1, 0) == -EBUSY, "pulled a pinned page");
	TRY(check_world());
	CHECK(pull(g, 1, 0) == -EBUSY, "pulled the pinned granule");
	CHECK(!pull(2, 2, 0) && !pull(g + 1, 1, 0), "pull its neighbours");
	TRY(check_world());
	close(fds[0]);
	close(fds[1]);
	munmap(p, size);
	CHECK(!pull(2, g - 1, 0), "pull when let go");
	TRY(check_world());
	return remove_all();
}

/* Processes that are interrupted or die */

static uint32_t next_random(void)
{
	static uint64_t state = 42;

	state = state * 6364136223846793005 + 1442695040888963407;
	return state >> 33;
}

/* Adopt what the driver says, which check_world() then compares with. */
static int adopt_state(void)
{
	int ret = read_used(world.used);

	CHECK(!ret, "STATE: %s", strerror(-ret));
	for (uint32_t i = 0; i < MAX_GRANULES; i++)
		world.touched[i] |= world.used[i];
	return 0;
}

static void random_step(void)
{
	uint32_t block = next_random() % 2, first = 1 + next_random() % 32;
	uint32_t nr = 1 + next_random() % 31;

	if (next_random() % 8 == 0)
		remove_block(block);
	else if (next_random() % 4 == 0)
		online(block * 64, 1 + first, MEMTIDE_ZONE_MOVABLE);
	else if (next_random() % 2)
		online(block * 64 + first, nr, MEMTIDE_ZONE_MOVABLE);
	else
		pull(block * 64 + first, nr, 0);
}

static int test_death_at_any_moment(void)
{
	const int rounds = 20;

	for (int i = 0; i < rounds; i++) {
		int ret = -EBUSY;
		pid_t pid;

		close_device();
		next_random();
		pid = fork();
		if (!pid) {
			if (open_device())
				_exit(1);
			for (;;)
				random_step();
		}
		usleep(1000 + next_random() % 60000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		for (int n = 0; n < 1000 && ret == -EBUSY; n++)
			ret = open_device();
		CHECK(!ret, "open: %s", strerror(-ret));
		TRY(adopt_state());
		TRY(check_world());
	}
	return remove_all();
}

static int test_offline_and_online_meanwhile(void)
{
	struct timeval end, now;
	pid_t pid = fork();

	for (uint32_t i = 0; !pid; i++) {
		set_state(i % 2, "offline");
		set_state(i % 2, "online_movable");
	}
	gettimeofday(&end, NULL);
	end.tv_sec += 3;
	do {
		random_step();
		gettimeofday(&now, NULL);
	} while (timercmp(&now, &end, <));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (uint32_t b = 0; b < 2; b++)
		set_state(b, "online_movable");
	TRY(adopt_state());
	TRY(check_world());
	return remove_all();
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static int test_signals_interrupt_cleanly(void)
{
	struct itimerval timer = { { 0, 3000 }, { 0, 3000 } }, off = { 0 };
	struct sigaction sa = { .sa_handler = on_alarm };
	int interrupted = 0;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < 400; i++) {
		uint32_t g = 1 + next_random() % 63;
		int ret = next_random() % 2 ? pull(g, 64 - g, 0) :
			  online(0, 1 + g, MEMTIDE_ZONE_MOVABLE);

		if (ret && ret != -EINTR && ret != -EBUSY)
			return fail("step %d: %s", i, strerror(-ret));
		interrupted += ret == -EINTR;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	CHECK(alarms && interrupted, "%d of %d alarms interrupted", interrupted,
	      (int)alarms);
	TRY(check_world());
	return remove_all();
}

static int test_callback_never_called(void)
{
	long calls = read_value("/sys/module/slot/parameters/calls", "");

	CHECK(!calls, "%ld calls", calls);
	return 0;
}

static int test_unused_granules_untouched(void)
{
	size_t nr = (128UL << 20) / 8, bad = 0, kept = 0;
	uint64_t *p;
	int ret;

	close_device();
	ret = unload("memtide");
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
	int ret = load("/memtide.ko", WINDOW_MIB);

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

static int load_window(const char *parameters, uint32_t granules)
{
	int ret = load("/memtide.ko", parameters);

	CHECK(!ret, "%s: %s", parameters, strerror(-ret));
	CHECK(!open_device() && !call(MEMTIDE_IOC_INFO, &world.info), "INFO");
	close_device();
	CHECK(!unload("memtide"), "unload");
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
	CHECK(!unload("memtide"), "unload");
	TRY(load_window("", 256 * 512));
	TRY(load_window("window_mib=128", 64));
	TRY(load_window("window_mib=300", 128));
	CHECK(load("/memtide.ko", "window_mib=0") < 0, "empty window");
	CHECK(!load("/memtide.ko", "window_mib=4294967295"), "huge window");
	CHECK(!open_device() && !call(MEMTIDE_IOC_INFO, &world.info), "INFO");
	CHECK((world.info.window_gfn + world.info.window_granules * 512UL) *
	      PAGE <= 1UL << bits, "not clipped");
	close_device();
	return unload("memtide") ? fail("unload") : 0;
}

static int test_refuses_without_memmap_on_memory(void)
{
	char text[4096] = "";
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), ret;
	bool named = false;

	ret = load("/memtide.ko", "");
	CHECK(ret == -EOPNOTSUPP, "loaded: %d", ret);
	while (read(fd, text, sizeof(text) - 1) > 0) {
		named |= !!strstr(text, "memory_hotplug.memmap_on_memory");
		memset(text, 0, sizeof(text));
	}
	close(fd);
	CHECK(named, "the message does not name the parameter");
	return 0;
}

struct test {
	const char *name;
	int (*run)(void);
};

#define T(name) { #name, test_##name }

static const struct test full[] = {
	T(pattern_written),
	T(loads_with_callback_slot_taken),
	T(one_opener_at_a_time),
	T(info_is_sound),
	T(window_is_in_iomem),
	T(bad_input_is_refused),
	T(what_is_so_counts_as_done),
	T(add_takes_no_memory),
	T(online_and_pull_are_exact),
	T(block_with_memory_stays),
	T(zones_are_as_asked),
	T(floor_is_kept),
	T(sysfs_cycle_keeps_granules),
	T(callback_never_called),
	T(unused_granules_untouched),
	T(loads_again),
	T(watermarks_follow),
	T(bad_memory_reports_on_offline_pages),
	T(unloading_waits_for_blocks),
	T(full_memory_is_pulled_intact),
	T(pull_is_all_or_nothing),
	T(death_at_any_moment),
	T(offline_and_online_meanwhile),
	T(signals_interrupt_cleanly),
	T(callback_never_called),
	{ NULL, NULL }
};

static const struct test automatic[] = {
	T(loads_with_callback_slot_taken),
	T(one_opener_at_a_time),
	T(info_is_sound),
	T(asked_zone_wins_over_default),
	T(callback_never_called),
	T(window_size_is_as_asked_or_clipped),
	{ NULL, NULL }
};

static const struct test refused[] = {
	T(refuses_without_memmap_on_memory),
	{ NULL, NULL }
};

static void run_suite(const char *name, const struct test *tests)
{
	struct timeval from, to, took;

	for (const struct test *t = tests; t->name; t++) {
		why[0] = '\0';
		gettimeofday(&from, NULL);
		if (!t->run()) {
			gettimeofday(&to, NULL);
			timersub(&to, &from, &took);
			printf("ok %s (%ld.%02ld s)\n", t->name,
			       (long)took.tv_sec, (long)took.tv_usec / 10000);
			continue;
		}
		/* What follows builds on it: the state is not known now. */
		printf("not ok %s: %s\n", t->name, why);
		break;
	}
	printf("done %s\n", name);
}

int main(int argc, char **argv)
{
	const char *suite = argc > 1 ? argv[argc - 1] : "full";
	int fd;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mkdir("/tmp", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("tmpfs", "/tmp", "tmpfs", 0, "size=90%");

	/* Results have a line of their own, apart from the kernel's console. */
	fd = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	dup2(fd, 1);
	setlinebuf(stdout);

	if (!strcmp(suite, "auto"))
		run_suite(suite, automatic);
	else if (!strcmp(suite, "refused"))
		run_suite(suite, refused);
	else
		run_suite(suite, full);
	fflush(stdout);
	fsync(1);
	usleep(100000);
	reboot(RB_AUTOBOOT);
	return 1;
}
