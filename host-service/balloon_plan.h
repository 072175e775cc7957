/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * balloon_plan.h - What to do next for a guest that has but a balloon
 *
 * DOC: Theory of operation
 *
 * A guest without our kernel can be given less than what it was built with,
 * and no more: the toolstack's memory/target tells the balloon driver that
 * nearly every kernel has how many pages to keep, the driver gives the others
 * to Xen, and takes them again when the target rises. Nobody says when, why
 * not, or whether there is such a driver. All we see is Xen's page count.
 *
 * What the operator wants is kept in granules that the guest does without.
 * From that, and from what Xen counts, each step is derived anew:
 *
 *   maximum too low for the target:  raise it, before the guest is told
 *   target not told:                 tell it
 *   maximum above what is held:      lower it to that, never below
 *   not there:                       look again; no nearer for long: stuck
 *   there, all told:                 settled
 *
 * So what a shrinking guest has given it cannot take again, whatever it does
 * (I3), and what it may still take counts as promised to it (I4).
 */
#ifndef MEMTIDE_BALLOON_PLAN_H
#define MEMTIDE_BALLOON_PLAN_H

#include "base.h"

/* A balloon mostly comes to the very page, but one may keep some for grants of
 * others: so near, and no nearer for a tenth of our patience, is there, too. */
#define BALLOON_NEAR_PAGES	256u

/**
 * struct balloon - a guest's size, where its balloon driver keeps it
 * @on:		memtided has set its size, and answers for it
 * @boot_pages:	frames it was built with: the most it may hold
 * @slack_pages: what the toolstack lets it have beyond @boot_pages
 * @most_kib:	the toolstack's target for it with nothing less
 * @less:	granules it is to do without
 * @told:	what the toolstack's target was last told, if @has_told
 * @nearest:	how near it came since it was last told [pages]
 * @quiet_ms:	for how long it has come no nearer
 * @deaf:	it was found stuck, and has come no nearer since
 */
struct balloon {
	bool on;
	bool has_told;
	bool deaf;
	uint64_t boot_pages;
	uint64_t slack_pages;
	uint64_t most_kib;
	uint32_t less;
	uint32_t told;
	uint64_t nearest;
	uint32_t quiet_ms;
};

enum balloon_step {
	BALLOON_SETTLED,	/* there, and everyone was told */
	BALLOON_SET_MAX,	/* the domain's maximum, to *@ret_max_pages */
	BALLOON_TELL,		/* the toolstack's target */
	BALLOON_WAIT,		/* it is on its way: look again */
	BALLOON_STUCK,		/* it does not answer */
};

/** balloon_want() - Pages it should hold */
uint64_t balloon_want(const struct balloon *b);

/** balloon_max() - Its maximum, now that it holds @pages */
uint64_t balloon_max(const struct balloon *b, uint64_t pages);

/** balloon_near() - Is that its target, or as good as? */
bool balloon_near(const struct balloon *b, uint64_t pages);

/**
 * balloon_next() - Derive the next step
 * @pages, @max_pages:	as Xen counts now
 * @patience_ms:	without coming nearer, it is stuck
 */
enum balloon_step balloon_next(const struct balloon *b, uint64_t pages,
			       uint64_t max_pages, uint32_t patience_ms,
			       uint64_t *ret_max_pages);

/** balloon_looked() - It holds @pages, @elapsed_ms after the last look */
void balloon_looked(struct balloon *b, uint64_t pages, uint32_t elapsed_ms);

/** balloon_asked() - It is told anew: patience begins anew */
void balloon_asked(struct balloon *b);

/** balloon_promised() - Pages it may still take (I4) */
uint64_t balloon_promised(const struct balloon *b, uint64_t pages,
			  uint64_t max_pages);

/**
 * balloon_most_kib(), balloon_least_kib() - The sizes it can be set to, in
 * whole granules: without the domain's odd pages
 */
uint64_t balloon_most_kib(const struct balloon *b);
uint64_t balloon_least_kib(const struct balloon *b);

/**
 * balloon_less() - Granules to do without for a size between the two
 *
 * The size is rounded up to granules.
 */
uint32_t balloon_less(const struct balloon *b, uint64_t kib);

#endif
