/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * talk.h - What a schedule asks of memtided
 */
#ifndef MEMTIDE_TESTS_TALK_H
#define MEMTIDE_TESTS_TALK_H

#include "control_client.h"
#include "world.h"

/** struct talk_list - all guests as memtided has them */
struct talk_list {
	uint32_t nr;
	struct control_guest guests[WORLD_DOMAINS_MAX];
};

/** talk_open() - Send a request; memtided runs, but may be starting yet */
struct control_client *talk_open(struct world *w,
				 const struct control_request *req);

/**
 * talk_end() - Read to the last reply, and close
 *
 * Return: 0, or -ETIMEDOUT; anything else fails the schedule
 */
int talk_end(struct world *w, struct control_client *c, int timeout_ms,
	     struct control_reply *ret);

/** talk() - Both; no answer in time fails the schedule */
void talk(struct world *w, const struct control_request *req,
	  struct control_reply *ret);

void talk_list(struct world *w, struct talk_list *ret);
const struct control_guest *talk_find(const struct talk_list *l,
				      uint32_t domid);

/** talk_set() - The request to give a domain @granules beyond boot memory */
struct control_request talk_set(const struct world_domain *d,
				uint32_t granules, bool wait);

/**
 * talk_set_patiently() - Have it done, and the domain's record say so
 *
 * Refused for a while is good: memtided may have been started just now, and not
 * know the guest yet.
 */
void talk_set_patiently(struct world *w, struct world_domain *d,
			uint32_t granules, bool wait);

/** talk_kib() - What memtided should call a size of so many granules */
uint64_t talk_kib(const struct world_domain *d, uint32_t granules);

#endif
