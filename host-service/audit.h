/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * audit.h - Is what we believe true? (I1, I2, I3)
 */
#ifndef MEMTIDE_AUDIT_H
#define MEMTIDE_AUDIT_H

#include "client.h"

/** audit_start() - Answer an audit request with findings as they are made */
void audit_start(struct client *c);

#endif
