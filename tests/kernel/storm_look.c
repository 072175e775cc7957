/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * storm_look.c - The storm's others: who looks at all pages, or moves them
 */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "storm.h"

#define PER_GRANULE	(GRANULE / PAGE)

int work_compact(struct storm *s, uint64_t *seed, volatile long *done)
{
	while (!s->stop) {
		CHECK(!write_text("/proc/sys/vm/compact_memory", "1"),
		      "compact_memory");
		++*done;
		usleep(draw(seed, 500000));
	}
	return 0;
}

/* Not in use since before the caller looked at @changes, until now */
static bool was_unused(const struct storm *s, uint32_t granule,
		       uint32_t changes)
{
	return changes % 2 == 0 && !s->used[granule] &&
	       s->changes[granule] == changes;
}

static int check_unused(uint32_t granule, const uint64_t *flags,
			const uint64_t *counts, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		CHECK(flags[i] & (1UL << KPF_OFFLINE | 1UL << KPF_NOPAGE),
		      "page %zu of unused granule %u has flags %" PRIx64, i,
		      granule, flags[i]);
		CHECK(!counts[i], "page %zu of unused granule %u is mapped", i,
		      granule);
	}
	return 0;
}

int work_page_files(struct storm *s, uint64_t *seed, volatile long *done)
{
	static const char *const paths[] = {
		"/proc/kpageflags", "/proc/kpagecount", "/proc/kpagecgroup",
	};
	uint64_t words[3][PER_GRANULE];
	int fds[3];

	(void)seed;
	for (int i = 0; i < 3; i++) {
		fds[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
		CHECK(fds[i] >= 0, "%s: %s", paths[i], strerror(errno));
	}
	for (uint32_t g = 0; !s->stop; g = (g + 1) % (STORM_BLOCKS * 64)) {
		uint32_t changes = s->changes[g];
		ssize_t len = 0;

		/* An absent block may lie beyond the last page there is. */
		for (int i = 0; i < 3; i++)
			len = pread(fds[i], words[i], sizeof(words[i]),
				    granule_pfn(g) * 8);
		if (len == sizeof(words[0]) && was_unused(s, g, changes)) {
			TRY(check_unused(g, words[0], words[1], PER_GRANULE));
			++*done;
		}
		if (g % 64 == 63)
			usleep(20000);
	}
	return 0;
}

/* The offset in kcore of the page frame, or -1 */
static off_t kcore_offset(int fd, uint64_t pfn)
{
	static char head[64 << 10];
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)head;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(head + sizeof(*ehdr));
	ssize_t len = pread(fd, head, sizeof(head), 0);

	if (len < (ssize_t)(sizeof(*ehdr) + ehdr->e_phnum * sizeof(*phdr)))
		return -1;
	for (int i = 0; i < ehdr->e_phnum; i++) {
		uint64_t start = phdr[i].p_paddr, at = pfn * PAGE;

		if (phdr[i].p_type == PT_LOAD && start + 1 && at >= start &&
		    at + GRANULE <= start + phdr[i].p_memsz)
			return phdr[i].p_offset + (at - start);
	}
	return -1;
}

static bool is_zero(const uint64_t *p, size_t nr)
{
	while (nr && !p[nr - 1])
		nr--;
	return !nr;
}

static bool read_kcore(uint32_t granule, uint64_t *content)
{
	/* Memory that came since it was opened is not in its headers. */
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	off_t offset = kcore_offset(fd, granule_pfn(granule));
	bool whole = offset >= 0 &&
		     pread(fd, content, GRANULE, offset) == (ssize_t)GRANULE;

	close(fd);
	return whole;
}

/* What is offline reads as zero, though it is not; what is in use is seen. */
int work_kcore(struct storm *s, uint64_t *seed, volatile long *done)
{
	static uint64_t content[GRANULE / 8];
	long seen = 0;

	while (!s->stop) {
		uint32_t g = draw(seed, STORM_BLOCKS * 64);
		uint32_t changes = s->changes[g];

		usleep(10000);
		if (!read_kcore(g, content))
			continue;
		if (was_unused(s, g, changes)) {
			CHECK(is_zero(content, GRANULE / 8),
			      "unused granule %u seen in kcore", g);
			++*done;
		} else if (s->used[g]) {
			seen += !is_zero(content, GRANULE / 8);
		}
	}
	CHECK(seen, "nothing in use was seen in kcore");
	return 0;
}

/* Memory blocks offline and online in sysfs, with interruptions. */

static const char *online_state(uint32_t block)
{
	return block < STORM_KERNEL ? "online_movable" : "online_kernel";
}

static void on_signal(int sig)
{
	(void)sig;
}

static int offline_for(uint32_t block, long usec)
{
	struct itimerval timer = { { 0, 20000 }, { 0, usec } }, off = { 0 };
	int ret;

	setitimer(ITIMER_REAL, &timer, NULL);
	ret = set_state(block, "offline");
	setitimer(ITIMER_REAL, &off, NULL);
	return ret;
}

int work_toggle(struct storm *s, uint64_t *seed, volatile long *done)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGALRM, &sa, NULL);
	while (!s->stop) {
		uint32_t block = draw(seed, STORM_BLOCKS);

		if (s->hold) {
			for (uint32_t b = 0; b < STORM_BLOCKS; b++)
				set_state(b, online_state(b));
			s->held = true;
			while (s->hold && !s->stop)
				usleep(1000);
			s->held = false;
			continue;
		}
		/* Often soon enough to meet it at work, often not. */
		if (!offline_for(block, 1000 << draw(seed, 12)))
			++*done;
		usleep(draw(seed, 20000));
		set_state(block, online_state(block));
		usleep(draw(seed, 50000));
	}
	return 0;
}

/*
 * Memory errors in pages in use: injected and noticed. They are healed when all
 * blocks are at rest (storm.c): unpoisoning, made for tests alone, may free a
 * page of a block that has just gone offline without it, which the next
 * onlining finds on a free list. Not MADV_SOFT_OFFLINE: page_owner takes such a
 * page for freed twice when it is healed, and warns.
 */

int work_poison(struct storm *s, uint64_t *seed, volatile long *done)
{
	/* The kernel tells the process; it has no use for the page any more. */
	struct sigaction sa = { .sa_handler = on_signal };
	int null[2];

	sigaction(SIGBUS, &sa, NULL);
	CHECK(!pipe2(null, O_CLOEXEC), "pipe: %s", strerror(errno));
	while (!s->stop) {
		char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
			       0);
		int ret;

		CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
		*p = 'x';
		/* May fail: somebody else has the page for a moment. */
		ret = madvise(p, PAGE, MADV_HWPOISON);
		if (!ret) {
			CHECK(write(null[1], p, 1) < 0 && errno == EFAULT,
			      "a page with an error can be read");
			++*done;
		}
		munmap(p, PAGE);
		usleep(draw(seed, 3000000));
	}
	return 0;
}
