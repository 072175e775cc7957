// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guesttool - What the lab's cases need inside a guest, or in dom0
 *
 *   guesttool flags GFN NR	counts of page flags: "offline N other N nopage N"
 *   guesttool hold MIB SEED FIFO
 *				fill MIB of anonymous memory, print "begin" and
 *				"ready" with the monotonic clock in us around
 *				that, wait for a line on FIFO, check every word,
 *				print "intact" or what is wrong
 *   guesttool follow		each 100 ms print the monotonic clock in us,
 *				MemTotal in KiB and for how many us tasks have
 *				waited for memory (PSI, some; 0 without)
 *   guesttool churn MIB SEED FIFO
 *				the same with 1 to MIB of it, over and over, until
 *				there is a line on FIFO; prints "intact, N times"
 *   guesttool burst MIB MORE FIFO
 *				fill MIB of memory that the kernel may drop, as
 *				a page cache is; print "ready", wait for a line
 *				on FIFO, print "begin" and "end" with the
 *				monotonic clock in us around filling MORE MiB
 *   guesttool speak vchan|PATH garbage|oversized|half|flood
 *				talk nonsense: as an agent over a vchan, or as
 *				a client of the control socket at PATH
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"
#include "transport_unix.h"
#include "transport_vchan.h"

#define KPF_NOPAGE	20
#define KPF_OFFLINE	23	/* include/uapi/linux/kernel-page-flags.h */

static int flags(uint64_t gfn, uint64_t nr)
{
	uint64_t buf[512], offline = 0, nopage = 0, other = 0;
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0) {
		perror("/proc/kpageflags");
		return 1;
	}
	for (uint64_t at = 0; at < nr; at += (uint64_t)got / 8) {
		size_t want = MIN(nr - at, 512) * 8;

		got = pread(fd, buf, want, (off_t)((gfn + at) * 8));
		if (got <= 0) {	/* beyond the last page there is */
			nopage += nr - at;
			break;
		}
		for (ssize_t i = 0; i < got / 8; i++) {
			if (buf[i] >> KPF_NOPAGE & 1)
				nopage++;
			else if (buf[i] >> KPF_OFFLINE & 1)
				offline++;
			else
				other++;
		}
	}
	printf("offline %" PRIu64 " other %" PRIu64 " nopage %" PRIu64 "\n",
	       offline, other, nopage);
	return 0;
}

static uint64_t pattern(uint64_t seed, uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull ^ seed;
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* The number after @word in a file, 0 if there is none. */
static uint64_t number_in(const char *path, const char *word)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096], *at = NULL;
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n > 0) {
		text[n] = '\0';
		at = strstr(text, word);
	}
	return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

/* Also while there is no memory for anybody. */
static int follow(void)
{
	struct timespec each = { 0, 100000000 };

	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		perror("mlockall");
		return 1;
	}
	for (;;) {
		printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", now_us(),
		       number_in("/proc/meminfo", "MemTotal:"),
		       number_in("/proc/pressure/memory", "total="));
		if (fflush(stdout))
			return 1;
		nanosleep(&each, NULL);
	}
}

static int hold(uint64_t mib, uint64_t seed, const char *fifo)
{
	uint64_t words = mib << 17, wrong = 0;
	/* It may be more than there is as yet. */
	uint64_t *p = mmap(NULL, words * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			   MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char line[16];
	FILE *f;

	if (p == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	printf("begin %" PRIu64 "\n", now_us());
	fflush(stdout);
	for (uint64_t i = 0; i < words; i++)
		p[i] = pattern(seed, i);
	printf("ready %" PRIu64 "\n", now_us());
	fflush(stdout);
	f = fopen(fifo, "re");
	if (!f || !fgets(line, sizeof(line), f)) {
		perror(fifo);
		return 1;
	}
	for (uint64_t i = 0; i < words; i++)
		wrong += p[i] != pattern(seed, i);
	if (wrong) {
		printf("%" PRIu64 " words are wrong\n", wrong);
		return 1;
	}
	puts("intact");
	return 0;
}

/* How many words of @mib are not what was written to them? */
static uint64_t write_and_check(uint64_t mib, uint64_t seed)
{
	uint64_t words = mib << 17, wrong = 0;
	uint64_t *p = mmap(NULL, words * 8, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Nothing was written: the guest has become too small for it. */
	if (p == MAP_FAILED)
		return 0;
	for (uint64_t i = 0; i < words; i++)
		p[i] = pattern(seed, i);
	usleep(200000);
	for (uint64_t i = 0; i < words; i++)
		wrong += p[i] != pattern(seed, i);
	munmap(p, words * 8);
	return wrong;
}

static int churn(uint64_t mib, uint64_t seed, const char *fifo)
{
	int fd = open(fifo, O_RDWR | O_CLOEXEC);
	struct pollfd p = { fd, POLLIN, 0 };
	uint64_t wrong = 0, times = 0;

	if (fd < 0) {
		perror(fifo);
		return 1;
	}
	while (!wrong && !poll(&p, 1, 0)) {
		times++;
		wrong = write_and_check(1 + pattern(seed, times) % mib, seed);
	}
	close(fd);
	if (wrong) {
		printf("%" PRIu64 " words are wrong\n", wrong);
		return 1;
	}
	printf("intact, %" PRIu64 " times\n", times);
	return 0;
}

static uint8_t *map(uint64_t mib)
{
	void *p = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static void fill(uint8_t *p, uint64_t mib)
{
	for (uint64_t i = 0; i < mib << 20; i += 4096)
		p[i] = 1;
}

static int burst(uint64_t mib, uint64_t more, const char *fifo)
{
	uint8_t *cache = map(mib), *p = map(more);
	char line[16];
	FILE *f;

	fill(cache, mib);
	if (madvise(cache, mib << 20, MADV_FREE)) {
		perror("madvise");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	f = fopen(fifo, "re");
	if (!f || !fgets(line, sizeof(line), f)) {
		perror(fifo);
		return 1;
	}
	printf("begin %" PRIu64 "\n", now_us());
	fflush(stdout);
	fill(p, more);
	printf("end %" PRIu64 "\n", now_us());
	return 0;
}

static int open_channel(const char *where, struct transport **ret)
{
	int fd;

	if (!strcmp(where, "vchan"))
		return transport_vchan_serve(ret);
	fd = unix_dial(where);
	return fd < 0 ? fd : transport_unix_new(fd, ret);
}

/* Send all of it; gives up when the other side has hung up. */
static int say(struct transport *t, const uint8_t *buf, size_t len)
{
	struct pollfd p = { t->ops->fd(t), POLLIN, 0 };
	size_t sent = 0;
	ssize_t n;

	while (sent < len) {
		n = t->ops->write(t, buf + sent, len - sent);
		if (n < 0 && n != -EAGAIN)
			return (int)n;
		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		if (poll(&p, 1, 10000) <= 0)
			return -ETIMEDOUT;
		t->ops->woken(t);
	}
	return 0;
}

/* Wait for the other side to hang up; it may say something before. */
static int await_end(struct transport *t, int timeout_ms, bool *ret_answered)
{
	struct pollfd p = { t->ops->fd(t), POLLIN, 0 };
	uint8_t buf[4096];
	ssize_t n;

	*ret_answered = false;

	for (;;) {
		n = t->ops->read(t, buf, sizeof(buf));
		if (n < 0 && n != -EAGAIN)
			return 0;
		if (n > 0) {
			*ret_answered = true;
			continue;
		}
		if (poll(&p, 1, timeout_ms) <= 0)
			return -ETIMEDOUT;
		t->ops->woken(t);
	}
}

static int speak(const char *where, const char *what)
{
	static uint8_t buf[256 * 1024];
	struct transport *t;
	bool answered = false;
	size_t len = 4096;
	int rc = open_channel(where, &t);

	if (rc) {
		fprintf(stderr, "%s: %s\n", where, strerror(-rc));
		return 1;
	}
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(pattern(1, i) >> 32);
	if (!strcmp(what, "garbage"))
		frame_put_header(buf, len - FRAME_HEADER_BYTES);
	else if (!strcmp(what, "oversized"))
		memset(buf, 0xff, FRAME_HEADER_BYTES);
	else if (!strcmp(what, "flood"))
		len = sizeof(buf);
	else if (!strcmp(what, "half"))
		frame_put_header(buf, 8192);
	else
		return 2;
	rc = say(t, buf, len);
	if (!rc && strcmp(what, "half"))
		rc = await_end(t, 10000, &answered);
	transport_close(t);
	printf("%s%s\n", answered ? "answered, " : "",
	       rc == -ETIMEDOUT ? "still open" : "hung up");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "flags"))
		return flags(strtoull(argv[2], NULL, 0),
			     strtoull(argv[3], NULL, 0));
	if (argc == 5 && !strcmp(argv[1], "hold"))
		return hold(strtoull(argv[2], NULL, 0),
			    strtoull(argv[3], NULL, 0), argv[4]);
	if (argc == 2 && !strcmp(argv[1], "follow"))
		return follow();
	if (argc == 5 && !strcmp(argv[1], "churn"))
		return churn(strtoull(argv[2], NULL, 0),
			     strtoull(argv[3], NULL, 0), argv[4]);
	if (argc == 5 && !strcmp(argv[1], "burst"))
		return burst(strtoull(argv[2], NULL, 0),
			     strtoull(argv[3], NULL, 0), argv[4]);
	if (argc == 4 && !strcmp(argv[1], "speak"))
		return speak(argv[2], argv[3]);
	fputs("usage: see the head of guesttool.c\n", stderr);
	return 2;
}
