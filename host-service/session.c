/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * session.c - The conversation with one guest's agent
 */
#include "session.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <string.h>

#include "frame.h"
#include "link.h"
#include "log.h"
#include "transport.h"

#define SESSION_OUT_MIN		1024u
#define SESSION_OUT_MAX		(2 * FRAME_MAX)
#define SESSION_FRAMES_MAX	8u	/* a turn: others wait no longer */
#define SESSION_ANSWER_S	60	/* a pull's deadline and a lot more */
#define SESSION_OFFER_MIN_MS	20u
#define SESSION_OFFER_MAX_MS	5000u
#define SESSION_HELLO_MIN_MS	2000u

/*
 * What a guest may have us do (I7). A guest that gives 4 GiB a second in
 * single granules sends 2,000 messages, and they go 60 into one; a wake-up is
 * a notification without anything to read, or with it. An agent that starts
 * is an offer or two and a connection or two; a connection may lead to a step
 * of a resize, and these are tried again once a second at most.
 */
static const struct rate_limit message_limit = { 2000, 1000 };
static const struct rate_limit wake_limit = { 8000, 250 };
static const struct rate_limit offer_limit = { 64, 500000 };

static void arm_ms(struct event *e, uint32_t ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(e, &tv);
}

void session_drop(struct guest *g)
{
	link_free(g->link);
	g->link = NULL;
	g->flight = (struct flight){ .hold_grow = g->flight.hold_grow,
				     .hold_pull = g->flight.hold_pull,
				     .hold_give = g->flight.hold_give };
	memset(g->onlines, 0, sizeof(g->onlines));
	g->pull = (struct guest_pull){ 0 };
	g->sync_audit = false;
	event_del(g->deadline_event);
}

static void look_again(struct guest *g)
{
	arm_ms(g->offer_event, g->offer_ms);
	g->offer_ms = MIN(g->offer_ms * 2, SESSION_OFFER_MAX_MS);
}

/* The agent may be back before we see its predecessor's end: look again. */
void session_lose(struct guest *g)
{
	g->env->counters->disconnections++;
	session_drop(g);
	guest_set_state(g, g->managed ? GUEST_LOST : GUEST_UNMANAGED);
	look_again(g);
}

static void count(struct guest *g, struct rate *r, const struct rate_limit *l,
		  enum limited what)
{
	int64_t now_us = guest_now_us(), wait_us;

	rate_count(r, l, now_us);
	wait_us = rate_wait_us(r, l, now_us);
	if (wait_us) {
		g->env->counters->limited[what]++;
		link_pause(g->link, wait_us);
	}
}

static void on_woken(void *ctx)
{
	struct guest *g = ctx;

	count(g, &g->wakes, &wake_limit, LIMITED_WAKES);
}

/* Hello comes first, and once. */
static bool in_order(const struct guest *g, const struct guest_msg *msg)
{
	return (g->state == GUEST_GREETING) == (msg->type == GUEST_MSG_HELLO) ||
	       msg->type == GUEST_MSG_UNKNOWN;
}

static void on_frame(void *ctx, const uint8_t *buf, size_t len)
{
	/* 4 KiB of bitmap: too much for a stack that callbacks share. */
	static struct guest_msg msg;
	struct guest *g = ctx;
	const char *why = "hello twice, or not first";
	int rc = codec_decode_guest(buf, len, &msg, &why);

	count(g, &g->messages, &message_limit, LIMITED_MESSAGES);
	g->env->counters->messages++;
	if (rc || !in_order(g, &msg)) {
		g->env->counters->messages_refused++;
		guest_log(LOG_LEVEL_WARN, g, "%s, dropping the connection",
			  why);
		session_lose(g);
		return;
	}
	g->env->ops->message(g, &msg);
	if (g->link)
		session_expect(g);
}

static void on_closed(void *ctx, int error)
{
	struct guest *g = ctx;

	guest_log(LOG_LEVEL_INFO, g, "agent's connection ended: %s",
		  strerror(-error));
	session_lose(g);
}

static const struct link_callbacks callbacks = {
	.frame = on_frame,
	.closed = on_closed,
	.woken = on_woken,
};

/* On success the guest has a link, which owns @t; else @t is closed. */
static int start_link(struct guest *g, struct transport *t)
{
	int rc = link_new(g->env->base, t, SESSION_OUT_MIN, SESSION_OUT_MAX,
			  SESSION_FRAMES_MAX, &callbacks, g, &g->link);

	if (rc)
		transport_close(t);
	return rc;
}

/* Return: true if it is too often; then a timer looks again. */
static bool wait_for_offers(struct guest *g)
{
	int64_t wait_us = rate_wait_us(&g->offers, &offer_limit,
				       guest_now_us());

	if (!wait_us)
		return false;
	arm_ms(g->offer_event, (uint32_t)(wait_us / 1000) + 1);
	return true;
}

/* A guest that says so all the time is not listened to until the timer. */
void session_offered(struct guest *g)
{
	struct backend *b = g->env->backend;

	if (g->deaf)
		return;
	rate_count(&g->offers, &offer_limit, guest_now_us());
	if (!wait_for_offers(g)) {
		session_connect(g);
		return;
	}
	g->env->counters->limited[LIMITED_OFFERS]++;
	guest_log(LOG_LEVEL_WARN, g,
		  "it offers channels too often, not listening for a while");
	b->ops->listen(b, &g->domain.id, false);
	g->deaf = true;
}

void session_look(struct guest *g)
{
	struct backend *b = g->env->backend;

	if (g->deaf) {
		g->deaf = false;
		b->ops->listen(b, &g->domain.id, true);
	}
	session_connect(g);
}

void session_connect(struct guest *g)
{
	struct backend *b = g->env->backend;
	struct transport *t;
	int rc;

	if (g->link || g->state == GUEST_QUARANTINED || g->balloon.on ||
	    !g->stored_known || wait_for_offers(g))
		return;
	rate_count(&g->offers, &offer_limit, guest_now_us());
	if (!g->offer_ms)
		g->offer_ms = SESSION_OFFER_MIN_MS;
	rc = b->ops->connect(b, &g->domain.id, &t);
	/* Nothing, or the remains of an old connection: an offer will come. */
	if (rc == -ENOENT || rc == -ESRCH || rc == -EAGAIN)
		return;
	if (!rc)
		rc = start_link(g, t);
	if (rc) {
		guest_log(LOG_LEVEL_DEBUG, g,
			  "cannot connect to the agent: %s, retrying in %u ms",
			  strerror(-rc), g->offer_ms);
		look_again(g);
		return;
	}
	g->env->counters->connections++;
	guest_set_state(g, GUEST_GREETING);
	session_expect(g);
}

/*
 * An agent says hello at once. A restarted one writes its offer node by node,
 * and who connects in between holds a channel that nobody listens to: look
 * again soon, but less and less often, as the agent may just be slow.
 */
static uint32_t answer_ms(const struct guest *g)
{
	if (g->state != GUEST_GREETING)
		return SESSION_ANSWER_S * 1000;
	return MIN(MAX(g->offer_ms * 20, SESSION_HELLO_MIN_MS),
		   SESSION_ANSWER_S * 1000);
}

void session_expect(struct guest *g)
{
	bool due = g->state == GUEST_GREETING || g->state == GUEST_SYNCING ||
		   g->flight.onlines || g->pull.id || g->sync_audit;

	if (due)
		arm_ms(g->deadline_event, answer_ms(g));
	else
		event_del(g->deadline_event);
}

void session_overdue(struct guest *g)
{
	g->env->counters->overdue++;
	guest_set_why(g, "the agent has not answered for %u ms", answer_ms(g));
	guest_log(LOG_LEVEL_WARN, g, "%s, reconnecting", g->why);
	session_lose(g);
}

void session_quarantine(struct guest *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(g->why, sizeof(g->why), fmt, ap);
	va_end(ap);
	/* Once in a quarantine's life: no limit. */
	domain_log(LOG_LEVEL_ERR, &g->domain, " (%s): quarantined: %s",
		   guest_state_name(g->state), g->why);
	g->env->counters->quarantines++;
	session_drop(g);
	event_del(g->retry_event);
	if (!g->deaf)
		event_del(g->offer_event);
	guest_set_state(g, GUEST_QUARANTINED);
}

void session_readmit(struct guest *g)
{
	ASSERT(g->state == GUEST_QUARANTINED);
	g->env->counters->readmissions++;
	guest_set_why(g, "%s", "");
	g->flight = (struct flight){ 0 };
	g->offer_ms = 0;
	g->offers = (struct rate){ 0 };
	guest_set_state(g, g->managed ? GUEST_LOST : GUEST_UNMANAGED);
	session_connect(g);
}

int session_send(struct guest *g, const struct host_msg *msg)
{
	uint8_t buf[FRAME_PAYLOAD_MAX];
	size_t len = codec_encode_host(msg, buf);
	int rc = g->link ? link_send(g->link, buf, len) : -EPIPE;

	if (rc) {
		guest_log(LOG_LEVEL_WARN, g,
			  "cannot send to the agent: %s, reconnecting",
			  strerror(-rc));
		session_lose(g);
		return rc;
	}
	session_expect(g);
	return 0;
}
