/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * jobs.c - Many worlds, each in a process and a directory of its own
 */
#include "jobs.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAIL_LINES	60u

struct job {
	pid_t pid;		/* 0: free */
	uint64_t number;
	char dir[WORLD_PATH_MAX];
};

/* The last lines of a file, with its name above. */
static void print_tail(const char *dir, const char *name, unsigned int lines)
{
	char path[WORLD_PATH_MAX + NAME_MAX + 2], line[512];
	unsigned int nr = 0, skip;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		nr++;
	rewind(f);
	skip = nr > lines ? nr - lines : 0;
	printf("--- %s%s\n", name, skip ? " (its end)" : "");
	while (fgets(line, sizeof(line), f)) {
		if (skip)
			skip--;
		else
			fputs(line, stdout);
	}
	fclose(f);
}

static int is_log(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && !strcmp(dot, ".log");
}

static int is_file(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void for_each(const char *dir, int (*filter)(const struct dirent *),
		     void (*fn)(const char *dir, const char *name))
{
	struct dirent **names;
	int nr = scandir(dir, &names, filter, alphasort);

	for (int i = 0; i < nr; i++) {
		fn(dir, names[i]->d_name);
		free(names[i]);
	}
	if (nr >= 0)
		free(names);
}

static void print_log(const char *dir, const char *name)
{
	print_tail(dir, name, TAIL_LINES);
}

static void remove_file(const char *dir, const char *name)
{
	char path[WORLD_PATH_MAX + NAME_MAX + 2];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

/* Jobs ----------------------------------------------------------------- */

static void __attribute__((noreturn))
run(const struct jobs *o, const struct job *j)
{
	int rc;

	alarm(o->seconds);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	rc = o->run(o, j->dir, j->number);
	fflush(stdout);
	_exit(rc);
}

static void report(const struct jobs *o, const struct job *j, int status)
{
	printf("=== %s %" PRIu64 "\n", o->what, j->number);
	print_tail(j->dir, "history", UINT_MAX);
	if (status)
		for_each(j->dir, is_log, print_log);
	if (WIFSIGNALED(status))
		printf("ended by signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? ": it took too long" : "");
	fflush(stdout);
}

static int make_dir(struct job *j)
{
	const char *tmp = getenv("TMPDIR");

	if (!access("/dev/shm", W_OK))
		tmp = "/dev/shm";
	snprintf(j->dir, sizeof(j->dir), "%.60s/memtide-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (mkdtemp(j->dir))
		return 0;
	perror(j->dir);
	return -errno;
}

static int start_job(const struct jobs *o, struct job *j, uint64_t number)
{
	int rc = make_dir(j);

	if (rc)
		return rc;
	j->number = number;
	fflush(stdout);
	j->pid = fork();
	if (j->pid < 0)
		return -errno;
	if (!j->pid)
		run(o, j);
	return 0;
}

static bool end_job(const struct jobs *o, struct job *jobs)
{
	struct job *j = jobs;
	int status;
	pid_t pid = wait(&status);
	bool good;

	while (j->pid != pid)
		j++;
	good = o->ended(o, j->number, status);
	if (!good || o->verbose)
		report(o, j, good ? 0 : status);
	for_each(j->dir, is_file, remove_file);
	rmdir(j->dir);
	j->pid = 0;
	return good;
}

uint64_t jobs_run(const struct jobs *o)
{
	struct job jobs[JOBS_MAX] = { { 0 } };
	uint64_t started = 0, running = 0, failed = 0;

	while (running || (started < o->count && failed < o->failed_max)) {
		struct job *j = jobs;

		while (j->pid && j < jobs + o->at_once)
			j++;
		if (started < o->count && failed < o->failed_max &&
		    j < jobs + o->at_once) {
			if (start_job(o, j, o->first + started))
				return failed + 1;
			started++;
			running++;
			continue;
		}
		failed += !end_job(o, jobs);
		running--;
	}
	return failed;
}

uint64_t jobs_default(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return MIN(4u * (uint64_t)MAX(cpus, 1), JOBS_MAX);
}

int jobs_number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || *ret > max) {
		fprintf(stderr, "%s: bad number: %s\n",
			program_invocation_short_name, text);
		return -EINVAL;
	}
	return 0;
}
