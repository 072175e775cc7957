/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * demand.h - What a guest's reports say about its need of memory
 *
 * DOC: Theory of operation
 *
 * A guest pushes reports: sizes, and totals since it booted of what hurts: time
 * that its tasks waited for memory (PSI), pages read again soon after they were
 * evicted (refaults), pages read from swap. The differences of two reports over
 * the guest's own clock are rates, and the rates make the level:
 *
 *   distress: tasks wait, or what is in use is read back from disk: it hurts
 *   pressed:  less of the same: take nothing
 *   calm:     none of it
 *
 * "Used memory" alone decides nothing: a guest uses all of it as page cache.
 *
 * A guest without PSI (CONFIG_PSI=n) is judged by refaults, swap-in and little
 * available memory: later, for by then it hurts.
 *
 * What a guest sends may be wrong or a lie. Totals or a clock that go back are
 * a reboot, and begin anew; rates are bounded; a lie makes a guest look calm or
 * in distress, which it may be, and what that gets it is the policy's to bound.
 * A level does not last: who is in distress says so again (the agent samples
 * until it is calm), and without that it is pressed after two seconds and calm
 * after ten.
 *
 * Pure: the clock is the caller's.
 */
#ifndef MEMTIDE_DEMAND_H
#define MEMTIDE_DEMAND_H

#include "codec.h"

#define DEMAND_NEVER	UINT32_MAX	/* so many ms: not yet */

enum demand_level {
	DEMAND_UNKNOWN,		/* no report yet */
	DEMAND_CALM,
	DEMAND_PRESSED,
	DEMAND_DISTRESS,
	DEMAND_NUM_LEVELS,
};

/** demand_level_name() - Lower-case word for a level; never NULL */
const char *demand_level_name(enum demand_level level);

/**
 * struct demand - what is known; zero: nothing
 * @last:	the last report
 * @level:	at the last report; demand_level() says what it is now
 * @stall_permille: of the time between the reports, tasks waited for memory
 * @refault_kib_s, @swap_in_kib_s: read back from disk
 * @growth_kib_s: how fast what is in use grows; 0 if it does not
 * @hidden_kib: what the kernel keeps for itself: a guest sees less than it
 *		holds; known while it holds still
 * @report_us, @pressed_us: when last, and last not calm, on the caller's clock,
 *		0: never
 * @shown_us:	when it last showed any sign of need, however small: a wait, a
 *		page read again or from swap
 */
struct demand {
	struct msg_report last;
	enum demand_level level;
	uint32_t stall_permille;
	uint32_t refault_kib_s;
	uint32_t swap_in_kib_s;
	uint32_t growth_kib_s;
	uint64_t hidden_kib;
	int64_t report_us;
	int64_t pressed_us;
	int64_t shown_us;
};

/**
 * demand_report() - A report has come
 * @held_kib:	what the guest holds now
 * @still:	it does not grow or shrink just now
 * @now_us:	of a clock that never goes back, > 0
 */
void demand_report(struct demand *d, const struct msg_report *r,
		   uint64_t held_kib, bool still, int64_t now_us);

/** demand_level() - What level is it now? */
enum demand_level demand_level(const struct demand *d, int64_t now_us);

/** demand_stall_permille() - As of late; 0 if that is long ago */
uint32_t demand_stall_permille(const struct demand *d, int64_t now_us);

/** demand_calm_ms() - How long calm; 0 if it is not, DEMAND_NEVER: always was */
uint32_t demand_calm_ms(const struct demand *d, int64_t now_us);

/** demand_used_kib() - What it cannot do without: of @held_kib not available */
uint64_t demand_used_kib(const struct demand *d, uint64_t held_kib);

#endif
