/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * rival.h - Other balancers' policies, from what they document
 *
 * DOC: Theory of operation
 *
 * Our own implementations of what other balancers decide, each with its own
 * intervals, inputs and limits, as their documentation and sources state. What
 * they decide is carried out by memtide's steps, like memtide's own decisions:
 * policies are compared here, not the speed of balloons. So a rival is shown
 * with a faster and more exact mechanism than it has in the field.
 *
 * A rival is run each RIVAL_TICK_US and keeps its own time. It sees of a guest
 * what its own reporter would send, at once, and writes what the guest should
 * hold. Targets that do not fit into free memory are cut by the harness, not
 * refused, and a target below what a guest was built with is raised to that.
 */
#ifndef MEMTIDE_TEST_RIVAL_H
#define MEMTIDE_TEST_RIVAL_H

#include "base.h"

#define RIVAL_TICK_US	100000

/**
 * struct rival_guest - a guest, as a rival may see it [KiB]
 * @min, @max:	between which the operator wants it
 * @shares:	Proxmox's weight; 1000 is usual
 * @actual:	what the hypervisor counts
 * @used:	without cache, with swap (qemmman's meminfo-writer)
 * @free:	MemFree, or what Proxmox's status shows as such
 * @target:	as last set; written by the rival
 */
struct rival_guest {
	int64_t min, max;
	uint32_t shares;
	int64_t actual;
	int64_t used;
	int64_t free;
	int64_t target;
};

/**
 * struct rival_host
 * @now_us:	a clock that never goes back
 * @total:	for guests, without what memtide keeps in reserve [KiB]
 * @free:	of it, not held by a guest [KiB]
 */
struct rival_host {
	int64_t now_us;
	int64_t total;
	int64_t free;
};

#define RIVAL_GUESTS_MAX	64u

/**
 * struct rival - a policy; zero it, but for @ops, before the first run
 * @words:	its memory, one struct of its own
 */
struct rival {
	const struct rival_ops *ops;
	int64_t words[8 * RIVAL_GUESTS_MAX];
};

struct rival_ops {
	const char *name;
	void (*run)(struct rival *r, const struct rival_host *host,
		    struct rival_guest *guests, uint32_t nr);
};

extern const struct rival_ops rival_static;
extern const struct rival_ops rival_squeezed;
extern const struct rival_ops rival_proxmox;
extern const struct rival_ops rival_qmemman;

#endif
