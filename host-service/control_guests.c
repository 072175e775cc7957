/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_guests.c - list, show, set, readmit
 */
#include "control_guests.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <string.h>

#include "steps.h"

/* An agent greets at once, or offers a new channel as soon as it has seen the
 * end of the old one. */
#define READMIT_S	5

static void put_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%.*s", (int)size - 1, from);
}

static uint64_t online_kib(const struct guest *g)
{
	return (uint64_t)g->ledger.nr_exposed * GRANULE_KIB;
}

/* A domain has some odd pages beside what it was asked to be built with. Where
 * an operator names sizes, we answer in sizes without them. */
static uint64_t plain_kib(const struct guest *g, uint64_t kib)
{
	return kib - guest_boot_pages(g) * PAGE_KIB % GRANULE_KIB;
}

static void fill_settings(struct control_guest *info, const struct guest *g)
{
	int at = 0;

	info->automatic = g->set.automatic;
	info->min_kib = (uint64_t)g->set.floor * GRANULE_KIB;
	info->max_kib = (uint64_t)g->set.ceiling * GRANULE_KIB;
	info->weight = g->set.weight;
	info->headroom_kib = (uint64_t)g->set.headroom * GRANULE_KIB;
	for (unsigned int i = 0; i < SETTING_NUM; i++) {
		if (g->live.has[i])
			at += snprintf(info->live + at,
				       sizeof(info->live) - (size_t)at, "%s%s",
				       at ? " " : "",
				       setting_name((enum setting)i));
	}
	put_text(info->demand, sizeof(info->demand),
		 demand_level_name(demand_level(&g->demand, guest_now_us())));
	info->stall_permille = demand_stall_permille(&g->demand,
						     guest_now_us());
}

static void fill_guest(struct control_reply *r, struct guest *g)
{
	struct backend *b = g->env->backend;
	struct control_guest *info = &r->guest;

	r->body = CONTROL_BODY_GUEST;
	/* The count moves without us while a guest is not managed. */
	b->ops->domain(b, &g->domain.id, &g->domain);
	info->domid = g->domain.id.domid;
	guest_uuid_text(g, info->uuid);
	put_text(info->name, sizeof(info->name), g->domain.name);
	put_text(info->state, sizeof(info->state), guest_state_name(g->state));
	put_text(info->why, sizeof(info->why), g->why);
	put_text(info->mode, sizeof(info->mode), guest_mode_name(g));
	info->boot_kib = guest_boot_pages(g) * PAGE_KIB;
	info->held_kib = guest_held_kib(g);
	info->online_kib = online_kib(g);
	info->target_kib = guest_target_kib(g);
	info->window_kib = (uint64_t)g->ledger.granules * GRANULE_KIB;
	info->xen_kib = g->domain.pages * PAGE_KIB;
	info->guest_total_kib = g->report.mem_total_kib;
	info->guest_available_kib = g->report.mem_available_kib;
	put_text(info->agent, sizeof(info->agent), g->hello.agent_version);
	put_text(info->kernel, sizeof(info->kernel), g->hello.kernel_release);
	fill_settings(info, g);
}

void control_reply_guest(struct client *c, struct guest *g)
{
	struct control_reply r = { .end = false };

	fill_guest(&r, g);
	client_reply(c, &r);
}

int control_reply_host(struct client *c)
{
	struct control_reply r = { .body = CONTROL_BODY_HOST };
	struct service *s = c->service;
	struct backend_host host = { 0, 0 };
	int rc = s->env.backend->ops->host(s->env.backend, &host);

	if (rc)
		host = (struct backend_host){ 0, 0 };
	r.host.total_kib = host.total * PAGE_KIB;
	r.host.free_kib = host.free * PAGE_KIB;
	r.host.promised_kib = service_promised(s) * PAGE_KIB;
	r.host.reserve_kib = s->env.conf.reserve_kib;
	r.host.guests = s->nr_guests;
	r.host.reserved_kib = s->reserved * PAGE_KIB;
	client_reply(c, &r);
	return rc;
}

static void end_ok(struct client *c)
{
	struct control_reply r = { .status = CONTROL_STATUS_OK };

	client_end(c, &r);
}

void control_list(struct client *c)
{
	struct control_reply r = { .status = CONTROL_STATUS_OK };
	struct service *s = c->service;
	int rc = control_reply_host(c);

	for (uint32_t i = 0; i < s->nr_guests; i++)
		control_reply_guest(c, s->guests[i]);
	if (rc) {
		r.status = CONTROL_STATUS_PARTLY;
		snprintf(r.text, sizeof(r.text),
			 "cannot ask the host for its memory: %s",
			 strerror(-rc));
	}
	client_end(c, &r);
}

void control_show(struct client *c)
{
	struct guest *g = client_guest(c);

	if (!g)
		return;
	control_reply_guest(c, g);
	end_ok(c);
}

static void end_set(struct client *c, struct guest *g, bool settled)
{
	struct control_reply r = { .body = CONTROL_BODY_SET };

	r.set.asked_kib = c->asked_kib;
	r.set.target_kib = plain_kib(g, guest_target_kib(g));
	r.set.held_kib = plain_kib(g, guest_held_kib(g));
	r.set.settled = settled;
	if (settled && !guest_arrived(g)) {
		r.status = CONTROL_STATUS_PARTLY;
		put_text(r.text, sizeof(r.text), g->why);
	} else if (c->request.wait && !settled) {
		r.status = CONTROL_STATUS_PARTLY;
		snprintf(r.text, sizeof(r.text),
			 "not done in %u s; memtided goes on (%s%s%s)",
			 c->request.timeout_s, guest_state_name(g->state),
			 *g->why ? ": " : "", g->why);
	}
	client_end(c, &r);
}

static void tell_progress(struct client *c, struct guest *g)
{
	struct control_reply r = { .body = CONTROL_BODY_PROGRESS };

	r.progress.held_kib = plain_kib(g, guest_held_kib(g));
	r.progress.online_kib = online_kib(g);
	r.progress.target_kib = plain_kib(g, guest_target_kib(g));
	put_text(r.progress.state, sizeof(r.progress.state),
		 guest_state_name(g->state));
	if (!memcmp(&c->told, &r.progress, sizeof(c->told)))
		return;
	c->told = r.progress;
	client_reply(c, &r);
}

/* Who waits for the guest, or NULL if it has gone: then that was the answer. */
static struct client *waiting_client(struct guest_watcher *w,
				     const struct guest *g, bool gone)
{
	struct client *c = (struct client *)((char *)w -
					     offsetof(struct client, watcher));

	if (!gone)
		return c;
	c->guest = NULL;
	client_fail(c, CONTROL_STATUS_NO_GUEST,
		    "guest \"%s\" has gone meanwhile", g->domain.name);
	return NULL;
}

static void on_changed(struct guest_watcher *w, struct guest *g, bool gone)
{
	struct client *c = waiting_client(w, g, gone);
	char text[GUEST_QUARANTINE_MAX];

	if (!c)
		return;
	if (g->state == GUEST_QUARANTINED) {
		client_fail(c, CONTROL_STATUS_PARTLY, "%s",
			    guest_quarantine_text(g, text));
		return;
	}
	tell_progress(c, g);
	if (g->settled && g->state == GUEST_READY)
		end_set(c, g, true);
}

static void wait_for(struct client *c, struct guest *g)
{
	struct timeval tv = { c->request.timeout_s, 0 };

	c->guest = g;
	c->watcher.changed = on_changed;
	memset(&c->told, 0, sizeof(c->told));
	guest_watch(g, &c->watcher);
	if (c->request.timeout_s)
		event_add(c->timer, &tv);
	tell_progress(c, g);
}

static void end_readmit(struct client *c, struct guest *g, bool in_time)
{
	struct control_reply r = { .status = CONTROL_STATUS_OK };

	fill_guest(&r, g);
	if (!in_time) {
		r.status = CONTROL_STATUS_PARTLY;
		snprintf(r.text, sizeof(r.text),
			 "it is out of quarantine, but its agent has not answered in %d s; memtided goes on looking (%s%s%s)",
			 READMIT_S, guest_state_name(g->state),
			 *g->why ? ": " : "", g->why);
	}
	client_end(c, &r);
}

static void on_readmitted(struct guest_watcher *w, struct guest *g, bool gone)
{
	struct client *c = waiting_client(w, g, gone);

	if (!c)
		return;
	if (g->state == GUEST_QUARANTINED) {
		client_fail(c, CONTROL_STATUS_REFUSED,
			    "guest \"%s\": it is quarantined again: %s",
			    g->domain.name, g->why);
	} else if (guest_connected(g)) {
		end_readmit(c, g, true);
	}
}

void control_readmit(struct client *c)
{
	struct timeval tv = { READMIT_S, 0 };
	struct guest *g = client_guest(c);
	char why[CONTROL_TEXT_MAX] = "";

	if (!g)
		return;
	if (service_readmit(g, why, sizeof(why))) {
		client_fail(c, CONTROL_STATUS_REFUSED, "guest \"%s\": %.380s",
			    g->domain.name, why);
		return;
	}
	/* What is learned of it comes from the event loop, not before. */
	c->guest = g;
	c->watcher.changed = on_readmitted;
	guest_watch(g, &c->watcher);
	event_add(c->timer, &tv);
}

void control_timeout(struct client *c)
{
	if (!c->guest)
		return;
	if (c->request.type == CONTROL_READMIT)
		end_readmit(c, c->guest, false);
	else
		end_set(c, c->guest, false);
}

/* What was asked in absolute terms; -ERANGE if that is no size. */
static int absolute_kib(const struct client *c, const struct guest *g,
			uint64_t *ret)
{
	uint64_t kib = c->request.size_bytes / 1024;
	uint64_t now_kib = plain_kib(g, guest_target_kib(g));

	/* A target below a whole KiB is still a wish for that KiB. */
	if (c->request.size_bytes % 1024)
		kib++;
	switch (c->request.set_mode) {
	case CONTROL_SET_TO:
		*ret = kib;
		return 0;
	case CONTROL_SET_ADD:
		*ret = now_kib + kib;
		return *ret < now_kib ? -ERANGE : 0;
	case CONTROL_SET_SUBTRACT:
		*ret = now_kib - MIN(now_kib, kib);
		return 0;
	}
	return -ERANGE;
}

void control_set(struct client *c)
{
	struct guest *g = client_guest(c);
	char why[CONTROL_TEXT_MAX] = "";

	if (!g)
		return;
	if (absolute_kib(c, g, &c->asked_kib)) {
		client_fail(c, CONTROL_STATUS_REFUSED,
			    "guest \"%s\": that is more than fits a number",
			    g->domain.name);
		return;
	}
	if (service_set_target(g, c->asked_kib, why, sizeof(why))) {
		client_fail(c, CONTROL_STATUS_REFUSED, "guest \"%s\": %.400s",
			    g->domain.name, why);
		return;
	}
	/* One that holds what it was built with, and was set to that, is left
	 * alone. */
	if (!g->managed && !g->balloon.on)
		end_set(c, g, true);
	else if (c->request.wait)
		wait_for(c, g);
	else
		end_set(c, g, false);
}
