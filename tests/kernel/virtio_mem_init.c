/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * virtio_mem_init.c - Tests of virtio-mem, run as the only process of a guest
 *
 * Who has started the guest (see virtio-mem) resizes the device on a line
 * "host resize MIB" and compares the device's size on a line "host size MIB".
 * All else is seen from here: MemTotal to the kB, the memory blocks, and which
 * of their pages are offline in /proc/kpageflags.
 */

#include "suite.h"
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEMORY		"/sys/devices/system/memory"
#define DRIVER		"/sys/bus/virtio/drivers/virtio_mem"
#define MIB_KB		1024L
#define PATIENCE_MS	30000

static struct {
	uint64_t start;		/* of the device's memory, in bytes */
	uint64_t end;
	uint64_t block;		/* size of a memory block, in bytes */
	char name[32];		/* of the device: virtio0 */
	long base_kb;		/* MemTotal with nothing plugged */
	long mib;		/* what was asked of the host last */
} dev;

static long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000L + ts.tv_nsec / 1000;
}

static void sleep_ms(long ms)
{
	usleep(ms * 1000);
}

/* The device's memory and its blocks */

static int test_device_found(void)
{
	char line[128], name[32], text[32] = "";
	uint64_t start, end;
	FILE *f = fopen("/proc/iomem", "re");
	int fd;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %" SCNx64 "-%" SCNx64 " : %31s", &start,
			   &end, name) != 3 || strncmp(name, "virtio", 6))
			continue;
		dev.start = start;
		dev.end = end + 1;
		strcpy(dev.name, name);
	}
	if (f)
		fclose(f);
	CHECK(dev.start, "no virtio-mem in /proc/iomem");

	fd = open(MEMORY "/block_size_bytes", O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, text, sizeof(text) - 1) > 0, "block size: %s",
	      strerror(errno));
	close(fd);
	dev.block = strtoull(text, NULL, 16);
	CHECK(dev.block && dev.start % dev.block == 0, "blocks of %s", text);
	dev.base_kb = mem_total_kb();
	return 0;
}

static uint64_t nr_block_ids(void)
{
	return (dev.end - dev.start) / dev.block;
}

static const char *block_path(uint64_t i)
{
	static char path[96];

	snprintf(path, sizeof(path), MEMORY "/memory%" PRIu64 "/state",
		 dev.start / dev.block + i);
	return path;
}

static bool block_present(uint64_t i)
{
	return !access(block_path(i), F_OK);
}

static bool is_online(uint64_t i)
{
	char text[16] = "";
	int fd = open(block_path(i), O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, text, sizeof(text) - 1);

	close(fd);
	return len > 0 && !strncmp(text, "online", 6);
}

static long nr_blocks(bool (*is)(uint64_t))
{
	long nr = 0;

	for (uint64_t i = 0; i < nr_block_ids(); i++)
		nr += is(i);
	return nr;
}

/* The number of pages of a block that are offline, or -1 */
static long nr_offline_pages(uint64_t i)
{
	const size_t nr = dev.block / PAGE;
	uint64_t *flags = calloc(nr, sizeof(*flags));
	ssize_t len = read_page_flags((dev.start + i * dev.block) / PAGE,
				      flags, nr);
	long offline = 0;

	for (ssize_t p = 0; p < len; p++) {
		bool used = flags[p] & (1 << KPF_LRU | 1 << KPF_BUDDY);

		if (!(flags[p] >> KPF_OFFLINE & 1))
			continue;
		if (used) {
			fail("page %zd of block %" PRIu64 ": flags %" PRIx64, p,
			     i, flags[p]);
			offline = -1;
			break;
		}
		offline++;
	}
	free(flags);
	return len == (ssize_t)nr ? offline : -1;
}

/* All blocks are online: MemTotal, pages and device agree on what is plugged. */
static int check_plugged(void)
{
	long total_kb = mem_total_kb(), offline = 0;

	for (uint64_t i = 0; i < nr_block_ids(); i++) {
		long pages = 0;

		if (block_present(i)) {
			CHECK(is_online(i), "block %" PRIu64 " is offline", i);
			pages = nr_offline_pages(i);
			CHECK(pages >= 0, "kpageflags of block %" PRIu64, i);
		}
		offline += pages;
	}
	CHECK(total_kb == dev.base_kb + dev.mib * MIB_KB,
	      "MemTotal %ld, expected %ld", total_kb,
	      dev.base_kb + dev.mib * MIB_KB);
	CHECK(nr_blocks(block_present) * dev.block / PAGE - offline ==
	      (uint64_t)dev.mib * 256, "%ld blocks with %ld offline pages",
	      nr_blocks(block_present), offline);
	printf("host size %ld\n", dev.mib);
	return 0;
}

/* Resizing */

static int open_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	lseek(fd, 0, SEEK_END);
	return fd;
}

/* When the driver has heard of the request, or 0 */
static long wait_for_request(int log, long mib)
{
	struct pollfd pfd = { .fd = log, .events = POLLIN };
	char wanted[48], record[1024];
	ssize_t len;

	snprintf(wanted, sizeof(wanted), "requested size: %#lx", mib << 20);
	while (poll(&pfd, 1, PATIENCE_MS) > 0) {
		len = read(log, record, sizeof(record) - 1);
		if (len <= 0)
			continue;
		record[len] = '\0';
		if (strstr(record, wanted))
			return now_us();
	}
	return 0;
}

static void ask(long mib)
{
	dev.mib = mib;
	printf("host resize %ld\n", mib);
}

/*
 * Ask for a size and wait until MemTotal says so and there are no more blocks
 * than it takes. Return: the time since the driver heard of it, in us, or -1
 */
static long resize_timed(long mib)
{
	const long blocks = ((mib << 20) + dev.block - 1) / dev.block;
	const long goal_kb = dev.base_kb + mib * MIB_KB;
	int log = open_log();
	long from, to;

	ask(mib);
	from = wait_for_request(log, mib);
	close(log);
	CHECK(from, "the driver does not hear of %ld MiB", mib);
	do {
		to = now_us();
		if (mem_total_kb() == goal_kb &&
		    nr_blocks(block_present) == blocks)
			return to - from;
		sleep_ms(1);
	} while (to - from < PATIENCE_MS * 1000L);
	return fail("%ld MiB: MemTotal %ld, expected %ld, %ld blocks", mib,
		    mem_total_kb(), goal_kb, nr_blocks(block_present));
}

/* To a size for which nothing that is in use has to be moved */
static int resize(long mib)
{
	TRY(resize_timed(mib) < 0);
	return check_plugged();
}

/* As far as they are not about to be removed */
static void put_all_online(void)
{
	for (uint64_t i = 0; i < nr_block_ids(); i++) {
		if (block_present(i) && !is_online(i))
			write_text(block_path(i), "online_movable");
	}
}

/*
 * What was busy, the driver retries only after a minute or on a request that
 * differs: ask for a little more and again for this.
 */
static int settle(long mib)
{
	const long goal_kb = dev.base_kb + mib * MIB_KB;
	long until = now_us() + 2 * PATIENCE_MS * 1000L;

	ask(mib);
	while (now_us() < until) {
		for (int i = 0; i < 300; i++) {
			put_all_online();
			/* The size may be right on the way, with a block
			 * between its offlining and its removal. */
			if (mem_total_kb() == goal_kb && !check_plugged())
				return 0;
			sleep_ms(10);
		}
		ask(mib + 2);
		sleep_ms(100);
		ask(mib);
	}
	CHECK(mem_total_kb() == goal_kb, "MemTotal %ld, expected %ld",
	      mem_total_kb(), goal_kb);
	return check_plugged();
}

static int test_grows_and_shrinks(void)
{
	TRY(resize(1024));
	TRY(resize(0));
	TRY(resize(256));
	return resize(0);
}

/* Sub-blocks in one block: plugged and unplugged while it is online, offline */
static int test_part_of_a_block(void)
{
	const long block_mib = dev.block >> 20;
	long before_kb;

	TRY(resize(block_mib + 6));
	TRY(resize(block_mib + 12));
	TRY(resize(block_mib + 2));

	/* The second block comes back with what is plugged. */
	CHECK(!write_text(block_path(1), "offline"), "offline");
	CHECK(mem_total_kb() == dev.base_kb + block_mib * MIB_KB, "MemTotal");
	CHECK(!write_text(block_path(1), "online_movable"), "online");
	TRY(check_plugged());

	/* In an offline block nothing of it is seen until it is online. */
	CHECK(!write_text(block_path(1), "offline"), "offline again");
	before_kb = mem_total_kb();
	ask(block_mib + 10);
	sleep_ms(1000);
	printf("host size %ld\n", dev.mib);
	CHECK(mem_total_kb() == before_kb, "MemTotal has changed");
	ask(block_mib + 4);
	sleep_ms(1000);
	printf("host size %ld\n", dev.mib);
	CHECK(mem_total_kb() == before_kb, "MemTotal has changed");
	CHECK(!write_text(block_path(1), "online_movable"), "online_movable");
	TRY(check_plugged());
	return resize(0);
}

/* Load: anonymous memory that is checked all the time, and a file */

static uint64_t pattern(uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ULL;
}

#define STEP	8	/* words: one in each cache line */

static bool memory_intact(const uint64_t *p, size_t words)
{
	for (size_t i = 0; i < words; i += STEP) {
		if (p[i] != pattern(i))
			return false;
	}
	return true;
}

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static int hold_memory(size_t mib, int ready)
{
	size_t words = (mib << 20) / 8;
	uint64_t *p = mmap(NULL, words * 8, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool intact = p != MAP_FAILED;

	signal(SIGTERM, stop);
	for (size_t i = 0; intact && i < words; i += STEP)
		p[i] = pattern(i);
	if (write(ready, "", 1) != 1)
		return 1;
	while (intact && !stopped) {
		intact = memory_intact(p, words);
		sleep_ms(20);
	}
	return !(intact && memory_intact(p, words));
}

/* A process that holds memory; back when it has all. Return: its id, or -1 */
static pid_t start_holder(size_t mib)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid)
		_exit(hold_memory(mib, ready[1]));
	close(ready[1]);
	if (pid > 0 && read(ready[0], &c, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static int end_holder(pid_t pid)
{
	int status = -1;

	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status),
	      "anonymous memory is damaged or its holder killed: %#x", status);
	return 0;
}

#define CHUNK	(1 << 16)	/* words */

static uint64_t chunk[CHUNK];

static int write_file(const char *path, size_t mib)
{
	const size_t chunks = (mib << 20) / sizeof(chunk);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0;

	for (size_t c = 0; good && c < chunks; c++) {
		for (size_t i = 0; i < CHUNK; i++)
			chunk[i] = pattern(c * CHUNK + i);
		good = write(fd, chunk, sizeof(chunk)) == sizeof(chunk);
	}
	close(fd);
	CHECK(good, "%s: %s", path, strerror(errno));
	return 0;
}

static int check_file(const char *path, size_t mib)
{
	const size_t chunks = (mib << 20) / sizeof(chunk);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0;

	for (size_t c = 0; good && c < chunks; c++) {
		good = read(fd, chunk, sizeof(chunk)) == sizeof(chunk);
		for (size_t i = 0; good && i < CHUNK; i++)
			good = chunk[i] == pattern(c * CHUNK + i);
	}
	close(fd);
	CHECK(good, "%s is damaged", path);
	return 0;
}

static int test_full_memory_is_unplugged_intact(void)
{
	const long block_mib = dev.block >> 20;
	pid_t holder;

	TRY(resize(1024));
	TRY(write_file("/tmp/file", 300));
	holder = start_holder(500);
	CHECK(holder > 0, "no memory to hold");

	TRY(settle(256));
	TRY(check_file("/tmp/file", 300));
	CHECK(!write_text(block_path(0), "offline"), "offline");
	CHECK(!write_text(block_path(0), "online_movable"), "online");
	TRY(check_plugged());

	TRY(settle(1024));
	TRY(settle(block_mib));
	TRY(check_file("/tmp/file", 300));
	TRY(end_holder(holder));
	unlink("/tmp/file");
	return resize(0);
}

/* Resizing while blocks go offline and online under the driver's hands */

static int toggle_blocks(unsigned int seed)
{
	signal(SIGTERM, stop);
	while (!stopped) {
		uint64_t i = rand_r(&seed) % 8;

		write_text(block_path(i), "offline");
		if (seed & 64)
			sleep_ms(rand_r(&seed) % 20);
		write_text(block_path(i), "online_movable");
	}
	return 0;
}

static pid_t start_toggling(unsigned int seed)
{
	pid_t pid = fork();

	if (!pid)
		_exit(toggle_blocks(seed));
	return pid;
}

static int test_blocks_toggled_meanwhile(void)
{
	static const long sizes[] = { 1024, 258, 700, 0, 512, 1022, 130, 900 };
	pid_t one = start_toggling(1), other = start_toggling(2), holder;

	holder = start_holder(200);
	CHECK(one > 0 && other > 0 && holder > 0, "fork");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ask(sizes[i]);
		sleep_ms(1500);
	}
	kill(one, SIGTERM);
	kill(other, SIGTERM);
	waitpid(one, NULL, 0);
	waitpid(other, NULL, 0);
	TRY(settle(900));
	TRY(end_holder(holder));
	TRY(settle(130));
	return resize(0);
}

/* A driver that has gone cannot say what is unplugged. */
static int test_unbinding_keeps_partial_blocks_online(void)
{
	const long mib = (dev.block >> 20) + 6;

	TRY(resize(mib));
	CHECK(!write_text(DRIVER "/unbind", dev.name), "unbind");
	CHECK(write_text(block_path(1), "offline") < 0,
	      "the partially plugged block went offline");
	CHECK(!write_text(block_path(0), "offline"), "offline");
	CHECK(!write_text(block_path(0), "online_movable"), "online");
	return check_plugged();
}

/* Speed. Each is done three times: the first has extra work, zones to set up. */

static int report(const char *what, const long us[3])
{
	printf("figure %s: %ld.%ld %ld.%ld %ld.%ld ms\n", what,
	       us[0] / 1000, us[0] / 100 % 10, us[1] / 1000, us[1] / 100 % 10,
	       us[2] / 1000, us[2] / 100 % 10);
	return 0;
}

static int test_speed(void)
{
	long grow[3], shrink[3], full[3];
	pid_t holder;

	for (int i = 0; i < 3; i++) {
		grow[i] = resize_timed(1024);
		TRY(grow[i] < 0);
		TRY(check_plugged());
		shrink[i] = resize_timed(0);
		TRY(shrink[i] < 0);
		TRY(check_plugged());
	}
	for (int i = 0; i < 3; i++) {
		TRY(resize(1024));
		holder = start_holder(1000);
		CHECK(holder > 0, "no memory to hold");
		full[i] = resize_timed(0);
		TRY(full[i] < 0);
		TRY(check_plugged());
		TRY(end_holder(holder));
	}
	report("grow by 1 GiB", grow);
	report("shrink by 1 GiB, free", shrink);
	return report("shrink by 1 GiB, 1000 MiB of it anonymous", full);
}

/* Beside memtide.ko, in one guest */

static int test_memtide_loaded(void)
{
	int ret = load_module("/memtide.ko", "window_mib=4096");

	CHECK(!ret, "memtide.ko: %s", strerror(-ret));
	CHECK(!open_device(), "open: %s", strerror(errno));
	CHECK(!call(MEMTIDE_IOC_INFO, &world.info), "INFO");
	/* Where there is RAM that the kernel does not know */
	CHECK(world.info.window_gfn == dev.end / PAGE, "window at %" PRIx64,
	      (uint64_t)world.info.window_gfn * PAGE);
	world.per_block = world.info.block_granules;
	world.base_kb = dev.base_kb;
	return check_world();
}

/*
 * Each of both has a step, one with the other's going on. dev.base_kb follows
 * memtide's share of MemTotal, world.base_kb that of virtio-mem.
 */
static int both_agree(long memtide_kb, long mib)
{
	const long base_kb = dev.base_kb;
	int ret;

	world.base_kb = base_kb + mib * MIB_KB;
	TRY(check_world());
	dev.base_kb += memtide_kb;
	ret = check_plugged();
	dev.base_kb = base_kb;
	return ret;
}

static int wait_for_total(long kb)
{
	long until = now_us() + PATIENCE_MS * 1000L;

	while (mem_total_kb() != kb && now_us() < until)
		sleep_ms(1);
	CHECK(mem_total_kb() == kb, "MemTotal %ld, expected %ld",
	      mem_total_kb(), kb);
	return 0;
}

static int test_beside_memtide(void)
{
	const uint32_t per = world.per_block;
	const uint32_t usable = per - world.info.memmap_granules;
	const long block_kb = usable * GRANULE_KB;
	int ret;

	ask(512);
	for (uint32_t b = 0; b < 4; b++) {
		ret = online(b * per, per, MEMTIDE_ZONE_MOVABLE);
		CHECK(!ret, "online: %s", strerror(-ret));
	}
	TRY(wait_for_total(dev.base_kb + 4 * block_kb + 512 * MIB_KB));
	TRY(both_agree(4 * block_kb, 512));

	ask(134);
	for (uint32_t b = 1; b < 4; b++)
		TRY(pull_patiently(b * per + per - usable, usable));
	TRY(wait_for_total(dev.base_kb + block_kb + 134 * MIB_KB));
	TRY(both_agree(block_kb, 134));

	/* A block of each goes offline and comes back with what it had. */
	CHECK(!set_state(0, "offline") && !write_text(block_path(1), "offline"),
	      "offline");
	CHECK(!set_state(0, "online_movable") &&
	      !write_text(block_path(1), "online_movable"), "online");
	TRY(both_agree(block_kb, 134));

	ask(1024);
	for (uint32_t b = 0; b < 4; b++)
		CHECK(!online(b * per, per / 2, MEMTIDE_ZONE_MOVABLE),
		      "online half");
	TRY(wait_for_total(dev.base_kb + block_kb + 1024 * MIB_KB +
			   3 * (usable - per / 2) * GRANULE_KB));
	return both_agree(block_kb + 3 * (usable - per / 2) * GRANULE_KB, 1024);
}

static int test_both_gone(void)
{
	ask(0);
	for (uint32_t b = 0; b < 4; b++) {
		TRY(pull_patiently(b * world.per_block + 1,
				   world.per_block - 1));
		CHECK(!remove_block(b), "removal of block %u", b);
	}
	TRY(wait_for_total(dev.base_kb));
	TRY(both_agree(0, 0));
	close_device();
	CHECK(!unload_module("memtide"), "unload");
	return 0;
}

static const struct test subblocks[] = {
	T(device_found),
	T(grows_and_shrinks),
	T(part_of_a_block),
	T(full_memory_is_unplugged_intact),
	T(blocks_toggled_meanwhile),
	T(unbinding_keeps_partial_blocks_online),
	{ NULL, NULL }
};

static const struct test bigblocks[] = {
	T(device_found),
	T(grows_and_shrinks),
	T(full_memory_is_unplugged_intact),
	{ NULL, NULL }
};

static const struct test speed[] = {
	T(device_found),
	T(speed),
	{ NULL, NULL }
};

static const struct test beside[] = {
	T(device_found),
	T(memtide_loaded),
	T(beside_memtide),
	T(both_gone),
	{ NULL, NULL }
};

static const struct suite suites[] = {
	{ "subblocks", subblocks },
	{ "bigblocks", bigblocks },
	{ "speed", speed },
	{ "beside", beside },
};

int main(int argc, char **argv)
{
	return guest_main(argc, argv, suites,
			  sizeof(suites) / sizeof(suites[0]));
}
