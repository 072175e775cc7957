/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doctor.h - What is right and wrong with a host, and what to do about it
 *
 * DOC: Theory of operation
 *
 * A check is a function that looks at one thing and adds one finding, or a few.
 * What it looks at is given to it: files below a root directory, which is "" on
 * a real host, a text that a program has printed, or what memtided has answered.
 * So each can be made to fail by a test. No check needs another to be right:
 * where something cannot be known, for want of permission or because memtided
 * does not run, the finding says so and how to know.
 */
#ifndef MEMTIDE_DOCTOR_H
#define MEMTIDE_DOCTOR_H

#include "base.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN,	/* works, but not all of it, or it is not known */
	DOCTOR_FAIL,
	DOCTOR_NUM_LEVELS,
};

#define DOCTOR_WHAT_MAX		160u
#define DOCTOR_TEXT_MAX		700u
#define DOCTOR_REMEDY_MAX	320u

/**
 * struct doctor_finding
 * @what:	a part of the host: "xen", "guest 3/db1"
 * @state:	how it is
 * @remedy:	what to do; empty if nothing
 */
struct doctor_finding {
	enum doctor_level level;
	char what[DOCTOR_WHAT_MAX];
	char state[DOCTOR_TEXT_MAX];
	char remedy[DOCTOR_REMEDY_MAX];
};

/**
 * struct doctor - all that was found; zero: nothing yet
 * @out_of_memory: not all of it is there
 */
struct doctor {
	struct doctor_finding *findings;
	size_t nr;
	bool out_of_memory;
};

/** doctor_level_name() - "ok", "warn" or "fail" */
const char *doctor_level_name(enum doctor_level level);

/**
 * doctor_add() - One more finding
 * @remedy:	NULL: none
 * @fmt:	of its state
 */
void doctor_add(struct doctor *d, enum doctor_level level, const char *what,
		const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/** doctor_failed() - Is there a finding that says so? */
bool doctor_failed(const struct doctor *d);

void doctor_done(struct doctor *d);

#endif
