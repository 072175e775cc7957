/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sim_faults.h - One call after the other of a simulated machine made to fail
 *
 * Where sim_machine.h's faults are drawn by chance, a point names one call, by
 * its kind and its number, and what becomes of it. The machine's file carries
 * the points, so that they reach whichever process makes the call, and count
 * on when it was killed and another makes the next.
 *
 * backend_sim.c and kdev_sim.c ask before and after each call. Nothing else
 * knows of it: the calls on Xen and on the driver have no such points.
 */
#ifndef MEMTIDE_SIM_FAULTS_H
#define MEMTIDE_SIM_FAULTS_H

#include "sim_machine.h"

#define SIM_POINTS_MAX	2u

enum sim_call {
	/* memtided's, as in backend.h */
	SIM_CALL_DISPATCH,
	SIM_CALL_LIST,
	SIM_CALL_DOMAIN,
	SIM_CALL_HOST,
	SIM_CALL_SET_MAX,
	SIM_CALL_SET_TABLES,
	SIM_CALL_POPULATE,
	SIM_CALL_GIVE_BACK,
	SIM_CALL_BACKED,
	SIM_CALL_STORE_WRITE,
	SIM_CALL_STORE_READ,
	SIM_CALL_REMEMBER,
	SIM_CALL_RECALL,
	SIM_CALL_CLAIM,
	SIM_CALL_PUBLISH,
	SIM_CALL_WANTED,
	SIM_CALL_CONNECT,
	/* memtide-agent's, as in kdev.h */
	SIM_CALL_OPEN,
	SIM_CALL_ONLINE,
	SIM_CALL_PULL,
	SIM_CALL_BLOCK,
	SIM_CALL_REMOVE,
	SIM_CALL_STATE,
	SIM_CALL_MEMINFO,
	SIM_NUM_CALLS
};

enum sim_mode {
	SIM_GOOD,
	SIM_FAIL_BEFORE,	/* an error, nothing is done */
	SIM_FAIL_AFTER,		/* all is done, an error, no word of what is */
	SIM_FAIL_PARTLY,	/* an error, half of a batch is done and told */
	SIM_DIE_BEFORE,		/* the process that calls is killed */
	SIM_DIE_AFTER,
	SIM_NUM_MODES
};

/**
 * struct sim_point - one call and what becomes of it
 * @nth:	counted from 1; begins when the machine is armed, for a second
 *		point when the first has come
 * @error:	what it fails with, a negative errno
 */
struct sim_point {
	enum sim_call call;
	uint32_t nth;
	enum sim_mode mode;
	int error;
};

/**
 * struct sim_plan - in the machine's file
 * @next:	the point that is waited for; @nr if none is
 * @calls:	since then
 */
struct sim_plan {
	struct sim_point points[SIM_POINTS_MAX];
	uint32_t nr, next;
	uint32_t calls[SIM_NUM_CALLS];
};

const char *sim_call_name(enum sim_call call);
const char *sim_mode_name(enum sim_mode mode);

/** sim_arm() - Wait for these points, one after the other; 0: only count */
void sim_arm(struct sim_machine *m, const struct sim_point *points,
	     uint32_t nr);

/** sim_plan() - What has become of them */
void sim_plan(struct sim_machine *m, struct sim_plan *ret);

/* One call, from its begin to its end */
struct sim_fault {
	enum sim_mode mode;
	int error;
};

/** sim_fault_begin() - Return: 0 if the call is to be made, or its error */
int sim_fault_begin(struct sim_machine *m, enum sim_call call,
		    struct sim_fault *ret);

/** sim_fault_end() - Return: @rc, or another error in its place */
int sim_fault_end(const struct sim_fault *f, int rc);

#endif
