/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * stress.c - Tests with data in the memory, and with processes that fail
 */

#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

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
	while (read(stop, &c, 1) < 0) {	/* not blocking */
		bad += count_bad(p, size, seed);
		usleep(100000);	/* the one emulated CPU is for the pull, too */
	}
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
	ssize_t got = read_page_flags(granule_pfn(0), flags, 512 * 512);
	long nr = 0;

	for (ssize_t i = 0; i < got; i++)
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

int test_full_memory_is_pulled_intact(void)
{
	const size_t size = 128UL << 20;
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
	uint64_t pfn = page_frame(p);

	if (pfn < granule_pfn(0))
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

static struct {
	char *p;
	size_t size;
	int fds[2];
} pinned;

uint32_t pin_granule(size_t size, uint32_t from, uint32_t to)
{
	uint32_t g = 0;
	size_t i = 0;

	pinned.size = size;
	pinned.p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (pinned.p == MAP_FAILED)
		return 0;
	for (; i < size; i += PAGE) {
		g = granule_of(pinned.p + i);
		if (g >= from && g <= to)
			return pin_page(pinned.p + i, pinned.fds) ? 0 : g;
	}
	return 0;
}

void unpin_granule(void)
{
	close(pinned.fds[0]);
	close(pinned.fds[1]);
	munmap(pinned.p, pinned.size);
}

int test_pull_is_all_or_nothing(void)
{
	uint32_t g;

	CHECK(!online(0, 64, MEMTIDE_ZONE_MOVABLE), "online");
	g = pin_granule(100UL << 20, 8, 62);
	CHECK(g, "no page of the block");

	/* Two runs: the first can be taken, the second not. */
	CHECK(!pull(4, 2, 0), "pull the hole");
	CHECK(pull(2, g - 1, 0) == -EBUSY, "pulled a pinned page");
	TRY(check_world());
	CHECK(pull(g, 1, 0) == -EBUSY, "pulled the pinned granule");
	CHECK(!pull(2, 2, 0) && !pull(g + 1, 1, 0), "pull its neighbours");
	TRY(check_world());
	unpin_granule();
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

int test_death_at_any_moment(void)
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

static void toggle_blocks(void)
{
	for (uint32_t i = 0; ; i++) {
		set_state(i % 2, "offline");
		set_state(i % 2, "online_movable");
	}
}

int test_offline_and_online_meanwhile(void)
{
	struct timeval end, now;
	pid_t pid = fork();

	if (!pid)
		toggle_blocks();
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

int test_signals_interrupt_cleanly(void)
{
	struct itimerval timer = { { 0, 700 }, { 0, 700 } }, off = { 0 };
	struct sigaction sa = { .sa_handler = on_alarm };
	int interrupted = 0;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < 20000 && interrupted < 3; i++) {
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
