/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * history.h - The last hour of the host's memory, and the last changes
 *
 * DOC: Theory of operation
 *
 * Two rings of fixed size. A sample is taken when something has changed, once in
 * HISTORY_SAMPLE_S at most; it is as of then, and what was before holds until
 * then. If nothing changes there is no timer and no sample: an idle host is not
 * woken up. So samples are not evenly spaced, and the last may be old.
 *
 * An event is a change that an operator would want to know of, with the reason:
 * a guest came, went, got another target, arrived there or not, lost its agent
 * or was quarantined.
 *
 * What has changed since is told by numbers: each change has the next, guests
 * remember theirs (struct guest_shown).
 */
#ifndef MEMTIDE_HISTORY_H
#define MEMTIDE_HISTORY_H

#include "balance.h"

#define HISTORY_SAMPLE_S	10u
#define HISTORY_SAMPLES		360u	/* an hour, if something changes always */
#define HISTORY_EVENTS		128u
#define HISTORY_TEXT_MAX	REASON_TEXT_MAX

/**
 * struct history_sample - the host's memory, in KiB; together its total
 * @at_s:	seconds since 1970
 * @other:	Xen, dom0 and what is not accounted for
 * @in_use:	of guests: held and not available, as far as they say
 * @available:	of guests: held, and they could do without it
 * @promised:	not given yet
 * @reserve:	of the rest, never given
 * @free:	of the rest
 */
struct history_sample {
	int64_t at_s;
	uint64_t other, in_use, available, promised, reserve, free;
};

enum history_kind {
	HISTORY_APPEARED,
	HISTORY_GONE,
	HISTORY_TARGET,		/* it is to hold more or less */
	HISTORY_SETTLED,	/* it does */
	HISTORY_SHORT,		/* it does not, for now */
	HISTORY_READY,		/* its agent is there */
	HISTORY_LOST,		/* its agent is gone */
	HISTORY_QUARANTINED,
	HISTORY_NUM_KINDS,
};

/**
 * struct history_event
 * @nr:		1, 2, ..
 * @at_ms:	milliseconds since 1970
 * @name:	of the guest, then
 */
struct history_event {
	uint64_t nr;
	int64_t at_ms;
	enum history_kind kind;
	struct guest_id id;
	char name[BACKEND_NAME_MAX];
	char text[HISTORY_TEXT_MAX];
};

/* Told of every change and event, from within it: to be remembered, not to be
 * worked on. It may end its own watch. */
struct history_watcher {
	void (*changed)(struct history_watcher *w);
	struct history_watcher *next;	/* the history's */
};

/**
 * struct history
 * @watcher:	first, so that it is the history
 * @balance:	borrowed, may be NULL
 * @sample_event: takes the next sample
 * @samples:	the next goes to @nr_samples modulo their number
 * @events:	likewise; the last is number @nr_events
 * @change:	number of the last change
 * @gone:	number of the last change that was a guest's going
 * @watchers:	borrowed
 */
struct history {
	struct service_watcher watcher;
	struct service *service;
	const struct balance *balance;
	struct event *sample_event;
	int64_t sampled_us;
	struct history_sample samples[HISTORY_SAMPLES];
	uint64_t nr_samples;
	struct history_event events[HISTORY_EVENTS];
	uint64_t nr_events;
	uint64_t change, gone;
	struct history_watcher *watchers;
};

/**
 * history_open() - Begin to look
 * @s:		borrowed; outlives the history
 * @b:		borrowed, or NULL
 *
 * Return: 0 or -ENOMEM
 */
int history_open(struct service *s, const struct balance *b,
		 struct history **ret);

/** history_close() - NULL is accepted */
void history_close(struct history *h);

void history_watch(struct history *h, struct history_watcher *w);

/** history_unwatch() - Fine for one that does not watch */
void history_unwatch(struct history *h, struct history_watcher *w);

/** history_kind_name() - Lower-case word; never NULL */
const char *history_kind_name(enum history_kind kind);

/**
 * history_look() - How the host's memory is divided now
 *
 * Return: 0, or a negative errno; then @ret is untouched
 */
int history_look(const struct history *h, struct history_sample *ret);

/** history_sample() - The @i'th of those that are there, the oldest is 0 */
const struct history_sample *history_sample(const struct history *h,
					    unsigned int i);

/** history_nr_samples() - How many are there? */
unsigned int history_nr_samples(const struct history *h);

/** history_first_event() - Number of the oldest event that is there, at least 1 */
uint64_t history_first_event(const struct history *h);

/** history_event() - The event with a number from there to @nr_events */
const struct history_event *history_event(const struct history *h, uint64_t nr);

#endif
