/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * judge.c - What must hold always, and what in the end
 */
#include "judge.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "sim_slots.h"
#include "talk.h"

#define LOOK_AGAIN_NS	1000000
#define TOLD_LATER_US	1000000
/* Memory for a granule and for mapping it, as memtided admits it. */
#define GRANULE_COST_PAGES	(GRANULE_PAGES + 2u)

/**
 * struct tally - a domain as the machine has it
 * @backed, @in_use:	granules
 * @lawless:		granules in use and not backed
 * @boot_pages:		without what its own balloon has given away
 */
struct tally {
	bool alive;
	uint32_t domid;
	uint32_t backed, in_use, lawless;
	uint64_t pages, max_pages;
	uint64_t boot_pages;
};

static void take_tally(const struct sim_domain *d, struct tally *t)
{
	*t = (struct tally){
		.alive = true,
		.domid = d->slot->domid,
		.pages = domain_pages(d),
		.max_pages = d->slot->max_pages,
		.boot_pages = d->slot->config.boot_pages - d->slot->ballooned,
	};
	for (uint32_t g = 0; g < d->slot->config.window_granules; g++) {
		bool backed = map_test(d->backed, g);
		bool in_use = granule_in_use(d, g);

		t->backed += backed;
		t->in_use += in_use;
		t->lawless += in_use && !backed;
	}
}

/* All domains at one moment; returns how many slots there are. */
static uint32_t take_tallies(struct world *w, struct tally *t)
{
	uint32_t nr = w->machine->file->max_domains;

	ASSERT(nr <= WORLD_DOMAINS_MAX);
	memset(t, 0, nr * sizeof(*t));
	sim_lock(w->machine);
	for (uint32_t i = 0; i < nr; i++) {
		struct sim_domain d = sim_domain_at(w->machine, i);

		if (d.slot->alive)
			take_tally(&d, &t[i]);
	}
	sim_unlock(w->machine);
	return nr;
}

static void check_law(struct world *w)
{
	char first[256];
	uint64_t nr = sim_violations(w->machine, first, sizeof(first));

	if (nr)
		world_fail(w, "%" PRIu64 " violations, the first: %s", nr,
			   first);
}

static uint64_t check_tallies(struct world *w, const struct tally *t,
			      uint32_t nr)
{
	uint64_t held = 0;

	for (uint32_t i = 0; i < nr; i++, t++) {
		if (!t->alive)
			continue;
		held += t->pages;
		if (t->lawless)
			world_fail(w, "I1: domain %u uses %u granules that are not backed",
				   t->domid, t->lawless);
		if (t->pages != t->boot_pages +
				(uint64_t)t->backed * GRANULE_PAGES)
			world_fail(w, "I2: domain %u has %" PRIu64
				   " pages with %u granules backed", t->domid,
				   t->pages, t->backed);
		if (t->pages > t->max_pages)
			world_fail(w, "I3: domain %u has %" PRIu64
				   " pages of at most %" PRIu64, t->domid,
				   t->pages, t->max_pages);
	}
	if (held > w->host_pages)
		world_fail(w, "I4: %" PRIu64 " pages are held of %" PRIu64,
			   held, w->host_pages);
	return held;
}

void judge_moment(struct world *w)
{
	struct tally t[WORLD_DOMAINS_MAX];
	uint32_t nr;

	world_check_alive(w);
	nr = take_tallies(w, t);
	check_tallies(w, t, nr);
	check_law(w);
}

/* The end -------------------------------------------------------------- */

static bool manageable(const struct world_domain *d)
{
	return d->alive && d->has_agent;
}

static bool is_connected(const struct control_guest *g)
{
	return !strcmp(g->state, "ready") || !strcmp(g->state, "growing") ||
	       !strcmp(g->state, "shrinking");
}

static bool has_arrived(const struct control_guest *g)
{
	return !strcmp(g->state, "ready") && g->held_kib == g->target_kib &&
	       g->online_kib == g->held_kib - g->boot_kib;
}

static bool all_are(struct world *w, const struct talk_list *l,
		    bool (*is)(const struct control_guest *g))
{
	for (unsigned int i = 0; i < w->nr_domains; i++) {
		const struct world_domain *d = &w->domains[i];
		const struct control_guest *g = talk_find(l, d->domid);

		if (manageable(d) && (!g || !is(g)))
			return false;
	}
	return true;
}

static void note_list(struct world *w, const struct talk_list *l)
{
	for (uint32_t i = 0; i < l->nr; i++) {
		const struct control_guest *g = &l->guests[i];

		world_note(w, "  domain %u is %s: held %" PRIu64
			   ", online %" PRIu64 ", target %" PRIu64
			   " granules above boot: %s", g->domid, g->state,
			   (g->held_kib - g->boot_kib) / GRANULE_KIB,
			   g->online_kib / GRANULE_KIB,
			   (g->target_kib - g->boot_kib) / GRANULE_KIB, g->why);
	}
}

/* Only looks: what must happen happens by itself. */
static void await_all(struct world *w, struct talk_list *l, const char *what,
		      bool (*is)(const struct control_guest *g))
{
	static const struct timespec pause = { 0, LOOK_AGAIN_NS };
	int64_t end_us = world_now_us() + WORLD_PATIENCE_MS * 1000;

	for (;;) {
		talk_list(w, l);
		if (all_are(w, l, is))
			return;
		if (world_now_us() > end_us) {
			note_list(w, l);
			world_fail(w, "not all guests are %s", what);
		}
		nanosleep(&pause, NULL);
		judge_moment(w);
	}
}

static void calm_down(struct world *w)
{
	static const struct sim_faults none = { 0 };

	sim_set_faults(w->machine, &none);
	world_note(w, "calm: no faults, little memory used, all run");
	for (unsigned int i = 0; i < w->nr_domains; i++) {
		struct world_domain *d = &w->domains[i];

		if (d->alive)
			sim_domain_set_used(w->machine, d->domid,
					    d->config.boot_pages / 8);
		world_start_agent(w, d);
	}
	world_start_daemon(w);
}

/* A rest that only memmap would fill is not given, and what is below the
 * memmap of all blocks cannot be reached from above but at nothing. */
static uint32_t reachable(const struct world_domain *d, uint32_t target)
{
	const struct sim_domain_config *c = &d->config;
	uint32_t rest = target % c->block_granules;
	uint32_t least = c->window_granules / c->block_granules *
			 c->memmap_granules;

	if (rest <= c->memmap_granules)
		target -= rest;
	return target < least ? 0 : target;
}

/* What the host has for windows [granules] */
static uint32_t host_room(const struct world *w)
{
	uint64_t taken = w->reserve_pages;

	for (unsigned int i = 0; i < w->nr_domains; i++) {
		if (w->domains[i].alive)
			taken += w->domains[i].config.boot_pages;
	}
	if (taken >= w->host_pages)
		return 0;
	return (uint32_t)((w->host_pages - taken) / GRANULE_COST_PAGES);
}

static uint32_t target_of(const struct control_guest *g)
{
	return (uint32_t)((g->target_kib - g->boot_kib) / GRANULE_KIB);
}

/* What was accepted is kept, whoever was killed since. */
static void check_targets(struct world *w, const struct talk_list *l)
{
	for (unsigned int i = 0; i < w->nr_domains; i++) {
		const struct world_domain *d = &w->domains[i];
		uint32_t target;

		if (!manageable(d) || d->vague)
			continue;
		target = target_of(talk_find(l, d->domid));
		if (target != d->target && target != d->maybe)
			world_fail(w, "domain %u: the target was %u and is %u",
				   d->domid, d->target, target);
	}
}

/* Can the targets of the schedule be met? */
static bool targets_possible(const struct world *w, const struct talk_list *l)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < w->nr_domains; i++) {
		const struct world_domain *d = &w->domains[i];
		const struct control_guest *g = talk_find(l, d->domid);

		if (!manageable(d))
			continue;
		sum += target_of(g);
		if (target_of(g) != reachable(d, target_of(g)))
			return false;
	}
	return sum <= host_room(w);
}

static void draw_targets(struct world *w, uint32_t *targets)
{
	uint32_t room = host_room(w);

	for (unsigned int i = 0; i < w->nr_domains; i++) {
		const struct world_domain *d = &w->domains[i];
		uint32_t most = MIN(room, d->config.window_granules);

		targets[i] = 0;
		if (!manageable(d))
			continue;
		if (world_chance(w, 70))
			targets[i] = reachable(d, world_random(w, most + 1));
		room -= targets[i];
	}
}

/* All at once; with @strict each must be reached. */
static void set_all(struct world *w, const uint32_t *targets, bool strict)
{
	struct control_client *clients[WORLD_DOMAINS_MAX] = { NULL };
	struct control_reply r;

	for (unsigned int i = 0; i < w->nr_domains; i++) {
		struct control_request req = talk_set(&w->domains[i],
						      targets[i], true);

		if (!manageable(&w->domains[i]))
			continue;
		world_note(w, "domain %u: set %u and wait",
			   w->domains[i].domid, targets[i]);
		clients[i] = talk_open(w, &req);
	}
	for (unsigned int i = 0; i < w->nr_domains; i++) {
		if (!clients[i])
			continue;
		if (talk_end(w, clients[i], WORLD_PATIENCE_MS, &r))
			world_fail(w, "domain %u does not settle",
				   w->domains[i].domid);
		if (r.status == CONTROL_STATUS_OK ||
		    (!strict && r.status == CONTROL_STATUS_PARTLY))
			continue;
		world_fail(w, "domain %u: set %u: status %d: %s",
			   w->domains[i].domid, targets[i], (int)r.status,
			   r.text);
	}
}

/* First nobody asks for more than it has, so that all there is can be had. */
static void set_new_targets(struct world *w, const struct talk_list *l)
{
	uint32_t targets[WORLD_DOMAINS_MAX], first[WORLD_DOMAINS_MAX] = { 0 };

	draw_targets(w, targets);
	for (unsigned int i = 0; i < w->nr_domains; i++) {
		const struct control_guest *g =
			talk_find(l, w->domains[i].domid);
		uint64_t held;

		if (!manageable(&w->domains[i]))
			continue;
		held = (g->held_kib - g->boot_kib) / GRANULE_KIB;
		first[i] = (uint32_t)MIN(held, targets[i]);
	}
	set_all(w, first, false);
	set_all(w, targets, true);
}

static void check_published(struct world *w, uint32_t domid, uint32_t target)
{
	char text[SIM_VALUE_MAX] = "", expected[16];

	sim_store_read(w->machine, domid, "published-granules", text,
		       sizeof(text));
	snprintf(expected, sizeof(expected), "%u", target);
	if (strcmp(text, expected))
		world_fail(w, "I5: domain %u: published \"%s\", not %u", domid,
			   text, target);
}

static void check_domain(struct world *w, const struct tally *t,
			 const struct world_domain *d,
			 const struct control_guest *g)
{
	uint32_t target = manageable(d) ? target_of(g) : 0;

	if (t->pages != d->config.boot_pages + (uint64_t)target * GRANULE_PAGES)
		world_fail(w, "I2: domain %u has %" PRIu64
			   " pages at target %u", d->domid, t->pages, target);
	if (t->max_pages != t->pages)
		world_fail(w, "I3: domain %u has %" PRIu64
			   " pages and may have %" PRIu64, d->domid, t->pages,
			   t->max_pages);
	if (t->in_use != t->backed)
		world_fail(w, "domain %u uses %u granules of %u", d->domid,
			   t->in_use, t->backed);
	if (!manageable(d)) {
		if (strcmp(g->state, "unmanaged"))
			world_fail(w, "domain %u without agent is %s", d->domid,
				   g->state);
		return;
	}
	if (!has_arrived(g) || g->held_kib != talk_kib(d, target))
		world_fail(w, "domain %u: %" PRIu64 " KiB held of %" PRIu64,
			   d->domid, g->held_kib, talk_kib(d, target));
	check_published(w, d->domid, target);
}

static void check_audit(struct world *w)
{
	static const struct control_request req = { .type = CONTROL_AUDIT };
	uint32_t managed = 0;
	struct control_reply r;

	for (unsigned int i = 0; i < w->nr_domains; i++)
		managed += manageable(&w->domains[i]);
	talk(w, &req, &r);
	if (r.status != CONTROL_STATUS_OK || r.body != CONTROL_BODY_AUDIT ||
	    r.audit.guests != managed)
		world_fail(w, "audit of %u guests, not %u: status %d: %s",
			   r.audit.guests, managed, (int)r.status, r.text);
}

static void check_end(struct world *w, const struct talk_list *l)
{
	struct tally t[WORLD_DOMAINS_MAX];
	uint64_t total, unused, held;
	uint32_t nr, seen = 0;

	nr = take_tallies(w, t);
	held = check_tallies(w, t, nr);
	sim_host_pages(w->machine, &total, &unused);
	if (total != w->host_pages || held + unused != total)
		world_fail(w, "I4: %" PRIu64 " held, %" PRIu64
			   " free, %" PRIu64 " in all", held, unused, total);
	for (uint32_t i = 0; i < nr; i++) {
		for (unsigned int k = 0; k < w->nr_domains; k++) {
			const struct world_domain *d = &w->domains[k];

			if (!t[i].alive || d->domid != t[i].domid)
				continue;
			seen++;
			check_domain(w, &t[i], d, talk_find(l, d->domid));
		}
	}
	if (seen != world_nr_alive(w) || l->nr != seen)
		world_fail(w, "%u domains, memtided knows %u", seen, l->nr);
	check_law(w);
}

static bool all_told(struct world *w)
{
	struct tally t[WORLD_DOMAINS_MAX];
	uint32_t nr = take_tallies(w, t);
	char text[SIM_VALUE_MAX];

	for (uint32_t i = 0; i < nr; i++) {
		if (!t[i].alive)
			continue;
		if (t[i].max_pages != t[i].pages)
			return false;
		if (!sim_store_read(w->machine, t[i].domid,
				    "published-granules", text, sizeof(text)) &&
		    strtoul(text, NULL, 10) != t[i].backed)
			return false;
	}
	return true;
}

/* What failed to be told is told a little later. */
static void await_told(struct world *w)
{
	static const struct timespec pause = { 0, LOOK_AGAIN_NS };
	int64_t end_us = world_now_us() + TOLD_LATER_US;

	while (!all_told(w) && world_now_us() < end_us)
		nanosleep(&pause, NULL);
}

static void check_all(struct world *w)
{
	static struct talk_list l;

	await_told(w);
	talk_list(w, &l);
	note_list(w, &l);
	check_end(w, &l);
	check_audit(w);
	world_check_alive(w);
}

void judge_reached(struct world *w)
{
	static struct talk_list l;

	calm_down(w);
	await_all(w, &l, "connected", is_connected);
	check_targets(w, &l);
	await_all(w, &l, "at their targets", has_arrived);
	check_all(w);
}

void judge_end(struct world *w)
{
	static struct talk_list l;

	calm_down(w);
	await_all(w, &l, "connected", is_connected);
	check_targets(w, &l);
	if (targets_possible(w, &l) && world_chance(w, 70)) {
		world_note(w, "the targets of the schedule must be reached");
		await_all(w, &l, "at their targets", has_arrived);
	} else {
		set_new_targets(w, &l);
	}
	check_all(w);
}
