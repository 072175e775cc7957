/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * audit.c - Is what we believe true? (I1, I2, I3)
 *
 * For each managed guest, quarantined or not: the ledger against Xen's p2m,
 * Xen's page count and maximum against the prediction, and, where its agent is
 * there and it is not being resized, the ledger against what the guest says is
 * in use. Of one in balloon mode: Xen's page count and maximum and the
 * toolstack's target against what it was set to. Who is quarantined is a
 * finding in itself. One guest after the other; nothing is changed.
 */
#include "audit.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "balloon.h"
#include "steps.h"
#include "sync.h"

static void audit_go_on(struct client *c);

static void __attribute__((format(printf, 3, 4)))
finding(struct client *c, const struct guest *g, const char *fmt, ...)
{
	struct control_reply r = { .body = CONTROL_BODY_FINDING };
	va_list ap;

	r.finding.domid = g->domain.id.domid;
	snprintf(r.finding.name, sizeof(r.finding.name), "%s", g->domain.name);
	va_start(ap, fmt);
	vsnprintf(r.finding.text, sizeof(r.finding.text), fmt, ap);
	va_end(ap);
	c->audit_findings++;
	client_reply(c, &r);
}

static void audit_backed(struct client *c, struct guest *g)
{
	struct backend *b = g->env->backend;
	struct ledger *l = &g->ledger;
	uint64_t *bits = calloc(l->granules / 64, sizeof(*bits));
	uint64_t wrong = 0;
	int rc = -ENOMEM;

	if (bits)
		rc = b->ops->backed(b, &g->domain.id, g->hello.window_gfn,
				    l->granules, bits);
	for (uint32_t i = 0; !rc && i < l->granules / 64; i++)
		wrong += (uint64_t)__builtin_popcountll(bits[i] ^ l->backed[i]);
	free(bits);
	if (rc)
		finding(c, g, "cannot read what is backed: %s", strerror(-rc));
	else if (wrong)
		finding(c, g, "%" PRIu64
			" granules are backed in Xen and not in the ledger, or the reverse",
			wrong);
}

static void audit_pages(struct client *c, struct guest *g)
{
	int64_t drift = 0;
	uint64_t expected;
	int rc = steps_drift(g, &drift);

	if (rc) {
		finding(c, g, "cannot read its page count: %s", strerror(-rc));
		return;
	}
	if (drift)
		finding(c, g, "Xen counts %" PRIu64
			" pages, %+" PRId64 " against boot memory and ledger",
			g->domain.pages, drift);
	expected = g->domain.pages - (uint64_t)drift;
	if (!guest_busy(g) && g->domain.max_pages != expected && !drift)
		finding(c, g, "its maximum is %" PRIu64 " pages, not %" PRIu64,
			g->domain.max_pages, expected);
}

/* On its way, its count is what it may be, and the maximum is being moved. */
static void audit_balloon(struct client *c, struct guest *g)
{
	struct backend *b = g->env->backend;
	int64_t kib;
	uint64_t max;
	int rc = b->ops->domain(b, &g->domain.id, &g->domain);

	c->audit_guests++;
	if (rc) {
		finding(c, g, "cannot read its page count: %s", strerror(-rc));
		return;
	}
	max = balloon_max(&g->balloon, g->domain.pages);
	if (guest_busy(g))
		return;
	if (!guest_arrived(g))
		finding(c, g, "Xen counts %" PRIu64
			" pages, its balloon should keep %" PRIu64 ": %s",
			g->domain.pages, balloon_want(&g->balloon), g->why);
	if (g->domain.max_pages != max)
		finding(c, g, "its maximum is %" PRIu64 " pages, not %" PRIu64,
			g->domain.max_pages, max);
	if (balloon_wanted(g, &kib) != -EALREADY)
		finding(c, g, "the toolstack's target for it is not what memtided told");
}

static void audit_done(struct client *c)
{
	struct control_reply r = { .body = CONTROL_BODY_AUDIT };

	r.audit.guests = c->audit_guests;
	r.audit.granules = c->audit_granules;
	if (c->audit_findings) {
		r.status = CONTROL_STATUS_PARTLY;
		snprintf(r.text, sizeof(r.text), "%u findings",
			 c->audit_findings);
	}
	client_end(c, &r);
}

static void on_changed(struct guest_watcher *w, struct guest *g, bool gone)
{
	struct client *c = (struct client *)((char *)w -
					     offsetof(struct client, watcher));

	if (!gone && g->sync_audit)
		return;
	c->guest = NULL;
	if (!gone) {
		guest_unwatch(g, w);
		/* If it began to change meanwhile, its answer is of no use. */
		if (g->sync_next == g->ledger.granules && g->audit_wrong)
			finding(c, g, "%" PRIu64
				" granules are in use in the guest and not in the ledger, or the reverse",
				g->audit_wrong);
	}
	audit_go_on(c);
}

/* Returns true if the guest's own answer must be waited for. */
static bool audit_guest(struct client *c, struct guest *g)
{
	char text[GUEST_QUARANTINE_MAX];

	if (g->state == GUEST_QUARANTINED)
		finding(c, g, "%s", guest_quarantine_text(g, text));
	if (g->balloon.on)
		audit_balloon(c, g);
	if (!g->managed)
		return false;
	c->audit_guests++;
	c->audit_granules += g->ledger.nr_backed;
	audit_backed(c, g);
	audit_pages(c, g);
	if (g->state == GUEST_QUARANTINED)
		return false;
	if (!guest_connected(g)) {
		finding(c, g, "its agent is not there, state %s",
			guest_state_name(g->state));
		return false;
	}
	if (guest_busy(g))
		return false;	/* what the guest says is moving */
	c->guest = g;
	c->watcher.changed = on_changed;
	guest_watch(g, &c->watcher);
	if (!sync_audit(g))
		return true;
	guest_unwatch(g, &c->watcher);
	c->guest = NULL;
	return false;
}

/* By domid, not by index: guests come and go while one of them answers. */
static struct guest *next_guest(struct client *c)
{
	struct service *s = c->service;

	for (uint32_t i = 0; i < s->nr_guests; i++) {
		struct guest *g = s->guests[i];

		if (g->domain.id.domid < c->audit_next)
			continue;
		c->audit_next = g->domain.id.domid + 1;
		if (g->managed || g->balloon.on ||
		    g->state == GUEST_QUARANTINED)
			return g;
	}
	return NULL;
}

static void audit_go_on(struct client *c)
{
	struct guest *g;

	while ((g = next_guest(c))) {
		if (audit_guest(c, g))
			return;
	}
	audit_done(c);
}

void audit_start(struct client *c)
{
	c->audit_next = 0;
	c->audit_guests = 0;
	c->audit_granules = 0;
	c->audit_findings = 0;
	audit_go_on(c);
}
