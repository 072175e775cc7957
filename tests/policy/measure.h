/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * measure.h - How well a policy has done
 *
 * DOC: What is measured, and how
 *
 * Looked at each MEASURE_US, or somewhat later if memtided is busy, once the
 * scenario has begun:
 *
 * - pressed: guest-seconds in which tasks waited for memory for at least a
 *   tenth of the time. stalled: seconds that they waited, in sum. Work that
 *   is down after it was killed waits.
 * - relief: from the start of a burst until the guest has the anonymous memory
 *   it wants and is not pressed for the next half second, less the time that
 *   the same burst takes with all memory there could be. A burst that ends
 *   before has waited for all of its time. p50 and p99 over all bursts.
 * - moved: memory given and taken, in sum.
 * - wrong: of that, what was taken from a guest that was pressed then or within
 *   10 s after, and what was given to one that had 256 MiB and a quarter more
 *   than it needed while another was pressed.
 * - idle: host memory that nobody held while some guest was pressed, over time.
 * - fair: Jain's index, (Σ x)² / n Σ x², averaged over the time in which not
 *   all have what they need: x is what a guest holds of what it would have if
 *   memory were divided by weight among those who need it (max-min), at most 1.
 *   In ten-thousandths.
 * - kills: out of memory.
 *
 * - liars: what guests that lie hold beyond what they need, on average over
 *   time, in sum.
 *
 * Else guests that lie are not measured, but for what was moved and for kills.
 */
#ifndef MEMTIDE_TEST_MEASURE_H
#define MEMTIDE_TEST_MEASURE_H

#include "scenario.h"

#define MEASURE_US	100000

/* Of one guest, now [KiB] */
struct measure_guest {
	int64_t held;
	int64_t need;
	bool runs, ideal_runs;
	uint64_t stall_us;
	uint32_t kills;
};

/* How long a burst waited */
struct relief {
	int64_t ms;
	uint32_t burst;
};

/**
 * struct measured - sums of one run, or of some
 * @reliefs:	of each burst, in order of length; owned
 * @turns:	how much more often than its need a guest's size turned, by 64
 *		MiB or more, the most of all guests; of @turner
 * @messages:	of all guests, warming up included; @runs: of the policy
 * @fair:	the sum of @looks values
 */
struct measured {
	int64_t pressed_ms, stalled_ms;
	struct relief *reliefs;
	uint32_t bursts;
	int64_t moved_mib, wrong_mib;
	int64_t idle_mib_s, lied_mib_s, length_s;
	uint64_t fair, looks;
	uint32_t kills;
	uint32_t turns, turner;
	uint64_t messages, runs;
};

/** measured_add() - Takes what @more has */
void measured_add(struct measured *sum, struct measured *more);
void measured_done(struct measured *m);

/** measured_relief_ms() - So many permille of the bursts waited no longer */
int64_t measured_relief_ms(const struct measured *m, uint32_t permille);

/** measured_fairness() - Ten-thousandths */
uint32_t measured_fairness(const struct measured *m);

struct measure;

int measure_new(const struct scenario *s, struct measure **ret);
void measure_free(struct measure *m);

/**
 * measure_look() - Some time has gone by
 * @at_us:	of the loads' time
 * @free_kib:	held by nobody, beyond the reserve
 */
void measure_look(struct measure *m, int64_t at_us,
		  const struct measure_guest *guests, int64_t free_kib);

/** measure_end() - The sums */
struct measured measure_end(struct measure *m);

/** measure_pressed() - Is the guest pressed now? */
bool measure_pressed(const struct measure *m, uint32_t guest);

#endif
