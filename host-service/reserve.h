/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * reserve.h - Memory set aside for domains that are to be built
 *
 * DOC: Theory of operation
 *
 * A reservation waits until the balancer has set aside all of it: free memory
 * first, then what donors give. What is set aside is promised (I4): it counts
 * in service->reserved, and no guest is given it. Several of them are served
 * in the order in which they came.
 *
 * One that names a domain is used up by it: what that domain holds, and what
 * Xen keeps for it while it is built, is no longer free, so it must not be
 * promised a second time. While there is such a reservation, its domain is
 * looked at every RESERVE_LOOK_MS. When it has taken all, the reservation is
 * done. If it goes before, as when a build fails, what it gave back is set
 * aside again.
 *
 * Nothing is kept anywhere: a reservation ends with its holder's connection,
 * and so with memtided.
 */
#ifndef MEMTIDE_RESERVE_H
#define MEMTIDE_RESERVE_H

#include "balance.h"

#define RESERVE_LOOK_MS	100u
#define RESERVE_MAX	64u	/* as many as control clients */

struct reserve;
struct reservation;

/* What has become of one, in granules. */
struct reserve_status {
	uint32_t size;
	uint32_t held;		/* set aside or taken: all, once it is @size */
	uint32_t taken;		/* by the domain it is for */
};

/** reserve_fn - Told of each change; may drop that reservation, no other */
typedef void reserve_fn(void *ctx, const struct reserve_status *now);

/**
 * reserve_open() - None yet
 * @s, @b:	borrowed
 *
 * Return: 0 or -ENOMEM
 */
int reserve_open(struct service *s, struct balance *b, struct reserve **ret);

/** reserve_close() - NULL is accepted; all must have been dropped */
void reserve_close(struct reserve *r);

/** reserve_granted() - The balancer sets @granules aside; @r may be NULL */
void reserve_granted(struct reserve *r, uint32_t granules);

/**
 * reserve_add() - Have memory set aside
 * @domain:	name or uuid of the domain it is for, or ""
 * @changed:	called from the event loop, never from here
 * @why:	@size bytes for the reason of a refusal
 *
 * Return: 0, or -ENOMEM (there is not so much, or no memory for us), -EEXIST
 *         (that domain is there already) or -ENOSPC; @why says more
 */
int reserve_add(struct reserve *r, uint32_t granules, const char *domain,
		reserve_fn *changed, void *ctx, struct reservation **ret,
		char *why, size_t size);

/** reserve_drop() - End it: what is left of it is free. NULL is accepted */
void reserve_drop(struct reservation *v);

/** reserve_status() - What has become of it up to now */
struct reserve_status reserve_status(const struct reservation *v);

#endif
