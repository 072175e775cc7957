/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * jobs.h - Many worlds, each in a process and a directory of its own
 */
#ifndef MEMTIDE_TESTS_JOBS_H
#define MEMTIDE_TESTS_JOBS_H

#include "world.h"

#define JOBS_MAX	64u

/**
 * struct jobs - what to run
 * @what:	a job's name for reports
 * @first, @count: the jobs' numbers
 * @at_once:	1..JOBS_MAX
 * @failed_max:	no new ones after so many failures
 * @seconds:	no job takes longer
 * @verbose:	print what happened also if all went well
 * @run:	the job, in its own process; returns its exit code
 * @ended:	called with its wait status: was it good?
 */
struct jobs {
	const char *what;
	uint64_t first, count, at_once, failed_max;
	unsigned int seconds;
	bool verbose;
	void *ctx;
	int (*run)(const struct jobs *o, const char *dir, uint64_t number);
	bool (*ended)(const struct jobs *o, uint64_t number, int status);
};

/** jobs_run() - Return: how many failed */
uint64_t jobs_run(const struct jobs *o);

/** jobs_number() - An option's number, 0..@max; says what is none: -EINVAL */
int jobs_number(const char *text, uint64_t max, uint64_t *ret);

/** jobs_default() - So many at once keep this machine busy */
uint64_t jobs_default(void);

#endif
