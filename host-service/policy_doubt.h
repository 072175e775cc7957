/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy_doubt.h - What a guest says, and how far it is believed
 *
 * DOC: Theory of operation
 *
 * Part of the policy (policy.h). All that is known of a guest's need is what it
 * says, and nobody can make it give. Up to its share by weight of all that
 * automatic guests hold and of what is free it is believed. Beyond:
 *
 * - Who says that little is available, and has shown no sign of need for ten
 *   seconds, is believed for a quarter more than it had when it last did: tasks
 *   that waited, however shortly, pages read again or from swap. A guest that
 *   uses what it gets shows that as soon as it comes near to the end of it, for
 *   its kernel has to look for free pages then; one that only says so does not.
 * - Memory ends the need of those that lack it. Who needs more whatever it gets
 *   is believed up to twice its share, or four times what it had when that
 *   began, or a quarter of what the others can do without beyond its share,
 *   whichever is most; and for an eighth more after 1, 2, 4 .. 64 minutes.
 *
 * Once a guest has its headroom available and is not in distress, the second
 * begins anew. So a liar that plays a guest whose need grows and is met has the
 * better of us, up to its ceiling: nobody can tell one from the other.
 */
#ifndef MEMTIDE_POLICY_DOUBT_H
#define MEMTIDE_POLICY_DOUBT_H

#include "policy.h"

/** doubt_age() - So much time has gone by */
void doubt_age(struct policy_guest *g, uint32_t elapsed_ms);

/**
 * doubt_bound() - Set the size up to which it is believed
 * @share:	its share by weight
 * @spare:	what others can do without
 */
void doubt_bound(struct policy_guest *g, uint64_t share, uint64_t spare);

/** doubt_is_proven() - Has it shown a sign of need lately? */
bool doubt_is_proven(const struct policy_guest *g);

/**
 * doubt_limit() - Have it want no more than that; @g->want was just found
 *
 * Return: true if nothing is left of what it wants
 */
bool doubt_limit(struct policy_guest *g);

#endif
