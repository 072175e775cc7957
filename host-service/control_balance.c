/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_balance.c - limits, auto, balance, explain
 */
#include "control_balance.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "control_guests.h"
#include "guest_limits.h"

#define SAME_SETTING(name)						\
	static_assert((int)SETTING_##name == (int)CONTROL_SETTING_##name, \
		      "the codec's order is ours")
SAME_SETTING(AUTO);
SAME_SETTING(MIN);
SAME_SETTING(MAX);
SAME_SETTING(WEIGHT);
SAME_SETTING(HEADROOM);
static_assert((int)SETTING_NUM == (int)CONTROL_NUM_SETTINGS, "all of them");

static_assert(REASON_TEXT_MAX <= CONTROL_REASON_MAX, "a reason fits");

static uint64_t kib_of(uint32_t granules)
{
	return (uint64_t)granules * GRANULE_KIB;
}

/* Limits ---------------------------------------------------------------- */

static int to_value(enum setting which, uint64_t value, uint32_t *ret,
		    char why[SETTINGS_WHY_MAX])
{
	uint32_t most = which == SETTING_AUTO ? 1 : POLICY_WEIGHT_MAX;

	if (setting_is_size(which) && value)
		return setting_from_bytes(which, value, ret, why);
	if (!setting_is_size(which) &&
	    (value > most || (which == SETTING_WEIGHT && !value))) {
		snprintf(why, SETTINGS_WHY_MAX, "is not a number from %u to %u",
			 which == SETTING_WEIGHT, most);
		return -EINVAL;
	}
	*ret = (uint32_t)value;
	return 0;
}

/* What is set live, as it is to be. */
static int change(const struct client *c, struct settings *live,
		  char why[SETTINGS_WHY_MAX + 16])
{
	char reason[SETTINGS_WHY_MAX] = "";
	uint32_t value = 0;

	for (unsigned int i = 0; i < SETTING_NUM; i++) {
		const struct control_change *to = &c->request.changes[i];
		enum setting which = (enum setting)i;

		if (to->what == CONTROL_DEFAULT)
			settings_clear(live, which);
		if (to->what != CONTROL_CHANGE)
			continue;
		if (to_value(which, to->value, &value, reason)) {
			snprintf(why, SETTINGS_WHY_MAX + 16, "its %s %s",
				 setting_name(which), reason);
			return -EINVAL;
		}
		settings_put(live, which, value);
	}
	return 0;
}

static bool asks_for_nothing(const struct client *c)
{
	bool nothing = true;

	for (unsigned int i = 0; i < SETTING_NUM; i++)
		nothing &= c->request.changes[i].what == CONTROL_KEEP;
	return nothing;
}

/* Checked, then kept: what cannot be kept is not set either. */
static int set_live(struct guest *g, const struct settings *live, char *why,
		    size_t size)
{
	struct policy_settings before = g->set, then = limits_of(g, live);
	char ignored[CONTROL_TEXT_MAX];
	int rc = balance_set(g, &then, why, size);

	if (rc)
		return rc;
	rc = limits_store(g, live);
	if (!rc)
		return 0;
	snprintf(why, size, "cannot keep what is set: %s", strerror(-rc));
	(void)balance_set(g, &before, ignored, sizeof(ignored));
	return rc;
}

void control_limits(struct client *c)
{
	struct control_reply r = { .status = CONTROL_STATUS_OK };
	char why[CONTROL_TEXT_MAX] = "";
	struct guest *g = client_guest(c);
	struct settings live;
	int rc = 0;

	if (!g)
		return;
	live = g->live;
	if (!asks_for_nothing(c))
		rc = change(c, &live, why);
	if (!rc && !asks_for_nothing(c))
		rc = set_live(g, &live, why, sizeof(why));
	if (rc) {
		client_fail(c, CONTROL_STATUS_REFUSED, "guest \"%s\": %.380s",
			    g->domain.name, why);
		return;
	}
	control_reply_guest(c, g);
	client_end(c, &r);
}

/* Balance --------------------------------------------------------------- */

static void reply_row(struct client *c, struct guest *g,
		      const struct policy_guest *p)
{
	struct control_reply r = { .body = CONTROL_BODY_BALANCE_ROW };
	struct policy_change change = policy_change(p);
	struct guest *other = service_by_domid(c->service, p->other);
	char text[REASON_TEXT_MAX];

	r.balance_row.domid = g->domain.id.domid;
	snprintf(r.balance_row.name, sizeof(r.balance_row.name), "%s",
		 g->domain.name);
	r.balance_row.held_kib = kib_of(p->held);
	r.balance_row.target_kib = kib_of(p->from);
	r.balance_row.then_kib = kib_of(p->target);
	snprintf(r.balance_row.why, sizeof(r.balance_row.why), "%s",
		 reason_text(&change, other ? other->domain.name : NULL, text));
	client_reply(c, &r);
}

void control_balance(struct client *c)
{
	struct control_reply r = { .body = CONTROL_BODY_BALANCE };
	const struct policy_guest *guests;
	struct policy_host host;
	uint32_t nr;
	int rc = balance_dry_run(c->balance, &host, &guests, &nr);

	if (rc) {
		client_fail(c, CONTROL_STATUS_REFUSED,
			    "the host cannot be looked at now: %s",
			    strerror(-rc));
		return;
	}
	for (uint32_t i = 0; i < nr; i++) {
		struct guest *g = c->service->guests[i];

		if (!g->set.automatic)
			continue;
		r.balance.guests++;
		r.balance.changes += guests[i].target != guests[i].from;
		reply_row(c, g, &guests[i]);
	}
	r.balance.free_kib = kib_of(host.free);
	r.balance.burst_kib = kib_of(host.burst);
	r.balance.wanted_kib = kib_of(host.wanted);
	if (!c->request.dry_run)
		balance_kick(c->balance);
	client_end(c, &r);
}

/* Explain --------------------------------------------------------------- */

void control_explain(struct client *c)
{
	struct control_reply r = { .status = CONTROL_STATUS_OK };
	struct control_reply e = { .body = CONTROL_BODY_EXPLAIN };
	struct guest *g = client_guest(c);
	char text[REASON_TEXT_MAX];
	uint32_t ago_ms;

	if (!g)
		return;
	control_reply_guest(c, g);
	for (unsigned int n = 0; n <= GUEST_STORIES; n++) {
		if (balance_explain(c->balance, g, n, &ago_ms, text))
			continue;
		e.explain.now = !n;
		e.explain.ago_ms = ago_ms;
		snprintf(e.explain.text, sizeof(e.explain.text), "%s", text);
		client_reply(c, &e);
	}
	client_end(c, &r);
}
