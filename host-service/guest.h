/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * guest.h - One guest, as the service knows it
 *
 * DOC: Theory of operation
 *
 * A guest appears with its domain and goes with it. It becomes managed when
 * its agent has greeted and both truths about its granules are known, and it
 * stays managed while the agent comes and goes. All memory a guest will need
 * is taken when it first greets (I6).
 *
 * One whose agent has not greeted can be set to less than it was built with:
 * then its own balloon driver keeps that size (balloon_plan.h), and its agent,
 * if one comes, is not listened to before the guest is back at its boot size.
 * READY, GROWING and SHRINKING are its states as well.
 *
 * Everything that happens to a guest, an answer, a new target, a timer, ends
 * in one call of guest_kick(), and from the event loop one small step after
 * the other is derived (plan.h) and taken (steps.h).
 *
 * What a guest can make us do in a second is bounded (I7), by a limit each for
 * its messages, its wake-ups, its offers of a channel and the lines it has us
 * log. Beyond a limit that guest waits, on a timer; nobody else does.
 */
#ifndef MEMTIDE_GUEST_H
#define MEMTIDE_GUEST_H

#include "backend.h"
#include "balloon_plan.h"
#include "codec.h"
#include "counters.h"
#include "demand.h"
#include "ledger.h"
#include "log.h"
#include "plan.h"
#include "policy.h"
#include "rate.h"
#include "settings.h"

struct config;
struct event;
struct event_base;
struct guest;
struct link;
struct transport;

#define GUEST_WHY_MAX	256u
#define GUEST_UUID_MAX	37u
/* @why, and what is said around it */
#define GUEST_QUARANTINE_MAX	(GUEST_WHY_MAX + 72u)
#define GUEST_STORIES	8u
/* What a granule costs the host: mapping it may take two pages: xen-lab.md. */
#define TABLED_GRANULE_PAGES	(GRANULE_PAGES + 2u)

enum guest_state {
	/* No agent has greeted, no size was set: listed and left alone. */
	GUEST_UNMANAGED,
	/* Connected, Hello awaited: nothing may be sent. */
	GUEST_GREETING,
	/* Welcomed, asked what is in use: the ledger is not to be trusted. */
	GUEST_SYNCING,
	/* Settled: holds its target, or is short of it and waits to retry. */
	GUEST_READY,
	/* Steps are being taken towards a larger target. */
	GUEST_GROWING,
	/* Steps are being taken towards a smaller target. */
	GUEST_SHRINKING,
	/* Managed, agent gone: nothing may change until it is back. */
	GUEST_LOST,
	/* The guest broke a rule: nothing is sent, given or taken. */
	GUEST_QUARANTINED,
	GUEST_NUM_STATES,
};

/* What the modules above do when something happens to a guest. */
struct guest_ops {
	void (*step)(struct guest *g);		/* time for the next step */
	void (*retry)(struct guest *g);		/* what was held off */
	void (*overdue)(struct guest *g);	/* no answer in time */
	void (*look)(struct guest *g);		/* look for its agent */
	void (*message)(struct guest *g, const struct guest_msg *msg);
	void (*managed)(struct guest *g);	/* this domain, for the first time */
	void (*gone)(struct guest *g);		/* Xen knows it no more */
	void (*changed)(struct guest *g);	/* with the watchers */
};

/**
 * struct guest_conf - settings; may change between two turns of the event loop
 * @reserve_kib:	host memory never given to guests
 * @retry_min_ms:	first delay before trying again what fell short
 * @retry_max_ms:	the delay doubles up to this
 * @file:		what is set for guests; borrowed, NULL: nothing is
 */
struct guest_conf {
	uint64_t reserve_kib;
	uint32_t retry_min_ms;
	uint32_t retry_max_ms;
	const struct config *file;
};

/**
 * struct guest_env - what all guests of a service share
 * @base, @backend:	borrowed
 * @ctx:		of the owner, for @ops
 * @counters:	the owner's
 */
struct guest_env {
	struct event_base *base;
	struct backend *backend;
	struct guest_conf conf;
	const struct guest_ops *ops;
	void *ctx;
	struct counters *counters;
};

/* An online request on its way. */
struct guest_online {
	uint32_t id;		/* 0: free entry */
	struct granules range;
	int64_t sent_us;
};

/* A pull request on its way. */
struct guest_pull {
	uint32_t id;		/* 0: none */
	uint32_t asked;		/* granules */
	uint32_t got;
	int64_t sent_us;
};

/* Changes of the target for one reason, close together. */
struct guest_story {
	struct policy_change change;	/* from the first to the last */
	int64_t first_us, last_us;
};

/**
 * struct guest_balance - what balance.c knows of a guest
 * @mem:	the policy's
 * @now:	what the last run made of it, at @now_us; 0: not yet
 * @stories:	the last changes; the next goes to @nr_stories modulo their number
 * @level:	of its demand, in the last run
 * @moved_us:	when it last settled
 * @step_us:	when it last had a new target, or a part of it; @held then
 * @was_there, @was_busy: as it was when it last changed
 */
struct guest_balance {
	struct policy_memory mem;
	struct policy_change now;
	int64_t now_us;
	struct guest_story stories[GUEST_STORIES];
	uint32_t nr_stories;
	enum demand_level level;
	int64_t moved_us, step_us;
	uint32_t held;
	bool was_there, was_busy;
};

/**
 * struct guest_shown - as history.c last saw a guest
 * @change:	number of its last change
 */
struct guest_shown {
	bool known;
	enum guest_state state;
	uint64_t target_kib, held_kib, available_kib;
	enum demand_level level;
	uint32_t nr_stories;
	uint64_t change;
};

/* Told of every change of a guest; see guest_watch(). */
struct guest_watcher {
	struct guest_watcher *next;
	/* @gone: the guest is about to be freed, the watcher is unlinked */
	void (*changed)(struct guest_watcher *w, struct guest *g, bool gone);
};

/**
 * struct guest - one domain
 * @env:	borrowed from the service
 * @domain:	as the hypervisor last had it
 * @why:	why short of the target or quarantined; empty if neither
 * @ledger:	allocated when @managed
 * @managed:	greeted once; window and boot pages are known
 * @seen:	found by the present rescan
 * @settled:	everyone was told the story of the present ledger
 * @untold:	some were not, and are to be told at the next retry
 * @unstored:	what is kept with the domain may not be @target
 * @doubt:	granules of a failed step, to be looked up before the next; none
 *		if its nr is 0
 * @boot_pages:	frames the domain was built with; of a managed guest
 * @balloon:	of one in balloon mode; never on while @managed
 * @looked_us:	when the balloon was last looked at
 * @busy_us:	since when steps are being taken, if they are
 * @target:	granules that should be backed
 * @told: granules the toolstack was last told of, if @has_told; not while it
 *	may have been told of others
 * @stored_left: what was promised before we started and not yet backed then;
 *		counts until @managed
 * @stored_known: @stored_left is right
 * @set_known:	@set is that of its name
 * @tables:	granules the hypervisor has room to map, as far as we know
 * @claimed:	granules, backed or kept for it by the hypervisor
 * @hello:	of the present or last agent
 * @report:	last report, zero if none
 * @demand:	what its reports say
 * @set:	what the operator wants; not checked against the guest
 * @live:	of that, what was changed since the domain was built (guest_limits.h)
 * @balance:	balance.c's
 * @shown:	history.c's
 * @sync_next:	next granule whose state to ask (SYNCING and audit)
 * @sync_audit:	the state replies are for an audit
 * @step_event:	takes the next step from the event loop
 * @retry_event: lifts the holds; @retry_ms is its next delay
 * @deadline_event: the guest's answer is overdue
 * @offer_event: looks for the agent again
 * @messages, @wakes, @offers, @lines: what it has made us do (I7)
 * @used:	its kernel has put granules to use, and knows that others than
 *		its balloon may do so
 * @fresh:	no target is stored with the domain
 * @deaf:	its offers are not listened to before @offer_event
 * @lines_left_out: not logged since; @lines_event says how many
 */
struct guest {
	const struct guest_env *env;
	struct backend_domain domain;
	enum guest_state state;
	char why[GUEST_WHY_MAX];
	bool managed;
	bool seen;
	bool settled;
	bool untold;
	bool unstored;
	bool has_told;
	bool stored_known;
	bool set_known;
	bool deaf;
	bool fresh;
	bool used;
	struct ledger ledger;
	struct granules doubt;
	uint64_t boot_pages;
	struct balloon balloon;
	int64_t looked_us;
	int64_t busy_us;
	uint32_t target;
	uint32_t told;
	uint32_t stored_left;
	uint32_t tables;
	uint32_t claimed;
	struct msg_hello hello;
	struct msg_report report;
	struct demand demand;
	struct policy_settings set;
	struct settings live;
	struct guest_balance balance;
	struct guest_shown shown;
	struct flight flight;
	struct guest_online onlines[PLAN_ONLINES_MAX];
	struct guest_pull pull;
	uint32_t last_id;
	uint32_t sync_id;
	uint32_t sync_next;
	bool sync_audit;
	uint64_t audit_wrong;
	int64_t drift_pages;
	struct link *link;
	struct event *step_event;
	struct event *retry_event;
	struct event *deadline_event;
	struct event *offer_event;
	struct event *lines_event;
	uint32_t retry_ms;
	uint32_t offer_ms;
	struct rate messages, wakes, offers, lines;
	uint64_t lines_left_out;
	struct guest_watcher *watchers;
};

/** guest_state_name() - Lower-case word for a state; never NULL */
const char *guest_state_name(enum guest_state state);

/**
 * guest_new() - A guest without agent
 *
 * Return: 0 or -ENOMEM
 */
int guest_new(const struct guest_env *env, const struct backend_domain *d,
	      struct guest **ret);

/** guest_free() - Tell the watchers and free; the domain is not touched */
void guest_free(struct guest *g);

/** guest_set_state() - The only writer of @state; logs and tells watchers */
void guest_set_state(struct guest *g, enum guest_state state);

/** guest_set_why() - printf-like; "" clears */
void guest_set_why(struct guest *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** guest_kick() - Run steps soon */
void guest_kick(struct guest *g);

/** guest_kick_later() - Run steps after @ms, unless kicked before */
void guest_kick_later(struct guest *g, uint32_t ms);

/** guest_retry_later() - Lift the holds after a delay, which doubles */
void guest_retry_later(struct guest *g);

/** guest_mode_name() - How its size is kept: granules, balloon or none */
const char *guest_mode_name(const struct guest *g);

/** guest_connected() - Is there an agent that has been welcomed? */
bool guest_connected(const struct guest *g);

/** guest_busy() - Are steps being taken? */
bool guest_busy(const struct guest *g);

/** guest_arrived() - Does it hold its target, all of it in use? */
bool guest_arrived(const struct guest *g);

/** guest_least_kib() - The size with no granule: sizes are told in whole MiB,
 * but a domain has some odd pages besides, so boot memory rounded down */
uint64_t guest_least_kib(const struct guest *g);

/** guest_boot_pages() - What it was built with, or holds if nothing is known */
uint64_t guest_boot_pages(const struct guest *g);

uint64_t guest_held_kib(const struct guest *g);
uint64_t guest_target_kib(const struct guest *g);
uint64_t guest_gfn(const struct guest *g, uint32_t granule);

/** guest_admitted() - Granules promised to the guest and not yet backed */
uint32_t guest_admitted(const struct guest *g);

/** guest_claimed() - Those of them that the hypervisor keeps for it */
uint32_t guest_claimed(const struct guest *g);

/** guest_id_text() - The uuid in the usual form, in @text, returned */
const char *guest_id_text(const struct guest_id *id, char text[GUEST_UUID_MAX]);

/** guest_uuid_text() - Its uuid in the usual form, in @text, returned */
const char *guest_uuid_text(const struct guest *g, char text[GUEST_UUID_MAX]);

/** guest_quarantine_text() - "quarantined", with the rule that was broken and
 * the way out, in @text, returned */
const char *guest_quarantine_text(const struct guest *g,
				  char text[GUEST_QUARANTINE_MAX]);

void guest_watch(struct guest *g, struct guest_watcher *w);
void guest_unwatch(struct guest *g, struct guest_watcher *w);
void guest_tell_watchers(struct guest *g);

/** guest_now_us() - A clock that never goes back, for struct rate */
int64_t guest_now_us(void);

/**
 * domain_log() - Log with "guest DOMID/NAME" in front and the domain's fields:
 *	MEMTIDE_DOMID, MEMTIDE_DOMAIN (its name) and MEMTIDE_UUID
 */
void domain_log(enum log_level level, const struct backend_domain *d,
		const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * guest_log() - Log with the guest's name and state in front, as domain_log()
 *
 * Within the guest's limit: what is beyond is counted, and the count logged.
 * Debug lines have none: who asks for those wants all.
 */
void guest_log(enum log_level level, struct guest *g, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * guest_log_range() - guest_log() of granules, their frames in MEMTIDE_GFN, as
 *	in 0x1000200-0x10003ff
 */
void guest_log_range(enum log_level level, struct guest *g, struct granules r,
		     const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
