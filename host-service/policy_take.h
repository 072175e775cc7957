/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_take.h - Who gives what others need
 *
 * Part of the policy (policy.h).
 */
#ifndef MEMTIDE_POLICY_TAKE_H
#define MEMTIDE_POLICY_TAKE_H

#include "policy_serve.h"

/**
 * struct taking - in what need is something taken, and from whom?
 * @calm_ms:	calm for so long
 * @headrooms:	so many are left to it
 * @part:	one of so many of what is beyond
 * @pause_ms:	between two times; 0: needs not settle
 */
struct taking {
	enum policy_reason reason;
	uint32_t calm_ms;
	uint32_t headrooms;
	uint32_t part;
	uint32_t pause_ms;
	bool relief;
};

/** take_up_to() - Take @n, or what there is, from donors, by idleness and
 * 1/weight */
void take_up_to(struct run *r, uint64_t n, const struct taking *t);

/** take_slots() - Divide @n among the first @nr of @r->host->slots, who give */
void take_slots(struct run *r, uint32_t nr, uint64_t n,
		enum policy_reason reason);

/** take_next_ms() - How long until someone may give who cannot now? */
uint32_t take_next_ms(const struct run *r, const struct taking *t);

/** take_keeps() - The least that it is to keep, but for its low mark */
uint32_t take_keeps(const struct policy_guest *g, const struct taking *t);

/** take_spare() - What it has beyond that; no crumbs */
uint32_t take_spare(const struct policy_guest *g, uint32_t keeps);

#endif
