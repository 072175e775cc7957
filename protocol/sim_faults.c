/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sim_faults.c - One call after the other of a simulated machine made to fail
 */
#include "sim_faults.h"

#include <assert.h>
#include <signal.h>

#include "sim_slots.h"

static const char *const call_names[] = {
	[SIM_CALL_DISPATCH] = "dispatch",
	[SIM_CALL_LIST] = "list",
	[SIM_CALL_DOMAIN] = "domain",
	[SIM_CALL_HOST] = "host",
	[SIM_CALL_SET_MAX] = "set_max",
	[SIM_CALL_SET_TABLES] = "set_tables",
	[SIM_CALL_POPULATE] = "populate",
	[SIM_CALL_GIVE_BACK] = "give_back",
	[SIM_CALL_BACKED] = "backed",
	[SIM_CALL_STORE_WRITE] = "store_write",
	[SIM_CALL_STORE_READ] = "store_read",
	[SIM_CALL_REMEMBER] = "remember",
	[SIM_CALL_RECALL] = "recall",
	[SIM_CALL_CLAIM] = "claim",
	[SIM_CALL_PUBLISH] = "publish",
	[SIM_CALL_WANTED] = "wanted",
	[SIM_CALL_CONNECT] = "connect",
	[SIM_CALL_OPEN] = "open",
	[SIM_CALL_ONLINE] = "online",
	[SIM_CALL_PULL] = "pull",
	[SIM_CALL_BLOCK] = "block",
	[SIM_CALL_REMOVE] = "remove",
	[SIM_CALL_STATE] = "state",
	[SIM_CALL_MEMINFO] = "meminfo",
};
static_assert(ARRAY_SIZE(call_names) == SIM_NUM_CALLS, "a call has no name");

static const char *const mode_names[] = {
	[SIM_GOOD] = "is good",
	[SIM_FAIL_BEFORE] = "fails before",
	[SIM_FAIL_AFTER] = "fails after",
	[SIM_FAIL_PARTLY] = "fails partly",
	[SIM_DIE_BEFORE] = "is killed before",
	[SIM_DIE_AFTER] = "is killed after",
};
static_assert(ARRAY_SIZE(mode_names) == SIM_NUM_MODES, "a mode has no name");

const char *sim_call_name(enum sim_call call)
{
	return call_names[call];
}

const char *sim_mode_name(enum sim_mode mode)
{
	return mode_names[mode];
}

void sim_arm(struct sim_machine *m, const struct sim_point *points, uint32_t nr)
{
	struct sim_plan *p = &m->file->plan;

	ASSERT(nr <= SIM_POINTS_MAX);
	sim_lock(m);
	*p = (struct sim_plan){ .nr = nr };
	for (uint32_t i = 0; i < nr; i++)
		p->points[i] = points[i];
	sim_unlock(m);
}

void sim_plan(struct sim_machine *m, struct sim_plan *ret)
{
	sim_lock(m);
	*ret = m->file->plan;
	sim_unlock(m);
}

/* As a kill from outside: nothing of the process is run any more. */
static void die(void)
{
	raise(SIGKILL);
}

int sim_fault_begin(struct sim_machine *m, enum sim_call call,
		    struct sim_fault *ret)
{
	struct sim_plan *p = &m->file->plan;
	const struct sim_point *at = p->points;

	*ret = (struct sim_fault){ SIM_GOOD, 0 };
	sim_lock(m);
	p->calls[call]++;
	if (p->next < p->nr)
		at += p->next;
	if (p->next < p->nr && at->call == call && at->nth == p->calls[call]) {
		*ret = (struct sim_fault){ at->mode, at->error };
		p->next++;
		memset(p->calls, 0, sizeof(p->calls));
	}
	sim_unlock(m);
	if (ret->mode == SIM_DIE_BEFORE)
		die();
	return ret->mode == SIM_FAIL_BEFORE ? ret->error : 0;
}

int sim_fault_end(const struct sim_fault *f, int rc)
{
	if (f->mode == SIM_DIE_AFTER)
		die();
	return f->mode == SIM_FAIL_AFTER || f->mode == SIM_FAIL_PARTLY ?
		       f->error : rc;
}
