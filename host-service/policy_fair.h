/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_fair.h - Fair shares, when there is not enough for all
 *
 * Part of the policy (policy.h): by weight, between floor and need, of all that
 * automatic guests in need hold and of what is free.
 */
#ifndef MEMTIDE_POLICY_FAIR_H
#define MEMTIDE_POLICY_FAIR_H

#include "policy_serve.h"

/**
 * fair_limit() - Whose need may be served how far
 *
 * While someone is in distress who may have more, it will ask for more: nobody
 * else is served beyond its fair share. Sets @most of the guests.
 */
void fair_limit(struct run *r);

/** fair_take() - From those above their share, up to what those in distress lack
 * of theirs */
void fair_take(struct run *r);

#endif
