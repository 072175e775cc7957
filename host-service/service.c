/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * service.c - All guests of a host, and what is promised to them
 */
#include "service.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <string.h>

#include "balloon.h"
#include "guest_limits.h"
#include "log.h"
#include "session.h"
#include "steps.h"
#include "sync.h"

/* A guest with that much more available may give more when asked again. */
#define SERVICE_RELIEF_KIB	(16u * 1024)
#define MIB(kib)	((kib) / 1024)
/* More than any domain has, and little enough to add to. */
#define TARGET_KIB_MAX	(INT64_C(1) << 50)

struct guest *service_next(const struct service *s, uint32_t domid)
{
	uint32_t low = 0, high = s->nr_guests;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (s->guests[mid]->domain.id.domid < domid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->nr_guests ? s->guests[low] : NULL;
}

struct guest *service_by_domid(struct service *s, uint32_t domid)
{
	struct guest *g = service_next(s, domid);

	return g && g->domain.id.domid == domid ? g : NULL;
}

void service_watch(struct service *s, struct service_watcher *w)
{
	w->next = s->watchers;
	s->watchers = w;
}

void service_unwatch(struct service *s, struct service_watcher *w)
{
	struct service_watcher **at = &s->watchers;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
}

void service_tell_rescanned(struct service *s)
{
	for (struct service_watcher *w = s->watchers; w; w = w->next)
		w->rescanned(w);
}

static void tell_gone(struct service *s, const struct guest *g)
{
	for (struct service_watcher *w = s->watchers; w; w = w->next) {
		if (w->gone)
			w->gone(w, g);
	}
}

static bool same_guest(const struct guest *g, const struct backend_domain *d)
{
	return g && !memcmp(g->domain.id.uuid, d->id.uuid,
			    sizeof(d->id.uuid));
}

/* The guest of a listed domain, kept or new; NULL if memory is short. */
static struct guest *keep_or_new(struct service *s,
				 const struct backend_domain *d)
{
	struct guest *g = service_by_domid(s, d->id.domid);

	if (same_guest(g, d)) {
		g->seen = true;
		/* Another name, as after a migration: other settings. */
		g->set_known &= !strcmp(g->domain.name, d->name);
		g->domain = *d;
		return g;
	}
	if (guest_new(&s->env, d, &g)) {
		domain_log(LOG_LEVEL_ERR, d,
			   ": no memory to look after it, retrying");
		return NULL;
	}
	domain_log(LOG_LEVEL_INFO, d, " appeared, %" PRIu64 " pages", d->pages);
	s->counters.appeared++;
	/* A predecessor of the same domid may not have been listened to. */
	s->env.backend->ops->listen(s->env.backend, &d->id, true);
	return g;
}

/* What it was promised before our start counts before it greets (I4), and what
 * was set for it is set before it does. */
static bool know_stored(struct guest *g)
{
	int rc = g->stored_known ? 0 : sync_stored(g);

	if (!rc && !g->stored_known)
		rc = balloon_stored(g);
	g->stored_known = !rc;
	if (!rc && !g->set_known) {
		rc = limits_load(g);
		g->set_known = !rc;
	}
	if (rc)
		guest_log(LOG_LEVEL_ERR, g,
			  "cannot read what it was promised: %s, retrying",
			  strerror(-rc));
	return !rc;
}

static void forget_unseen(struct service *s, struct guest **guests,
			  uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		if (guests[i]->seen)
			continue;
		domain_log(LOG_LEVEL_INFO, &guests[i]->domain, " is gone");
		s->counters.gone++;
		tell_gone(s, guests[i]);
		guest_free(guests[i]);
	}
}

/* Not all guests are known, or not what they were promised: look again, and
 * promise nothing meanwhile. */
static void rescan_later(struct service *s)
{
	uint32_t ms = s->env.conf.retry_min_ms;
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	s->incomplete = true;
	event_add(s->rescan_event, &tv);
}

static int list_domains(struct service *s, struct backend_domain **ret,
			uint32_t *ret_nr, struct guest ***ret_guests)
{
	int rc = s->env.backend->ops->list(s->env.backend, ret, ret_nr);

	if (rc) {
		log_err("cannot list domains: %s, retrying", strerror(-rc));
		return rc;
	}
	*ret_guests = calloc(*ret_nr + 1, sizeof(struct guest *));
	if (*ret_guests)
		return 0;
	log_err("no memory for %u guests, retrying", *ret_nr);
	free(*ret);
	return -ENOMEM;
}

static void rescan(struct service *s)
{
	struct guest **guests, **old = s->guests;
	struct backend_domain *domains;
	uint32_t nr, nr_old = s->nr_guests, live = 0;

	if (list_domains(s, &domains, &nr, &guests)) {
		rescan_later(s);
		return;
	}
	s->incomplete = false;
	for (uint32_t i = 0; i < nr_old; i++)
		old[i]->seen = false;
	for (uint32_t i = 0; i < nr; i++) {
		guests[live] = keep_or_new(s, &domains[i]);
		if (!guests[live] || !know_stored(guests[live]))
			rescan_later(s);
		live += guests[live] != NULL;
	}
	free(domains);
	s->guests = guests;
	s->nr_guests = live;
	forget_unseen(s, old, nr_old);
	free(old);
	returns_look(&s->returns, guests, live, guest_now_us());
	for (uint32_t i = 0; i < live; i++)
		session_connect(guests[i]);
	service_tell_rescanned(s);
}

static void on_rescan(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	rescan(ctx);
}

void service_rescan(struct service *s)
{
	event_active(s->rescan_event, EV_TIMEOUT, 0);
}

static void on_domains(void *ctx)
{
	service_rescan(ctx);
}

static void on_offer(void *ctx, uint32_t domid)
{
	struct guest *g = service_by_domid(ctx, domid);

	if (g)
		session_offered(g);
}

/* The same, of a guest in balloon mode: what is refused is put right. */
static void on_balloon_target(struct guest *g)
{
	int rc;
	int64_t kib = 0;
	char why[256] = "";

	/* Its nodes go before it does. */
	rc = balloon_wanted(g, &kib);
	if (rc == -EALREADY || rc == -ENOENT || rc == -ESRCH)
		return;
	if (rc) {
		guest_log(LOG_LEVEL_WARN, g,
			  "cannot read its target of the toolstack: %s; ours stands",
			  strerror(-rc));
		balloon_retarget(g);
		return;
	}
	guest_log(LOG_LEVEL_INFO, g,
		  "the toolstack asks for %" PRId64 " MiB", MIB(kib));
	if (!service_set_target(g, (uint64_t)MAX(kib, 0), why, sizeof(why)))
		return;
	guest_log(LOG_LEVEL_WARN, g, "refused to the toolstack: %s", why);
	balloon_retarget(g);
}

/*
 * Somebody else of the toolstack wants another size, as xl mem-set does: taken
 * as an operator's. What is true is put back at once, or the balloon driver of
 * the guest would go for it too; the end of the steps tells the new size.
 *
 * What we wrote ourselves says what we told last. Before we have told anything
 * there is nothing to compare with: then our own target stands.
 */
static void on_target(void *ctx, uint32_t domid)
{
	struct guest *g = service_by_domid(ctx, domid);
	struct backend *b = ((struct service *)ctx)->env.backend;
	int64_t more_kib, kib;
	char why[256] = "";
	int rc;

	if (g && g->balloon.on)
		on_balloon_target(g);
	if (!g || !g->managed || !g->has_told)
		return;
	rc = b->ops->wanted(b, &g->domain.id, &more_kib);
	if (rc && rc != -ENOENT && rc != -ESRCH) {
		guest_log(LOG_LEVEL_WARN, g,
			  "cannot read its target of the toolstack: %s; what was told last stands",
			  strerror(-rc));
		/* Then what is there must not stay. */
		steps_retell(g);
	}
	if (rc || more_kib == (int64_t)g->told * GRANULE_KIB)
		return;
	if (b->ops->publish(b, &g->domain.id, g->told))
		guest_log(LOG_LEVEL_WARN, g,
			  "cannot put its target in the toolstack right, ignoring");
	/* Whoever it was may have written any number. */
	kib = (int64_t)guest_least_kib(g) +
	      MAX(MIN(more_kib, TARGET_KIB_MAX), -TARGET_KIB_MAX);
	guest_log(LOG_LEVEL_INFO, g,
		  "the toolstack asks for %" PRId64 " MiB", MIB(kib));
	if (!service_set_target(g, (uint64_t)MAX(kib, 0), why, sizeof(why)))
		return;
	guest_log(LOG_LEVEL_WARN, g, "refused to the toolstack: %s", why);
	/* xl mem-set changes the maximum as well. */
	if (g->state != GUEST_QUARANTINED)
		steps_retarget(g);
}

static const struct backend_events backend_events = {
	.domains = on_domains,
	.offer = on_offer,
	.target = on_target,
};

static void on_backend(evutil_socket_t fd, short what, void *ctx)
{
	struct service *s = ctx;

	(void)fd;
	(void)what;
	if (!s->env.backend->ops->dispatch(s->env.backend, &backend_events, s))
		return;
	/* Crash-only: the service manager starts us anew, all is read back. */
	log_err("lost the connection to %s, stopping", s->env.backend->ops->name);
	event_base_loopbreak(s->env.base);
}

static void on_report(struct guest *g, const struct msg_report *report)
{
	struct service *s = g->env->ctx;
	bool better = report->mem_available_kib >
		      g->report.mem_available_kib + SERVICE_RELIEF_KIB;

	guest_log(LOG_LEVEL_DEBUG, g,
		  "%" PRIu64 " of %" PRIu64 " KiB available at %" PRIu64 " us%s",
		  report->mem_available_kib, report->mem_total_kib,
		  report->time_us, report->stalled ? ", stalled" : "");
	g->report = *report;
	demand_report(&g->demand, report, guest_held_kib(g), g->settled,
		      guest_now_us());
	if (better && g->flight.hold_pull)
		steps_retry(g);
	for (struct service_watcher *w = s->watchers; w; w = w->next)
		w->reported(w, g);
}

static void on_message(struct guest *g, const struct guest_msg *msg)
{
	switch (msg->type) {
	case GUEST_MSG_HELLO:
		sync_begin(g, &msg->hello);
		break;
	case GUEST_MSG_STATE_REPLY:
		sync_state(g, &msg->state_reply);
		break;
	case GUEST_MSG_ONLINE_REPLY:
		steps_online_reply(g, &msg->online_reply);
		break;
	case GUEST_MSG_PULL_PROGRESS:
		steps_pull_progress(g, &msg->pull_progress);
		break;
	case GUEST_MSG_REPORT:
		on_report(g, &msg->report);
		break;
	case GUEST_MSG_UNSUPPORTED:
		guest_log(LOG_LEVEL_WARN, g,
			  "the agent does not know request %u, ignoring",
			  msg->unsupported.id);
		break;
	case GUEST_MSG_UNKNOWN:
		break;
	}
}

static void on_gone(struct guest *g)
{
	service_rescan(g->env->ctx);
}

/* A new domain; if it has the uuid of one that was there before, as after a
 * reboot, it is to have the size that was wanted for that one. */
static void on_managed(struct guest *g)
{
	struct service *s = g->env->ctx;
	struct backend *b = g->env->backend;
	char why[256] = "";
	uint64_t kib = 0;
	int rc;

	returns_drop(&s->returns, g);
	rc = b->ops->recall(b, &g->domain.id, &kib);

	/* An automatic one gets what it needs. */
	if (rc == -ENOENT || g->set.automatic)
		return;
	if (rc) {
		guest_log(LOG_LEVEL_WARN, g,
			  "cannot read what was wanted for its uuid: %s, ignoring",
			  strerror(-rc));
		return;
	}
	guest_log(LOG_LEVEL_INFO, g,
		  "%" PRIu64 " MiB were wanted for its uuid", MIB(kib));
	kib = MAX(kib, guest_least_kib(g));
	if (service_set_target(g, kib, why, sizeof(why)))
		guest_log(LOG_LEVEL_WARN, g, "it cannot have them: %s", why);
}

static void on_step(struct guest *g)
{
	if (g->balloon.on)
		balloon_run(g);
	else
		steps_run(g);
}

static void on_retry(struct guest *g)
{
	if (g->balloon.on)
		balloon_retry(g);
	else
		steps_retry(g);
}

static void on_changed(struct guest *g)
{
	struct service *s = g->env->ctx;

	for (struct service_watcher *w = s->watchers; w; w = w->next)
		w->changed(w, g);
}

static const struct guest_ops guest_ops = {
	.step = on_step,
	.retry = on_retry,
	.overdue = session_overdue,
	.look = session_look,
	.message = on_message,
	.managed = on_managed,
	.gone = on_gone,
	.changed = on_changed,
};

int service_open(struct event_base *base, struct backend *backend,
		 const struct guest_conf *conf, struct service **ret)
{
	struct service *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->env = (struct guest_env){ base, backend, *conf, &guest_ops, s,
				     &s->counters };
	s->start_us = guest_now_us();
	s->rescan_event = event_new(base, -1, 0, on_rescan, s);
	s->backend_event = event_new(base, backend->ops->fd(backend),
				     EV_READ | EV_PERSIST, on_backend, s);
	if (!s->rescan_event || !s->backend_event ||
	    event_add(s->backend_event, NULL)) {
		service_close(s);
		return -ENOMEM;
	}
	rescan(s);
	*ret = s;
	return 0;
}

void service_close(struct service *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->nr_guests; i++)
		guest_free(s->guests[i]);
	free(s->guests);
	if (s->backend_event)
		event_free(s->backend_event);
	if (s->rescan_event)
		event_free(s->rescan_event);
	free(s);
}

/* Pages promised to it that may still be given to another */
static uint64_t promised(const struct guest *g)
{
	/* It counts below. */
	if (g->domain.restarts)
		return 0;
	if (g->balloon.on)
		return balloon_promised(&g->balloon, g->domain.pages,
					g->domain.max_pages);
	return (uint64_t)guest_admitted(g) * TABLED_GRANULE_PAGES -
	       (uint64_t)guest_claimed(g) * GRANULE_PAGES;
}

uint64_t service_promised(const struct service *s)
{
	uint64_t pages = s->reserved;

	pages += returns_promised(&s->returns, s->guests, s->nr_guests,
				  guest_now_us());
	for (uint32_t i = 0; i < s->nr_guests; i++)
		pages += promised(s->guests[i]);
	return pages;
}

/* What guests have given by themselves they must not take again, once it is
 * promised to another. One that is gone has nothing. */
static void look_at_balloons(struct service *s)
{
	for (uint32_t i = 0; i < s->nr_guests; i++) {
		if (s->guests[i]->balloon.on)
			balloon_look(s->guests[i]);
	}
}

int service_spare(struct service *s, uint32_t *ret_granules,
		  uint32_t *ret_total)
{
	struct backend_host host;
	uint64_t gone;
	int rc;

	if (s->incomplete)
		return -EIO;
	look_at_balloons(s);
	returns_refresh(&s->returns, s->guests, s->nr_guests);
	gone = service_promised(s) + s->env.conf.reserve_kib / PAGE_KIB;
	rc = s->env.backend->ops->host(s->env.backend, &host);
	if (rc)
		return rc;
	host.free -= MIN(host.free, gone);
	*ret_granules = (uint32_t)MIN(host.free / TABLED_GRANULE_PAGES,
				      UINT32_MAX);
	*ret_total = (uint32_t)MIN(host.total / GRANULE_PAGES, UINT32_MAX);
	return 0;
}

/* I4: what this guest would be promised beyond now must be there. */
static int admit(struct guest *g, uint64_t need_pages, char *why, size_t size)
{
	struct service *s = g->env->ctx;
	uint64_t need_kib, have_kib, gone_kib;
	struct backend_host host;
	int rc;

	if (!need_pages)
		return 0;
	if (s->incomplete) {
		snprintf(why, size,
			 "what other guests were promised cannot be read yet; try again");
		return -EIO;
	}
	look_at_balloons(s);
	returns_refresh(&s->returns, s->guests, s->nr_guests);
	rc = s->env.backend->ops->host(s->env.backend, &host);
	if (rc) {
		snprintf(why, size, "cannot ask the host for its memory: %s",
			 strerror(-rc));
		return rc;
	}
	need_kib = need_pages * PAGE_KIB;
	gone_kib = (service_promised(s) - promised(g)) * PAGE_KIB +
		   s->env.conf.reserve_kib;
	have_kib = host.free * PAGE_KIB +
		   (uint64_t)guest_claimed(g) * GRANULE_KIB;
	if (have_kib >= gone_kib && have_kib - gone_kib >= need_kib)
		return 0;
	snprintf(why, size,
		 "it needs %" PRIu64 " MiB more, but the host has %" PRIu64
		 " MiB free, of which %" PRIu64
		 " MiB are promised or in reserve",
		 MIB(need_kib), MIB(have_kib), MIB(gone_kib));
	return -ENOMEM;
}

static int admit_granules(struct guest *g, uint32_t target, char *why,
			  size_t size)
{
	uint64_t more = target - MIN(target, g->ledger.nr_backed);

	return admit(g, more * TABLED_GRANULE_PAGES, why, size);
}

int service_readmit(struct guest *g, char *why, size_t size)
{
	int rc;

	if (g->state != GUEST_QUARANTINED) {
		snprintf(why, size, "it is not quarantined, it is %s",
			 guest_state_name(g->state));
		return -EINVAL;
	}
	rc = sync_readmit(g);
	if (rc) {
		snprintf(why, size,
			 "cannot read what it has: %s; it stays quarantined: %s",
			 strerror(-rc), g->why);
		return rc;
	}
	session_readmit(g);
	return 0;
}

static int check_managed(const struct guest *g, char *why, size_t size)
{
	char text[GUEST_QUARANTINE_MAX];

	if (g->state == GUEST_QUARANTINED)
		snprintf(why, size, "it is %s", guest_quarantine_text(g, text));
	else if (!g->managed)
		snprintf(why, size,
			 "it is not managed: its memtide-agent is greeting");
	else if (!guest_connected(g) && g->state != GUEST_LOST &&
		 g->state != GUEST_SYNCING && g->state != GUEST_GREETING)
		snprintf(why, size, "its agent is not there");
	else
		return 0;
	return -ENOTCONN;
}

static int to_granules(const struct guest *g, uint64_t kib, uint32_t *ret,
		       char *why, size_t size)
{
	uint64_t least = guest_least_kib(g), granules;

	if (kib < least) {
		snprintf(why, size, "it was built with %" PRIu64
			 " MiB and cannot hold less", MIB(least));
		return -EINVAL;
	}
	granules = (kib - least + GRANULE_KIB - 1) / GRANULE_KIB;
	if (granules > g->ledger.granules) {
		least += (uint64_t)g->ledger.granules * GRANULE_KIB;
		snprintf(why, size, "its window ends at %" PRIu64 " MiB",
			 MIB(least));
		return -EINVAL;
	}
	*ret = (uint32_t)granules;
	return 0;
}

static int check_balloon(const struct guest *g, uint64_t kib, char *why,
			 size_t size)
{
	uint64_t least = balloon_least_kib(&g->balloon);
	uint64_t most = balloon_most_kib(&g->balloon);

	if (kib > most) {
		snprintf(why, size,
			 "it is not managed: no memtide-agent has greeted, and without one it cannot hold more than the %" PRIu64
			 " MiB it was built with", MIB(most));
		return -EINVAL;
	}
	if (kib < least) {
		snprintf(why, size, "a guest built with %" PRIu64
			 " MiB is not ballooned below %" PRIu64 " MiB",
			 MIB(most), MIB(least));
		return -EINVAL;
	}
	return 0;
}

static int admit_balloon(struct guest *g, uint32_t less, char *why, size_t size)
{
	struct balloon then = g->balloon;
	uint64_t want;

	then.less = less;
	want = balloon_want(&then);
	return admit(g, want - MIN(want, g->domain.pages), why, size);
}

/* Of a guest that no agent speaks for: within what it was built with. */
static int set_balloon(struct guest *g, uint64_t kib, char *why, size_t size)
{
	uint32_t less;
	int rc;

	rc = balloon_learn(g, why, size);
	if (!rc)
		rc = check_balloon(g, kib, why, size);
	if (rc)
		return rc;
	less = balloon_less(&g->balloon, kib);
	rc = admit_balloon(g, less, why, size);
	if (rc)
		return rc;
	rc = balloon_set(g, less);
	if (rc)
		snprintf(why, size, "cannot store its target: %s",
			 strerror(-rc));
	return rc;
}

int service_move(struct guest *g, uint32_t granules)
{
	int rc = steps_store_target(g, granules);

	if (rc)
		return rc;
	g->target = granules;
	guest_set_why(g, "%s", "");
	steps_retarget(g);
	return 0;
}

int service_set_target(struct guest *g, uint64_t kib, char *why, size_t size)
{
	uint32_t target = 0, before = g->target;
	int rc;

	if (g->balloon.on || g->state == GUEST_UNMANAGED)
		return set_balloon(g, kib, why, size);
	rc = check_managed(g, why, size);
	if (!rc && g->set.automatic) {
		snprintf(why, size,
			 "it is automatic: change its limits, or first: memtide auto %u off",
			 g->domain.id.domid);
		rc = -EINVAL;
	}
	if (!rc)
		rc = to_granules(g, kib, &target, why, size);
	if (!rc)
		rc = admit_granules(g, target, why, size);
	if (rc)
		return rc;
	rc = service_move(g, target);
	if (rc) {
		snprintf(why, size, "cannot store its target: %s",
			 strerror(-rc));
		return rc;
	}
	guest_log(LOG_LEVEL_INFO, g, "target %u -> %u granules", before,
		  target);
	return 0;
}
