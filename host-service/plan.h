/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * plan.h - What to do next for one guest
 *
 * DOC: Theory of operation
 *
 * Nothing remembers a plan. After every event the next step is derived again
 * from the target, the ledger and what is on its way; a step is small, so the
 * newest target wins at once, and after a crash of either side the same
 * derivation finishes what had begun (docs/design.md §4).
 *
 *   too much backed:   give back what is idle, then ask the guest for more
 *   too little backed: expose what is idle, then back more
 *
 * Where a step failed, its kind is held off until the service lifts that, at a
 * retry or when something changed; idle granules that cannot be exposed are
 * given back meanwhile. When no step is left and nothing is on its way, the
 * guest is settled: at its target, or short of it with a reason.
 */
#ifndef MEMTIDE_PLAN_H
#define MEMTIDE_PLAN_H

#include "ledger.h"

#define PLAN_POPULATE_MAX	64u	/* granules in one step */
#define PLAN_GIVE_BACK_MAX	16u	/* forty times dearer: xen-lab.md */
#define PLAN_ONLINES_MAX	4u	/* online requests on their way */

enum plan_step {
	PLAN_SETTLED,		/* nothing to do, nothing on its way */
	PLAN_WAIT,		/* the guest's answer will bring the next step */
	PLAN_POPULATE,		/* back @range */
	PLAN_ONLINE,		/* tell the guest to use @range */
	PLAN_PULL,		/* ask the guest for @nr granules */
	PLAN_CANCEL_PULL,	/* take that request back */
	PLAN_GIVE_BACK,		/* take @range from the domain */
};

/**
 * struct flight - what was asked of the guest and not yet answered, and what
 * has failed
 * @onlines:		online requests on their way
 * @pull_left:		granules still expected of the pull, 0 if none is out
 * @pull_cancelled:	it was cancelled, its end is awaited
 * @hold_grow:		backing or exposing failed: not now
 * @hold_pull:		the guest gave what it could: not now
 * @hold_give:		taking memory from the domain failed: not now
 */
struct flight {
	uint32_t onlines;
	uint32_t pull_left;
	bool pull_cancelled;
	bool hold_grow;
	bool hold_pull;
	bool hold_give;
};

/**
 * plan_next() - Derive the next step
 * @target:	granules that should be backed, at most the window's
 * @ret_range:	for POPULATE, ONLINE, GIVE_BACK
 * @ret_nr:	for PULL, in granules
 */
enum plan_step plan_next(const struct ledger *l, uint32_t target,
			 const struct flight *f, struct granules *ret_range,
			 uint32_t *ret_nr);

#endif
