/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_past.h - What a guest was asked and given, and how it went
 *
 * Part of the policy (policy.h). Who gave and was hurt, gave too little, or did
 * not take what it asked for, is left alone for a while, and for longer each
 * time.
 */
#ifndef MEMTIDE_POLICY_PAST_H
#define MEMTIDE_POLICY_PAST_H

#include "policy.h"

static inline uint32_t less(uint32_t a, uint32_t b)
{
	return a - MIN(a, b);
}

static inline uint32_t cap_u32(uint64_t n)
{
	return (uint32_t)MIN(n, UINT32_MAX);
}

/** past_age() - So much time has gone by, and it is as it is */
void past_age(struct policy_guest *g, uint32_t elapsed_ms);

/**
 * past_end() - If its steps have ended, what is missing is not wanted any longer
 *
 * Needs @g->grain and @g->used; may set its target and reason.
 */
void past_end(struct policy_guest *g);

/** past_hurts() - Is it not calm, but short of memory? */
bool past_hurts(const struct policy_guest *g);

/** past_mark() - Less than this has hurt, not long ago; 0: nothing has */
uint32_t past_mark(const struct policy_guest *g);

/** past_can_grow() - Has it not just failed to? */
bool past_can_grow(const struct policy_guest *g);

/**
 * past_gives() - Did it give when it was last asked?
 *
 * Else what it is given is gone for good, and it gets it in small steps.
 */
bool past_gives(const struct policy_guest *g);

/** past_no_give_ms() - In how long may it be asked again, for relief or else? */
uint32_t past_no_give_ms(const struct policy_guest *g, bool relief);

#endif
