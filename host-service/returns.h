/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * returns.h - Memory kept for guests that reboot
 *
 * DOC: Theory of operation
 *
 * After a reboot a guest is another domain, of the same uuid. In between its
 * memory is free, and a guest that grows just then would have it: the toolstack
 * could not build the domain again, and the guest would be gone.
 *
 * So from its shutdown on what it is built with, and what it was promised beyond,
 * is promised to its uuid (I4): until the agent of the new domain has greeted and
 * its target counts as any guest's, or until the time for that is over. What the
 * domain holds, the old one or the new one, is taken off.
 *
 * It is not kept from who does not ask memtided, such as another xl create. And
 * it is forgotten when memtided ends.
 */
#ifndef MEMTIDE_RETURNS_H
#define MEMTIDE_RETURNS_H

#include "base.h"

#define RETURNS_MAX	64u	/* guests that reboot at one time */
/* xl waits 2 s before it builds a domain again: handle_domain_death() and
 * create_domain() in tools/xl/xl_vmcontrol.c. */
#define RETURNS_GONE_S	30u
#define RETURNS_BOOT_S	120u

struct guest;

/**
 * struct returning - a guest that reboots
 * @uuid:	its own; it has no other name in between
 * @domid:	of the domain that has shut down
 * @boot_pages:	what it is built with
 * @granules:	promised to it beyond that
 * @phase:	where it is, and since @since_us
 */
struct returning {
	uint8_t uuid[16];
	uint32_t domid;
	uint64_t boot_pages;
	uint32_t granules;
	enum { RETURNS_DOWN, RETURNS_GONE, RETURNS_BACK } phase;
	int64_t since_us;
};

struct returns {
	struct returning all[RETURNS_MAX];
	uint32_t nr;
};

/** returns_look() - These are the domains now: who has shut down, who is back? */
void returns_look(struct returns *r, struct guest *const *guests, uint32_t nr,
		  int64_t now_us);

/** returns_refresh() - Ask Xen what those hold now that are being built */
void returns_refresh(const struct returns *r, struct guest *const *guests,
		     uint32_t nr);

/** returns_promised() - Pages kept for all of them and not yet theirs */
uint64_t returns_promised(const struct returns *r, struct guest *const *guests,
			  uint32_t nr, int64_t now_us);

/** returns_drop() - Its agent has greeted: from here on it is as any guest */
void returns_drop(struct returns *r, const struct guest *g);

#endif
