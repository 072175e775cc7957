/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_serve.h - Who gets what is free
 *
 * Part of the policy (policy.h).
 */
#ifndef MEMTIDE_POLICY_SERVE_H
#define MEMTIDE_POLICY_SERVE_H

#include "policy.h"

struct taking;

/**
 * struct run - of the policy
 * @pool:	free granules not given to anyone yet
 * @coming:	granules on their way back from guests
 * @plenty:	half of what is free for each guest in distress
 * @total:	free, and held by those whose targets are ours
 * @weights:	of these, in sum
 * @spare:	free, and what calm guests have beyond their headroom
 * @lack:	what relief and reservations did not get
 * @other:	the guest that lacks most
 * @how:	how is taken what is lacking; NULL if nothing is
 * @is_short:	not all that is lacking is coming
 */
struct run {
	struct policy_host *host;
	struct policy_guest *guests;
	uint32_t nr;
	uint64_t pool;
	uint64_t coming;
	uint32_t plenty;
	uint64_t total, weights, spare;
	uint64_t lack;
	uint32_t other;
	const struct taking *how;
	bool is_short;
};

/** serve() - Give from the pool to all who ask for relief, or else to those who
 * ask for other reasons, the poorest first */
void serve(struct run *r, bool relief);

/** serve_lack() - What those lack; sets @r->other if it is anything */
uint64_t serve_lack(struct run *r, bool relief);

/** serve_is_quiet() - It was asked and gives nothing: perhaps it will, but who
 * knows */
bool serve_is_quiet(const struct policy_guest *g);

/** serve_quiet_ms() - In how long will it be that, if it goes on so? */
uint32_t serve_quiet_ms(const struct policy_guest *g);

#endif
