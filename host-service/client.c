/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * client.c - One connection of an operator's tool, and answering it
 */
#include "client.h"

#include <event2/event.h>
#include <stdarg.h>
#include <string.h>

#include "codec.h"
#include "frame.h"
#include "link.h"
#include "log.h"

/* Callers go on using the client: a full queue ends it from the event loop. */
void client_reply(struct client *c, const struct control_reply *r)
{
	uint8_t buf[FRAME_PAYLOAD_MAX];
	struct timeval now = { 0, 0 };
	size_t len = control_encode_reply(r, buf);
	int rc = link_send(c->link, buf, len);

	if (rc) {
		log_warn("a control client does not read its replies: %s, dropping it",
			 strerror(-rc));
		c->busy = false;
		event_add(c->timer, &now);
	}
}

static void stop_watching(struct client *c)
{
	if (c->guest)
		guest_unwatch(c->guest, &c->watcher);
	c->guest = NULL;
	reserve_drop(c->reservation);
	c->reservation = NULL;
	if (c->watch.on)
		history_unwatch(c->history, &c->watch.watcher);
	c->watch.on = false;
	event_del(c->timer);
	c->busy = false;
}

void client_end(struct client *c, struct control_reply *r)
{
	stop_watching(c);
	r->end = true;
	client_reply(c, r);
}

void client_fail(struct client *c, enum control_status status,
		 const char *fmt, ...)
{
	struct control_reply r = { .status = status };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r.text, sizeof(r.text), fmt, ap);
	va_end(ap);
	client_end(c, &r);
}

void client_version(const struct client *c, struct control_reply *ret)
{
	struct control_version *v = &ret->version;

	*ret = (struct control_reply){ .body = CONTROL_BODY_VERSION };
	snprintf(v->version, sizeof(v->version), "%s", MEMTIDE_VERSION);
	snprintf(v->backend, sizeof(v->backend), "%s",
		 c->service->env.backend->ops->name);
	v->protocol_major = PROTO_MAJOR;
	v->protocol_minor = PROTO_MINOR;
}

static bool uuid_matches(const struct guest *g, const char *text)
{
	char mine[GUEST_UUID_MAX];

	return !strcmp(guest_uuid_text(g, mine), text);
}

static bool selected(const struct guest *g, const struct guest_selector *s)
{
	switch (s->by) {
	case SELECT_DOMID:
		return g->domain.id.domid == s->domid;
	case SELECT_UUID:
		return uuid_matches(g, s->text);
	case SELECT_NAME:
		return !strcmp(g->domain.name, s->text);
	}
	return false;
}

struct guest *client_guest(struct client *c)
{
	const struct guest_selector *sel = &c->request.guest;
	struct service *s = c->service;

	for (uint32_t i = 0; i < s->nr_guests; i++) {
		if (selected(s->guests[i], sel))
			return s->guests[i];
	}
	if (sel->by == SELECT_DOMID)
		client_fail(c, CONTROL_STATUS_NO_GUEST, "no domain %u",
			    sel->domid);
	else
		client_fail(c, CONTROL_STATUS_NO_GUEST, "no guest \"%s\"",
			    sel->text);
	return NULL;
}
