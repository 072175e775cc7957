/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * schedules.c - Random schedules of all that can happen to the daemons
 *
 * Each schedule runs the real memtided and memtide-agent on a simulated
 * machine of its own, kills and disconnects them, makes the hypervisor and the
 * guests' kernels fail, and in the end demands that all is as it should be. A
 * schedule is its seed; the seed of a failure is printed.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

#include "jobs.h"
#include "judge.h"
#include "ops.h"
#include "world.h"

#define SCHEDULE_S	150u	/* no schedule takes longer */

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

static int run_schedule(const struct jobs *jobs, const char *dir, uint64_t seed)
{
	const struct options *o = jobs->ctx;
	static struct world w;
	uint32_t nr;

	world_open(&w, o->build, dir, seed);
	nr = 5 + world_random(&w, 21);
	while (nr--)
		ops_next(&w);
	judge_end(&w);
	world_close(&w);
	return 0;
}

static bool schedule_ended(const struct jobs *jobs, uint64_t seed, int status)
{
	const struct options *o = jobs->ctx;

	if (status)
		printf("not ok schedule of seed %" PRIu64 ", again with:\n"
		       "  %s --build %s --seed %" PRIu64 " --verbose\n", seed,
		       o->self, o->build, seed);
	return !status;
}

/* After a failure those that run are brought to their end, no new ones. */
static int run_all(struct options *o)
{
	const struct jobs jobs = {
		.what = "schedule", .first = o->first, .count = o->count,
		.at_once = o->jobs, .failed_max = 1, .seconds = SCHEDULE_S,
		.verbose = o->verbose, .ctx = o, .run = run_schedule,
		.ended = schedule_ended,
	};
	int64_t start_us = world_now_us();

	if (jobs_run(&jobs))
		return 1;
	printf("ok %" PRIu64 " random schedules from seed %" PRIu64
	       " in %.1f s\n", o->count, o->first,
	       (double)(world_now_us() - start_us) / 1e6);
	return 0;
}

static int parse_option(int c, struct options *o)
{
	switch (c) {
	case 'c':
		return jobs_number(optarg, UINT32_MAX, &o->count);
	case 'f':
		return jobs_number(optarg, UINT64_MAX, &o->first);
	case 's':
		o->count = 1;
		return jobs_number(optarg, UINT64_MAX, &o->first);
	case 'j':
		return jobs_number(optarg, JOBS_MAX, &o->jobs);
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
	struct options o = {
		.first = 1, .count = 100,
		.jobs = jobs_default(),
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
