/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * virtio_balloon_init.c - Tests of virtio-balloon, run as the only process of
 *			   a guest
 *
 * Who has started the guest (see virtio-balloon) gives the balloon a size on a
 * line "host balloon MIB" and compares what the device knows of it on a line
 * "host size MIB". QEMU throws away what is in a page that enters the balloon,
 * so a page that is in it and in use at the same time shows up as damaged data.
 * All else is seen from here: MemTotal to the kB, the managed pages of each
 * zone, and which pages are offline in /proc/kpageflags.
 */

#include "suite.h"
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEMORY		"/sys/devices/system/memory"
#define RAM_MIB		1536L		/* of the guest, see virtio-balloon */
#define MIB_KB		1024L
#define MIB_PAGES	256L
#define NR_PAGES	(RAM_MIB * MIB_PAGES)
#define BLOCK_PAGES	(128 * MIB_PAGES)
#define NR_BLOCK_IDS	(NR_PAGES / BLOCK_PAGES)
#define PATIENCE_MS	60000
#define DATA_MIB	96L
#define MAX_ZONES	8

/* Source: include/linux/kernel-page-flags.h and the one in uapi */
#define KPF_OFFLINE_MOVABLE	29
#define KPF_RESERVED		32

static struct {
	long total_kb;			/* MemTotal, nothing in the balloon */
	long free_kb;			/* MemFree, likewise */
	long managed[MAX_ZONES];	/* likewise */
	long poisoned;			/* pages that tests took out of use */
	long seconds;			/* to be in the storm */
	pid_t holder;			/* of data */
} guest;

static uint64_t flags[NR_PAGES];

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
	usleep(ms * 1000);
}

static long vmstat(const char *key)
{
	return read_value("/proc/vmstat", key);
}

/* Pages in the balloon, as the kernel has counted */
static long in_balloon(void)
{
	return vmstat("balloon_inflate ") - vmstat("balloon_deflate ");
}

static bool page_is(long pfn, int flag)
{
	return flags[pfn] >> flag & 1;
}

/* The number of pages from @pfn on that have the flag when last looked at */
static long count(int flag, long pfn, long nr)
{
	long found = 0;

	for (long i = pfn; i < pfn + nr; i++)
		found += page_is(i, flag);
	return found;
}

static int look_at_pages(void)
{
	CHECK(read_page_flags(0, flags, NR_PAGES) == NR_PAGES, "kpageflags");
	return 0;
}

static int read_managed(long *managed)
{
	char line[256];
	int nr = 0;
	FILE *f = fopen("/proc/zoneinfo", "re");

	memset(managed, 0, MAX_ZONES * sizeof(*managed));
	while (f && nr < MAX_ZONES && fgets(line, sizeof(line), f))
		nr += sscanf(line, " managed %ld", &managed[nr]) == 1;
	if (f)
		fclose(f);
	return nr;
}

/* The memory blocks */

static const char *block_path(long i, const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), MEMORY "/memory%ld/%s", i, name);
	return path;
}

static bool block_says(long i, const char *name, const char *text)
{
	char is[32] = "";
	int fd = open(block_path(i, name), O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, is, sizeof(is) - 1);

	close(fd);
	return len > 0 && !strncmp(is, text, strlen(text));
}

static bool block_is_movable(long i)
{
	return block_says(i, "state", "online") &&
	       block_says(i, "valid_zones", "Movable");
}

static int all_online(void)
{
	for (long i = 0; i < NR_BLOCK_IDS; i++) {
		if (!block_says(i, "state", "offline"))
			continue;
		CHECK(!write_text(block_path(i, "state"), "online_movable"),
		      "block %ld does not go online", i);
	}
	return 0;
}

/* The block all of which is RAM with the most pages in the balloon, or -1 */
static long fullest_block(bool movable)
{
	long best = -1, most = 0;

	for (long i = 0; i < NR_BLOCK_IDS; i++) {
		long pfn = i * BLOCK_PAGES;
		long nr = count(KPF_OFFLINE, pfn, BLOCK_PAGES);

		if (block_is_movable(i) != movable || nr <= most ||
		    count(KPF_NOPAGE, pfn, BLOCK_PAGES) ||
		    count(KPF_RESERVED, pfn, BLOCK_PAGES))
			continue;
		best = i;
		most = nr;
	}
	return best;
}

/* The balloon */

/*
 * What must hold whenever the balloon rests: kernel, page flags and MemTotal
 * agree on its size, with this number of fully managed blocks offline.
 */
static int check_balloon(long pages, long blocks_offline)
{
	long goal_kb = guest.total_kb - 4 * pages -
		       blocks_offline * BLOCK_PAGES * 4;

	CHECK(in_balloon() == pages, "%ld pages in the balloon, expected %ld",
	      in_balloon(), pages);
	CHECK(mem_total_kb() == goal_kb, "MemTotal %ld, expected %ld",
	      mem_total_kb(), goal_kb);
	TRY(look_at_pages());
	for (long i = 0; i < NR_PAGES; i++) {
		CHECK(!page_is(i, KPF_OFFLINE) || !page_is(i, KPF_LRU),
		      "page %ld: flags %" PRIx64, i, flags[i]);
	}
	CHECK(count(KPF_OFFLINE, 0, NR_PAGES) == pages,
	      "%ld pages are offline, expected %ld",
	      count(KPF_OFFLINE, 0, NR_PAGES), pages);
	CHECK(!waitpid(guest.holder, NULL, WNOHANG), "data is damaged");
	return 0;
}

static void ask(long mib)
{
	printf("host balloon %ld\n", mib);
}

static int inflate(long mib, long blocks_offline)
{
	long until = now_ms() + PATIENCE_MS;

	ask(mib);
	while (in_balloon() != mib * MIB_PAGES && now_ms() < until)
		sleep_ms(20);
	sleep_ms(200);		/* the last pages are on their way */
	printf("host size %ld\n", mib);
	return check_balloon(mib * MIB_PAGES, blocks_offline);
}

/* Data that is looked at all the time */

static uint64_t pattern(uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ULL;
}

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

#define STEP	8	/* words: one in each cache line */

static uint64_t *map_pages(size_t size)
{
	uint64_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

static void fill(uint64_t *p, size_t size)
{
	for (size_t i = 0; i < size / 8; i += STEP)
		p[i] = pattern(i);
}

static bool is_intact(const uint64_t *p, size_t size)
{
	for (size_t i = 0; i < size / 8; i += STEP) {
		if (p[i] != pattern(i))
			return false;
	}
	return true;
}

static int hold(int ready)
{
	size_t size = DATA_MIB << 20;
	uint64_t *p = map_pages(size);

	signal(SIGTERM, stop);
	if (!p)
		return 2;
	fill(p, size);
	if (write(ready, "", 1) != 1)
		return 2;
	do {
		sleep_ms(50);
		if (!is_intact(p, size))
			return 1;
	} while (!stopped);
	return 0;
}

static int start_holder(void)
{
	int ready[2];
	char c;

	CHECK(!pipe2(ready, O_CLOEXEC), "pipe: %s", strerror(errno));
	guest.holder = fork();
	CHECK(guest.holder >= 0, "fork: %s", strerror(errno));
	if (!guest.holder)
		_exit(hold(ready[1]));
	close(ready[1]);
	CHECK(read(ready[0], &c, 1) == 1, "no memory to hold");
	close(ready[0]);
	return 0;
}

static int end_process(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ?
	       WEXITSTATUS(status) : -1;
}

/* Tests: the balloon at rest, or moved by one thing at a time */

static int test_balloon_found(void)
{
	char text[32] = "";
	int fd = open(MEMORY "/block_size_bytes", O_RDONLY | O_CLOEXEC);

	CHECK(read(fd, text, sizeof(text) - 1) > 0 &&
	      strtoull(text, NULL, 16) == BLOCK_PAGES * PAGE,
	      "blocks of %s", text);
	close(fd);
	CHECK(!in_balloon(), "%ld pages in the balloon", in_balloon());
	TRY(look_at_pages());
	TRY(start_holder());
	end_process(guest.holder);
	/* A second time, now that all that grows with the first has grown */
	guest.total_kb = mem_total_kb();
	CHECK(read_managed(guest.managed), "nothing in zoneinfo");
	write_text("/proc/sys/vm/drop_caches", "3");
	write_text("/proc/sys/vm/compact_memory", "1");
	guest.free_kb = read_value("/proc/meminfo", "MemFree:");
	return start_holder();
}

static int test_inflates_and_deflates(void)
{
	TRY(inflate(RAM_MIB / 2, 0));
	TRY(inflate(100, 0));
	return inflate(0, 0);
}

/* Free blocks of at least 2 MiB */
static long large_free_blocks(void)
{
	char line[256];
	long nr = 0, a, b;
	FILE *f = fopen("/proc/buddyinfo", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %*d, zone %*s %*d %*d %*d %*d %*d %*d "
			   "%*d %*d %*d %ld %ld", &a, &b) == 2)
			nr += a + 2 * b;
	}
	if (f)
		fclose(f);
	return nr;
}

/* The balloon fills the holes in memory that is freed afterwards. */
static int test_fragmented_memory_is_compacted(void)
{
	const long mib = 900;
	size_t size = (size_t)mib << 20;
	char *p = (char *)map_pages(size);
	long migrated = vmstat("balloon_migrate "), before, after;
	long until;

	CHECK(p, "mmap: %s", strerror(errno));
	for (size_t at = 0; at < size; at += PAGE)
		p[at] = 1;
	for (size_t at = 0; at < size; at += 2 * PAGE)
		madvise(p + at, PAGE, MADV_DONTNEED);
	ask(mib / 2 + 200);
	for (int i = 0; i < PATIENCE_MS / 20 &&
	     in_balloon() < (mib / 2 + 200) * MIB_PAGES; i++)
		sleep_ms(20);
	munmap(p, size);
	TRY(inflate(mib / 2, 0));

	/* One pass can end early, if a zone is short of free pages */
	before = large_free_blocks();
	until = now_ms() + PATIENCE_MS / 4;
	do {
		CHECK(!write_text("/proc/sys/vm/compact_memory", "1"),
		      "compact_memory");
		after = large_free_blocks();
	} while (after <= before + 50 && now_ms() < until);
	migrated = vmstat("balloon_migrate ") - migrated;
	printf("figure compaction: %ld pages of the balloon moved, %ld blocks "
	       "of 2 MiB free, %ld before\n", migrated, after, before);
	CHECK(migrated > 10000, "only %ld pages migrated", migrated);
	/* How far it gets is compaction's; here it matters that it moves. */
	CHECK(after > before, "%ld free blocks, %ld before", after, before);
	return check_balloon(mib / 2 * MIB_PAGES, 0);
}

static int test_full_block_goes_offline(void)
{
	long migrated, full, i;

	TRY(inflate(RAM_MIB / 2, 0));
	i = fullest_block(true);
	CHECK(i >= 0, "no movable block with pages of the balloon");
	full = count(KPF_OFFLINE, i * BLOCK_PAGES, BLOCK_PAGES);
	CHECK(full > BLOCK_PAGES / 2, "only %ld pages in block %ld", full, i);
	migrated = vmstat("balloon_migrate ");
	CHECK(!write_text(block_path(i, "state"), "offline"),
	      "block %ld: %s", i, strerror(errno));
	migrated = vmstat("balloon_migrate ") - migrated;
	printf("figure offlining: block %ld with %ld pages of the balloon, "
	       "%ld moved\n", i, full, migrated);
	CHECK(migrated >= full, "only %ld of %ld migrated", migrated, full);
	TRY(check_balloon(RAM_MIB / 2 * MIB_PAGES, 1));
	CHECK(count(KPF_NOPAGE, i * BLOCK_PAGES, BLOCK_PAGES) == BLOCK_PAGES,
	      "the block is not gone");

	TRY(inflate(300, 1));
	TRY(inflate(600, 1));
	TRY(all_online());
	return check_balloon(600 * MIB_PAGES, 0);
}

static void address_of(long pfn, char *text, size_t size)
{
	snprintf(text, size, "%#lx", pfn * PAGE);
}

static long page_of_balloon(void)
{
	for (long i = NR_PAGES / 2; i < NR_PAGES; i++) {
		if (page_is(i, KPF_OFFLINE))
			return i;
	}
	return 0;
}

static int test_pages_are_marked(void)
{
	TRY(look_at_pages());
	for (long i = 0; i < NR_PAGES; i++) {
		CHECK(page_is(i, KPF_OFFLINE_MOVABLE) ==
		      page_is(i, KPF_OFFLINE), "page %ld: flags %" PRIx64, i,
		      flags[i]);
	}
	return 0;
}

/* The page has no reference: nobody can take it from the balloon. */
static int test_bad_memory_in_balloon_is_ignored(void)
{
	char addr[32];

	TRY(look_at_pages());
	address_of(page_of_balloon(), addr, sizeof(addr));
	CHECK(write_text(MEMORY "/hard_offline_page", addr) < 0,
	      "report on %s accepted", addr);
	CHECK(read_value("/proc/meminfo", "HardwareCorrupted:") ==
	      4 * guest.poisoned, "the page is poisoned");
	return check_balloon(600 * MIB_PAGES, 0);
}

static int test_failing_memory_is_moved_out(void)
{
	long migrated = vmstat("balloon_migrate "), pfn;
	char addr[32];
	int ret;

	TRY(look_at_pages());
	pfn = page_of_balloon();
	address_of(pfn, addr, sizeof(addr));
	ret = write_text(MEMORY "/soft_offline_page", addr);
	CHECK(!ret, "%s: %s", addr, strerror(-ret));
	CHECK(read_value("/proc/meminfo", "HardwareCorrupted:") ==
	      4 * ++guest.poisoned, "nothing is poisoned");
	CHECK(vmstat("balloon_migrate ") == migrated + 1, "not migrated");
	TRY(check_balloon(600 * MIB_PAGES, 0));
	CHECK(page_is(pfn, KPF_HWPOISON) && !page_is(pfn, KPF_OFFLINE),
	      "page %lx: flags %" PRIx64, pfn, flags[pfn]);
	return 0;
}

/* All at the same time */

static int compact(void)
{
	while (!stopped)
		write_text("/proc/sys/vm/compact_memory", "1");
	return 0;
}

/* Half of the attempts are interrupted. */
static int toggle_blocks(void)
{
	unsigned int seed = 1;

	while (!stopped) {
		long i = rand_r(&seed) % NR_BLOCK_IDS;
		struct itimerval soon = { { 0, 0 }, { 0, 0 } };

		if (!block_is_movable(i))
			continue;
		soon.it_value.tv_usec = seed & 64 ? rand_r(&seed) % 200000 : 0;
		setitimer(ITIMER_REAL, &soon, NULL);
		write_text(block_path(i, "state"), "offline");
		soon.it_value.tv_usec = 0;
		setitimer(ITIMER_REAL, &soon, NULL);
		all_online();
	}
	return 0;
}

/* Only look: flags, and counts of maps */
static int read_all_pages(void)
{
	int fd = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);

	while (!stopped) {
		look_at_pages();
		if (pread(fd, flags, sizeof(flags), 0) < 0)
			return 1;
	}
	return 0;
}

static int use_and_free(void)
{
	unsigned int seed = 2;

	while (!stopped) {
		size_t size = (size_t)(1 + rand_r(&seed) % 64) << 20;
		uint64_t *p = map_pages(size);

		if (!p)
			return 2;
		fill(p, size);
		if (!is_intact(p, size))
			return 1;
		munmap(p, size);
	}
	return 0;
}

static void ignore(int sig)
{
	(void)sig;
}

static pid_t start(int (*run)(void))
{
	const struct sigaction alarmed = { .sa_handler = ignore };
	pid_t pid = fork();

	if (!pid) {
		signal(SIGTERM, stop);
		sigaction(SIGALRM, &alarmed, NULL);
		_exit(run());
	}
	return pid;
}

static int test_storm(void)
{
	int (*const loads[])(void) = {
		compact, toggle_blocks, read_all_pages, use_and_free,
	};
	enum { NR_LOADS = sizeof(loads) / sizeof(loads[0]) };
	const long until = now_ms() + guest.seconds * 1000;
	long migrated = vmstat("balloon_migrate "), sizes = 0;
	unsigned int seed = 3;
	pid_t pids[NR_LOADS];

	for (int i = 0; i < NR_LOADS; i++) {
		pids[i] = start(loads[i]);
		CHECK(pids[i] > 0, "fork: %s", strerror(errno));
	}
	while (now_ms() < until) {
		ask(rand_r(&seed) % 700);
		sizes++;
		sleep_ms(200 + rand_r(&seed) % 1500);
		CHECK(!waitpid(guest.holder, NULL, WNOHANG), "data is damaged");
	}
	for (int i = 0; i < NR_LOADS; i++) {
		int ret = end_process(pids[i]);

		CHECK(!ret, "load %d ended with %d", i, ret);
	}
	migrated = vmstat("balloon_migrate ") - migrated;
	printf("figure storm: %ld pages of the balloon moved, %ld sizes\n",
	       migrated, sizes);
	CHECK(migrated, "no page migrated");
	TRY(all_online());
	return inflate(400, 0);
}

/* What is free on the lists of CPUs, where MemFree does not see it, shrinks with
 * the statistics' second hand. */
static long lost(void)
{
	write_text("/proc/sys/vm/drop_caches", "3");
	write_text("/proc/sys/vm/compact_memory", "1");
	return guest.free_kb - 4 * guest.poisoned -
	       read_value("/proc/meminfo", "MemFree:");
}

static int test_all_comes_back(void)
{
	const long slack_kb = 4096;
	long managed[MAX_ZONES], lost_kb = slack_kb;
	int nr;

	TRY(inflate(0, 0));
	CHECK(!end_process(guest.holder), "data is damaged");
	nr = read_managed(managed);
	for (int i = 0; i < nr; i++) {
		CHECK(managed[i] == guest.managed[i],
		      "zone %d manages %ld pages, expected %ld", i, managed[i],
		      guest.managed[i]);
	}
	for (int s = 0; s < 60 && (lost_kb = lost()) >= slack_kb; s++)
		sleep_ms(500);
	printf("figure MemFree: %ld kB less than at first, of %ld\n", lost_kb,
	       guest.free_kb);
	/* Of the kernel's own making; the balloon was hundreds of MiB. */
	CHECK(lost_kb < slack_kb, "%ld kB less are free", lost_kb);
	return 0;
}

/* A kernel that cannot move the balloon's pages */
static int test_full_block_stays_online(void)
{
	long i, full;
	int ret;

	TRY(inflate(RAM_MIB / 2, 0));
	i = fullest_block(false);
	CHECK(i >= 0, "no block with pages of the balloon");
	full = count(KPF_OFFLINE, i * BLOCK_PAGES, BLOCK_PAGES);
	ret = write_text(block_path(i, "state"), "offline");
	CHECK(ret == -EBUSY, "block %ld with %ld pages: %s", i, full,
	      strerror(-ret));
	TRY(check_balloon(RAM_MIB / 2 * MIB_PAGES, 0));
	CHECK(!vmstat("balloon_migrate "), "pages migrated");
	return 0;
}

static const struct test moved[] = {
	T(balloon_found),
	T(inflates_and_deflates),
	T(fragmented_memory_is_compacted),
	T(full_block_goes_offline),
	T(failing_memory_is_moved_out),
	T(pages_are_marked),
	T(bad_memory_in_balloon_is_ignored),
	T(all_comes_back),
	T(kernel_is_sound),
	{ NULL, NULL }
};

static const struct test storm[] = {
	T(balloon_found),
	T(storm),
	T(all_comes_back),
	T(kernel_is_sound),
	{ NULL, NULL }
};

static const struct test fixed[] = {
	T(balloon_found),
	T(inflates_and_deflates),
	T(full_block_stays_online),
	T(all_comes_back),
	T(kernel_is_sound),
	{ NULL, NULL }
};

static const struct suite suites[] = {
	{ "moved", moved },
	{ "storm", storm },
	{ "fixed", fixed },
};

int main(int argc, char **argv)
{
	const char *seconds = getenv("storm_seconds");

	guest.seconds = seconds ? atol(seconds) : 20;
	return guest_main(argc, argv, suites,
			  sizeof(suites) / sizeof(suites[0]));
}
