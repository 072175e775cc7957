/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * oom.c - A guest that has no memory left
 *
 * A process writes to more memory than there is. Whoever listens at the device
 * is asked for more, and while it brings some nobody is killed. There is no
 * swap, and next to no page cache.
 */

#include "oom.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

#define MORE_MIB	300	/* than is available */
#define BLOCKS_MAX	8u	/* that is given for it */
#define PATIENCE_MS	60000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* A process that writes to so much, says so in @ready, and keeps it */
static pid_t eat(long mib, int *ready)
{
	size_t size = (size_t)mib << 20;
	int fds[2];
	pid_t pid;
	char *p;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		write_text("/proc/self/oom_score_adj", "1000");
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			 MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			_exit(1);
		for (size_t i = 0; i < size; i += PAGE)
			p[i] = 1;
		if (write(fds[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	*ready = fds[0];
	return pid;
}

static int finish(pid_t pid, int ready)
{
	int status = 0;

	close(ready);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return status;
}

/* Begin to listen, with nothing that was asked for before */
static int listen_to_kernel(void)
{
	struct memtide_need need;
	ssize_t got;

	CHECK(read(world.fd, &need, 4) == -1 && errno == EINVAL, "short read");
	got = read(world.fd, &need, sizeof(need));
	CHECK(got == sizeof(need) || (got == -1 && errno == EAGAIN),
	      "read: %zd", got);
	return 0;
}

/* What the process that eats has come to, or the kernel asks for */
enum event { ASKED, READY, DEAD, LATE };

static enum event await(int ready)
{
	struct pollfd fds[2] = { { .fd = world.fd, .events = POLLIN },
				 { .fd = ready, .events = POLLIN } };

	if (poll(fds, 2, PATIENCE_MS) <= 0)
		return LATE;
	if (fds[0].revents & POLLIN)
		return ASKED;
	return fds[1].revents & POLLIN ? READY : DEAD;
}

int test_host_is_asked_before_a_process_is_killed(void)
{
	long mib = read_value("/proc/meminfo", "MemAvailable:") / 1024;
	uint32_t given = 0, kernel = 0;
	struct memtide_need need;
	enum event event;
	int ready;
	pid_t pid;

	TRY(listen_to_kernel());
	pid = eat(mib + MORE_MIB, &ready);
	CHECK(pid > 0, "fork");
	while ((event = await(ready)) == ASKED && given < BLOCKS_MAX) {
		CHECK(read(world.fd, &need, sizeof(need)) == sizeof(need) &&
		      need.times, "read");
		CHECK(need.zone == MEMTIDE_ZONE_MOVABLE ||
		      need.zone == MEMTIDE_ZONE_KERNEL, "zone %u", need.zone);
		CHECK(!online(given * 64, 64, need.zone),
		      "a block cannot be added in need");
		kernel += need.zone == MEMTIDE_ZONE_KERNEL;
		given++;
	}
	finish(pid, ready);
	CHECK(event == READY, event == DEAD ? "it was killed" :
	      event == LATE ? "it hangs" : "it still asks");
	CHECK(given >= MORE_MIB / 128, "only %u blocks were needed", given);
	printf("# %ld MiB written with %u blocks added in need, %u of them for the kernel\n",
	       mib + MORE_MIB, given, kernel);
	return check_world();
}

/* How long until a process that eats too much is killed? -1: it is not */
static int64_t killed_after_ms(long mib)
{
	int64_t begin_ms = now_ms();
	int ready, status;
	pid_t pid = eat(mib, &ready);
	char c;

	if (pid < 0)
		return -1;
	/* The end of the pipe is that of the process. */
	if (read(ready, &c, 1))
		begin_ms = INT64_MAX;
	status = finish(pid, ready);
	if (begin_ms == INT64_MAX || !WIFSIGNALED(status))
		return -1;
	return now_ms() - begin_ms;
}

/* One wait for nothing is enough: the next one is killed without. */
int test_what_nobody_answers_is_killed(void)
{
	long mib = read_value("/proc/meminfo", "MemAvailable:") / 1024;
	int64_t first_ms, second_ms;
	struct memtide_need need;

	TRY(listen_to_kernel());
	first_ms = killed_after_ms(mib + MORE_MIB);
	CHECK(first_ms >= 0, "it was not killed");
	CHECK(read(world.fd, &need, sizeof(need)) == sizeof(need),
	      "nobody was asked");
	CHECK(first_ms >= 3000, "nobody waited: %d ms", (int)first_ms);
	second_ms = killed_after_ms(mib + MORE_MIB);
	CHECK(second_ms >= 0, "the second was not killed");
	CHECK(read(world.fd, &need, sizeof(need)) == -1 && errno == EAGAIN,
	      "asked again at once");
	printf("# killed after %d and %d ms\n", (int)first_ms, (int)second_ms);
	return check_world();
}
