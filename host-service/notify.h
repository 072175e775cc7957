/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * notify.h - What the service manager is told, sd_notify(3)
 *
 * That memtided serves, what it does in a line, that it reads its configuration
 * again, that it ends. And, if the unit has a WatchdogSec=, that its event loop
 * turns: from a timer of that loop and from nowhere else, so that one which
 * hangs is silent, is killed by the manager and started again, which costs
 * nothing (I8).
 *
 * Without a manager that asks for it ($NOTIFY_SOCKET) nothing is said.
 */
#ifndef MEMTIDE_NOTIFY_H
#define MEMTIDE_NOTIFY_H

#include "service.h"

#define NOTIFY_TEXT_MAX	160u

struct notify;

/**
 * notify_open() - Say that we serve, and go on saying how it is
 * @ret:	NULL if nobody asks; all functions here take it
 *
 * Call it when the sockets are listened on and the domains are known.
 *
 * Return: 0 or -ENOMEM
 */
int notify_open(struct event_base *base, const struct service *s,
		struct notify **ret);

/** notify_close() - Say that we end */
void notify_close(struct notify *n);

/** notify_reloading() - The configuration is about to be read again */
void notify_reloading(const struct notify *n);

/** notify_ready() - It was, or it was refused: we serve as before */
void notify_ready(struct notify *n);

/** notify_text() - "3 domains, 2 managed, 1536 MiB held, 1 lost", returned */
const char *notify_text(const struct service *s, char text[NOTIFY_TEXT_MAX]);

#endif
