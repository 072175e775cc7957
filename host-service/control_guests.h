/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_guests.h - list, show, set, readmit
 */
#ifndef MEMTIDE_CONTROL_GUESTS_H
#define MEMTIDE_CONTROL_GUESTS_H

#include "client.h"

/* Each answers the client's request of that name, at once or later. */
void control_list(struct client *c);
void control_show(struct client *c);
void control_set(struct client *c);
void control_readmit(struct client *c);

/** control_reply_guest() - Send all that is known of a guest */
void control_reply_guest(struct client *c, struct guest *g);

/**
 * control_reply_host() - Send how the host's memory is
 *
 * Return: 0, or a negative errno: it cannot be asked; 0 was sent
 */
int control_reply_host(struct client *c);

/** control_timeout() - The time of a set or readmit that waits is over */
void control_timeout(struct client *c);

#endif
