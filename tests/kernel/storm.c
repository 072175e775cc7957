/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * storm.c - Everything at once, and at the end every page is accounted for
 *
 * This process puts ranges online, takes them back, and adds and removes
 * blocks, at random, while workers (see storm.h) use memory, look at it and
 * move it, and a kernel thread (hammer.c) grabs at its pages. Every few seconds
 * all that can be seen is compared with what was done. The seed is printed: it
 * repeats the steps, if not their timing.
 */

#include "storm.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"
#include "zones.h"

#define PATIENCE	120	/* seconds */
#define CHECK_EVERY	10	/* seconds */

static const struct worker workers[] = {
	{ "anon", work_anon },
	{ "thp", work_thp },
	{ "tmpfs", work_tmpfs },
	{ "fork", work_fork },
	{ "pipe-pins", work_pipe_pins },
	{ "ring-pins", work_ring_pins },
	{ "hugetlb", work_hugetlb },
	{ "compact", work_compact },
	{ "page-files", work_page_files },
	{ "kcore", work_kcore },
	{ "toggle", work_toggle },
	{ "poison", work_poison },
};

#define NR_WORKERS	(sizeof(workers) / sizeof(workers[0]))

static struct storm *storm;
static volatile long *done;	/* of each worker, shared */
static pid_t pids[NR_WORKERS];

static long steps, refused;
static uint32_t removed, healed;

static void *map_shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static int start_workers(uint64_t seed)
{
	storm = map_shared(sizeof(*storm));
	done = map_shared(NR_WORKERS * sizeof(*done));
	CHECK(storm != MAP_FAILED && done != MAP_FAILED, "mmap: %s",
	      strerror(errno));
	for (size_t i = 0; i < NR_WORKERS; i++) {
		uint64_t own = seed + 1 + i;

		pids[i] = fork();
		CHECK(pids[i] >= 0, "fork: %s", strerror(errno));
		if (pids[i])
			continue;
		close_device();
		if (!workers[i].work(storm, &own, &done[i]))
			_exit(0);
		printf("# %s: %s\n", workers[i].name, why);
		fflush(stdout);
		_exit(1);
	}
	return 0;
}

/* The workers' end: all had something done, and found nothing wrong. */
static int stop_workers(void)
{
	int status, bad = -1;

	storm->stop = true;
	for (size_t i = 0; i < NR_WORKERS; i++) {
		if (pids[i] <= 0)
			continue;
		waitpid(pids[i], &status, 0);
		printf("# %s: %ld\n", workers[i].name, done[i]);
		if (status || !done[i])
			bad = i;
	}
	CHECK(bad < 0, "worker %s failed", workers[bad].name);
	return 0;
}

static bool all_have_worked(void)
{
	for (size_t i = 0; i < NR_WORKERS; i++) {
		if (!done[i])
			return false;
	}
	return true;
}

static int check_alive(void)
{
	for (size_t i = 0; i < NR_WORKERS; i++) {
		if (waitpid(pids[i], NULL, WNOHANG)) {
			pids[i] = 0;
			return fail("worker %s ended", workers[i].name);
		}
	}
	return 0;
}

/* Around every call that may change granules, for those who look at them */

static void begin(uint32_t first, uint32_t nr)
{
	for (uint32_t g = first; g < first + nr; g++)
		storm->changes[g]++;
}

static void end(uint32_t first, uint32_t nr)
{
	for (uint32_t g = first; g < first + nr; g++) {
		storm->used[g] = world.used[g];
		storm->changes[g]++;
	}
}

static int step_online(uint32_t block, uint32_t first, uint32_t nr)
{
	uint32_t zone = block < STORM_KERNEL ? MEMTIDE_ZONE_MOVABLE :
			MEMTIDE_ZONE_KERNEL;
	uint32_t base = block * 64;
	int ret;

	if (!world.used[base]) {
		nr += first;
		first = 0;
	}
	begin(base + first, nr);
	ret = online(base + first, nr, zone);
	end(base + first, nr);
	/* -EPERM: offline in sysfs. -EBUSY etc. would be wrong. */
	return ret == -EPERM || ret == -ENOMEM ? 1 : ret;
}

static int step_pull(uint32_t block, uint32_t first, uint32_t nr)
{
	uint32_t base = block * 64;
	int ret;

	begin(base + first, nr);
	ret = pull(base + first, nr, 0);
	end(base + first, nr);
	return ret == -EBUSY || ret == -ENOMEM ? 1 : ret;
}

static int step_remove(uint32_t block)
{
	uint32_t base = block * 64;
	char pfn[32];
	int ret;

	ret = step_pull(block, 1, 63);
	if (ret)
		return ret;
	snprintf(pfn, sizeof(pfn), "%" PRIu64, granule_pfn(base));
	CHECK(!write_text("/sys/module/hammer/parameters/avoid", pfn), "avoid");
	begin(base, 64);
	ret = remove_block(block);
	end(base, 64);
	CHECK(!write_text("/sys/module/hammer/parameters/avoid", "0"), "avoid");
	removed += !ret;
	return ret == -EBUSY || ret == -ENOMEM ? 1 : ret;
}

/* An error in a page that is not in use concerns nobody. */
static int step_poison(uint32_t granule, uint32_t page)
{
	char addr[32];

	if (world.used[granule])
		return 1;
	snprintf(addr, sizeof(addr), "%#" PRIx64,
		 (granule_pfn(granule) + page) * PAGE);
	CHECK(write_text("/sys/devices/system/memory/hard_offline_page", addr),
	      "an error in unused granule %u was acted upon", granule);
	return 0;
}

static int step(uint64_t *seed)
{
	uint32_t block = draw(seed, STORM_BLOCKS), what = draw(seed, 100);
	uint32_t first = 1 + draw(seed, 63), nr = 1 + draw(seed, 64 - first);

	if (what < 45)
		return step_online(block, first, nr);
	if (what < 90)
		return step_pull(block, first, nr);
	if (what < 95)
		return step_remove(block);
	return step_poison(block * 64 + first, draw(seed, 512));
}

/*
 * A block that went offline with an error in it stays offline: the kernel
 * does not bring it back. Given up, added anew it is good again.
 */
static int heal(void)
{
	for (uint32_t b = 0; b < STORM_BLOCKS; b++) {
		if (!world.used[b * 64] || block_is_online(b))
			continue;
		CHECK(!step_remove(b), "block %u is offline, and stays", b);
		healed++;
	}
	return 0;
}

/* Where no block is going offline meanwhile: see work_poison(). */
static void unpoison_window(void)
{
	static uint64_t flags[STORM_BLOCKS * 64 * 512];
	ssize_t nr = read_page_flags(granule_pfn(0), flags,
				     STORM_BLOCKS * 64 * 512);
	char pfn[32];

	for (ssize_t i = 0; i < nr; i++) {
		if (!(flags[i] >> KPF_HWPOISON & 1))
			continue;
		snprintf(pfn, sizeof(pfn), "%" PRIu64, granule_pfn(0) + i);
		write_text("/sys/kernel/debug/hwpoison/unpoison-pfn", pfn);
	}
}

static int check_all(void)
{
	storm->hold = true;
	for (int i = 0; i < 60000 && !storm->held; i++)
		usleep(1000);
	CHECK(storm->held, "blocks do not come to rest");
	unpoison_window();
	TRY(heal());
	TRY(check_world());
	TRY(zones_check());
	storm->hold = false;
	while (storm->held)
		usleep(1000);
	return 0;
}

static int run_storm(uint64_t seed, long seconds)
{
	time_t end_at = now() + seconds, check_at = now() + CHECK_EVERY;
	time_t give_up_at = end_at + PATIENCE;
	int ret;

	/* On a slow machine not all have had their turn by then. */
	while (now() < end_at || (now() < give_up_at && !all_have_worked())) {
		ret = step(&seed);
		CHECK(ret >= 0, "step %ld: %s", steps, strerror(-ret));
		steps++;
		refused += ret;
		if (now() >= check_at) {
			TRY(check_alive());
			TRY(check_all());
			check_at = now() + CHECK_EVERY;
		}
	}
	return check_all();
}

/* What is in the kernel's zone may be stuck there; all else comes back. */
static int clear_window(void)
{
	unpoison_window();
	for (uint32_t b = 0; b < STORM_BLOCKS; b++) {
		if (!world.used[b * 64])
			continue;
		if (b < STORM_KERNEL) {
			TRY(pull_patiently(b * 64 + 1, 63));
			CHECK(!remove_block(b), "removal of block %u", b);
			continue;
		}
		for (uint32_t g = 1; g < 64; g++)
			pull(b * 64 + g, 1, 0);
		remove_block(b);
	}
	TRY(check_world());
	return zones_check();
}

static int load_hammer(void)
{
	char parameters[96];
	int ret;

	snprintf(parameters, sizeof(parameters), "start_pfn=%" PRIu64
		 " nr_pages=%u", granule_pfn(0), STORM_BLOCKS * 64 * 512);
	ret = load_module("/hammer.ko", parameters);
	CHECK(!ret, "hammer.ko: %s", strerror(-ret));
	return 0;
}

static int unload_hammer(void)
{
	const char *dir = "/sys/module/hammer/parameters/";
	char path[64];
	long taken, wrong;

	snprintf(path, sizeof(path), "%staken", dir);
	taken = read_value(path, "");
	snprintf(path, sizeof(path), "%swrong", dir);
	wrong = read_value(path, "");
	printf("# hammer: %ld references\n", taken);
	CHECK(!unload_module("hammer"), "unload hammer");
	CHECK(taken > 0 && !wrong, "%ld references, %ld wrong", taken, wrong);
	return 0;
}

int test_storm(void)
{
	const char *seconds = getenv("storm_seconds");
	const char *seed = getenv("storm_seed");
	long oom = read_value("/proc/vmstat", "oom_kill ");
	uint64_t number = seed ? strtoull(seed, NULL, 10) : 1;
	int ret;

	printf("# seed %" PRIu64 "\n", number);
	TRY(load_hammer());
	TRY(start_workers(number));
	CHECK(nice(-10) == -10, "nice");	/* all others just disturb */
	ret = run_storm(number, seconds ? atol(seconds) : 60);
	ret |= stop_workers();
	printf("# %ld steps, %ld refused, %u blocks removed, %u healed\n",
	       steps, refused, removed, healed);
	TRY(ret);
	TRY(unload_hammer());
	CHECK(read_value("/proc/vmstat", "oom_kill ") == oom, "OOM kill");
	return clear_window();
}
