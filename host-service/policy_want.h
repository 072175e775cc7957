/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_want.h - What a guest should have
 *
 * Part of the policy (policy.h): how one guest is, without regard to others.
 */
#ifndef MEMTIDE_POLICY_WANT_H
#define MEMTIDE_POLICY_WANT_H

#include "policy.h"

/* Sizes, in granules */
#define WANT_STEP_MIN	64u	/* of relief: 128 MiB */
#define WANT_CRUMB	4u	/* less is not taken from anyone */

/* What is used by then should be there: before the next step arrives. */
#define WANT_AHEAD_MS	1000u

/**
 * want_least() - What a guest that uses so much must have available
 *
 * Or its agent does not give.
 */
uint32_t want_least(uint32_t used);

/** want_headroom() - What it should have available; needs @g->least */
uint32_t want_headroom(const struct policy_guest *g);

/** want_ahead() - What it will use in @ms more than now, if it goes on so */
uint32_t want_ahead(const struct policy_guest *g, uint32_t ms);

/**
 * want_find() - Set @g->want, at least its target, and if it is more, the reason
 * @plenty:	granules that are free for it
 */
void want_find(struct policy_guest *g, uint32_t plenty);

/** want_asks() - Should it have more than its target? */
bool want_asks(const struct policy_guest *g);

/** want_has() - What it need not be promised: also what it was to give, and
 * still has */
uint32_t want_has(const struct policy_guest *g);

#endif
