/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control.h - The socket an operator's tool talks to
 *
 * Root and members of group memtide may connect; others are turned away with
 * a reply that says so. One request at a time a connection.
 */
#ifndef MEMTIDE_CONTROL_H
#define MEMTIDE_CONTROL_H

#include "balance.h"
#include "history.h"
#include "reserve.h"

struct control;

#define CONTROL_CLIENTS_MAX	64u

/**
 * control_open() - Listen
 * @service, @balance, @reserve, @history: borrowed
 * @path:	as for unix_listen()
 *
 * Return: 0 or a negative errno
 */
int control_open(struct event_base *base, struct service *service,
		 struct balance *balance, struct reserve *reserve,
		 struct history *history, const char *path,
		 struct control **ret);

/** control_close() - End all connections, remove the socket. NULL is fine */
void control_close(struct control *c);

/** control_open_to_group() - Let group memtide use a socket, as the control
 * socket; logs if it cannot */
void control_open_to_group(const char *path);

#endif
