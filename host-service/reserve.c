/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * reserve.c - Memory set aside for domains that are to be built
 */
#include "reserve.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "log.h"

#define DOMAIN_MAX	128u
#define MIB_OF(granules)	((uint64_t)(granules) * GRANULE_KIB / 1024)

/**
 * struct reservation
 * @granules:	wanted in all
 * @granted:	set aside by the balancer, whatever was taken of them since
 * @taken_pages: by @domain
 * @told:	what @changed was told last
 */
struct reservation {
	struct reserve *owner;
	struct reservation *next;
	uint32_t granules;
	uint32_t granted;
	uint64_t taken_pages;
	char domain[DOMAIN_MAX];
	struct reserve_status told;
	reserve_fn *changed;
	void *ctx;
};

/**
 * struct reserve
 * @all:	owned; the oldest first
 * @wanted:	as the balancer was told last
 * @event:	looks at the domains that they are for, and tells
 */
struct reserve {
	struct service *service;
	struct balance *balance;
	struct event *event;
	struct reservation *all;
	uint32_t nr;
	uint32_t wanted;
};

static uint32_t taken(const struct reservation *v)
{
	return (uint32_t)MIN(v->taken_pages / GRANULE_PAGES, v->granules);
}

static uint32_t held(const struct reservation *v)
{
	return MAX(v->granted, taken(v));
}

/* What is set aside and not taken yet */
static uint64_t promised_pages(const struct reservation *v)
{
	uint64_t pages = (uint64_t)v->granted * GRANULE_PAGES;

	return pages - MIN(pages, v->taken_pages);
}

struct reserve_status reserve_status(const struct reservation *v)
{
	return (struct reserve_status){ v->granules, held(v), taken(v) };
}

static uint32_t waiting(const struct reserve *r)
{
	uint32_t sum = 0;

	for (struct reservation *v = r->all; v; v = v->next)
		sum += v->granules - held(v);
	return sum;
}

/* After each change: what is promised, and what is wanted, is that of all. */
static void count(struct reserve *r)
{
	uint64_t pages = 0;
	uint32_t wanted = waiting(r);

	for (struct reservation *v = r->all; v; v = v->next)
		pages += promised_pages(v);
	if (pages == r->service->reserved && wanted == r->wanted)
		return;
	r->service->reserved = pages;
	r->wanted = wanted;
	balance_want(r->balance, wanted);
}

static void look_soon(struct reserve *r, uint32_t ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(r->event, &tv);
}

void reserve_granted(struct reserve *r, uint32_t granules)
{
	if (!r)
		return;
	for (struct reservation *v = r->all; v && granules; v = v->next) {
		uint32_t n = MIN(granules, v->granules - held(v));

		v->granted = held(v) + n;
		granules -= n;
	}
	count(r);
	look_soon(r, 0);
}

static struct guest *find_domain(struct service *s, const char *domain)
{
	char uuid[GUEST_UUID_MAX];

	for (uint32_t i = 0; i < s->nr_guests; i++) {
		struct guest *g = s->guests[i];

		if (!strcmp(g->domain.name, domain) ||
		    !strcasecmp(guest_uuid_text(g, uuid), domain))
			return g;
	}
	return NULL;
}

/* What the domain holds and what is kept for it; 0 if there is none (yet). */
static uint64_t look_at(struct reserve *r, const char *domain)
{
	struct backend *b = r->service->env.backend;
	struct guest *g = find_domain(r->service, domain);
	struct backend_domain now;

	if (!g)
		return 0;
	now = g->domain;
	if (b->ops->domain(b, &g->domain.id, &now))
		now = g->domain;
	return now.pages + now.claimed;
}

static bool tell(struct reservation *v)
{
	struct reserve_status now = reserve_status(v);

	if (!memcmp(&now, &v->told, sizeof(now)))
		return false;
	v->told = now;
	v->changed(v->ctx, &now);
	return true;
}

/* Whoever is told may drop his: after that begin anew. */
static void tell_all(struct reserve *r)
{
	struct reservation *v = r->all;

	while (v)
		v = tell(v) ? r->all : v->next;
}

static void on_look(evutil_socket_t fd, short what, void *ctx)
{
	struct reserve *r = ctx;
	bool named = false;

	(void)fd;
	(void)what;
	for (struct reservation *v = r->all; v; v = v->next) {
		if (!*v->domain)
			continue;
		named = true;
		v->taken_pages = look_at(r, v->domain);
	}
	count(r);
	if (named)
		look_soon(r, RESERVE_LOOK_MS);
	tell_all(r);
}

static int check(struct reserve *r, uint32_t granules, const char *domain,
		 char *why, size_t size)
{
	uint64_t possible = balance_possible(r->balance);
	uint64_t others = waiting(r);

	possible -= MIN(possible, others);
	if (*domain && find_domain(r->service, domain)) {
		snprintf(why, size,
			 "\"%s\" is there already; memory is reserved for a domain that is to be built",
			 domain);
		return -EEXIST;
	}
	if (r->nr == RESERVE_MAX) {
		snprintf(why, size, "there are %u reservations already", r->nr);
		return -ENOSPC;
	}
	if (granules <= possible)
		return 0;
	snprintf(why, size, "%" PRIu64 " MiB are not possible: %" PRIu64
		 " MiB are, of what is free and what guests can do without",
		 MIB_OF(granules), MIB_OF(possible));
	return -ENOMEM;
}

int reserve_add(struct reserve *r, uint32_t granules, const char *domain,
		reserve_fn *changed, void *ctx, struct reservation **ret,
		char *why, size_t size)
{
	int rc = check(r, granules, domain, why, size);
	struct reservation *v, **at = &r->all;

	if (rc)
		return rc;
	v = calloc(1, sizeof(*v));
	if (!v) {
		snprintf(why, size, "no memory for it in memtided");
		return -ENOMEM;
	}
	v->owner = r;
	v->granules = granules;
	snprintf(v->domain, sizeof(v->domain), "%s", domain);
	v->changed = changed;
	v->ctx = ctx;
	v->told = reserve_status(v);
	while (*at)
		at = &(*at)->next;
	*at = v;
	r->nr++;
	log_info("%" PRIu64 " MiB are to be reserved%s%s", MIB_OF(granules),
		 *domain ? " for " : "", domain);
	count(r);
	if (*domain)
		look_soon(r, RESERVE_LOOK_MS);
	*ret = v;
	return 0;
}

void reserve_drop(struct reservation *v)
{
	struct reserve *r;
	struct reservation **at;

	if (!v)
		return;
	r = v->owner;
	at = &r->all;
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	r->nr--;
	log_info("a reservation of %" PRIu64 " MiB%s%s has ended, %" PRIu64
		 " MiB were set aside and %" PRIu64 " MiB of them taken",
		 MIB_OF(v->granules), *v->domain ? " for " : "", v->domain,
		 MIB_OF(held(v)), MIB_OF(taken(v)));
	free(v);
	count(r);
}

int reserve_open(struct service *s, struct balance *b, struct reserve **ret)
{
	struct reserve *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->service = s;
	r->balance = b;
	r->event = event_new(s->env.base, -1, 0, on_look, r);
	if (!r->event) {
		free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

void reserve_close(struct reserve *r)
{
	if (!r)
		return;
	ASSERT(!r->all);
	event_free(r->event);
	free(r);
}
