/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * client.h - One connection of an operator's tool, and answering it
 */
#ifndef MEMTIDE_CLIENT_H
#define MEMTIDE_CLIENT_H

#include "balance.h"
#include "control_codec.h"
#include "reserve.h"
#include "service.h"

/**
 * struct client - one connection with a request in work
 * @owner, @next:	control.c's
 * @service, @balance, @reserve: borrowed
 * @timer:	ends a set that waits, a reservation, or a client that does not
 *		read
 * @busy:	@request is not yet answered
 * @guest:	watched, for a set that waits; NULL otherwise
 * @asked_kib, @told: of a set that waits
 * @reservation: of a reserve, NULL otherwise
 * @audit_*:	of an audit
 */
struct client {
	void *owner;
	struct client *next;
	struct service *service;
	struct balance *balance;
	struct reserve *reserve;
	struct link *link;
	struct event *timer;
	bool busy;
	struct control_request request;
	struct guest_watcher watcher;
	struct guest *guest;
	uint64_t asked_kib;
	struct control_progress told;
	struct reservation *reservation;
	uint32_t audit_next;
	uint32_t audit_guests;
	uint64_t audit_granules;
	uint32_t audit_findings;
};

/** client_reply() - Send one reply; drops the client if it cannot take it */
void client_reply(struct client *c, const struct control_reply *r);

/**
 * client_end() - Send the last reply of a request
 * @r:	its body, status and text; @end is set here
 */
void client_end(struct client *c, struct control_reply *r);

/** client_fail() - End the request without body */
void client_fail(struct client *c, enum control_status status,
		 const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** client_guest() - Find the guest a request names, or fail it and be NULL */
struct guest *client_guest(struct client *c);

#endif
