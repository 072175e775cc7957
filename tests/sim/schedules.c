/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * schedules.c - Random schedules of all that can happen to the daemons
 *
 * Each schedule runs the real memtided and memtide-agent on a simulated
 * machine of its own, kills and disconnects them, makes the hypervisor and the
 * guests' kernels fail, and in the end demands that all is as it should be. A
 * schedule is its seed; the seed of a failure is printed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "judge.h"
#include "ops.h"
#include "world.h"

#define JOBS_MAX	64u
#define SCHEDULE_S	150u	/* no schedule takes longer */
#define TAIL_LINES	60u

static const char usage[] =
	"Usage: sim-schedules [OPTION]...\n"
	"Run memtided and memtide-agent through random schedules.\n"
	"\n"
	"  --count N       schedules (default 100)\n"
	"  --first-seed S  seed of the first, the others follow (default 1)\n"
	"  --seed S        only this one\n"
	"  --jobs J        schedules at a time (default 4 for each CPU)\n"
	"  --build DIR     of memtided and memtide-agent (default beside this)\n"
	"  --verbose       print what happened also if all went well\n"
	"  --help          print this\n";

struct options {
	uint64_t first, count, jobs;
	const char *build;
	bool verbose;
	const char *self;
};

struct job {
	pid_t pid;		/* 0: free */
	uint64_t seed;
	char dir[WORLD_PATH_MAX];
};

static void run_schedule(const struct options *o, const struct job *j)
{
	static struct world w;
	uint32_t nr;

	alarm(SCHEDULE_S);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	world_open(&w, o->build, j->dir, j->seed);
	nr = 5 + world_random(&w, 21);
	while (nr--)
		ops_next(&w);
	judge_end(&w);
	world_close(&w);
	_exit(0);
}

/* Reports -------------------------------------------------------------- */

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

static void report(const struct options *o, const struct job *j, int status)
{
	bool failed = status != 0;

	if (failed || o->verbose) {
		printf("=== schedule %" PRIu64 "\n", j->seed);
		print_tail(j->dir, "history", UINT_MAX);
		if (failed)
			for_each(j->dir, is_log, print_log);
	}
	if (!failed)
		return;
	if (WIFSIGNALED(status))
		printf("schedule ended by signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? ": it took too long" : "");
	printf("not ok schedule of seed %" PRIu64 ", again with:\n"
	       "  %s --build %s --seed %" PRIu64 " --verbose\n", j->seed,
	       o->self, o->build, j->seed);
	fflush(stdout);
}

/* Jobs ----------------------------------------------------------------- */

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

static int start_job(const struct options *o, struct job *j, uint64_t seed)
{
	int rc = make_dir(j);

	if (rc)
		return rc;
	j->seed = seed;
	fflush(stdout);
	j->pid = fork();
	if (j->pid < 0)
		return -errno;
	if (!j->pid)
		run_schedule(o, j);
	return 0;
}

static bool end_job(const struct options *o, struct job *jobs)
{
	struct job *j = jobs;
	int status;
	pid_t pid = wait(&status);

	while (j->pid != pid)
		j++;
	report(o, j, status);
	for_each(j->dir, is_file, remove_file);
	rmdir(j->dir);
	j->pid = 0;
	return !status;
}

/* After a failure those that run are brought to their end, no new ones. */
static int run_all(const struct options *o)
{
	struct job jobs[JOBS_MAX] = { { 0 } };
	uint64_t started = 0, running = 0, failed = 0;
	int64_t start_us = world_now_us();

	while (running || (started < o->count && !failed)) {
		struct job *j = jobs;

		while (j->pid && j < jobs + o->jobs)
			j++;
		if (started < o->count && !failed && j < jobs + o->jobs) {
			if (start_job(o, j, o->first + started))
				return 1;
			started++;
			running++;
			continue;
		}
		failed += !end_job(o, jobs);
		running--;
	}
	if (failed)
		return 1;
	printf("ok %" PRIu64 " random schedules from seed %" PRIu64
	       " in %.1f s\n", o->count, o->first,
	       (double)(world_now_us() - start_us) / 1e6);
	return 0;
}

static int parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || *ret > max) {
		fprintf(stderr, "sim-schedules: bad number: %s\n", text);
		return -EINVAL;
	}
	return 0;
}

static int parse_option(int c, struct options *o)
{
	switch (c) {
	case 'c':
		return parse_number(optarg, UINT32_MAX, &o->count);
	case 'f':
		return parse_number(optarg, UINT64_MAX, &o->first);
	case 's':
		o->count = 1;
		return parse_number(optarg, UINT64_MAX, &o->first);
	case 'j':
		return parse_number(optarg, JOBS_MAX, &o->jobs);
	case 'b':
		o->build = optarg;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		return -EINVAL;
	}
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "first-seed", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "build", required_argument, NULL, 'b' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct options o = {
		.first = 1, .count = 100,
		.jobs = MIN(4u * (uint64_t)MAX(cpus, 1), JOBS_MAX),
		.self = argv[0],
	};
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (parse_option(c, &o))
			return 2;
	}
	if (optind < argc || !o.jobs) {
		fputs(usage, stderr);
		return 2;
	}
	if (!o.build) {
		char *copy = strdup(argv[0]);

		o.build = copy ? dirname(copy) : ".";
	}
	return run_all(&o);
}
