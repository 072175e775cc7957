/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * guest.c - One guest, as the service knows it
 */
#include "guest.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "link.h"
#include "log.h"

#define GUEST_LINE_MAX	768u

/* A resize is three lines: nobody who resizes by hand comes near. */
static const struct rate_limit line_limit = { 200, 500000 };

static const char *const state_names[] = {
	[GUEST_UNMANAGED] = "unmanaged",
	[GUEST_GREETING] = "greeting",
	[GUEST_SYNCING] = "syncing",
	[GUEST_READY] = "ready",
	[GUEST_GROWING] = "growing",
	[GUEST_SHRINKING] = "shrinking",
	[GUEST_LOST] = "lost",
	[GUEST_QUARANTINED] = "quarantined",
};
static_assert(ARRAY_SIZE(state_names) == GUEST_NUM_STATES,
	      "a state without a name");

const char *guest_state_name(enum guest_state state)
{
	return state_names[state];
}

int64_t guest_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* @gfn: of the range that it is about, or NULL */
static void domain_say(enum log_level level, const struct backend_domain *d,
		       const char *gfn, const char *text)
{
	char domid[16], uuid[GUEST_UUID_MAX];
	const struct log_field fields[] = {
		{ "MEMTIDE_DOMID", domid },
		{ "MEMTIDE_DOMAIN", d->name },
		{ "MEMTIDE_UUID", guest_id_text(&d->id, uuid) },
		{ "MEMTIDE_GFN", gfn },
	};

	snprintf(domid, sizeof(domid), "%u", d->id.domid);
	log_fields(level, fields, ARRAY_SIZE(fields) - !gfn, "guest %u/%s%s",
		   d->id.domid, d->name, text);
}

void domain_log(enum log_level level, const struct backend_domain *d,
		const char *fmt, ...)
{
	char text[GUEST_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	domain_say(level, d, NULL, text);
}

static void arm_lines(struct guest *g, int64_t us)
{
	struct timeval tv = { us / 1000000, us % 1000000 };

	if (!event_pending(g->lines_event, EV_TIMEOUT, NULL))
		event_add(g->lines_event, &tv);
}

/* May the guest have one more line logged? If not it is counted. */
static bool take_line(struct guest *g)
{
	int64_t now_us = guest_now_us();
	int64_t wait_us = rate_wait_us(&g->lines, &line_limit, now_us);

	if (wait_us) {
		g->env->counters->limited[LIMITED_LINES]++;
		g->lines_left_out++;
		arm_lines(g, wait_us);
		return false;
	}
	rate_count(&g->lines, &line_limit, now_us);
	return true;
}

static void on_lines(evutil_socket_t fd, short what, void *ctx)
{
	struct guest *g = ctx;

	(void)fd;
	(void)what;
	domain_log(LOG_LEVEL_WARN, &g->domain,
		   " (%s): %" PRIu64 " lines about it left out",
		   state_names[g->state], g->lines_left_out);
	rate_count(&g->lines, &line_limit, guest_now_us());
	g->lines_left_out = 0;
}

__attribute__((format(printf, 4, 0)))
static void guest_va(enum log_level level, struct guest *g, const char *gfn,
		     const char *fmt, va_list ap)
{
	char text[GUEST_LINE_MAX];
	int len;

	if (level < LOG_LEVEL_DEBUG && !take_line(g))
		return;
	len = snprintf(text, sizeof(text), " (%s): ", state_names[g->state]);
	vsnprintf(text + len, sizeof(text) - (size_t)len, fmt, ap);
	domain_say(level, &g->domain, gfn, text);
}

void guest_log(enum log_level level, struct guest *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	guest_va(level, g, NULL, fmt, ap);
	va_end(ap);
}

void guest_log_range(enum log_level level, struct guest *g, struct granules r,
		     const char *fmt, ...)
{
	char gfn[48];
	va_list ap;

	snprintf(gfn, sizeof(gfn), "0x%" PRIx64 "-0x%" PRIx64,
		 guest_gfn(g, r.first), guest_gfn(g, r.first + r.nr) - 1);
	va_start(ap, fmt);
	guest_va(level, g, gfn, fmt, ap);
	va_end(ap);
}

static void on_step(evutil_socket_t fd, short what, void *ctx)
{
	struct guest *g = ctx;

	(void)fd;
	(void)what;
	g->env->ops->step(g);
}

static void on_retry(evutil_socket_t fd, short what, void *ctx)
{
	struct guest *g = ctx;

	(void)fd;
	(void)what;
	g->env->ops->retry(g);
}

static void on_overdue(evutil_socket_t fd, short what, void *ctx)
{
	struct guest *g = ctx;

	(void)fd;
	(void)what;
	g->env->ops->overdue(g);
}

static void on_offer(evutil_socket_t fd, short what, void *ctx)
{
	struct guest *g = ctx;

	(void)fd;
	(void)what;
	g->env->ops->look(g);
}

int guest_new(const struct guest_env *env, const struct backend_domain *d,
	      struct guest **ret)
{
	struct guest *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->env = env;
	g->domain = *d;
	g->set.weight = POLICY_WEIGHT_DEFAULT;
	g->step_event = event_new(env->base, -1, 0, on_step, g);
	g->retry_event = event_new(env->base, -1, 0, on_retry, g);
	g->deadline_event = event_new(env->base, -1, 0, on_overdue, g);
	g->offer_event = event_new(env->base, -1, 0, on_offer, g);
	g->lines_event = event_new(env->base, -1, 0, on_lines, g);
	if (!g->step_event || !g->retry_event || !g->deadline_event ||
	    !g->offer_event || !g->lines_event) {
		guest_free(g);
		return -ENOMEM;
	}
	*ret = g;
	return 0;
}

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

void guest_free(struct guest *g)
{
	struct guest_watcher *w;

	if (!g)
		return;
	while ((w = g->watchers)) {
		g->watchers = w->next;
		w->changed(w, g, true);
	}
	link_free(g->link);
	free_event(g->step_event);
	free_event(g->retry_event);
	free_event(g->deadline_event);
	free_event(g->offer_event);
	free_event(g->lines_event);
	ledger_done(&g->ledger);
	free(g);
}

/* An automatic guest resizes as it needs, which balance.c tells of. */
static bool is_routine(const struct guest *g, enum guest_state state)
{
	return g->set.automatic && guest_connected(g) &&
	       (state == GUEST_READY || state == GUEST_GROWING ||
		state == GUEST_SHRINKING);
}

/* Settled, or on the way: a resize that a lost agent interrupts is none. */
static void count_resize(struct guest *g, enum guest_state state)
{
	struct counters *c = g->env->counters;
	bool shrank = g->state == GUEST_SHRINKING;

	if (!guest_busy(g)) {
		g->busy_us = guest_now_us();
	} else if (state == GUEST_READY) {
		histogram_add(&c->took[shrank ? OPERATION_SHRINK :
						OPERATION_GROW],
			      guest_now_us() - g->busy_us);
		c->resizes[shrank][guest_arrived(g)]++;
	}
}

void guest_set_state(struct guest *g, enum guest_state state)
{
	if (g->state == state)
		return;
	count_resize(g, state);
	/* The last state, and who leaves it, are news at any time. */
	if (is_routine(g, state))
		guest_log(LOG_LEVEL_DEBUG, g, "-> %s", state_names[state]);
	else if (state == GUEST_QUARANTINED || g->state == GUEST_QUARANTINED ||
		 take_line(g))
		domain_log(LOG_LEVEL_INFO, &g->domain, " (%s -> %s)",
			   state_names[g->state], state_names[state]);
	g->state = state;
	guest_tell_watchers(g);
}

void guest_set_why(struct guest *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(g->why, sizeof(g->why), fmt, ap);
	va_end(ap);
}

void guest_kick(struct guest *g)
{
	struct timeval now = { 0, 0 };

	/* Not event_active(): descriptors are to be looked at in between. */
	event_add(g->step_event, &now);
}

void guest_kick_later(struct guest *g, uint32_t ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(g->step_event, &tv);
}

void guest_retry_later(struct guest *g)
{
	struct timeval tv = { g->retry_ms / 1000, g->retry_ms % 1000 * 1000 };

	event_add(g->retry_event, &tv);
	g->retry_ms = MIN(g->retry_ms * 2, g->env->conf.retry_max_ms);
}

const char *guest_mode_name(const struct guest *g)
{
	return g->managed ? "granules" : g->balloon.on ? "balloon" : "none";
}

bool guest_connected(const struct guest *g)
{
	if (g->balloon.on)
		return false;
	return g->state == GUEST_READY || guest_busy(g);
}

bool guest_busy(const struct guest *g)
{
	return g->state == GUEST_GROWING || g->state == GUEST_SHRINKING;
}

bool guest_arrived(const struct guest *g)
{
	if (g->balloon.on)
		return balloon_near(&g->balloon, g->domain.pages);
	return g->ledger.nr_backed == g->target && !ledger_nr_idle(&g->ledger);
}

uint64_t guest_least_kib(const struct guest *g)
{
	uint64_t boot_kib = g->boot_pages * PAGE_KIB;

	return boot_kib - boot_kib % GRANULE_KIB;
}

uint64_t guest_boot_pages(const struct guest *g)
{
	if (g->balloon.on)
		return g->balloon.boot_pages;
	return g->managed ? g->boot_pages : g->domain.pages;
}

uint64_t guest_held_kib(const struct guest *g)
{
	if (!g->managed)
		return g->domain.pages * PAGE_KIB;
	return g->boot_pages * PAGE_KIB +
	       (uint64_t)g->ledger.nr_backed * GRANULE_KIB;
}

uint64_t guest_target_kib(const struct guest *g)
{
	if (g->balloon.on)
		return balloon_want(&g->balloon) * PAGE_KIB;
	if (!g->managed)
		return g->domain.pages * PAGE_KIB;
	return g->boot_pages * PAGE_KIB + (uint64_t)g->target * GRANULE_KIB;
}

uint64_t guest_gfn(const struct guest *g, uint32_t granule)
{
	return g->hello.window_gfn + (uint64_t)granule * GRANULE_PAGES;
}

uint32_t guest_admitted(const struct guest *g)
{
	if (!g->managed)
		return g->stored_left;
	if (g->target <= g->ledger.nr_backed)
		return 0;
	return g->target - g->ledger.nr_backed;
}

uint32_t guest_claimed(const struct guest *g)
{
	if (!g->managed || g->claimed <= g->ledger.nr_backed)
		return 0;
	return MIN(g->claimed - g->ledger.nr_backed, guest_admitted(g));
}

const char *guest_id_text(const struct guest_id *id, char text[GUEST_UUID_MAX])
{
	const uint8_t *u = id->uuid;

	snprintf(text, GUEST_UUID_MAX,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9],
		 u[10], u[11], u[12], u[13], u[14], u[15]);
	return text;
}

const char *guest_uuid_text(const struct guest *g, char text[GUEST_UUID_MAX])
{
	return guest_id_text(&g->domain.id, text);
}

const char *guest_quarantine_text(const struct guest *g,
				  char text[GUEST_QUARANTINE_MAX])
{
	snprintf(text, GUEST_QUARANTINE_MAX,
		 "quarantined: %s; when that is mended: memtide readmit %u",
		 g->why, g->domain.id.domid);
	return text;
}

void guest_watch(struct guest *g, struct guest_watcher *w)
{
	w->next = g->watchers;
	g->watchers = w;
}

void guest_unwatch(struct guest *g, struct guest_watcher *w)
{
	struct guest_watcher **at = &g->watchers;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
}

void guest_tell_watchers(struct guest *g)
{
	struct guest_watcher *w, *next;

	for (w = g->watchers; w; w = next) {
		next = w->next;
		w->changed(w, g, false);
	}
	g->env->ops->changed(g);
}
