/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sync.c - Learning what is true about a guest
 */
#include "sync.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "log.h"
#include "session.h"
#include "steps.h"

/* Boot memory goes beyond 4 GiB only where what is below is full: libxl leaves
 * 256 MiB there for devices (HVM, tens of MiB with PVH). */
#define SYNC_LOW_PAGES_MAX	((UINT64_C(3) << 30) / 4096)
#define SYNC_REPORT_INTERVAL_MS	50u
#define SYNC_KEEPALIVE_S	60u
#define SYNC_STALL_US		10000u
#define SYNC_STALL_WINDOW_MS	500u
#define SYNC_CALM_S		10u

static void window_text(const struct msg_hello *h, char text[BACKEND_VALUE_MAX])
{
	snprintf(text, BACKEND_VALUE_MAX, "0x%" PRIx64 " %u %u %u",
		 h->window_gfn, h->window_granules, h->block_granules,
		 h->memmap_granules);
}

static int store_number(struct guest *g, const char *key, uint64_t value)
{
	struct backend *b = g->env->backend;
	char text[BACKEND_VALUE_MAX];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return b->ops->store_write(b, &g->domain.id, key, text);
}

/* What was forgotten is empty: that is, not there. */
static int load_text(struct guest *g, const char *key,
		     char text[BACKEND_VALUE_MAX])
{
	struct backend *b = g->env->backend;
	int rc = b->ops->store_read(b, &g->domain.id, key, text,
				    BACKEND_VALUE_MAX);

	return !rc && !*text ? -ENOENT : rc;
}

static int load_number(struct guest *g, const char *key, uint64_t *ret)
{
	char text[BACKEND_VALUE_MAX], *end;
	int rc = load_text(g, key, text);

	if (rc)
		return rc;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	/* Signs and spaces would do for strtoull(). */
	return errno || *end || *text < '0' || *text > '9' ? -EINVAL : 0;
}

/* The window may be announced once in a domain's life. */
static int check_window(struct guest *g, const struct msg_hello *hello)
{
	struct backend *b = g->env->backend;
	char now[BACKEND_VALUE_MAX], before[BACKEND_VALUE_MAX];
	int rc;

	window_text(hello, now);
	rc = load_text(g, "window", before);
	if (rc == -ENOENT)
		return b->ops->store_write(b, &g->domain.id, "window", now);
	if (rc || !strcmp(now, before))
		return rc;
	session_quarantine(g, "its window was \"%s\" and is now \"%s\"", before,
			 now);
	return -EPROTO;
}

/* How many granules of a window once announced are backed? */
static int count_backed(struct guest *g, const char *window, uint32_t *ret)
{
	struct backend *b = g->env->backend;
	uint64_t *bits, gfn;
	uint32_t granules;
	int rc;

	if (sscanf(window, "0x%" SCNx64 " %u", &gfn, &granules) != 2 ||
	    granules > WINDOW_GRANULES_MAX || granules % 64)
		return -EIO;
	bits = calloc(granules / 64 + 1, sizeof(*bits));
	if (!bits)
		return -ENOMEM;
	rc = b->ops->backed(b, &g->domain.id, gfn, granules, bits);
	*ret = 0;
	for (uint32_t i = 0; !rc && i < granules / 64; i++)
		*ret += (uint32_t)__builtin_popcountll(bits[i]);
	free(bits);
	return rc;
}

/* Has it ever greeted? What was forgotten since is still there, and empty. */
static bool is_known(struct guest *g)
{
	char text[BACKEND_VALUE_MAX];
	struct backend *b = g->env->backend;

	return b->ops->store_read(b, &g->domain.id, "boot-pages", text,
				  sizeof(text)) != -ENOENT;
}

/* The operator says that this memory was given, before the guest was saved. */
static int vouch(struct guest *g, uint32_t backed)
{
	struct backend *b = g->env->backend;
	uint64_t given = (uint64_t)backed * GRANULE_PAGES;
	int rc = b->ops->domain(b, &g->domain.id, &g->domain);

	if (rc || g->domain.pages < given)
		return rc ? rc : -EIO;
	return store_number(g, "boot-pages", g->domain.pages - given);
}

int sync_readmit(struct guest *g)
{
	struct backend *b = g->env->backend;
	char window[BACKEND_VALUE_MAX];
	uint32_t backed = 0;
	int rc = load_text(g, "window", window);

	if (rc == -ENOENT)
		return 0;
	if (!rc)
		rc = count_backed(g, window, &backed);
	if (rc || backed)
		return rc || is_known(g) ? rc : vouch(g, backed);
	/* The window last: without it we come here no more. */
	rc = b->ops->store_write(b, &g->domain.id, "boot-pages", "");
	if (!rc)
		rc = b->ops->store_write(b, &g->domain.id, "window", "");
	if (rc)
		return rc;
	if (g->managed)
		g->stored_left = g->target;	/* still promised (I4) */
	g->managed = false;
	ledger_done(&g->ledger);
	g->ledger = (struct ledger){ 0 };
	return 0;
}

static int load_backed(struct guest *g)
{
	struct backend *b = g->env->backend;
	struct ledger *l = &g->ledger;
	uint64_t *bits = calloc(l->granules / 64, sizeof(*bits));
	int rc = -ENOMEM;

	if (bits)
		rc = b->ops->backed(b, &g->domain.id, g->hello.window_gfn,
				    l->granules, bits);
	for (uint32_t i = 0; !rc && i < l->granules; i += 64)
		ledger_load_backed(l, i, bits[i / 64]);
	free(bits);
	return rc;
}

/*
 * Memory in the window of a domain that we have not seen yet: it was given
 * before the guest was saved, here or elsewhere, and came with it. Or the window
 * lies over boot memory, which only a guest can have that has much of it.
 */
static int check_restored(struct guest *g)
{
	uint64_t given = (uint64_t)g->ledger.nr_backed * GRANULE_PAGES;

	if (!given)
		return 0;
	if (!is_known(g) && g->domain.pages >= given &&
	    g->domain.pages - given < SYNC_LOW_PAGES_MAX) {
		guest_log(LOG_LEVEL_INFO, g,
			  "comes with %u granules, as one that was saved does",
			  g->ledger.nr_backed);
		return 0;
	}
	session_quarantine(g,
			   "its window lies over %u granules of memory that memtide never gave",
			   g->ledger.nr_backed);
	return -EPROTO;
}

/* What the domain was built with: known from the first greeting on. */
static int load_boot_pages(struct guest *g)
{
	struct backend *b = g->env->backend;
	int rc = load_number(g, "boot-pages", &g->boot_pages);

	if (rc != -ENOENT)
		return rc;
	rc = b->ops->domain(b, &g->domain.id, &g->domain);
	if (!rc)
		rc = check_restored(g);
	if (rc)
		return rc;
	g->boot_pages = g->domain.pages -
			(uint64_t)g->ledger.nr_backed * GRANULE_PAGES;
	return store_number(g, "boot-pages", g->boot_pages);
}

static int load_target(struct guest *g)
{
	uint64_t target;
	int rc;

	/* We know better, and will write it again. */
	g->fresh = false;
	if (g->managed && g->unstored)
		return 0;
	rc = load_number(g, "target-granules", &target);
	g->fresh = rc == -ENOENT;
	if (g->fresh) {
		g->target = g->ledger.nr_backed;
		return 0;
	}
	if (!rc)
		g->target = (uint32_t)MIN(target, g->ledger.granules);
	return rc;
}

int sync_stored(struct guest *g)
{
	uint64_t boot, target, held;
	int rc = load_number(g, "boot-pages", &boot);

	if (!rc)
		rc = load_number(g, "target-granules", &target);
	/* Nothing was stored, no number was, or the domain is gone. */
	if (rc)
		return rc == -ENOENT || rc == -EINVAL || rc == -ESRCH ? 0 : rc;
	held = g->domain.pages - MIN(g->domain.pages, boot);
	target = MIN(target, WINDOW_GRANULES_MAX);
	g->stored_left = (uint32_t)(target - MIN(target, held / GRANULE_PAGES));
	return 0;
}

static int ask_state(struct guest *g)
{
	struct host_msg msg = { .type = HOST_MSG_STATE_REQUEST };

	g->sync_id = ++g->last_id;
	msg.state_request.id = g->sync_id;
	msg.state_request.first = g->sync_next;
	msg.state_request.nr = MIN(g->ledger.granules - g->sync_next,
				   PROTO_STATE_GRANULES);
	return session_send(g, &msg);
}

static int welcome(struct guest *g)
{
	struct host_msg msg = { .type = HOST_MSG_WELCOME };

	msg.welcome.major = PROTO_MAJOR;
	msg.welcome.minor = PROTO_MINOR;
	if (g->env->backend->clears)
		msg.welcome.capabilities |= PROTO_HOST_CLEARS;
	msg.welcome.report_interval_ms = SYNC_REPORT_INTERVAL_MS;
	msg.welcome.keepalive_s = SYNC_KEEPALIVE_S;
	msg.welcome.stall_us = SYNC_STALL_US;
	msg.welcome.stall_window_ms = SYNC_STALL_WINDOW_MS;
	msg.welcome.calm_s = SYNC_CALM_S;
	return session_send(g, &msg);
}

static int learn(struct guest *g, const struct msg_hello *hello)
{
	int rc = check_window(g, hello);

	if (rc)
		return rc;
	g->hello = *hello;
	if (!g->ledger.backed)
		rc = ledger_init(&g->ledger, hello->window_granules,
				 hello->block_granules, hello->memmap_granules);
	if (rc)
		return rc;
	ledger_clear(&g->ledger);
	g->doubt = (struct granules){ 0, 0 };
	rc = load_backed(g);
	if (!rc)
		rc = load_boot_pages(g);
	return rc ? rc : load_target(g);
}

void sync_begin(struct guest *g, const struct msg_hello *hello)
{
	int rc;

	if (hello->major != PROTO_MAJOR) {
		session_quarantine(g, "its agent %s speaks protocol %u, not %u",
				 hello->agent_version, hello->major,
				 PROTO_MAJOR);
		return;
	}
	rc = learn(g, hello);
	if (g->state == GUEST_QUARANTINED)
		return;
	if (rc) {
		guest_log(LOG_LEVEL_ERR, g, "cannot take it over: %s",
			  strerror(-rc));
		session_lose(g);
		return;
	}
	g->sync_next = 0;
	if (welcome(g))
		return;
	guest_set_state(g, GUEST_SYNCING);
	ask_state(g);
}

static void finish_sync(struct guest *g)
{
	struct granules window = { 0, g->hello.window_granules };

	guest_log_range(LOG_LEVEL_INFO, g, window,
			"boot %" PRIu64 " pages, %u granules backed, %u in use, target %u",
			g->boot_pages, g->ledger.nr_backed,
			g->ledger.nr_exposed, g->target);
	g->managed = true;
	g->used |= g->ledger.nr_exposed > 0;
	g->offer_ms = 0;
	guest_set_why(g, "%s", "");
	guest_set_state(g, GUEST_READY);
	steps_retarget(g);
	if (g->fresh)
		g->env->ops->managed(g);
}

/* Words of one answer; returns how many granules differ from what we know. */
static uint64_t take_words(struct guest *g, const struct msg_state_reply *r)
{
	uint64_t wrong = 0, bits;

	for (uint32_t i = 0; i < r->nr; i += 64) {
		bits = r->in_use[i / 64];
		if (g->sync_audit)
			bits ^= g->ledger.exposed[(r->first + i) / 64];
		else
			bits = ledger_load_exposed(&g->ledger, r->first + i,
						   bits);
		wrong += (uint64_t)__builtin_popcountll(bits);
	}
	return wrong;
}

static void finish(struct guest *g)
{
	if (!g->sync_audit) {
		finish_sync(g);
		return;
	}
	g->sync_audit = false;
	guest_tell_watchers(g);
}

void sync_state(struct guest *g, const struct msg_state_reply *reply)
{
	uint64_t wrong;

	if ((g->state != GUEST_SYNCING && !g->sync_audit) ||
	    reply->id != g->sync_id || reply->first != g->sync_next ||
	    reply->nr != MIN(g->ledger.granules - g->sync_next,
			     PROTO_STATE_GRANULES)) {
		guest_log(LOG_LEVEL_WARN, g, "state not asked for, ignoring");
		return;
	}
	wrong = take_words(g, reply);
	g->audit_wrong += wrong;
	if (wrong && !g->sync_audit) {
		session_quarantine(g,
				 "it uses %" PRIu64 " granules that the host does not back, near granule %u",
				 wrong, reply->first);
		return;
	}
	g->sync_next += reply->nr;
	if (g->sync_next < g->ledger.granules)
		ask_state(g);
	else
		finish(g);
}

int sync_audit(struct guest *g)
{
	if (!g->link || !guest_connected(g))
		return -ENOTCONN;
	if (guest_busy(g) || g->sync_audit)
		return -EBUSY;
	g->sync_audit = true;
	g->sync_next = 0;
	g->audit_wrong = 0;
	return ask_state(g);
}
