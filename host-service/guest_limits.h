/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * guest_limits.h - What is set for a guest: by the file, and live over that
 *
 * What was changed live is kept with the domain, so that it outlives memtided
 * and goes with the domain: at the next boot of the guest the file rules.
 */
#ifndef MEMTIDE_GUEST_LIMITS_H
#define MEMTIDE_GUEST_LIMITS_H

#include "guest.h"

/**
 * limits_load() - Of a guest that has appeared: read what is kept, and set it
 *
 * Not checked against the guest, of which nothing is known yet.
 *
 * Return: 0, or a negative errno: it could not be read
 */
int limits_load(struct guest *g);

/** limits_of() - What is set for @g if @live is what was changed live */
struct policy_settings limits_of(const struct guest *g,
				 const struct settings *live);

/**
 * limits_store() - Keep @live with the domain, and as @g->live
 *
 * Return: 0, or a negative errno; then what was kept before is kept
 */
int limits_store(struct guest *g, const struct settings *live);

#endif
