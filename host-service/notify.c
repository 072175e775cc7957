/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * notify.c - What the service manager is told
 */
#include "notify.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

/* Without a watchdog: how often the line may change. */
#define STATUS_US	(10 * UINT64_C(1000000))
/* Keepalives in the manager's patience: two may be late. */
#define KEEPALIVES	3u

/**
 * struct notify
 * @watchdog:	the manager wants keepalives
 * @told:	the line it was told last
 */
struct notify {
	const struct service *service;
	struct event *tick;
	bool watchdog;
	char told[NOTIFY_TEXT_MAX];
};

const char *notify_text(const struct service *s, char text[NOTIFY_TEXT_MAX])
{
	uint32_t managed = 0, lost = 0, quarantined = 0;
	uint64_t held_kib = 0;
	int len;

	for (uint32_t i = 0; i < s->nr_guests; i++) {
		const struct guest *g = s->guests[i];

		managed += g->managed || g->balloon.on;
		lost += g->state == GUEST_LOST;
		quarantined += g->state == GUEST_QUARANTINED;
		held_kib += guest_held_kib(g);
	}
	len = snprintf(text, NOTIFY_TEXT_MAX,
		       "%u domains, %u managed, %" PRIu64 " MiB held",
		       s->nr_guests, managed, held_kib / 1024);
	if (lost)
		len += snprintf(text + len, NOTIFY_TEXT_MAX - (size_t)len,
				", %u lost", lost);
	if (quarantined)
		snprintf(text + len, NOTIFY_TEXT_MAX - (size_t)len,
			 ", %u quarantined", quarantined);
	return text;
}

/* @state, if any, and the line if it is another than the last. */
static void tell(struct notify *n, const char *state)
{
	char text[NOTIFY_TEXT_MAX];

	notify_text(n->service, text);
	if (strcmp(text, n->told))
		sd_notifyf(0, "STATUS=%s\n%s", text, state);
	else if (*state)
		sd_notify(0, state);
	memcpy(n->told, text, sizeof(text));
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct notify *n = ctx;

	(void)fd;
	(void)what;
	tell(n, n->watchdog ? "WATCHDOG=1" : "");
}

static uint64_t tick_us(struct notify *n)
{
	uint64_t us = 0;
	int rc = sd_watchdog_enabled(0, &us);

	if (rc < 0)
		log_warn("the service manager's watchdog: %s, ignoring",
			 strerror(-rc));
	n->watchdog = rc > 0;
	return n->watchdog ? us / KEEPALIVES : STATUS_US;
}

int notify_open(struct event_base *base, const struct service *s,
		struct notify **ret)
{
	struct timeval tv;
	struct notify *n;
	uint64_t us;

	*ret = NULL;
	if (!getenv("NOTIFY_SOCKET"))
		return 0;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->service = s;
	us = tick_us(n);
	tv = (struct timeval){ (time_t)(us / 1000000),
			       (suseconds_t)(us % 1000000) };
	n->tick = event_new(base, -1, EV_PERSIST, on_tick, n);
	if (!n->tick || event_add(n->tick, &tv)) {
		if (n->tick)
			event_free(n->tick);
		free(n);
		return -ENOMEM;
	}
	notify_ready(n);
	*ret = n;
	return 0;
}

void notify_close(struct notify *n)
{
	if (!n)
		return;
	sd_notify(0, "STOPPING=1");
	event_free(n->tick);
	free(n);
}

void notify_reloading(const struct notify *n)
{
	/* The time is for Type=notify-reload, since systemd 253. */
	if (n)
		sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
			   guest_now_us());
}

void notify_ready(struct notify *n)
{
	if (n)
		tell(n, "READY=1");
}
