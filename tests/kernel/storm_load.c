/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * storm_load.c - The storm's load: memory in use, and checked
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storm.h"
#include "stress.h"

#define MIB	(1UL << 20)

static void fill(uint64_t *p, size_t size, uint64_t salt)
{
	for (size_t i = 0; i < size / 8; i += 64)
		p[i] = pattern(i) ^ salt;
}

static int verify(const uint64_t *p, size_t size, uint64_t salt)
{
	for (size_t i = 0; i < size / 8; i += 64)
		CHECK(p[i] == (pattern(i) ^ salt),
		      "word %zu of %zu MiB is %#lx, expected %#lx", i,
		      size / MIB, (long)p[i], (long)(pattern(i) ^ salt));
	return 0;
}

/* Fill a mapping anew, look at it for a while, give it back; again. */
static int churn(struct storm *s, uint64_t *seed, volatile long *done,
		 size_t size, int fd, int advice)
{
	while (!s->stop) {
		int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
		uint64_t salt = draw(seed, 1 << 30);
		void *p;

		CHECK(fd < 0 || !ftruncate(fd, size), "ftruncate: %s",
		      strerror(errno));
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
		CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
		if (advice)
			madvise(p, size, advice);
		fill(p, size, salt);
		for (int i = 1 + draw(seed, 8); i && !s->stop; i--) {
			usleep(200000);
			TRY(verify(p, size, salt));
			++*done;
		}
		munmap(p, size);
		CHECK(fd < 0 || !ftruncate(fd, 0), "ftruncate: %s",
		      strerror(errno));
	}
	return 0;
}

int work_anon(struct storm *s, uint64_t *seed, volatile long *done)
{
	return churn(s, seed, done, 48 * MIB, -1, 0);
}

int work_thp(struct storm *s, uint64_t *seed, volatile long *done)
{
	return churn(s, seed, done, 32 * MIB, -1, MADV_HUGEPAGE);
}

int work_tmpfs(struct storm *s, uint64_t *seed, volatile long *done)
{
	int fd = open("/tmp/storm", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0, "open: %s", strerror(errno));
	return churn(s, seed, done, 32 * MIB, fd, 0);
}

/* Children share the parent's pages, write to half of them, and end. */
int work_fork(struct storm *s, uint64_t *seed, volatile long *done)
{
	const size_t size = 8 * MIB;
	uint64_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;

	CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
	while (!s->stop) {
		uint64_t salt = draw(seed, 1 << 30);
		const int nr = 4;

		fill(p, size, salt);
		for (int i = 0; i < nr; i++) {
			pid_t pid = fork();

			CHECK(pid >= 0, "fork: %s", strerror(errno));
			if (pid)
				continue;
			fill(p, size / 2, ~salt);
			_exit(verify(p, size / 2, ~salt) ? 1 : 0);
		}
		for (int i = 0; i < nr; i++) {
			wait(&status);
			CHECK(!status, "a child ended with %#x", status);
		}
		TRY(verify(p, size, salt));
		++*done;
		usleep(100000);
	}
	return 0;
}

/* Pages in pipes: references that nobody can move, anywhere in memory. */
int work_pipe_pins(struct storm *s, uint64_t *seed, volatile long *done)
{
	const size_t size = 8 * MIB;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fds[2];

	CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
	while (!s->stop) {
		fill((uint64_t *)p, size, 0);
		CHECK(!pipe2(fds, O_CLOEXEC), "pipe: %s", strerror(errno));
		for (int i = 0; i < 8; i++) {
			struct iovec iov = { p + draw(seed, size / PAGE) * PAGE,
					     PAGE };

			CHECK(vmsplice(fds[1], &iov, 1, 0) == (ssize_t)PAGE,
			      "vmsplice: %s", strerror(errno));
		}
		usleep(1000 + draw(seed, 200000));
		close(fds[0]);
		close(fds[1]);
		madvise(p, size, MADV_DONTNEED);
		++*done;
	}
	return 0;
}

/*
 * Buffers registered with io_uring are pinned for long (FOLL_LONGTERM): the
 * kernel moves them out of where pages must stay movable, at the very moment
 * when we take pages from there.
 */
int work_ring_pins(struct storm *s, uint64_t *seed, volatile long *done)
{
	struct io_uring_params params = { 0 };
	int ring = syscall(__NR_io_uring_setup, 4, &params);
	const size_t size = 2 * MIB;

	CHECK(ring >= 0, "io_uring_setup: %s", strerror(errno));
	while (!s->stop) {
		uint64_t salt = draw(seed, 1 << 30);
		struct iovec iov = { .iov_len = size };

		iov.iov_base = mmap(NULL, size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(iov.iov_base != MAP_FAILED, "mmap: %s", strerror(errno));
		fill(iov.iov_base, size, salt);
		/* Moving them out may fail for a moment: others hold them. */
		if (!syscall(__NR_io_uring_register, ring,
			     IORING_REGISTER_BUFFERS, &iov, 1)) {
			usleep(1000 + draw(seed, 100000));
			TRY(verify(iov.iov_base, size, salt));
			CHECK(!syscall(__NR_io_uring_register, ring,
				       IORING_UNREGISTER_BUFFERS, NULL, 0),
			      "unregister: %s", strerror(errno));
			++*done;
		}
		munmap(iov.iov_base, size);
	}
	return 0;
}

int work_hugetlb(struct storm *s, uint64_t *seed, volatile long *done)
{
	const char *path = "/proc/sys/vm/nr_hugepages";

	while (!s->stop) {
		CHECK(!write_text(path, "8"), "%s: %s", path, strerror(errno));
		if (read_value(path, "") > 0)
			++*done;
		usleep(1000 + draw(seed, 300000));
		CHECK(!write_text(path, "0"), "%s: %s", path, strerror(errno));
		usleep(200000);
	}
	return 0;
}
