/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_balance.h - limits, auto, balance, explain
 */
#ifndef MEMTIDE_CONTROL_BALANCE_H
#define MEMTIDE_CONTROL_BALANCE_H

#include "client.h"

/* Each answers the client's request of that name, at once. */
void control_limits(struct client *c);	/* and auto */
void control_balance(struct client *c);
void control_explain(struct client *c);

#endif
