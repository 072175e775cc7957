/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cancel.c - Memory blocks that fail to go online or offline
 *
 * Another party's memory notifier refuses, before the driver's has seen the
 * event or after it; or a page that cannot move makes offlining wait until a
 * signal ends it. Afterwards every page must be what it was.
 */

#include "cancel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "world.h"
#include "zones.h"

#define INJECT	"/sys/kernel/debug/notifier-error-inject/memory/actions/"
#define BLOCK_PAGES	(64 * GRANULE / PAGE)

static int refuse(const char *event, int error)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), INJECT "%s/error", event);
	snprintf(text, sizeof(text), "%d", error);
	CHECK(!write_text(path, text), "%s", path);
	return 0;
}

/* Block 0 with some granules online, and nothing in them */
static int prepare_block(void)
{
	CHECK(!online(0, 5, MEMTIDE_ZONE_MOVABLE), "online");
	CHECK(!online(20, 7, MEMTIDE_ZONE_MOVABLE), "online");
	return check_world();
}

/* Pageblocks that nobody can allocate from: none may be left behind. */
static long isolated_blocks(void)
{
	char line[512], *at;
	long nr = 0, in_line;
	int column = -1, end;
	FILE *f = fopen("/proc/pagetypeinfo", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "Number of blocks type", 21)) {
			column = 0;
			at = strtok(line + 21, " \n");
			for (; at && strcmp(at, "Isolate");
			     at = strtok(NULL, " \n"))
				column++;
			continue;
		}
		if (column < 0)
			continue;
		end = 0;
		sscanf(line, "Node %*d, zone %*s%n", &end);
		if (!end)
			break;
		in_line = 0;
		at = line + end;
		for (int i = 0; i <= column; i++, at += end) {
			if (sscanf(at, "%ld%n", &in_line, &end) != 1)
				break;
		}
		nr += in_line;
	}
	if (f)
		fclose(f);
	return column < 0 ? -1 : nr;
}

struct snapshot {
	uint64_t flags[BLOCK_PAGES];
	uint64_t counts[BLOCK_PAGES];
};

static void look(struct snapshot *s)
{
	int fd = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);

	memset(s, 0, sizeof(*s));
	read_page_flags(granule_pfn(0), s->flags, BLOCK_PAGES);
	if (pread(fd, s->counts, sizeof(s->counts), granule_pfn(0) * 8) < 0)
		memset(s->counts, 0xff, sizeof(s->counts));
	close(fd);
}

/* Pages in use may have moved; what is not in use is the same to the bit. */
static int compare(const struct snapshot *a, const struct snapshot *b)
{
	for (size_t i = 0; i < BLOCK_PAGES; i++) {
		if (world.used[i * PAGE / GRANULE])
			continue;
		CHECK(a->flags[i] == b->flags[i] &&
		      a->counts[i] == b->counts[i],
		      "page %zu: flags %" PRIx64 " were %" PRIx64, i,
		      b->flags[i], a->flags[i]);
	}
	return 0;
}

/* All of the block's free memory can be allocated and is the caller's own. */
static int use_memory(void)
{
	const size_t size = 11 * GRANULE;
	uint64_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
	for (size_t i = 0; i < size / 8; i += 64)
		p[i] = i;
	for (size_t i = 0; i < size / 8; i += 64)
		CHECK(p[i] == i, "word %zu changed", i);
	munmap(p, size);
	return 0;
}

static int check_as_it_was(const struct snapshot *before)
{
	static struct snapshot after;

	look(&after);
	TRY(compare(before, &after));
	CHECK(!isolated_blocks(), "%ld pageblocks isolated", isolated_blocks());
	TRY(check_world());
	TRY(zones_check());
	return use_memory();
}

static int offline_refused(void)
{
	static struct snapshot before;
	int ret;

	TRY(prepare_block());
	look(&before);
	TRY(refuse("MEM_GOING_OFFLINE", -EPERM));
	ret = set_state(0, "offline");
	CHECK(ret == -EPERM, "offline: %s", strerror(-ret));
	TRY(check_as_it_was(&before));

	CHECK(!pull(1, 63, 0), "pull");
	look(&before);
	ret = remove_block(0);
	CHECK(ret == -EBUSY, "removal: %s", strerror(-ret));
	TRY(check_as_it_was(&before));

	TRY(refuse("MEM_GOING_OFFLINE", 0));
	TRY(prepare_block());
	CHECK(!set_state(0, "offline") && !set_state(0, "online_movable"),
	      "offline and online when not refused");
	TRY(check_world());
	return remove_all();
}

static int online_refused(void)
{
	static struct snapshot first, before, after;
	int ret;

	TRY(prepare_block());
	look(&first);
	CHECK(!set_state(0, "offline"), "offline");
	look(&before);
	for (int i = 0; i < 3; i++) {
		TRY(refuse("MEM_GOING_ONLINE", -ENOMEM));
		ret = set_state(0, "online_movable");
		CHECK(ret == -ENOMEM, "online: %s", strerror(-ret));
		CHECK(mem_total_kb() == world.base_kb, "MemTotal changed");
	}
	look(&after);
	CHECK(!memcmp(&before, &after, sizeof(before)), "pages changed");
	TRY(refuse("MEM_GOING_ONLINE", 0));
	CHECK(!set_state(0, "online_movable"), "online when not refused");
	return check_as_it_was(&first);
}

static int add_refused(void)
{
	int ret;

	TRY(remove_all());
	TRY(refuse("MEM_GOING_ONLINE", -ENOMEM));
	ret = online(0, 5, MEMTIDE_ZONE_MOVABLE);
	CHECK(ret == -ECANCELED, "online: %s", strerror(-ret));
	TRY(check_world());
	TRY(zones_check());
	TRY(refuse("MEM_GOING_ONLINE", 0));
	TRY(prepare_block());
	TRY(zones_check());
	return remove_all();
}

static int with_refusals(const char *parameters)
{
	int ret = load_module("/memory-notifier-error-inject.ko", parameters);

	CHECK(!ret, "memory-notifier-error-inject.ko: %s", strerror(-ret));
	TRY(offline_refused());
	TRY(online_refused());
	TRY(add_refused());
	CHECK(!unload_module("memory_notifier_error_inject"), "unload");
	return 0;
}

int test_refusal_before_the_driver_undone(void)
{
	return with_refusals("priority=10");
}

int test_refusal_after_the_driver_undone(void)
{
	return with_refusals("priority=-10");
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* All of the block is isolated, and much of it emptied, when it ends. */
int test_interrupted_offline_undone(void)
{
	struct itimerval timer = { { 0, 100000 }, { 1, 0 } }, off = { 0 };
	struct sigaction sa = { .sa_handler = on_alarm };
	const size_t size = 11 * GRANULE;
	static struct snapshot before;
	struct iovec iov = { .iov_len = PAGE };
	int fds[2], ret;
	char *p;

	TRY(prepare_block());
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
	/* A page in the middle of those that lie in the block */
	iov.iov_base = p + size / 2;
	CHECK(page_frame(iov.iov_base) >= granule_pfn(0), "page not in block");
	CHECK(!pipe2(fds, O_CLOEXEC) &&
	      vmsplice(fds[1], &iov, 1, 0) == (ssize_t)PAGE, "vmsplice: %s",
	      strerror(errno));

	look(&before);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	ret = set_state(0, "offline");
	setitimer(ITIMER_REAL, &off, NULL);
	CHECK(ret == -EINTR, "offline: %s", strerror(-ret));
	close(fds[0]);
	close(fds[1]);
	munmap(p, size);
	TRY(check_as_it_was(&before));
	CHECK(!set_state(0, "offline") && !set_state(0, "online_movable"),
	      "offline and online when the page is free");
	TRY(check_as_it_was(&before));
	return remove_all();
}
