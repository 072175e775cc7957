/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * memwatch.c - Tell when this guest's MemTotal arrives at a size (bench only)
 *
 * Reads lines "KIB TOLERANCE" from standard input. Answers "armed", and "at
 * KIB" once MemTotal is within TOLERANCE of KIB; until then it looks every
 * 30 ms, and a new line replaces the old. "0 0" is never reached.
 *
 * It looks with sysinfo(2), whose totalram is the MemTotal of /proc/meminfo,
 * from the same function, without printing fifty other lines.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define POLL_MS	30

static long mem_total_kib(void)
{
	struct sysinfo info;

	if (sysinfo(&info)) {
		perror("memwatch: sysinfo");
		exit(1);
	}
	return (long)((unsigned long long)info.totalram * info.mem_unit / 1024);
}

/* Return: whether a line came; sets what it asks for */
static int next_line(int timeout_ms, long *ret_kib, long *ret_tolerance)
{
	struct pollfd fd = { STDIN_FILENO, POLLIN, 0 };
	char line[64];
	ssize_t len;

	if (poll(&fd, 1, timeout_ms) <= 0)
		return 0;
	/* The other side sends the next line after the answer to this one */
	len = read(STDIN_FILENO, line, sizeof(line) - 1);
	if (len <= 0)
		exit(0);
	line[len] = '\0';
	if (sscanf(line, "%ld %ld", ret_kib, ret_tolerance) != 2) {
		fprintf(stderr, "memwatch: what is %s", line);
		exit(1);
	}
	return 1;
}

int main(void)
{
	long kib = 0, tolerance = 0, now;
	int watching = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;;) {
		if (next_line(watching ? POLL_MS : -1, &kib, &tolerance)) {
			watching = 1;
			puts("armed");
		}
		now = mem_total_kib();
		if (watching && labs(now - kib) <= tolerance) {
			watching = 0;
			printf("at %ld\n", now);
		}
	}
}
