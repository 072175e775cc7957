/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_reserve.c - reserve
 */
#include "control_reserve.h"

#include <event2/event.h>
#include <inttypes.h>

static void fill(struct control_reply *r, const struct reserve_status *now)
{
	r->body = CONTROL_BODY_RESERVE;
	r->reserve.size_kib = (uint64_t)now->size * GRANULE_KIB;
	r->reserve.held_kib = (uint64_t)now->held * GRANULE_KIB;
	r->reserve.taken_kib = (uint64_t)now->taken * GRANULE_KIB;
}

static void on_changed(void *ctx, const struct reserve_status *now)
{
	struct control_reply r = { .status = CONTROL_STATUS_OK };
	struct client *c = ctx;

	fill(&r, now);
	if (now->taken == now->size)
		client_end(c, &r);
	else
		client_reply(c, &r);
}

void control_reserve(struct client *c)
{
	struct timeval tv = { c->request.timeout_s, 0 };
	struct control_reply r = { .status = CONTROL_STATUS_OK };
	uint64_t granules = c->request.size_bytes / GRANULE_BYTES +
			    (c->request.size_bytes % GRANULE_BYTES != 0);
	char why[CONTROL_TEXT_MAX] = "";
	struct reserve_status now;

	if (!granules || granules > UINT32_MAX) {
		client_fail(c, CONTROL_STATUS_REFUSED, "%s",
			    granules ? "that is more than any host has" :
				       "that is no memory at all");
		return;
	}
	if (reserve_add(c->reserve, (uint32_t)granules, c->request.reserve_for,
			on_changed, c, &c->reservation, why, sizeof(why))) {
		client_fail(c, CONTROL_STATUS_REFUSED, "%s", why);
		return;
	}
	if (c->request.timeout_s)
		event_add(c->timer, &tv);
	now = reserve_status(c->reservation);
	fill(&r, &now);
	client_reply(c, &r);
}

void control_reserve_timeout(struct client *c)
{
	struct reserve_status now = reserve_status(c->reservation);
	struct control_reply r = { .status = CONTROL_STATUS_PARTLY };

	fill(&r, &now);
	if (now.held < now.size)
		snprintf(r.text, sizeof(r.text), "%" PRIu64 " of %" PRIu64
			 " MiB could be set aside in %u s; they are no longer held",
			 r.reserve.held_kib / 1024, r.reserve.size_kib / 1024,
			 c->request.timeout_s);
	else
		snprintf(r.text, sizeof(r.text),
			 "the %u s are over: what was not taken of it is no longer held",
			 c->request.timeout_s);
	client_end(c, &r);
}
