/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * judge.h - What must hold always, and what in the end
 */
#ifndef MEMTIDE_TESTS_JUDGE_H
#define MEMTIDE_TESTS_JUDGE_H

#include "world.h"

/**
 * judge_moment() - At any moment, seen under the machine's lock
 *
 * No violation so far; in use is backed (I1); nobody holds more than its
 * maximum (I3); all together no more than the host has (I4). No process may be
 * stopped: it might hold the lock.
 */
void judge_moment(struct world *w);

/**
 * judge_end() - Everyone runs and nothing goes wrong any more
 *
 * All targets are reached, those of the schedule where the host can meet them
 * or new ones, and the machine, memtided's list and its audit tell the same.
 */
void judge_end(struct world *w);

/**
 * judge_reached() - The same without new targets: those there are, are reached
 *
 * Without a further word from anybody.
 */
void judge_reached(struct world *w);

#endif
