/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_reserve.h - reserve
 */
#ifndef MEMTIDE_CONTROL_RESERVE_H
#define MEMTIDE_CONTROL_RESERVE_H

#include "client.h"

/** control_reserve() - Hold memory while the client is there */
void control_reserve(struct client *c);

/** control_reserve_timeout() - The time of a reservation is over */
void control_reserve_timeout(struct client *c);

#endif
