/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ops.h - What may happen in a schedule
 */
#ifndef MEMTIDE_TESTS_OPS_H
#define MEMTIDE_TESTS_OPS_H

#include "world.h"

/** ops_next() - One random operation */
void ops_next(struct world *w);

#endif
