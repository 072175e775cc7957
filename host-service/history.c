/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * history.c - The last hour of the host's memory, and the last changes
 */
#include "history.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

/* Less than this is no news of what a guest has available. */
#define AVAILABLE_NEWS_KIB	(16u * 1024)
#define MIB(kib)		((kib) / 1024)

static const char *const kind_names[] = {
	[HISTORY_APPEARED] = "appeared",
	[HISTORY_GONE] = "gone",
	[HISTORY_TARGET] = "target",
	[HISTORY_SETTLED] = "settled",
	[HISTORY_SHORT] = "short",
	[HISTORY_READY] = "ready",
	[HISTORY_LOST] = "lost",
	[HISTORY_QUARANTINED] = "quarantined",
};
static_assert(ARRAY_SIZE(kind_names) == HISTORY_NUM_KINDS, "one unnamed");

const char *history_kind_name(enum history_kind kind)
{
	return kind_names[kind];
}

/* Samples -------------------------------------------------------------- */

static uint64_t take(uint64_t *from_kib, uint64_t kib)
{
	uint64_t taken = MIN(*from_kib, kib);

	*from_kib -= taken;
	return taken;
}

int history_look(const struct history *h, struct history_sample *ret)
{
	struct service *s = h->service;
	struct backend_host host;
	struct history_sample now = { .at_s = time(NULL) };
	uint64_t rest, claimed = 0;
	int rc = s->env.backend->ops->host(s->env.backend, &host);

	if (rc)
		return rc;
	rest = (host.total - MIN(host.total, host.free)) * PAGE_KIB;
	for (uint32_t i = 0; i < s->nr_guests; i++) {
		const struct guest *g = s->guests[i];
		uint64_t held = take(&rest, guest_held_kib(g));

		now.available += take(&held, g->report.mem_available_kib);
		now.in_use += held;
		claimed += (uint64_t)guest_claimed(g) * GRANULE_KIB;
	}
	/* What Xen keeps for a guest is not free any more. */
	now.promised = take(&rest, claimed);
	now.other = rest;
	rest = host.free * PAGE_KIB;
	now.promised += take(&rest, service_promised(s) * PAGE_KIB);
	now.reserve = take(&rest, s->env.conf.reserve_kib);
	now.free = rest;
	*ret = now;
	return 0;
}

static void on_sample(evutil_socket_t fd, short what, void *ctx)
{
	struct history *h = ctx;

	(void)fd;
	(void)what;
	h->sampled_us = guest_now_us();
	/* What cannot be asked now is asked at the next change. */
	if (!history_look(h, &h->samples[h->nr_samples % HISTORY_SAMPLES]))
		h->nr_samples++;
}

static void tell_watchers(struct history *h)
{
	struct history_watcher *w, *next;

	for (w = h->watchers; w; w = next) {
		next = w->next;
		w->changed(w);
	}
}

void history_watch(struct history *h, struct history_watcher *w)
{
	w->next = h->watchers;
	h->watchers = w;
}

void history_unwatch(struct history *h, struct history_watcher *w)
{
	struct history_watcher **at = &h->watchers;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
}

/* Something has changed: a sample is due, and whoever shows it is to know. */
static void changed(struct history *h)
{
	int64_t now_us = guest_now_us(), wait_us = 0;
	struct timeval tv;

	h->change++;
	tell_watchers(h);
	if (event_pending(h->sample_event, EV_TIMEOUT, NULL))
		return;
	if (h->sampled_us)
		wait_us = MAX(h->sampled_us + HISTORY_SAMPLE_S * 1000000 -
			      now_us, 0);
	tv = (struct timeval){ wait_us / 1000000, wait_us % 1000000 };
	event_add(h->sample_event, &tv);
}

unsigned int history_nr_samples(const struct history *h)
{
	return (unsigned int)MIN(h->nr_samples, HISTORY_SAMPLES);
}

const struct history_sample *history_sample(const struct history *h,
					    unsigned int i)
{
	uint64_t first = h->nr_samples - history_nr_samples(h);

	return &h->samples[(first + i) % HISTORY_SAMPLES];
}

/* Events --------------------------------------------------------------- */

uint64_t history_first_event(const struct history *h)
{
	return h->nr_events > HISTORY_EVENTS ?
		       h->nr_events - HISTORY_EVENTS + 1 : 1;
}

const struct history_event *history_event(const struct history *h, uint64_t nr)
{
	return &h->events[nr % HISTORY_EVENTS];
}

static int64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What was said last of this guest is not said again, as at each retry. */
static bool is_old_news(const struct history *h, const struct guest *g,
			enum history_kind kind, const char *text)
{
	for (uint64_t nr = h->nr_events; nr >= history_first_event(h); nr--) {
		const struct history_event *e = history_event(h, nr);

		if (e->id.domid == g->domain.id.domid)
			return e->kind == kind && !strcmp(e->text, text);
	}
	return false;
}

__attribute__((format(printf, 4, 5)))
static void tell(struct history *h, const struct guest *g,
		 enum history_kind kind, const char *fmt, ...)
{
	char text[HISTORY_TEXT_MAX];
	struct history_event *e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (is_old_news(h, g, kind, text))
		return;
	h->nr_events++;
	e = &h->events[h->nr_events % HISTORY_EVENTS];
	*e = (struct history_event){ .nr = h->nr_events, .at_ms = wall_ms(),
				     .kind = kind, .id = g->domain.id };
	snprintf(e->name, sizeof(e->name), "%s", g->domain.name);
	snprintf(e->text, sizeof(e->text), "%s", text);
	tell_watchers(h);
}

/* The policy has its reasons; else somebody has set it. */
static void tell_target(struct history *h, const struct guest *g)
{
	char text[REASON_TEXT_MAX];
	uint32_t ago_ms;

	if (h->balance && g->balance.nr_stories != g->shown.nr_stories &&
	    !balance_explain(h->balance, g, 1, &ago_ms, text))
		tell(h, g, HISTORY_TARGET, "%s", text);
	else if (!g->set.automatic)
		tell(h, g, HISTORY_TARGET, "was set to %" PRIu64
		     " MiB, holds %" PRIu64 " MiB",
		     MIB(guest_target_kib(g)), MIB(guest_held_kib(g)));
}

/* That an automatic guest arrives goes without saying. */
static void tell_settled(struct history *h, const struct guest *g)
{
	if (!guest_arrived(g) && *g->why)
		tell(h, g, HISTORY_SHORT, "holds %" PRIu64
		     " MiB, was set to %" PRIu64 " MiB: %s", MIB(guest_held_kib(g)),
		     MIB(guest_target_kib(g)), g->why);
	else if (guest_arrived(g) && !g->set.automatic)
		tell(h, g, HISTORY_SETTLED, "holds %" PRIu64 " MiB",
		     MIB(guest_held_kib(g)));
}

static bool was_busy(const struct guest *g)
{
	return g->shown.state == GUEST_GROWING ||
	       g->shown.state == GUEST_SHRINKING;
}

static void tell_state(struct history *h, const struct guest *g)
{
	switch (g->state) {
	case GUEST_READY:
		if (was_busy(g))
			tell_settled(h, g);
		else
			tell(h, g, HISTORY_READY, "is ready, holds %" PRIu64
			     " MiB", MIB(guest_held_kib(g)));
		break;
	case GUEST_LOST:
		tell(h, g, HISTORY_LOST, "its agent is gone%s%s",
		     *g->why ? ": " : "", g->why);
		break;
	case GUEST_QUARANTINED:
		tell(h, g, HISTORY_QUARANTINED, "quarantined: %s", g->why);
		break;
	case GUEST_UNMANAGED:
	case GUEST_GREETING:
	case GUEST_SYNCING:
	case GUEST_GROWING:
	case GUEST_SHRINKING:
	case GUEST_NUM_STATES:
		break;
	}
}

static void remember(struct history *h, struct guest *g)
{
	g->shown = (struct guest_shown){
		.known = true, .state = g->state,
		.target_kib = guest_target_kib(g),
		.held_kib = guest_held_kib(g),
		.available_kib = g->report.mem_available_kib,
		.level = demand_level(&g->demand, guest_now_us()),
		.nr_stories = g->balance.nr_stories, .change = h->change,
	};
}

static void on_changed(struct service_watcher *w, struct guest *g)
{
	struct history *h = (struct history *)w;

	/* A guest whose agent has not greeted has no target, but what it is. */
	if ((g->managed || g->balloon.on) &&
	    guest_target_kib(g) != g->shown.target_kib &&
	    g->shown.state >= GUEST_READY && g->shown.state != GUEST_LOST)
		tell_target(h, g);
	if (g->state != g->shown.state)
		tell_state(h, g);
	changed(h);
	remember(h, g);
}

static void on_reported(struct service_watcher *w, struct guest *g)
{
	uint64_t now = g->report.mem_available_kib;
	uint64_t then = g->shown.available_kib;

	if (MAX(now, then) - MIN(now, then) < AVAILABLE_NEWS_KIB &&
	    demand_level(&g->demand, guest_now_us()) == g->shown.level)
		return;
	changed((struct history *)w);
	remember((struct history *)w, g);
}

static void on_rescanned(struct service_watcher *w)
{
	struct history *h = (struct history *)w;
	struct service *s = h->service;

	changed(h);
	for (uint32_t i = 0; i < s->nr_guests; i++) {
		struct guest *g = s->guests[i];

		if (g->shown.known)
			continue;
		tell(h, g, HISTORY_APPEARED, "appeared, %" PRIu64 " MiB",
		     MIB(guest_held_kib(g)));
		remember(h, g);
	}
}

static void on_gone(struct service_watcher *w, const struct guest *g)
{
	struct history *h = (struct history *)w;

	tell(h, g, HISTORY_GONE, "is gone, held %" PRIu64 " MiB",
	     MIB(guest_held_kib(g)));
	changed(h);
	h->gone = h->change;
}

int history_open(struct service *s, const struct balance *b,
		 struct history **ret)
{
	struct history *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->watcher = (struct service_watcher){
		.changed = on_changed, .reported = on_reported,
		.rescanned = on_rescanned, .gone = on_gone,
	};
	h->service = s;
	h->balance = b;
	h->sample_event = event_new(s->env.base, -1, 0, on_sample, h);
	if (!h->sample_event) {
		free(h);
		return -ENOMEM;
	}
	service_watch(s, &h->watcher);
	/* Who was there before is no news. */
	for (uint32_t i = 0; i < s->nr_guests; i++)
		remember(h, s->guests[i]);
	changed(h);
	*ret = h;
	return 0;
}

void history_close(struct history *h)
{
	if (!h)
		return;
	service_unwatch(h->service, &h->watcher);
	event_free(h->sample_event);
	free(h);
}
