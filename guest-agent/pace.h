/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pace.h - When the agent looks at the guest's memory, and when it reports
 *
 * DOC: Theory of operation
 *
 * A guest at rest costs nothing: nobody looks, and nothing wakes the agent but
 * its keepalive. What wakes it are events, not a timer:
 *
 *  - the kernel's trigger for the stall that the host's Welcome describes:
 *    pace_stall(), looked at and reported at once;
 *  - the kernel's trigger for an early sign of one, an eighth of that:
 *    pace_stir(), looked at once;
 *  - the agent's own doing, memory put in use or given up: pace_stir();
 *  - programs that fault in pages: pace_peek(), looked at once, a moment later.
 *
 * After any of these the agent looks each interval as long as it finds
 * movement, each time after twice as long if it does not, and after @calm_ms
 * without movement no more.
 *
 * Why the early sign. Memory shall flow before it hurts, but Linux tells nobody
 * that available memory falls: pressure_level and the thresholds of memory
 * cgroups are of version 1 only, memory.high of version 2 throttles who is
 * over it, the trace point of kswapd's waking needs tracefs and a ring buffer.
 * Pressure stall information it does have, and "some" counts kswapd's own work:
 * it runs as soon as free memory is below the low watermark, while allocations
 * still succeed. So a trigger on a few milliseconds of "some" is the kernel
 * saying that free memory has run out and the page cache is shrinking, before a
 * task waits for long.
 *
 * In a guest with little page cache that is late: between the watermark and the
 * end are a few MiB. So the counters of page faults (faults.h) tell when
 * programs begin to take memory, and a look PACE_PEEK_MS later sees whether much
 * of it has gone; then the looks go on as above. A guest at rest has no faults.
 * Looks at a clock tick that happens anyway would do, too, but timers with slack
 * do not get them: the kernel serves its timers in order of the latest time.
 *
 * What is missed is memory that goes without faults, pressure or our doing:
 * written to a tmpfs, say, down to the watermark. And a guest whose memory
 * becomes free says so with its next keepalive; who gives may be slow.
 *
 * Deaf, without triggers (a kernel without /proc/pressure, or before 5.2, or
 * not allowed to us), it looks by a slow timer, from PACE_DEAF_MIN_MS while
 * something moves up to PACE_DEAF_MAX_MS.
 *
 * Pure: time is an argument.
 */
#ifndef MEMTIDE_PACE_H
#define MEMTIDE_PACE_H

#include "codec.h"

/* Where the host's Welcome has 0 */
#define PACE_STALL_US	20000u
#define PACE_WINDOW_MS	500u
#define PACE_CALM_S	10u

#define PACE_PEEK_MS		50u
#define PACE_DEAF_MIN_MS	1000u
#define PACE_DEAF_MAX_MS	10000u

/**
 * struct pace - all times in ms on one monotonic clock
 * @deaf:	there are no triggers
 * @stalled:	a stall that has not been reported
 * @reported:	the last report, or what was to be one
 * @looked:	what was seen when the agent last looked
 * @look_ms:	look at this time, UINT64_MAX for not by itself
 * @min_ms:	but for a new stall not before this time
 * @keepalive_ms: report at this time at the latest
 * @moved_ms:	last time that something moved
 * @gap_ms:	from one look to the next while nothing moves
 */
struct pace {
	uint32_t interval_ms, calm_ms, stall_us;
	uint64_t keepalive_each_ms;
	bool deaf;
	bool stalled;
	struct msg_report reported, looked;
	uint64_t look_ms, min_ms, keepalive_ms, moved_ms, gap_ms;
};

/**
 * pace_defaults() - Put the agent's own numbers where the host's are 0
 */
void pace_defaults(struct msg_welcome *w);

/** pace_start() - A new host: it is to be told at once, then all is as above
 * @w:		after pace_defaults() */
void pace_start(struct pace *p, const struct msg_welcome *w, bool deaf,
		uint64_t now_ms);

/** pace_stall() - The host's trigger fired */
void pace_stall(struct pace *p, uint64_t now_ms);

/** pace_stir() - Something may have changed */
void pace_stir(struct pace *p, uint64_t now_ms);

/** pace_peek() - Programs take memory: is it worth a word? */
void pace_peek(struct pace *p, uint64_t now_ms);

/** pace_due_ms() - When to look; UINT64_MAX never */
uint64_t pace_due_ms(const struct pace *p);

/**
 * pace_look() - Somebody looked
 * @seen:	@stalled is set here
 *
 * Return: is it to be reported? Then pace_sent() once it is on its way.
 */
bool pace_look(struct pace *p, struct msg_report *seen, uint64_t now_ms);

/** pace_blind() - Somebody looked, and could not see: that was no movement */
void pace_blind(struct pace *p, uint64_t now_ms);

/** pace_sent() - What pace_look() said was to be reported has been */
void pace_sent(struct pace *p, const struct msg_report *sent, uint64_t now_ms);

#endif
