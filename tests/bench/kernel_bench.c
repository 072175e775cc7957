/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kernel_bench.c - What the guest's kernel needs for each step, as /init
 *
 * "memtide": times the driver's calls. "virtio": says when it is ready for a
 * change that virtio-mem is to make, which the host asks for and times (see
 * tests/bench/kernel). Both change 1 GiB of memory, in ZONE_MOVABLE.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"
#include "world.h"

#define MAX_ROUNDS	9
#define BLOCKS		8	/* 1 GiB */
#define FILL		(1000UL << 20)
#define MAX_SERIES	32

/* Samples by name, in us */
static struct series {
	char name[48];
	double us[MAX_ROUNDS];
	int nr;
} series[MAX_SERIES];

static int nr_rounds(void)
{
	const char *text = getenv("rounds");
	int nr = text ? atoi(text) : 0;

	return nr > 0 && nr <= MAX_ROUNDS ? nr : 5;
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static void note(const char *name, double us)
{
	struct series *s = series;

	while (s->nr && strcmp(s->name, name))
		s++;
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->us[s->nr++] = us;
	printf("# %s: %.0f us\n", name, us);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_medians(void)
{
	for (struct series *s = series; s->nr; s++) {
		qsort(s->us, s->nr, sizeof(s->us[0]), compare);
		printf("median %-40s %10.0f us (%.0f to %.0f)\n", s->name,
		       s->us[s->nr / 2], s->us[0], s->us[s->nr - 1]);
	}
}

/* A process that holds FILL bytes: most of what was added */
static pid_t fill(bool huge)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		char *p = mmap(NULL, FILL, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			_exit(1);
		if (huge)
			madvise(p, FILL, MADV_HUGEPAGE);
		for (size_t i = 0; i < FILL; i += PAGE)
			p[i] = 1;
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static void empty(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Of @granules of the window, the MiB in use by processes */
static long filled_mib(uint32_t granules)
{
	static uint64_t flags[BLOCKS * 64 * 512];
	ssize_t nr = read_page_flags(granule_pfn(0), flags, granules * 512);
	long pages = 0;

	for (ssize_t i = 0; i < nr; i++)
		pages += flags[i] >> KPF_LRU & 1;
	return pages / 256;
}

static int expose_all(void)
{
	for (uint32_t b = 0; b < BLOCKS; b++)
		CHECK(!online(b * 64, 64, MEMTIDE_ZONE_MOVABLE), "expose");
	return 0;
}

static int take_all(uint32_t step)
{
	for (uint32_t b = 0; b < BLOCKS; b++) {
		for (uint32_t g = 1; g < 64; g += step - g % step)
			TRY(pull_patiently(b * 64 + g, step - g % step));
	}
	return 0;
}

static int time_takes(const char *what)
{
	static const uint32_t steps[] = { 1, 16, 64 };

	for (int i = 0; i < 3; i++) {
		bool full = strcmp(what, "free");
		pid_t pid = full ? fill(!strcmp(what, "THP")) : 0;
		char name[48];
		double from;

		CHECK(pid >= 0, "fill");
		if (full)
			printf("# %s: %ld MiB in use\n", what,
			       filled_mib(BLOCKS * 64));
		from = now_us();
		TRY(take_all(steps[i]));
		snprintf(name, sizeof(name), "take 1 GiB %s in calls of %u MiB",
			 what, steps[i] * 2);
		note(name, now_us() - from);
		if (pid)
			empty(pid);
		TRY(expose_all());
	}
	return 0;
}

/* As above, when the guest cannot rely on the host to clear it */
static int time_clearing(void)
{
	double from = now_us();

	world.pull_flags = 0;
	TRY(take_all(64));
	world.pull_flags = MEMTIDE_PULL_AS_IS;
	note("take 1 GiB free, and clear it", now_us() - from);
	return expose_all();
}

static int one_round(void)
{
	double from = now_us();

	for (uint32_t b = 0; b < BLOCKS; b++)
		CHECK(!online(b * 64, 1, MEMTIDE_ZONE_MOVABLE), "add");
	note("add a block of 128 MiB, bring it online", (now_us() - from) / 8);

	from = now_us();
	CHECK(!online(1, 1, MEMTIDE_ZONE_MOVABLE), "expose");
	note("expose 2 MiB", now_us() - from);
	from = now_us();
	CHECK(!online(64, 64, MEMTIDE_ZONE_MOVABLE), "expose");
	note("expose 128 MiB", now_us() - from);
	TRY(take_all(64));
	from = now_us();
	TRY(expose_all());
	note("expose 1 GiB", now_us() - from);

	TRY(time_takes("free"));
	TRY(time_clearing());
	TRY(time_takes("4 KiB"));
	TRY(time_takes("THP"));

	TRY(take_all(64));
	from = now_us();
	for (uint32_t b = 0; b < BLOCKS; b++)
		CHECK(!remove_block(b), "remove");
	note("remove 8 blocks of 128 MiB", now_us() - from);
	return 0;
}

static int bench_memtide(void)
{
	int ret = load_module("/memtide.ko", "window_mib=4096");

	CHECK(!ret, "memtide.ko: %s", strerror(-ret));
	CHECK(!open_device() && !call(MEMTIDE_IOC_INFO, &world.info), "open");
	world.per_block = world.info.block_granules;
	/* Neither does virtio-mem clear what it gives back. */
	world.pull_flags = MEMTIDE_PULL_AS_IS;
	for (int i = 0; i < nr_rounds(); i++)
		TRY(one_round());
	print_medians();
	return 0;
}

static int wait_for(long kb)
{
	for (int i = 0; i < 60000; i++) {
		if (mem_total_kb() == kb)
			return 0;
		usleep(5000);
	}
	return fail("MemTotal %ld, expected %ld", mem_total_kb(), kb);
}

/* The kinds in turns; one round more, which the host looks into */
static int bench_virtio(void)
{
	static const char *const kinds[] = { "free", "4 KiB", "THP" };
	long base = mem_total_kb();

	for (int i = 0; i < 3 * (nr_rounds() + 1); i++) {
		const char *what = kinds[i % 3];
		pid_t pid = 0;

		printf("want grow 1 GiB\n");
		TRY(wait_for(base + (1 << 20)));
		usleep(100000);
		if (strcmp(what, "free"))
			pid = fill(!strcmp(what, "THP"));
		CHECK(pid >= 0, "fill");
		printf("want shrink 1 GiB %s\n", what);
		TRY(wait_for(base));
		if (pid)
			empty(pid);
		usleep(100000);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *which = argc > 1 ? argv[argc - 1] : "";
	int ret;

	guest_start();
	ret = strcmp(which, "virtio") ? bench_memtide() : bench_virtio();
	if (ret)
		printf("failed: %s\n", why);
	printf("done\n");
	return guest_end();
}
