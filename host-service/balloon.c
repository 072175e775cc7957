/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * balloon.c - Guests whose size their own balloon driver keeps
 */
#include "balloon.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <string.h>

#include "session.h"

/* How often is looked at one on its way; ten times in our patience at least */
#define BALLOON_POLL_MS_MAX	100u
/* A driver that could not give or take a page tries again after a second. */
#define BALLOON_PATIENCE_RETRIES	10u
/* libxl's LIBXL_MAXMEM_CONSTANT: what it adds to a domain's maximum */
#define BALLOON_SLACK_PAGES_MAX	256u
/* More than any domain has, and little enough to reckon with */
#define BALLOON_MOST_KIB_MAX	(UINT64_C(1) << 40)
#define KEY			"balloon"

static uint32_t patience_ms(const struct guest *g)
{
	return g->env->conf.retry_min_ms * BALLOON_PATIENCE_RETRIES;
}

/* Storing -------------------------------------------------------------- */

static int store(struct guest *g, const char *text)
{
	struct backend *b = g->env->backend;

	return b->ops->store_write(b, &g->domain.id, KEY, text);
}

static int store_less(struct guest *g, uint32_t less)
{
	const struct balloon *b = &g->balloon;
	char text[BACKEND_VALUE_MAX];

	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 " %" PRIu64 " %u",
		 b->boot_pages, b->slack_pages, b->most_kib, less);
	return store(g, text);
}

/* Return: 0, -ENOENT if there is nothing that makes sense, or -EIO */
static int load(struct guest *g, struct balloon *ret)
{
	struct balloon b = { .on = true, .nearest = UINT64_MAX };
	struct backend *backend = g->env->backend;
	char text[BACKEND_VALUE_MAX];
	int rc, end = 0;

	rc = backend->ops->store_read(backend, &g->domain.id, KEY, text,
				      sizeof(text));
	if (rc || !*text)
		return rc ? rc : -ENOENT;
	if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %u%n",
		   &b.boot_pages, &b.slack_pages, &b.most_kib, &b.less,
		   &end) != 4 || text[end] ||
	    b.slack_pages > BALLOON_SLACK_PAGES_MAX ||
	    b.boot_pages > BALLOON_MOST_KIB_MAX / PAGE_KIB ||
	    b.most_kib > BALLOON_MOST_KIB_MAX ||
	    b.less > b.boot_pages / GRANULE_PAGES ||
	    b.less > b.most_kib / GRANULE_KIB) {
		guest_log(LOG_LEVEL_ERR, g,
			  "stored about its balloon: \"%s\", ignoring", text);
		return -ENOENT;
	}
	*ret = b;
	return 0;
}

/* Begin and end -------------------------------------------------------- */

int balloon_stored(struct guest *g)
{
	int rc = load(g, &g->balloon);

	if (rc)
		return rc == -ENOENT || rc == -ESRCH ? 0 : rc;
	guest_log(LOG_LEVEL_INFO, g,
		  "in balloon mode: boot %" PRIu64 " pages, %u granules less",
		  g->balloon.boot_pages, g->balloon.less);
	balloon_retarget(g);
	return 0;
}

/* Was a window of it announced to us, or to our predecessor? */
static int check_no_window(struct guest *g, char *why, size_t size)
{
	struct backend *b = g->env->backend;
	char text[BACKEND_VALUE_MAX];
	int rc = b->ops->store_read(b, &g->domain.id, "window", text,
				    sizeof(text));

	if (rc == -ENOENT || (!rc && !*text))
		return 0;
	if (rc)
		snprintf(why, size, "cannot read whether it has a window: %s",
			 strerror(-rc));
	else
		snprintf(why, size,
			 "it is managed in granules, and its memtide-agent has not greeted yet");
	return rc ? rc : -ENOTCONN;
}

static int no_target(int rc, char *why, size_t size)
{
	if (rc == -ENOENT)
		snprintf(why, size,
			 "it is not managed: no memtide-agent has greeted, and the toolstack keeps no memory/target for it");
	else
		snprintf(why, size, "cannot read what it was built with: %s",
			 strerror(-rc));
	return rc == -ENOENT ? -ENOTCONN : rc;
}

/*
 * The toolstack's target and Xen's count must agree, or the domain is on its
 * way, or nobody minds its target; then what it was built with cannot be told
 * from what it holds.
 */
static int check_settled(struct guest *g, const struct backend_balloon *t,
			 char *why, size_t size)
{
	uint64_t held_kib = g->domain.pages * PAGE_KIB;

	if (t->target_kib <= t->most_kib &&
	    t->most_kib <= BALLOON_MOST_KIB_MAX / 2 &&
	    g->domain.pages <= g->domain.max_pages &&
	    held_kib + BALLOON_NEAR_PAGES * PAGE_KIB >= t->target_kib &&
	    t->target_kib + 2 * BALLOON_NEAR_PAGES * PAGE_KIB >= held_kib)
		return 0;
	snprintf(why, size, "it holds %" PRIu64
		 " MiB, but the toolstack's target for it is %" PRIu64
		 " MiB of %" PRIu64 ": it is on its way, or its balloon does not answer",
		 held_kib / 1024, t->target_kib / 1024, t->most_kib / 1024);
	return -ENOTCONN;
}

int balloon_learn(struct guest *g, char *why, size_t size)
{
	struct backend *b = g->env->backend;
	struct balloon *to = &g->balloon;
	struct backend_balloon t;
	int rc;

	if (to->on)
		return 0;
	rc = check_no_window(g, why, size);
	if (rc)
		return rc;
	rc = b->ops->domain(b, &g->domain.id, &g->domain);
	if (!rc)
		rc = b->ops->balloon(b, &g->domain.id, &t);
	if (rc)
		return no_target(rc, why, size);
	rc = check_settled(g, &t, why, size);
	if (rc)
		return rc;
	*to = (struct balloon){ .nearest = UINT64_MAX };
	to->boot_pages = g->domain.pages +
			 (t.most_kib - t.target_kib) / PAGE_KIB;
	to->most_kib = t.most_kib;
	to->slack_pages = MIN(g->domain.max_pages - g->domain.pages,
			      BALLOON_SLACK_PAGES_MAX);
	return 0;
}

/* It may be there all the same, and what was refused must not come true. */
static void unstore(struct guest *g)
{
	int rc = g->balloon.on ? store_less(g, g->balloon.less) : store(g, "");

	if (rc)
		guest_log(LOG_LEVEL_WARN, g,
			  "cannot take back what is stored about its balloon: %s, ignoring",
			  strerror(-rc));
}

int balloon_set(struct guest *g, uint32_t less)
{
	struct balloon *b = &g->balloon;
	int rc;

	if (!b->on && !less && balloon_near(b, g->domain.pages))
		return 0;
	rc = store_less(g, less);
	if (rc) {
		unstore(g);
		return rc;
	}
	guest_log(LOG_LEVEL_INFO, g, "balloon: %u -> %u granules less",
		  b->less, less);
	b->less = less;
	b->on = true;
	balloon_retarget(g);
	return 0;
}

/* Back at what it was built with, and everyone was told. */
static void leave(struct guest *g)
{
	int rc = store(g, "");

	if (rc) {
		guest_log(LOG_LEVEL_WARN, g,
			  "cannot forget its balloon: %s, ignoring",
			  strerror(-rc));
		return;
	}
	guest_log(LOG_LEVEL_INFO, g, "back at what it was built with");
	g->balloon = (struct balloon){ 0 };
	guest_set_state(g, GUEST_UNMANAGED);
	session_connect(g);
}

/* Steps ---------------------------------------------------------------- */

static void settle(struct guest *g)
{
	g->settled = true;
	guest_set_state(g, GUEST_READY);
	guest_tell_watchers(g);
}

/* Said once in a row. */
static void hold_off(struct guest *g)
{
	guest_log(g->balloon.deaf ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, g,
		  "%s, retrying in %u ms", g->why, g->retry_ms);
	g->balloon.deaf = true;
	guest_retry_later(g);
	settle(g);
}

static void stuck(struct guest *g)
{
	const struct balloon *b = &g->balloon;

	guest_set_why(g, "its balloon does not answer: it holds %" PRIu64
		      " MiB, its target is %" PRIu64
		      " MiB, and it came no nearer for %u s",
		      g->domain.pages * PAGE_KIB / 1024,
		      balloon_want(b) * PAGE_KIB / 1024, b->quiet_ms / 1000);
	hold_off(g);
}

static void failed(struct guest *g, const char *what, int rc)
{
	if (rc == -ESRCH) {
		g->env->ops->gone(g);
		return;
	}
	if (rc == -EAGAIN)
		guest_set_why(g, "it is being saved, or has shut down");
	else
		guest_set_why(g, "cannot %s: %s", what, strerror(-rc));
	hold_off(g);
}

static void arrived(struct guest *g)
{
	g->retry_ms = g->env->conf.retry_min_ms;
	g->balloon.deaf = false;
	guest_set_why(g, "%s", "");
	settle(g);
	if (!g->balloon.less)
		leave(g);
}

static void set_max(struct guest *g, uint64_t max_pages)
{
	struct backend *b = g->env->backend;
	int rc = b->ops->set_max(b, &g->domain.id, max_pages);

	if (rc)
		failed(g, "set its maximum", rc);
	else
		guest_kick(g);
}

/* The toolstack's target that goes with that */
static uint64_t told_kib(const struct balloon *b, uint32_t less)
{
	return b->most_kib - (uint64_t)less * GRANULE_KIB;
}

static void tell(struct guest *g)
{
	struct backend *b = g->env->backend;
	int rc = b->ops->set_balloon(b, &g->domain.id,
				     told_kib(&g->balloon, g->balloon.less));

	if (rc) {
		failed(g, "tell its balloon", rc);
		return;
	}
	g->balloon.has_told = true;
	g->balloon.told = g->balloon.less;
	guest_kick(g);
}

/* How long ago was the last look? */
static uint32_t elapsed_ms(struct guest *g)
{
	int64_t now_us = guest_now_us();
	int64_t ms = (now_us - g->looked_us) / 1000;

	g->looked_us += ms * 1000;
	return (uint32_t)MIN(ms, INT32_MAX);
}

/* Asked again and not yet answering, it stays where it is, with the reason. */
static void look_nearer(struct guest *g)
{
	uint64_t want = balloon_want(&g->balloon);
	bool was_deaf = g->balloon.deaf;

	balloon_looked(&g->balloon, g->domain.pages, elapsed_ms(g));
	if (g->balloon.deaf || g->domain.pages == want)
		return;
	if (was_deaf)
		guest_set_why(g, "%s", "");
	guest_set_state(g, g->domain.pages > want ? GUEST_SHRINKING :
						    GUEST_GROWING);
}

void balloon_run(struct guest *g)
{
	struct backend *b = g->env->backend;
	uint64_t max_pages, before = g->domain.pages;
	enum balloon_step step;
	int rc;

	/* Held off, or there: whoever wants more from it says so. */
	if (g->settled)
		return;
	rc = b->ops->domain(b, &g->domain.id, &g->domain);
	if (rc) {
		failed(g, "ask Xen what it holds", rc);
		return;
	}
	look_nearer(g);
	step = balloon_next(&g->balloon, g->domain.pages, g->domain.max_pages,
			    patience_ms(g), &max_pages);
	switch (step) {
	case BALLOON_SETTLED:
		arrived(g);
		break;
	case BALLOON_SET_MAX:
		set_max(g, max_pages);
		break;
	case BALLOON_TELL:
		tell(g);
		break;
	case BALLOON_WAIT:
		if (g->domain.pages != before)
			guest_tell_watchers(g);
		guest_kick_later(g, MIN(g->env->conf.retry_min_ms,
					BALLOON_POLL_MS_MAX));
		break;
	case BALLOON_STUCK:
		stuck(g);
		break;
	}
}

void balloon_retry(struct guest *g)
{
	event_del(g->retry_event);
	g->settled = false;
	g->balloon.has_told = false;
	g->looked_us = guest_now_us();
	balloon_asked(&g->balloon);
	guest_kick(g);
}

void balloon_retarget(struct guest *g)
{
	g->retry_ms = g->env->conf.retry_min_ms;
	g->balloon.deaf = false;
	guest_set_why(g, "%s", "");
	balloon_retry(g);
}

int balloon_look(struct guest *g)
{
	struct backend *b = g->env->backend;
	uint64_t max_pages;
	int rc = b->ops->domain(b, &g->domain.id, &g->domain);

	if (rc)
		return rc;
	max_pages = balloon_max(&g->balloon, g->domain.pages);
	if (g->domain.max_pages <= max_pages)
		return 0;
	rc = b->ops->set_max(b, &g->domain.id, max_pages);
	if (!rc)
		g->domain.max_pages = max_pages;
	return rc;
}

int balloon_wanted(struct guest *g, int64_t *ret_kib)
{
	const struct balloon *b = &g->balloon;
	struct backend *backend = g->env->backend;
	struct backend_balloon t;
	int rc = backend->ops->balloon(backend, &g->domain.id, &t);

	if (rc)
		return rc;
	/* Before we have told anything, our own target stands. */
	if (!b->has_told || t.target_kib == told_kib(b, b->told))
		return -EALREADY;
	*ret_kib = (int64_t)balloon_most_kib(b) + (int64_t)t.target_kib -
		   (int64_t)b->most_kib;
	return 0;
}
