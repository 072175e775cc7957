/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * psi.h - A PSI trigger, as Linux has it
 *
 * Source: kernel/sched/psi.c, update_triggers() and window_update(): each tenth
 * of a window what was waited in it is reckoned, from this window and a share
 * of the last; it fires at most once a window.
 */
#ifndef MEMTIDE_TEST_PSI_H
#define MEMTIDE_TEST_PSI_H

#include "base.h"

/**
 * struct psi_trigger
 * @window_us, @threshold_us: as set; 0: not set
 * @start_us, @start_value, @last_growth: the kernel's window
 * @next_us:	looked at again
 * @fired_us:	last time
 */
struct psi_trigger {
	int64_t window_us, threshold_us;
	int64_t start_us, next_us, fired_us;
	uint64_t start_value, last_growth;
};

/** psi_look() - Does it fire? @value: stall since boot [us] */
static inline bool psi_look(struct psi_trigger *t, uint64_t value,
				int64_t now_us)
{
	int64_t elapsed_us = now_us - t->start_us;
	uint64_t growth = value - t->start_value;

	if (!t->window_us || now_us < t->next_us)
		return false;
	t->next_us = now_us + t->window_us / 10;
	if (elapsed_us > t->window_us) {
		t->start_us = now_us;
		t->start_value = value;
		t->last_growth = growth;
	} else {
		growth += t->last_growth *
			  (uint64_t)(t->window_us - elapsed_us) /
			  (uint64_t)t->window_us;
	}
	if (growth < (uint64_t)t->threshold_us ||
	    now_us < t->fired_us + t->window_us)
		return false;
	t->fired_us = now_us;
	return true;
}

#endif
