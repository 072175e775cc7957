/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * balance.c - Runs the policy over the service's guests
 */
#include "balance.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <string.h>

#include "log.h"
#include "share.h"
#include "steps.h"

#define BURST_SHARE	16u	/* of the host's memory, by default */
/* While something is lacking, a calm guest may have some of it. */
#define LOOK_US		1000000
/* Changes for one reason are one story, and logged once. */
#define STORY_US	10000000

/**
 * struct balance
 * @watcher:	first, so that it is the balancer
 * @event:	the next run, due at @due_us
 * @guests, @slots: of the last run, room for @room
 * @dry:	of the last dry run
 * @lacking:	the policy says that somebody waits
 * @last_us:	of the last run, 0: none
 */
struct balance {
	struct service_watcher watcher;
	struct service *service;
	struct balance_conf conf;
	struct event *event;
	int64_t due_us;
	struct policy_guest *guests, *dry;
	struct share *slots;
	uint32_t room;
	uint32_t wanted;
	bool lacking;
	int64_t last_us;
	uint64_t runs;
};

/* When --------------------------------------------------------------- */

static int64_t pause_us(const struct balance *b)
{
	return MAX(BALANCE_PAUSE_US,
		   (int64_t)b->service->nr_guests * BALANCE_SHARE_US);
}

static void run_at(struct balance *b, int64_t due_us)
{
	int64_t now_us = guest_now_us(), wait_us;
	struct timeval tv;

	if (b->last_us)
		due_us = MAX(due_us, b->last_us + pause_us(b));
	if (event_pending(b->event, EV_TIMEOUT, NULL) && b->due_us <= due_us)
		return;
	b->due_us = due_us;
	wait_us = MAX(due_us - now_us, 0);
	tv = (struct timeval){ wait_us / 1000000, wait_us % 1000000 };
	event_add(b->event, &tv);
}

void balance_kick(struct balance *b)
{
	run_at(b, guest_now_us());
}

/* Snapshot ------------------------------------------------------------ */

static uint32_t boot_size(const struct guest *g)
{
	return (uint32_t)(guest_least_kib(g) / GRANULE_KIB);
}

static uint32_t granules(uint64_t kib)
{
	return (uint32_t)MIN(kib / GRANULE_KIB, UINT32_MAX);
}

static uint32_t ms_since(int64_t then_us, int64_t now_us)
{
	if (!then_us)
		return POLICY_NEVER;
	return (uint32_t)MIN((now_us - then_us) / 1000,
			     (int64_t)POLICY_NEVER - 1);
}

static enum policy_can what_can(const struct guest *g)
{
	if (!g->set.automatic || !g->managed || !guest_connected(g))
		return POLICY_CAN_NOTHING;
	if (g->state == GUEST_GROWING || g->flight.onlines)
		return POLICY_CAN_GROW;
	return POLICY_CAN_BOTH;
}

/* Settings may be older than what is known of the guest. */
static struct policy_settings fit(const struct guest *g)
{
	struct policy_settings s = g->set;
	uint32_t boot = boot_size(g), most = boot + g->ledger.granules;

	s.floor = MIN(MAX(s.floor, boot), most);
	s.ceiling = s.ceiling ? MIN(s.ceiling, most) : most;
	s.ceiling = MAX(s.ceiling, s.floor);
	return s;
}

static void look_at(const struct guest *g, int64_t now_us,
		    struct policy_guest *ret)
{
	const struct demand *d = &g->demand;
	uint32_t boot = boot_size(g);

	*ret = (struct policy_guest){
		.key = g->domain.id.domid,
		.can = what_can(g),
		.set = fit(g),
		.boot = boot,
		.held = boot + g->ledger.nr_backed,
		.target = boot + g->target,
		.total = granules(d->last.mem_total_kib),
		.available = granules(d->last.mem_available_kib),
		.unused = granules(d->last.mem_free_kib),
		.swap_used = granules(d->last.swap_total_kib -
				      d->last.swap_free_kib),
		.level = demand_level(d, now_us),
		.starving = d->last.starving,
		.calm_ms = demand_calm_ms(d, now_us),
		.report_ms = ms_since(d->report_us, now_us),
		.shown_ms = ms_since(d->shown_us, now_us),
		.moved_ms = ms_since(g->balance.moved_us, now_us),
		.quiet_ms = ms_since(g->balance.step_us, now_us),
		.grain = g->ledger.memmap + 1,
		.settled = g->settled && g->state == GUEST_READY,
		.stall_permille = d->stall_permille,
		.refault_kib_s = d->refault_kib_s,
		.swap_in_kib_s = d->swap_in_kib_s,
		.growth_kib_s = d->growth_kib_s,
		.mem = g->balance.mem,
	};
	ret->used = granules(demand_used_kib(d, (uint64_t)ret->held *
					     GRANULE_KIB) + GRANULE_KIB - 1);
	/* Rates are of the time before the last report. */
	if (ret->report_ms > 2000)
		ret->growth_kib_s = 0;
}

static int make_room(struct balance *b)
{
	uint32_t nr = b->service->nr_guests, room = nr + nr / 4 + 16;
	struct policy_guest *guests, *dry;
	struct share *slots;

	if (nr <= b->room)
		return 0;
	guests = calloc(room, sizeof(*guests));
	dry = calloc(room, sizeof(*dry));
	slots = calloc(room, sizeof(*slots));
	if (!guests || !dry || !slots) {
		free(guests);
		free(dry);
		free(slots);
		return -ENOMEM;
	}
	free(b->guests);
	free(b->dry);
	free(b->slots);
	b->guests = guests;
	b->dry = dry;
	b->slots = slots;
	b->room = room;
	return 0;
}

static int snapshot(struct balance *b, int64_t now_us, struct policy_host *host,
		    struct policy_guest *guests)
{
	uint32_t spare = 0, total = 0;
	int rc = service_spare(b->service, &spare, &total);

	if (rc)
		return rc;
	*host = (struct policy_host){
		.free = spare,
		.burst = b->conf.burst_kib ? granules(b->conf.burst_kib) :
					     total / BURST_SHARE,
		.wanted = b->wanted,
		.elapsed_ms = b->last_us ? ms_since(b->last_us, now_us) : 0,
		.slots = b->slots,
		.next_ms = POLICY_NEVER,
	};
	for (uint32_t i = 0; i < b->service->nr_guests; i++)
		look_at(b->service->guests[i], now_us, &guests[i]);
	return 0;
}

/* A run --------------------------------------------------------------- */

static const char *name_of(const struct service *s, uint32_t key)
{
	struct guest *g = service_by_domid((struct service *)s, key);

	return g ? g->domain.name : NULL;
}

/* Several steps for one reason, one soon after the other, are one story; only
 * its beginning is news. */
static void tell_change(struct balance *b, struct guest *g,
			const struct policy_change *c, int64_t now_us)
{
	char text[REASON_TEXT_MAX];
	struct guest_balance *gb = &g->balance;
	struct guest_story *last = NULL;
	bool is_new;

	if (gb->nr_stories)
		last = &gb->stories[(gb->nr_stories - 1) % GUEST_STORIES];
	is_new = !last || last->change.reason != c->reason ||
		 last->change.to != c->from ||
		 now_us - last->last_us > STORY_US;
	guest_log(is_new ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, g, "%s",
		  reason_text(c, name_of(b->service, c->other), text));
	if (is_new) {
		last = &gb->stories[gb->nr_stories++ % GUEST_STORIES];
		*last = (struct guest_story){ *c, now_us, now_us };
	} else {
		last->change.to = c->to;
		last->change.want = c->want;
		last->last_us = now_us;
	}
}

/* A target that cannot be stored is not set, and the next run finds the same. */
static int apply(struct balance *b, struct guest *g,
		 const struct policy_guest *p, int64_t now_us)
{
	struct policy_change c = policy_change(p);
	uint32_t boot = boot_size(g);
	int rc;

	if (boot + g->target == p->target)
		return 0;
	if (c.reason == POLICY_FELL_SHORT && *g->why)
		guest_log(LOG_LEVEL_INFO, g, "fell short: %s", g->why);
	rc = service_move(g, p->target - boot);
	if (rc)
		guest_log(LOG_LEVEL_WARN, g,
			  "cannot store its target: %s, retrying",
			  strerror(-rc));
	else
		tell_change(b, g, &c, now_us);
	g->balance.step_us = now_us;
	return rc;
}

/* What is less first: then what is more is there (I4). */
static bool apply_all(struct balance *b, int64_t now_us)
{
	struct service *s = b->service;
	bool failed = false;

	for (int more = 0; more < 2; more++) {
		for (uint32_t i = 0; i < s->nr_guests; i++) {
			const struct policy_guest *p = &b->guests[i];

			if (p->can != POLICY_CAN_NOTHING &&
			    (p->target > p->from) == (more == 1))
				failed |= apply(b, s->guests[i], p, now_us);
		}
	}
	return !failed;
}

static void remember(struct guest *g, const struct policy_guest *p,
		     int64_t now_us)
{
	g->balance.mem = p->mem;
	g->balance.now = policy_change(p);
	g->balance.now_us = now_us;
	g->balance.level = p->level;
}

static void run(struct balance *b)
{
	struct service *s = b->service;
	int64_t now_us = guest_now_us();
	struct policy_host host;
	bool done;
	int rc = make_room(b);

	if (!rc)
		rc = snapshot(b, now_us, &host, b->guests);
	if (rc) {
		log_warn("cannot balance: %s, retrying", strerror(-rc));
		run_at(b, now_us + s->env.conf.retry_min_ms * INT64_C(1000));
		return;
	}
	/* The part of a millisecond is counted in the next. */
	b->last_us = b->last_us ? b->last_us + host.elapsed_ms * INT64_C(1000) :
				  now_us;
	b->runs++;
	b->conf.policy(&host, b->guests, s->nr_guests);
	b->lacking = host.lacking;
	for (uint32_t i = 0; i < s->nr_guests; i++)
		remember(s->guests[i], &b->guests[i], now_us);
	done = apply_all(b, now_us);
	if (host.granted && b->conf.granted)
		b->conf.granted(b->conf.ctx, host.granted);
	if (host.next_ms != POLICY_NEVER)
		run_at(b, now_us + host.next_ms * INT64_C(1000));
	if (!done)
		run_at(b, now_us + s->env.conf.retry_min_ms * INT64_C(1000));
}

static void on_due(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	run(ctx);
}

/* What happens ---------------------------------------------------------- */

static void on_changed(struct service_watcher *w, struct guest *g)
{
	struct balance *b = (struct balance *)w;
	struct guest_balance *gb = &g->balance;
	bool is_there = guest_connected(g), is_busy = guest_busy(g);
	bool ended = gb->was_busy && !is_busy;
	bool came_or_went = is_there != gb->was_there;

	gb->was_there = is_there;
	gb->was_busy = is_busy;
	if (gb->held != g->ledger.nr_backed)
		gb->step_us = guest_now_us();
	gb->held = g->ledger.nr_backed;
	if (ended)
		gb->moved_us = guest_now_us();
	if (g->set.automatic &&
	    (came_or_went || (ended && g->ledger.nr_backed != g->target)))
		balance_kick(b);
	/* Its memory may be what is waited for. */
	if (b->lacking && (ended || g->state == GUEST_SHRINKING))
		balance_kick(b);
}

static void on_reported(struct service_watcher *w, struct guest *g)
{
	struct balance *b = (struct balance *)w;
	int64_t now_us = guest_now_us();
	struct policy_guest p;

	if (!g->set.automatic || !guest_connected(g))
		return;
	look_at(g, now_us, &p);
	if (p.level != g->balance.level || p.level == DEMAND_DISTRESS ||
	    policy_asks(&p))
		balance_kick(b);
	else if (b->lacking)
		run_at(b, now_us + LOOK_US);
}

static void on_rescanned(struct service_watcher *w)
{
	balance_kick((struct balance *)w);
}

void balance_set_burst(struct balance *b, uint64_t burst_kib)
{
	b->conf.burst_kib = burst_kib;
	balance_kick(b);
}

void balance_want(struct balance *b, uint32_t wanted)
{
	b->wanted = wanted;
	balance_kick(b);
}

/* Asking --------------------------------------------------------------- */

int balance_dry_run(struct balance *b, struct policy_host *ret_host,
		    const struct policy_guest **ret, uint32_t *ret_nr)
{
	struct policy_host host;
	int rc = make_room(b);

	if (!rc)
		rc = snapshot(b, guest_now_us(), &host, b->dry);
	if (rc)
		return rc;
	b->conf.policy(&host, b->dry, b->service->nr_guests);
	host.slots = NULL;
	*ret_host = host;
	*ret = b->dry;
	*ret_nr = b->service->nr_guests;
	return 0;
}

uint64_t balance_possible(struct balance *b)
{
	struct policy_host host;

	if (make_room(b) || snapshot(b, guest_now_us(), &host, b->dry))
		return 0;
	return policy_possible(&host, b->dry, b->service->nr_guests);
}

uint64_t balance_burst_kib(const struct balance *b, uint64_t host_kib)
{
	return b->conf.burst_kib ? b->conf.burst_kib : host_kib / BURST_SHARE;
}

uint64_t balance_runs(const struct balance *b)
{
	return b->runs;
}

int balance_explain(const struct balance *b, const struct guest *g,
		    unsigned int n, uint32_t *ret_ago_ms,
		    char text[REASON_TEXT_MAX])
{
	const struct guest_balance *gb = &g->balance;
	const struct policy_change *c = &gb->now;
	int64_t when_us = gb->now_us;

	if (n > MIN(gb->nr_stories, GUEST_STORIES))
		return -ENOENT;
	if (n) {
		const struct guest_story *s =
			&gb->stories[(gb->nr_stories - n) % GUEST_STORIES];

		c = &s->change;
		when_us = s->last_us;
	}
	if (!when_us)
		return -ENOENT;
	*ret_ago_ms = ms_since(when_us, guest_now_us());
	reason_text(c, name_of(b->service, c->other), text);
	return 0;
}

/* Settings ------------------------------------------------------------- */

#define MIB_OF(granules)	((uint64_t)(granules) * GRANULE_KIB / 1024)

static int check_limits(const struct guest *g, const struct policy_settings *s,
			char *why, size_t size)
{
	uint32_t boot = boot_size(g), most = boot + g->ledger.granules;

	if (!g->managed)
		return 0;
	if (s->floor && s->floor < boot)
		snprintf(why, size, "a minimum of %" PRIu64
			 " MiB is not possible: it was built with %" PRIu64
			 " MiB and cannot hold less",
			 MIB_OF(s->floor), MIB_OF(boot));
	else if (MAX(s->floor, s->ceiling) > most)
		snprintf(why, size, "%" PRIu64
			 " MiB are not possible: its window ends at %" PRIu64
			 " MiB",
			 MIB_OF(MAX(s->floor, s->ceiling)), MIB_OF(most));
	else if (s->ceiling && s->ceiling < boot)
		snprintf(why, size, "a maximum of %" PRIu64
			 " MiB is not possible: it was built with %" PRIu64
			 " MiB",
			 MIB_OF(s->ceiling), MIB_OF(boot));
	else if (s->headroom > most)
		snprintf(why, size, "a headroom of %" PRIu64
			 " MiB is more than the %" PRIu64
			 " MiB that it can have",
			 MIB_OF(s->headroom), MIB_OF(most));
	else
		return 0;
	return -EINVAL;
}

static int check(const struct guest *g, const struct policy_settings *s,
		 char *why, size_t size)
{
	if (!s->weight || s->weight > POLICY_WEIGHT_MAX)
		snprintf(why, size, "weight %u is not from 1 to %u", s->weight,
			 POLICY_WEIGHT_MAX);
	else if (s->ceiling && s->floor > s->ceiling)
		snprintf(why, size,
			 "its minimum of %" PRIu64
			 " MiB is more than its maximum of %" PRIu64 " MiB",
			 MIB_OF(s->floor), MIB_OF(s->ceiling));
	else
		return check_limits(g, s, why, size);
	return -EINVAL;
}

/* Who is master of the target now? It stays what it is. */
static void switch_auto(struct guest *g)
{
	g->balance.mem = (struct policy_memory){ 0 };
	guest_log(LOG_LEVEL_INFO, g, "is %sautomatic now",
		  g->set.automatic ? "" : "not ");
	if (!g->managed || g->set.automatic)
		return;
	/* What it could not get or give is not wanted any longer. */
	if (service_move(g, g->ledger.nr_backed))
		guest_log(LOG_LEVEL_WARN, g,
			  "cannot store its target, retrying");
}

int balance_set(struct guest *g, const struct policy_settings *set, char *why,
		size_t size)
{
	bool was = g->set.automatic;
	int rc = check(g, set, why, size);

	if (rc)
		return rc;
	g->set = *set;
	if (g->set.automatic != was)
		switch_auto(g);
	service_tell_rescanned(g->env->ctx);
	return 0;
}

/* Open, close ---------------------------------------------------------- */

int balance_open(struct service *s, const struct balance_conf *conf,
		 struct balance **ret)
{
	struct balance *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->watcher = (struct service_watcher){
		.changed = on_changed, .reported = on_reported,
		.rescanned = on_rescanned,
	};
	b->service = s;
	b->conf = *conf;
	if (!b->conf.policy)
		b->conf.policy = policy_run;
	b->event = event_new(s->env.base, -1, 0, on_due, b);
	if (!b->event || make_room(b)) {
		balance_close(b);
		return -ENOMEM;
	}
	service_watch(s, &b->watcher);
	balance_kick(b);
	*ret = b;
	return 0;
}

void balance_close(struct balance *b)
{
	if (!b)
		return;
	service_unwatch(b->service, &b->watcher);
	if (b->event)
		event_free(b->event);
	free(b->guests);
	free(b->dry);
	free(b->slots);
	free(b);
}
