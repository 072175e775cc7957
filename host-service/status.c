/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * status.c - Host, guests and what happened to them, as JSON for the page
 */
#include "status.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <time.h>

#include "quote.h"

static void put_text(struct evbuffer *out, const char *key, const char *text)
{
	char quoted[QUOTE_BYTES * HISTORY_TEXT_MAX];

	evbuffer_add_printf(out, ",\"%s\":\"%s\"", key,
			    quote(text, quoted, sizeof(quoted)));
}

static void put_number(struct evbuffer *out, const char *key, uint64_t value)
{
	evbuffer_add_printf(out, ",\"%s\":%" PRIu64, key, value);
}

static void put_host(const struct status_source *src, struct evbuffer *out)
{
	struct service *s = src->service;
	struct backend_host host = { 0, 0 };
	int rc = s->env.backend->ops->host(s->env.backend, &host);

	evbuffer_add_printf(out, ",\"host\":{\"up\":%s",
			    rc ? "false" : "true");
	if (!rc) {
		put_number(out, "total_kib", host.total * PAGE_KIB);
		put_number(out, "free_kib", host.free * PAGE_KIB);
	}
	put_number(out, "promised_kib", service_promised(s) * PAGE_KIB);
	put_number(out, "reserve_kib", s->env.conf.reserve_kib);
	if (src->balance && !rc)
		put_number(out, "burst_reserve_kib",
			   balance_burst_kib(src->balance,
					     host.total * PAGE_KIB));
	put_number(out, "guests", s->nr_guests);
	evbuffer_add_printf(out, "}");
}

static void put_sample(struct evbuffer *out, const struct history_sample *s)
{
	evbuffer_add_printf(out, "{\"at_s\":%" PRId64, s->at_s);
	put_number(out, "other_kib", s->other);
	put_number(out, "in_use_kib", s->in_use);
	put_number(out, "available_kib", s->available);
	put_number(out, "promised_kib", s->promised);
	put_number(out, "reserve_kib", s->reserve);
	put_number(out, "free_kib", s->free);
	evbuffer_add_printf(out, "}");
}

static void put_event(struct evbuffer *out, const struct history_event *e)
{
	evbuffer_add_printf(out, "{\"nr\":%" PRIu64 ",\"at_ms\":%" PRId64,
			    e->nr, e->at_ms);
	put_text(out, "kind", history_kind_name(e->kind));
	put_number(out, "domid", e->id.domid);
	put_text(out, "name", e->name);
	put_text(out, "text", e->text);
	evbuffer_add_printf(out, "}");
}

/* Why it has the size it has: what is in its way, or the policy's reason. */
static void put_why(const struct status_source *src, struct evbuffer *out,
		    const struct guest *g)
{
	char text[REASON_TEXT_MAX];
	uint32_t ago_ms;

	if (*g->why || !src->balance || !g->set.automatic ||
	    balance_explain(src->balance, g, 0, &ago_ms, text))
		put_text(out, "why", g->why);
	else
		put_text(out, "why", text);
}

static void put_guest(const struct status_source *src, struct evbuffer *out,
		      const struct guest *g)
{
	enum demand_level level = demand_level(&g->demand, guest_now_us());
	char uuid[GUEST_UUID_MAX];

	evbuffer_add_printf(out, "{\"domid\":%u", g->domain.id.domid);
	put_text(out, "uuid", guest_uuid_text(g, uuid));
	put_text(out, "name", g->domain.name);
	put_text(out, "state", guest_state_name(g->state));
	put_why(src, out, g);
	put_text(out, "mode", guest_mode_name(g));
	evbuffer_add_printf(out, ",\"automatic\":%s",
			    g->set.automatic ? "true" : "false");
	put_number(out, "boot_kib", guest_boot_pages(g) * PAGE_KIB);
	put_number(out, "held_kib", guest_held_kib(g));
	put_number(out, "target_kib", guest_target_kib(g));
	put_number(out, "window_kib",
		   (uint64_t)g->ledger.granules * GRANULE_KIB);
	put_number(out, "guest_total_kib", g->report.mem_total_kib);
	put_number(out, "guest_available_kib", g->report.mem_available_kib);
	put_text(out, "demand", demand_level_name(level));
	evbuffer_add_printf(out, "}");
}

static void put_comma(struct evbuffer *out, bool needed)
{
	if (needed)
		evbuffer_add(out, ",", 1);
}

static void put_events(struct evbuffer *out, const struct history *h,
		       uint64_t from)
{
	uint64_t first = MAX(from, history_first_event(h));

	evbuffer_add_printf(out, ",\"events\":[");
	for (uint64_t nr = first; nr <= h->nr_events; nr++) {
		put_comma(out, nr > first);
		put_event(out, history_event(h, nr));
	}
	evbuffer_add_printf(out, "]");
}

static void put_samples(struct evbuffer *out, const struct history *h)
{
	struct history_sample now;
	unsigned int nr = history_nr_samples(h);

	evbuffer_add_printf(out, ",\"samples\":[");
	for (unsigned int i = 0; i < nr; i++) {
		put_comma(out, i > 0);
		put_sample(out, history_sample(h, i));
	}
	if (!history_look(h, &now)) {
		put_comma(out, nr > 0);
		put_sample(out, &now);
	}
	evbuffer_add_printf(out, "]");
}

static void put_begin(const struct status_source *src, struct evbuffer *out)
{
	const struct history *h = src->history;

	evbuffer_add_printf(out, "{\"version\":\"%s\",\"now_ms\":%" PRId64,
			    MEMTIDE_VERSION, (int64_t)time(NULL) * 1000);
	put_number(out, "change", h->change);
	put_host(src, out);
	put_samples(out, h);
	put_events(out, h, 1);
	evbuffer_add_printf(out, ",\"guests\":[");
}

bool status_next(const struct status_source *src, struct status_place *at,
		 struct evbuffer *out)
{
	struct guest *g;

	if (!at->begun)
		put_begin(src, out);
	at->begun = true;
	while ((g = service_next(src->service, at->domid))) {
		if (evbuffer_get_length(out) >= STATUS_PART)
			return true;
		put_comma(out, at->has_guest);
		put_guest(src, out, g);
		at->has_guest = true;
		at->domid = g->domain.id.domid + 1;
	}
	evbuffer_add_printf(out, "]}\n");
	return false;
}

/* Return: true if not all of them fit */
static bool put_changed(const struct status_source *src, uint64_t since,
			struct evbuffer *out)
{
	struct service *s = src->service;
	bool has_guest = false;

	for (uint32_t i = 0; i < s->nr_guests; i++) {
		if (s->guests[i]->shown.change <= since)
			continue;
		if (evbuffer_get_length(out) >= STATUS_PART)
			return true;
		put_comma(out, has_guest);
		put_guest(src, out, s->guests[i]);
		has_guest = true;
	}
	return false;
}

void status_news(const struct status_source *src, struct status_known *known,
		 struct evbuffer *out)
{
	const struct history *h = src->history;
	struct history_sample now;
	bool all;

	evbuffer_add_printf(out, "{\"change\":%" PRIu64, h->change);
	put_host(src, out);
	if (!history_look(h, &now)) {
		evbuffer_add_printf(out, ",\"sample\":");
		put_sample(out, &now);
	}
	put_events(out, h, known->event + 1);
	evbuffer_add_printf(out, ",\"guests\":[");
	all = put_changed(src, known->change, out) || h->gone > known->change;
	evbuffer_add_printf(out, "],\"all\":%s}", all ? "true" : "false");
	known->change = h->change;
	known->event = h->nr_events;
}
