/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * client.h - One connection of an operator's tool, and answering it
 */
#ifndef MEMTIDE_CLIENT_H
#define MEMTIDE_CLIENT_H

#include "balance.h"
#include "control_codec.h"
#include "history.h"
#include "reserve.h"
#include "service.h"

/**
 * struct client_watch - who is told what happens (control_watch.c)
 * @watcher:	first, so that it is the watch
 * @event:	number of the last event told
 * @change:	of what has changed up to this one all is told
 * @up_to:	what is being told is of changes up to this one
 * @domid:	guests below have been told; @telling: there are others
 * @all:	all guests are being told
 */
struct client_watch {
	struct history_watcher watcher;
	bool on, telling, all;
	uint64_t event, change, up_to;
	uint32_t domid;
};

/**
 * struct client - one connection with a request in work
 * @owner, @next:	control.c's
 * @service, @balance, @reserve, @history: borrowed
 * @timer:	ends a set that waits, a reservation, or a client that does not
 *		read; of a watch: it is time for sizes
 * @busy:	@request is not yet answered
 * @guest:	watched, for a set that waits; NULL otherwise
 * @asked_kib, @told: of a set that waits
 * @reservation: of a reserve, NULL otherwise
 * @watch:	of a watch
 * @audit_*:	of an audit
 */
struct client {
	void *owner;
	struct client *next;
	struct service *service;
	struct balance *balance;
	struct reserve *reserve;
	struct history *history;
	struct link *link;
	struct event *timer;
	bool busy;
	struct control_request request;
	struct guest_watcher watcher;
	struct guest *guest;
	uint64_t asked_kib;
	struct control_progress told;
	struct reservation *reservation;
	struct client_watch watch;
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

/** client_version() - What memtided is, as a reply */
void client_version(const struct client *c, struct control_reply *ret);

/** client_guest() - Find the guest a request names, or fail it and be NULL */
struct guest *client_guest(struct client *c);

#endif
