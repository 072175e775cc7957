/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control.h - The socket an operator's tool talks to
 *
 * Root and members of group memtide may connect; others are turned away with
 * a reply that says so. One request at a time a connection.
 */
#ifndef MEMTIDE_CONTROL_H
#define MEMTIDE_CONTROL_H

#include "control_codec.h"
#include "service.h"

struct control;

#define CONTROL_CLIENTS_MAX	64u

/**
 * control_open() - Listen
 * @path:	as for unix_listen()
 *
 * Return: 0 or a negative errno
 */
int control_open(struct event_base *base, struct service *service,
		 const char *path, struct control **ret);

/** control_close() - End all connections, remove the socket. NULL is fine */
void control_close(struct control *c);

/* What control.c offers to the modules that answer requests. */

/**
 * struct client - one connection with a request in work
 * @request:	the request
 * @guest:	watched, for a set that waits; NULL otherwise
 * @asked_kib, @told: of a set that waits
 * @audit_*:	of an audit
 */
struct client {
	struct control *control;
	struct client *next;
	struct link *link;
	struct event *timer;
	bool busy;
	struct control_request request;
	struct guest_watcher watcher;
	struct guest *guest;
	uint64_t asked_kib;
	struct control_progress told;
	uint32_t audit_next;
	uint32_t audit_guests;
	uint64_t audit_granules;
	uint32_t audit_findings;
};

struct service *client_service(struct client *c);

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

/* control_guests.c */
void control_list(struct client *c);
void control_show(struct client *c);
void control_set(struct client *c);
void control_set_timeout(struct client *c);

/* audit.c */
void audit_start(struct client *c);

#endif
