/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy.h - Who should hold how much memory
 *
 * DOC: Theory of operation
 *
 * A pure function: host and guests in, targets out. No clock (durations come
 * in), no I/O, no allocation, integers only. Sizes are granules of 2 MiB, and
 * whole sizes of a guest: boot memory (rounded down) and what it was given.
 * What it must remember of a guest from run to run is in that guest's struct.
 * The order of the guests changes nothing.
 *
 * Of each guest it is known what it cannot do without (@used), so what it has
 * available, and what it should have available (headroom). In this order:
 *
 *  1. Relief. A guest in distress gets a step: what its headroom lacks, or a
 *     quarter of its size, or 128 MiB, or what it will use in the next second
 *     at the speed at which it grows, whichever is most; and twice that, or up
 *     to half of what is free, if nothing is left to it. If it is in distress
 *     after that has arrived, the next step is twice as large. One that has its
 *     headroom not merely available but unused is not short of memory: its
 *     tasks wait at a limit of their own. Nor is one that has it available, will
 *     in a second at the speed at which it grows, and reads nothing again. Who
 *     did not give when last asked gets no more than the next step at a time:
 *     what it is given is gone for good.
 *  2. Reservations for domains to be built.
 *  3. Need. A guest whose available memory falls below three quarters of its
 *     headroom gets what is lacking, before it hurts. So does one below its
 *     floor.
 *
 * These are served from the host's free memory, down to the last granule: the
 * burst reserve is there for it. If it does not suffice for all of one kind,
 * it is shared by weight: the size per weight of the poorest is raised first.
 * A waiting reservation comes after distress, as nobody suffers for it; what
 * was granted to it is its own and no longer part of free memory.
 *
 * What could not be served is taken from donors, at once: from guests that
 * have been calm for some seconds, down to their headroom, in proportion to
 * what they have beyond it, to their idleness, and to 1/weight. If donors do
 * not suffice for relief, all automatic guests are in need, and the host's
 * memory is divided in fair shares: by weight between floor and need (weighted
 * max-min fairness). Who has more than its fair share gives; nobody gives below
 * its share, and nobody rises above it at another's expense. So a guest that
 * claims distress for ever gets at most its ceiling, and of that never what
 * others need within their weight. What a guest says is believed without bounds
 * up to its share by weight only: policy_doubt.h.
 *
 * Else, if free memory is less than the burst reserve, it is refilled slowly:
 * from guests that have been calm for long and have more than twice their
 * headroom available, an eighth of what is beyond that every few seconds (up to
 * half of the reserve sooner, from those that have four times as much). A guest
 * that is pressed soon after it gave, and uses no more than before, is hurt:
 * the size it had is its low mark, below which nothing is taken for a while,
 * and for twice as long each time; but for a guest in distress, if it has been
 * calm since. If the reserve is full nothing is taken from anyone: memory that
 * is idle in a guest is its page cache.
 *
 * Who was asked and gave less than half of it is left out for a while, and for
 * twice as long each time, with its target set to what it holds. It delays
 * nobody: the others are asked for the rest. Nor does one count that is asked and
 * gives nothing for half a second. What a guest does not take is not promised.
 *
 * Hysteresis. Between three quarters of the headroom and twice the headroom
 * nothing happens. With constant demand (@used constant, no pressure with the
 * headroom available) a guest's size reverses its direction at most once, and
 * at most three times where shares had to be made; if guests give what they are
 * asked for, then after a bounded number of runs nothing is changed and next_ms
 * is POLICY_NEVER: not even a timer is left. A guest that does not give, or is
 * hurt with its headroom available, as its page cache is its working set, is
 * tried again after 1, 2, 4 .. 64 minutes.
 *
 * Never: a target below the floor or above the ceiling (but for what they must
 * be moved to after a change of these); more promised than is free (I4); a
 * change of a guest that is not automatic.
 */
#ifndef MEMTIDE_POLICY_H
#define MEMTIDE_POLICY_H

#include "demand.h"

struct share;

#define POLICY_NEVER		UINT32_MAX	/* of next_ms and durations */
#define POLICY_WEIGHT_MAX	1000u
#define POLICY_WEIGHT_DEFAULT	100u

/**
 * struct policy_settings - what an operator wants for a guest
 * @automatic:	its target is the policy's
 * @floor:	never less; 0: what it was built with
 * @ceiling:	never more; 0: the end of its window
 * @weight:	1..POLICY_WEIGHT_MAX
 * @headroom:	granules that should be available; 0: what its agent keeps when
 *		memory is pulled, at least an eighth of what it uses
 */
struct policy_settings {
	bool automatic;
	uint32_t floor;
	uint32_t ceiling;
	uint32_t weight;
	uint32_t headroom;
};

/* What may be done with a guest now? */
enum policy_can {
	/* Not automatic, not there, being saved: it holds what it holds. */
	POLICY_CAN_NOTHING,
	POLICY_CAN_GROW,	/* asked and gave less, or it is growing */
	POLICY_CAN_BOTH,
};

/* Why is the target what it is? The first few change nothing. */
enum policy_reason {
	POLICY_KEEP,		/* it has what it needs */
	POLICY_NOT_OURS,	/* POLICY_CAN_NOTHING */
	POLICY_WAITS,		/* it needs @want, there is not enough yet */
	POLICY_RELIEF,		/* grows: distress */
	POLICY_NEED,		/* grows: little is available */
	POLICY_FLOOR,		/* grows: below its floor */
	POLICY_CEILING,		/* gives: above its ceiling */
	POLICY_GIVE_GUEST,	/* gives: @other needs it */
	POLICY_GIVE_RESERVATION, /* gives: a domain is to be built */
	POLICY_GIVE_RESERVE,	/* gives: idle, and the burst reserve is low */
	POLICY_GIVE_SHARE,	/* gives: above its fair share, @other is below */
	POLICY_STOPS,		/* gave, and is pressed: back to @held */
	POLICY_DOUBTED,		/* says that it needs @want; nothing bears it out */
	POLICY_FELL_SHORT,	/* asked for less or more in vain: back to @held */
	POLICY_NUM_REASONS,
};

/* struct policy_memory - carried over by the caller; zero for a new guest */
struct policy_memory {
	uint32_t goal;		/* size to reach in distress; 0: none */
	uint32_t step;		/* granules of the last step of relief */
	uint32_t mark;		/* less than this has hurt */
	uint32_t mark_ms;	/* so long the mark holds yet */
	uint32_t backoff_ms;	/* how long the last mark was to hold */
	uint32_t gave_from;	/* size before it last gave what it could spare */
	uint32_t gave_used;	/* what it used then */
	uint32_t gave_ms;	/* ago; only if @gave_from */
	uint32_t asked;		/* granules that it was last asked for */
	uint32_t pause_ms;	/* the reserve takes nothing before that */
	uint32_t no_give_ms;	/* it gave too little: nobody asks before that */
	uint32_t give_backoff_ms;
	uint32_t refused_with;	/* it had so much available */
	uint32_t no_grow_ms;	/* it could not grow: not before that */
	uint32_t grow_backoff_ms;
	uint32_t proven;	/* size at which it last showed that it needs it */
	uint32_t began;		/* size when its distress began; 0: it has none */
	uint32_t lent;		/* size up to which distress is believed */
	uint32_t lend_ms;	/* more is not lent before that */
	uint32_t lend_backoff_ms;
	uint32_t bound;		/* more it does not get; 0: not known yet */
	bool doubted;		/* that was the reason of the last run */
	bool donor;		/* is giving what it can spare: stops if pressed */
	bool grows;		/* was given more, and has not settled since */
};

/**
 * struct policy_guest - a guest, at this time
 *
 * In:
 * @key:	unique; ties are broken by it, and it is the @other of reasons
 * @can:	what may be done with it
 * @set:	as set, defaults filled in: floor at least @boot, ceiling not 0
 *		and not below floor, headroom may be 0
 * @boot:	what it was built with
 * @held:	what it holds
 * @target:	what it was to hold up to now; what it is to hold from now on
 * @total:	what it says it has
 * @available:	of that, what it could use without swapping or pressure
 * @unused:	of that, what is not even page cache
 * @used:	of @held what it cannot do without, at most @held
 * @swap_used:	in its swap
 * @level:	of its demand
 * @starving:	its kernel is about to kill, though it may have memory of
 *		another kind
 * @calm_ms:	for so long; 0 if it is not
 * @report_ms:	since its last report
 * @shown_ms:	since it last showed any sign of need
 * @moved_ms:	since @held last changed
 * @settled:	no step is being taken: what is not there will not come
 * @quiet_ms:	if not settled: since the last step towards @target
 * @grain:	of what it is to grow by, less than this may be left over, as a
 *		memory block is not opened for its memmap alone; at least 1
 * @stall_permille, @refault_kib_s, @swap_in_kib_s, @growth_kib_s: see demand.h
 *
 * In and out:
 * @mem:	the policy's own
 *
 * Out:
 * @reason:	of @target
 * @want:	the size it should have
 * @headroom:	what it should have available
 * @other:	@key of who needs it most, for POLICY_GIVE_GUEST and _SHARE
 *
 * @from:	@target as it was
 * @claim:	the size it would get if it were believed; 0: it is
 * @least:	scratch: what its agent keeps available
 * @most:	scratch: of @want, what it may have now
 */
struct policy_guest {
	uint32_t key;
	enum policy_can can;
	struct policy_settings set;
	uint32_t boot;
	uint32_t held;
	uint32_t target;
	uint32_t total;
	uint32_t available;
	uint32_t unused;
	uint32_t used;
	uint32_t swap_used;
	enum demand_level level;
	bool starving;
	uint32_t calm_ms;
	uint32_t report_ms;
	uint32_t shown_ms;
	uint32_t moved_ms;
	uint32_t quiet_ms;
	uint32_t grain;
	bool settled;
	uint32_t stall_permille;
	uint32_t refault_kib_s;
	uint32_t swap_in_kib_s;
	uint32_t growth_kib_s;

	struct policy_memory mem;

	enum policy_reason reason;
	uint32_t want;
	uint32_t headroom;
	uint32_t other;

	uint32_t from;
	uint32_t claim;
	uint32_t most;
	uint32_t least;
};

/* struct policy_change - what is told of it later */
struct policy_change {
	enum policy_reason reason;
	uint32_t from;
	uint32_t to;
	uint32_t want;
	uint32_t held;
	uint32_t used;
	uint32_t headroom;
	uint32_t floor;
	uint32_t ceiling;
	uint32_t stall_permille;
	uint32_t refault_kib_s;
	uint32_t swap_in_kib_s;
	uint32_t growth_kib_s;
	uint32_t calm_ms;
	uint32_t other;
};

/**
 * struct policy_host - the host, at this time
 *
 * In:
 * @free:	granules that may be promised: free, without the host's own
 *		reserve and without what guests and reservations were promised
 * @burst:	as much of it should be there for guests in distress
 * @wanted:	granules that reservations wait for
 * @elapsed_ms:	since the last run
 * @slots:	scratch (share.h), as many as there are guests
 *
 * Out:
 * @granted:	of @wanted, to be set aside for reservations now
 * @changes:	guests with a new target
 * @lacking:	somebody waits, or the burst reserve is not full
 * @next_ms:	when to run again if nothing happens, or POLICY_NEVER
 */
struct policy_host {
	uint32_t free;
	uint32_t burst;
	uint32_t wanted;
	uint32_t elapsed_ms;
	struct share *slots;
	uint32_t granted;
	uint32_t changes;
	bool lacking;
	uint32_t next_ms;
};

/* What the balancer runs: policy_run(), or another in its place. */
typedef void policy_fn(struct policy_host *host, struct policy_guest *guests,
		       uint32_t nr);

/** policy_run() - Set targets, reasons and when to run again */
void policy_run(struct policy_host *host, struct policy_guest *guests,
		uint32_t nr);

/** policy_reason_name() - A word for a reason; never NULL */
const char *policy_reason_name(enum policy_reason reason);

/**
 * policy_asks() - Does a guest need more than its target?
 *
 * Or did it begin to ask for more than it is believed to need? What a report is looked at with before all guests are.
 */
bool policy_asks(const struct policy_guest *g);

/** policy_change() - What a run made of a guest */
struct policy_change policy_change(const struct policy_guest *g);

/**
 * policy_possible() - Granules that a reservation could get at most
 *
 * Free ones, those on their way back, and what donors have beyond their
 * headroom.
 */
uint64_t policy_possible(const struct policy_host *host,
			 const struct policy_guest *guests, uint32_t nr);

#endif
