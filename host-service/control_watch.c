/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_watch.c - watch
 */
#include "control_watch.h"

#include <event2/event.h>
#include <inttypes.h>

#include "control_guests.h"
#include "link.h"
#include "log.h"

static_assert(CONTROL_LAST_MAX == HISTORY_EVENTS, "the most there can be");
static_assert(HISTORY_TEXT_MAX <= CONTROL_REASON_MAX, "a text fits");

static struct client *client_of(struct history_watcher *w)
{
	return (struct client *)((char *)w - offsetof(struct client, watch));
}

static bool has_room(const struct client *c)
{
	return c->busy && c->watch.on &&
	       link_queued_bytes(c->link) < WATCH_QUEUE_MAX;
}

/* It was not told of @lost events, and they are not kept any more. */
static void drop(struct client *c, uint64_t lost)
{
	struct timeval tv = { WATCH_END_S, 0 };

	log_warn("a control client that watches has not read for %u events, dropping it",
		 HISTORY_EVENTS);
	client_fail(c, CONTROL_STATUS_PARTLY,
		    "what happened was not read in time, and %" PRIu64
		    " events are lost; watch again", lost);
	event_add(c->timer, &tv);
}

static void tell_event(struct client *c, uint64_t nr)
{
	const struct history_event *e = history_event(c->history, nr);
	struct control_reply r = { .body = CONTROL_BODY_EVENT };

	r.event.nr = e->nr;
	r.event.at_ms = (uint64_t)e->at_ms;
	snprintf(r.event.kind, sizeof(r.event.kind), "%s",
		 history_kind_name(e->kind));
	r.event.domid = e->id.domid;
	guest_id_text(&e->id, r.event.uuid);
	snprintf(r.event.name, sizeof(r.event.name), "%s", e->name);
	snprintf(r.event.text, sizeof(r.event.text), "%s", e->text);
	client_reply(c, &r);
}

static void tell_events(struct client *c)
{
	struct client_watch *w = &c->watch;
	uint64_t first = history_first_event(c->history);

	if (w->on && w->event + 1 < first) {
		drop(c, first - 1 - w->event);
		return;
	}
	while (has_room(c) && w->event < c->history->nr_events)
		tell_event(c, ++w->event);
}

/* Sizes ------------------------------------------------------------------- */

static void sizes_soon(struct client *c, uint32_t ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (!event_pending(c->timer, EV_TIMEOUT, NULL))
		event_add(c->timer, &tv);
}

/* Those that are left of a round. Its end is the host. */
static void tell_guests(struct client *c)
{
	struct client_watch *w = &c->watch;
	struct guest *g;

	while (has_room(c) && (g = service_next(c->service, w->domid))) {
		w->domid = g->domain.id.domid + 1;
		if (w->all || g->shown.change > w->change)
			control_reply_guest(c, g);
	}
	if (!has_room(c))
		return;
	(void)control_reply_host(c);
	w->telling = w->all = false;
	w->change = w->up_to;
	if (w->change != c->history->change)
		sizes_soon(c, WATCH_NEWS_MS);
}

void control_watch_time(struct client *c)
{
	struct client_watch *w = &c->watch;

	w->telling = true;
	w->domid = 0;
	w->up_to = c->history->change;
	tell_guests(c);
}

void control_watch_go_on(struct client *c)
{
	if (!c->busy || !c->watch.on)
		return;
	tell_events(c);
	if (c->watch.telling)
		tell_guests(c);
}

/* Guests are in the middle of a change: their sizes come from the event loop. */
static void on_changed(struct history_watcher *watcher)
{
	struct client *c = client_of(watcher);

	tell_events(c);
	if (c->watch.on && c->request.sizes && !c->watch.telling &&
	    c->watch.change != c->history->change)
		sizes_soon(c, WATCH_NEWS_MS);
}

void control_watch(struct client *c)
{
	uint64_t nr = c->history->nr_events;
	uint64_t kept = nr + 1 - history_first_event(c->history);
	struct control_reply begun;

	c->watch = (struct client_watch){
		.watcher = { .changed = on_changed }, .on = true, .all = true,
		.event = nr - MIN(kept, c->request.last),
	};
	history_watch(c->history, &c->watch.watcher);
	client_version(c, &begun);
	client_reply(c, &begun);
	tell_events(c);
	if (c->request.sizes)
		sizes_soon(c, 0);
}
