/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * savers.c - Is the toolstack about to save a domain?
 */
#include "savers.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAVERS_LINE_MAX	1024u
#define SAVERS_ARGS_MAX	32u
/* Its place among the helper's arguments. Source: run_helper() and
 * libxl__xc_domain_save() in tools/libs/light/libxl_save_callout.c */
#define SAVERS_HELPER_DOMID	4u

static bool is_program(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, name);
}

static bool is_saving_command(const char *word)
{
	return !strcmp(word, "save") || !strcmp(word, "migrate") ||
	       !strcmp(word, "remus");
}

/* xl [OPTIONS] COMMAND ...: its place among the arguments, 0 if there is none */
static uint32_t find_command(const char *const *args, uint32_t nr)
{
	uint32_t i = 1;

	while (i < nr && args[i][0] == '-')
		i++;
	return i < nr ? i : 0;
}

static uint32_t split(const char *cmdline, size_t len, const char **ret_args)
{
	uint32_t nr = 0;

	for (size_t i = 0; i < len && nr < SAVERS_ARGS_MAX;
	     i += strlen(cmdline + i) + 1)
		ret_args[nr++] = cmdline + i;
	return nr;
}

bool savers_match(const char *cmdline, size_t len, uint32_t domid,
		  const char *name, bool *ret_any)
{
	const char *args[SAVERS_ARGS_MAX];
	char number[12];
	uint32_t nr, at;

	/* The last argument must end, too. */
	if (!len || cmdline[len - 1])
		return false;
	nr = split(cmdline, len, args);
	snprintf(number, sizeof(number), "%u", domid);
	if (is_program(args[0], "libxl-save-helper")) {
		if (nr <= SAVERS_HELPER_DOMID ||
		    strcmp(args[1], "--save-domain"))
			return false;
		*ret_any = true;
		return !strcmp(args[SAVERS_HELPER_DOMID], number);
	}
	at = is_program(args[0], "xl") ? find_command(args, nr) : 0;
	if (!at || !is_saving_command(args[at]))
		return false;
	*ret_any = true;
	for (at++; at < nr; at++) {
		if (!strcmp(args[at], number) ||
		    (*name && !strcmp(args[at], name)))
			return true;
	}
	return false;
}

/* A whole small file with a 0 behind it; returns its length, 0 if it cannot be
 * read. */
static size_t read_small(int dir, const char *path, char buf[SAVERS_LINE_MAX])
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, buf, SAVERS_LINE_MAX - 1);
		close(fd);
	}
	n = MAX(n, 0);
	/* What is longer is cut, and still ends. */
	if ((size_t)n == SAVERS_LINE_MAX - 1)
		buf[n - 1] = 0;
	buf[n] = 0;
	return (size_t)n;
}

/* "0.02 0.01 0.00 1/93 4711": the last number. 0 if it cannot be read. */
static unsigned long newest_pid(int dir)
{
	char buf[SAVERS_LINE_MAX];
	const char *space;

	read_small(dir, "loadavg", buf);
	space = strrchr(buf, ' ');
	return space ? strtoul(space + 1, NULL, 10) : 0;
}

static bool look_at_all(DIR *dir, uint32_t domid, const char *name,
			bool *ret_any)
{
	char path[300], line[SAVERS_LINE_MAX];
	const struct dirent *e;
	bool busy = false;

	while ((e = readdir(dir))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "%s/cmdline", e->d_name);
		busy |= savers_match(line, read_small(dirfd(dir), path, line),
				     domid, name, ret_any);
	}
	return busy;
}

bool savers_busy(struct savers *s, const char *proc, uint32_t domid,
		 const char *name)
{
	bool any = false, busy;
	unsigned long pid;
	DIR *dir = opendir(proc);

	if (!dir)
		return true;
	pid = newest_pid(dirfd(dir));
	if (pid && pid == s->last_pid && s->none) {
		closedir(dir);
		return false;
	}
	busy = look_at_all(dir, domid, name, &any);
	closedir(dir);
	s->last_pid = pid;
	s->none = !any;
	return busy;
}
