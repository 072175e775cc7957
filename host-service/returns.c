/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * returns.c - Memory kept for guests that reboot
 */
#include "returns.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "guest.h"
#include "log.h"

/* What libxl and Xen want for a domain beside its memory: xen-lab.md. */
#define SPARE_PAGES	4096u
#define SPARE_SHARE	128u

static struct returning *find(struct returns *r, const uint8_t uuid[16])
{
	for (uint32_t i = 0; i < r->nr; i++) {
		if (!memcmp(r->all[i].uuid, uuid, sizeof(r->all[i].uuid)))
			return &r->all[i];
	}
	return NULL;
}

static void forget(struct returns *r, struct returning *v)
{
	*v = r->all[--r->nr];
}

/* Its domain, the newest: libxl builds the new one when the old one is gone. */
static struct guest *domain_of(const struct returning *v,
			       struct guest *const *guests, uint32_t nr)
{
	struct guest *found = NULL;

	for (uint32_t i = 0; i < nr; i++) {
		if (!memcmp(guests[i]->domain.id.uuid, v->uuid,
			    sizeof(v->uuid)))
			found = guests[i];
	}
	return found;
}

static uint32_t patience_s(const struct returning *v)
{
	return v->phase == RETURNS_BACK ? RETURNS_BOOT_S : RETURNS_GONE_S;
}

static bool is_late(const struct returning *v, int64_t now_us)
{
	return v->phase != RETURNS_DOWN &&
	       now_us - v->since_us > (int64_t)patience_s(v) * 1000000;
}

/* An automatic guest begins anew with what it is built with. One whose agent has
 * not greeted since the last time keeps what was kept for it. */
static void keep(struct returns *r, struct guest *g)
{
	struct returning *v = find(r, g->domain.id.uuid);

	if (v && v->domid == g->domain.id.domid)
		return;
	if (!v && r->nr == RETURNS_MAX) {
		guest_log(LOG_LEVEL_WARN, g,
			  "%u guests reboot already, no memory is kept for it, ignoring",
			  r->nr);
		return;
	}
	if (!v) {
		v = &r->all[r->nr++];
		*v = (struct returning){ .boot_pages = g->managed ?
			g->boot_pages : g->domain.pages };
		memcpy(v->uuid, g->domain.id.uuid, sizeof(v->uuid));
		if (g->managed && !g->set.automatic)
			v->granules = g->target;
	}
	v->domid = g->domain.id.domid;
	v->phase = RETURNS_DOWN;
	guest_log(LOG_LEVEL_INFO, g, "reboots, %" PRIu64
		  " pages and %u granules are kept for it", v->boot_pages,
		  v->granules);
}

static void see(struct returning *v, const struct guest *g, int64_t now_us)
{
	if (g && g->domain.id.domid == v->domid)
		return;
	if (v->phase == (g ? RETURNS_BACK : RETURNS_GONE))
		return;
	v->phase = g ? RETURNS_BACK : RETURNS_GONE;
	v->since_us = now_us;
}

/* Has it all that was kept for it? */
static bool is_served(const struct returning *v, const struct guest *g)
{
	return g && v->phase == RETURNS_BACK &&
	       (g->managed ||
		(!v->granules && g->domain.pages >= v->boot_pages));
}

void returns_look(struct returns *r, struct guest *const *guests, uint32_t nr,
		  int64_t now_us)
{
	for (uint32_t i = 0; i < nr; i++) {
		if (guests[i]->domain.restarts)
			keep(r, guests[i]);
	}
	for (uint32_t i = r->nr; i--;) {
		struct returning *v = &r->all[i];
		const struct guest *g = domain_of(v, guests, nr);

		see(v, g, now_us);
		if (is_late(v, now_us))
			log_info("domain %u has rebooted and is not back, its memory is kept no more",
				 v->domid);
		if (is_late(v, now_us) || is_served(v, g))
			forget(r, v);
	}
}

void returns_refresh(const struct returns *r, struct guest *const *guests,
		     uint32_t nr)
{
	for (uint32_t i = 0; i < r->nr; i++) {
		struct guest *g = domain_of(&r->all[i], guests, nr);
		struct backend *b = g ? g->env->backend : NULL;

		/* If it has just gone it holds nothing. */
		if (g && b->ops->domain(b, &g->domain.id, &g->domain) == -ESRCH)
			g->domain.pages = g->domain.claimed = 0;
	}
}

static uint64_t kept(const struct returning *v, const struct guest *g)
{
	uint64_t has = g ? g->domain.pages + g->domain.claimed : 0;
	uint64_t more = (uint64_t)v->granules * TABLED_GRANULE_PAGES;

	if (has >= v->boot_pages)
		return more - MIN(more, has - v->boot_pages);
	return more + v->boot_pages - has + SPARE_PAGES +
	       v->boot_pages / SPARE_SHARE;
}

uint64_t returns_promised(const struct returns *r, struct guest *const *guests,
			  uint32_t nr, int64_t now_us)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < r->nr; i++) {
		const struct returning *v = &r->all[i];
		const struct guest *g = domain_of(v, guests, nr);

		if (!is_late(v, now_us) && !is_served(v, g))
			pages += kept(v, g);
	}
	return pages;
}

void returns_drop(struct returns *r, const struct guest *g)
{
	struct returning *v = find(r, g->domain.id.uuid);

	if (v)
		forget(r, v);
}
