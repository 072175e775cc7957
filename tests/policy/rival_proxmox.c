/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * rival_proxmox.c - Proxmox VE's automatic ballooning
 *
 * Each 10 s: goal = what should be in use of the host's memory, less what is.
 * If that is more than 10 MiB either way, it is shared out: a guest is to have
 * min + (Σ (size - min) + goal) · shares / Σ shares, within its limits, and
 * moves towards it by 100 MiB at most. Guests with less free than a quarter of
 * their minimum come first when memory is given, the others first when it is
 * taken; all, if that moves nothing.
 *
 * Its goal is 80 % of the host by default, for the host is a Linux that needs
 * memory itself. Here it is all that memtide may give: more than it would use.
 *
 * Source: proxmox/pve-manager, PVE/AutoBalloon.pm and PVE/Service/pvestatd.pm
 */
#include "rival.h"

#define CYCLE_US	10000000
#define CHANGE_KIB	(100 * 1024)
#define DEAD_BAND_KIB	(10 * 1024)

struct proxmox {
	int64_t next_us;
};

/* Who takes part in a round, and what it is to have */
struct plan {
	struct rival_guest *guests;
	uint32_t nr;
	bool in[RIVAL_GUESTS_MAX], done[RIVAL_GUESTS_MAX];
	int64_t to[RIVAL_GUESTS_MAX];
};

static int64_t limit(const struct rival_guest *g, int64_t desired, int64_t goal,
		     bool *ret_moves)
{
	*ret_moves = true;
	if (goal > 0 && desired > g->actual)
		return MIN(desired, g->actual + CHANGE_KIB);
	if (desired < g->actual)
		return MAX(desired, g->actual - CHANGE_KIB);
	*ret_moves = false;
	return g->actual;
}

/* One round; returns by how much it has changed the plan. */
static int64_t round_of(struct plan *p, int64_t rest, int64_t goal,
			bool *ret_again)
{
	int64_t shares = 0, alloc = rest, changes = 0;

	*ret_again = false;
	for (uint32_t i = 0; i < p->nr; i++) {
		if (!p->in[i] || p->done[i])
			continue;
		alloc += p->to[i] - p->guests[i].min;
		shares += p->guests[i].shares;
	}
	for (uint32_t i = 0; i < p->nr; i++) {
		const struct rival_guest *g = &p->guests[i];
		int64_t desired, to;
		bool moves;

		if (!p->in[i] || p->done[i])
			continue;
		desired = g->min + alloc * (int64_t)g->shares / shares;
		desired = MIN(MAX(desired, g->min), g->max);
		to = limit(g, desired, goal, &moves);
		p->done[i] = !moves;
		if (!moves || to == p->to[i])
			continue;
		changes += to - p->to[i];
		p->to[i] = to;
		*ret_again = true;
	}
	return changes;
}

static int64_t share_out(struct plan *p, int64_t goal)
{
	int64_t rest = goal;
	bool again = true;

	for (uint32_t i = 0; i < p->nr; i++)
		p->done[i] = false;
	while (rest && again)
		rest -= round_of(p, rest, goal, &again);
	return rest;
}

static void run(struct rival *r, const struct rival_host *host,
		struct rival_guest *guests, uint32_t nr)
{
	struct proxmox *s = (struct proxmox *)r->words;
	struct plan p = { .guests = guests, .nr = nr };
	int64_t goal = host->free;

	if (host->now_us < s->next_us)
		return;
	s->next_us = host->now_us + CYCLE_US;
	if (llabs(goal) <= DEAD_BAND_KIB)
		return;
	for (uint32_t i = 0; i < nr; i++) {
		bool enough = guests[i].free > guests[i].min / 4 &&
			      guests[i].actual >= guests[i].min;

		p.to[i] = guests[i].actual;
		p.in[i] = goal > 0 ? !enough : enough;
	}
	if (llabs(share_out(&p, goal)) >= llabs(goal)) {
		for (uint32_t i = 0; i < nr; i++)
			p.in[i] = true;
		share_out(&p, goal);
	}
	for (uint32_t i = 0; i < nr; i++)
		guests[i].target = p.to[i];
}

const struct rival_ops rival_proxmox = { "Proxmox", run };
