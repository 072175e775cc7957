/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * scenario.h - A host, its guests, and what they want over time
 *
 * All made from a seed: the same seed, the same loads. Of the bursts in them a
 * list is kept, so that one can say how long each has waited.
 */
#ifndef MEMTIDE_TEST_SCENARIO_H
#define MEMTIDE_TEST_SCENARIO_H

#include "vguest.h"

#define SCENARIO_GUESTS_MAX	32u

/* Before it, everyone wants what it wants at the start, and nothing counts. */
#define SCENARIO_WARM_US	(600 * INT64_C(1000000))

/**
 * struct burst - a guest wants a lot more at once
 * @from_us, @until_us: of the load's time
 * @mib:	how much more
 */
struct burst {
	uint32_t guest;
	int64_t from_us, until_us;
	int64_t mib;
};

/**
 * struct scenario
 * @length_us:	of the loads, SCENARIO_WARM_US included
 * @host_mib:	all of it is for guests, but for the reserve
 * @speed:	the hypervisor is so many times as fast as the lab's
 * @bases:	what they want when nothing happens
 */
struct scenario {
	const char *name;
	int64_t length_us;
	uint32_t host_mib, speed;
	uint32_t nr;
	struct vguest_conf guests[SCENARIO_GUESTS_MAX];
	struct vmem_want bases[SCENARIO_GUESTS_MAX];
	struct load loads[SCENARIO_GUESTS_MAX];
	struct burst *bursts;
	uint32_t nr_bursts, room;
};

/**
 * struct scenario_kind - a kind of them
 * @what:	one line for the reader
 * @make:	fills in all; @part of the usual length, in permille
 */
struct scenario_kind {
	const char *name;
	const char *what;
	void (*make)(struct scenario *s, uint64_t seed, uint32_t part);
};

extern const struct scenario_kind scenario_kinds[];
extern const uint32_t scenario_nr_kinds;

void scenario_done(struct scenario *s);

/** scenario_peak_mib() - What all guests need in sum, at most */
uint32_t scenario_peak_mib(const struct scenario *s);

#endif
