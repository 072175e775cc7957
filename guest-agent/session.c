/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * session.c - The agent, one host connection at a time, and the event loop
 */
#include "session.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faults.h"
#include "frame.h"
#include "link.h"
#include "log.h"
#include "sys.h"
#include "transport_unix.h"
#include "transport_vchan.h"
#include "trigger.h"

/* Enough for the state of the largest window and what else is under way. */
#define OUT_BYTES	(8u * FRAME_MAX)
#define FRAMES_PER_TURN	4u
#define RETRY_MS	1000u
#define EARLY_PART	8u	/* of a stall, to look before it is one */
#define FAULTS_PAUSE_MS	250u	/* from one word of page faults to the next */

/**
 * struct ear - a trigger and its event; while there is a host that wants it
 */
struct ear {
	struct trigger trigger;
	struct event *event;
};

/**
 * struct session
 * @link:	the connection, NULL if there is none
 * @turn:	timer of the next agent_turn()
 * @listener:	-1, or the listening socket, with its event @accept
 * @serve:	timer of the next try to offer a vchan
 * @watch:	of the vchan that is offered, with its event @watched
 * @vchan:	the transport of @link, borrowed from it, if that is a vchan
 * @need:	the driver's word that the kernel is about to kill
 * @stall, @early: fire on what the host calls a stall, and before
 * @deaf:	the lack of them has been logged
 * @faults:	tells when programs take memory, with its event @touched, armed
 *		again by the timer @arm; NULL if the kernel does not
 */
struct session {
	struct event_base *base;
	struct session_config config;
	struct kdev *kdev;
	struct agent *agent;
	struct link *link;
	struct event *turn;
	int listener;
	struct event *accept;
	struct event *serve;
	struct vchan_watch *watch;
	struct event *watched;
	struct transport *vchan;
	struct event *need;
	struct ear stall, early;
	bool deaf;
	struct faults *faults;
	struct event *touched, *arm;
};

static void start_timer(struct event *ev, uint64_t ms)
{
	struct timeval tv = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000),
	};

	evtimer_add(ev, &tv);
}

static void close_ear(struct ear *e)
{
	if (e->event)
		event_free(e->event);
	e->event = NULL;
	trigger_close(&e->trigger);
}

static void close_faults(struct session *s)
{
	if (s->touched)
		event_free(s->touched);
	if (s->arm)
		event_free(s->arm);
	s->touched = s->arm = NULL;
	faults_close(s->faults);
	s->faults = NULL;
}

static void drop_link(struct session *s)
{
	if (!s->link)
		return;
	close_faults(s);
	close_ear(&s->stall);
	close_ear(&s->early);
	link_free(s->link);
	s->link = NULL;
	s->vchan = NULL;
	evtimer_del(s->turn);
	agent_disconnected(s->agent);
}

/* The connection is over: wait for the next one. */
static void end_link(struct session *s)
{
	drop_link(s);
	if (s->serve)
		start_timer(s->serve, 0);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	uint64_t wake = agent_turn(s->agent, sys_now_ms());
	uint64_t now = sys_now_ms();

	(void)fd;
	(void)what;
	if (agent_lost_track(s->agent)) {
		log_warn("the driver does not tell what it did, closing the connection");
		end_link(s);
		return;
	}
	if (wake != UINT64_MAX)
		start_timer(s->turn, wake > now ? wake - now : 0);
	else
		evtimer_del(s->turn);
}

static void on_frame(void *ctx, const uint8_t *buf, size_t len)
{
	struct session *s = ctx;
	const char *why = "";
	int rc = agent_frame(s->agent, buf, len, sys_now_ms(), &why);

	if (!rc) {
		start_timer(s->turn, 0);
		return;
	}
	/* Of a host that is gone there may be messages left. */
	if (rc == -EPIPE)
		log_debug("the host has closed the connection");
	else
		log_warn("message from the host: %s (%s), closing the connection",
			 why, strerror(-rc));
	end_link(s);
}

static void on_closed(void *ctx, int error)
{
	if (error == -ECONNRESET)
		log_debug("the host has closed the connection");
	else
		log_warn("connection: %s, waiting for the next",
			 strerror(-error));
	end_link(ctx);
}

static void on_drained(void *ctx)
{
	struct session *s = ctx;

	start_timer(s->turn, 0);
}

static const struct link_callbacks link_cbs = {
	.frame = on_frame,
	.closed = on_closed,
	.drained = on_drained,
};

/* Takes @t in any case. */
static int start_link(struct session *s, struct transport *t)
{
	int rc = link_new(s->base, t, OUT_BYTES, OUT_BYTES, FRAMES_PER_TURN,
			  &link_cbs, s, &s->link);

	if (rc) {
		transport_close(t);
		return rc;
	}
	rc = agent_connected(s->agent);
	if (rc)
		drop_link(s);
	return rc;
}

static int accept_host(struct session *s)
{
	struct transport *t;
	int rc, fd = accept4(s->listener, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	drop_link(s);
	rc = transport_unix_new(fd, &t);
	if (rc) {
		close(fd);
		return rc;
	}
	return start_link(s, t);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	int rc = accept_host(arg);

	(void)fd;
	(void)what;
	if (rc && rc != -EAGAIN)
		log_warn("new connection: %s, ignoring", strerror(-rc));
}

static int serve_vchan(struct session *s)
{
	struct transport *t;
	int rc = transport_vchan_serve(&t);

	if (!rc)
		rc = start_link(s, t);
	if (!rc)
		s->vchan = t;
	return rc;
}

/* Nobody but us writes it: without it we are in another domain. */
static void on_watched(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	if (!s->vchan || !vchan_watch_lost(s->watch, s->vchan))
		return;
	log_info("%s is not what was offered: restored in another domain, offering anew",
		 VCHAN_NODE);
	transport_vchan_abandon(s->vchan);
	end_link(s);
}

static void on_serve(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	int rc = serve_vchan(s);

	(void)fd;
	(void)what;
	if (!rc)
		return;
	log_warn("offering a vchan: %s, retrying in %u ms", strerror(-rc),
		 RETRY_MS);
	start_timer(s->serve, RETRY_MS);
}

static int listen_unix(struct session *s)
{
	s->listener = unix_listen(s->config.unix_path, 0600);
	if (s->listener < 0) {
		log_err("%s: %s", s->config.unix_path, strerror(-s->listener));
		return s->listener;
	}
	s->accept = event_new(s->base, s->listener, EV_READ | EV_PERSIST,
			      on_accept, s);
	if (!s->accept || event_add(s->accept, NULL))
		return -ENOMEM;
	log_info("listening on %s", s->config.unix_path);
	return 0;
}

static int watch_vchan(struct session *s)
{
	int rc = vchan_watch_open(&s->watch);

	if (rc)
		return rc;
	s->watched = event_new(s->base, vchan_watch_fd(s->watch),
			       EV_READ | EV_PERSIST, on_watched, s);
	return s->watched && !event_add(s->watched, NULL) ? 0 : -ENOMEM;
}

static int offer_vchan(struct session *s)
{
	int rc;

	s->serve = evtimer_new(s->base, on_serve, s);
	if (!s->serve)
		return -ENOMEM;
	rc = watch_vchan(s);
	if (!rc)
		rc = serve_vchan(s);
	if (rc)
		log_err("offering a vchan: %s (are xen-gntalloc, xen-evtchn and xenfs there?)",
			strerror(-rc));
	else
		log_info("offering a vchan at %s", VCHAN_NODE);
	return rc;
}

static int agent_send(void *ctx, const uint8_t *buf, size_t len)
{
	struct session *s = ctx;

	return s->link ? link_send(s->link, buf, len) : -EPIPE;
}

static int agent_meminfo(void *ctx, struct meminfo *ret)
{
	struct session *s = ctx;

	return s->config.meminfo(s->config.system_ctx, ret);
}

static void agent_pressure(void *ctx, struct pressure *ret)
{
	struct session *s = ctx;

	s->config.pressure(s->config.system_ctx, ret);
}

static void on_stall(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	trigger_take(&s->stall.trigger);
	agent_stalled(s->agent, sys_now_ms());
	start_timer(s->turn, 0);
}

static void on_early(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	trigger_take(&s->early.trigger);
	agent_stirred(s->agent, sys_now_ms());
	start_timer(s->turn, 0);
}

static void on_touched(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	faults_take(s->faults);
	agent_touched(s->agent, sys_now_ms());
	start_timer(s->turn, 0);
	start_timer(s->arm, FAULTS_PAUSE_MS);
}

static void on_arm(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;

	(void)fd;
	(void)what;
	faults_arm(s->faults);
}

static int watch_faults(struct session *s)
{
	int rc = faults_open(&s->faults);

	if (rc)
		return rc;
	s->arm = evtimer_new(s->base, on_arm, s);
	s->touched = event_new(s->base, faults_fd(s->faults),
			       EV_READ | EV_PERSIST, on_touched, s);
	if (!s->arm || !s->touched || event_add(s->touched, NULL))
		return -ENOMEM;
	faults_arm(s->faults);
	return 0;
}

static int open_ear(struct session *s, struct ear *e, uint32_t stall_us,
		    uint32_t window_us, event_callback_fn fired)
{
	int rc = trigger_open(s->config.pressure_path, stall_us, window_us,
			      &e->trigger);

	if (rc)
		return rc;
	e->event = event_new(s->base, e->trigger.fd, EV_READ | EV_PERSIST,
			     fired, s);
	return e->event && !event_add(e->event, NULL) ? 0 : -ENOMEM;
}

static void on_need(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	enum block_zone zone;

	(void)fd;
	(void)what;
	if (s->kdev->ops->need(s->kdev, &zone))
		return;
	agent_starves(s->agent, zone, sys_now_ms());
	start_timer(s->turn, 0);
}

/* From now on the kernel asks. Of what it has asked for before there was a
 * host nobody is left that waits. */
static int hear_need(struct session *s)
{
	int fd = s->kdev->ops->need_fd(s->kdev);
	enum block_zone zone;

	if (fd < 0 || s->need)
		return 0;
	s->need = event_new(s->base, fd, EV_READ | EV_PERSIST, on_need, s);
	if (!s->need || event_add(s->need, NULL))
		return -ENOMEM;
	(void)s->kdev->ops->need(s->kdev, &zone);
	return 0;
}

static void explain_deaf(struct session *s, int rc)
{
	if (!s->deaf)
		log_warn("%s: %s, looking at memory by a timer instead",
			 s->config.pressure_path, strerror(-rc));
	s->deaf = true;
}

static int agent_watch(void *ctx, const struct msg_welcome *w)
{
	struct session *s = ctx;
	uint32_t window_us = w->stall_window_ms * 1000;
	int rc = hear_need(s);

	if (rc)
		log_warn("the driver cannot be waited for: %s, ignoring",
			 strerror(-rc));
	if (!s->config.pressure_path)
		return 0;
	rc = watch_faults(s);
	if (rc) {
		close_faults(s);
		log_debug("page faults: %s, ignoring", strerror(-rc));
	}
	rc = open_ear(s, &s->stall, w->stall_us, window_us, on_stall);
	if (!rc)
		rc = open_ear(s, &s->early, MAX(w->stall_us / EARLY_PART, 1u),
			      window_us, on_early);
	if (rc) {
		close_ear(&s->stall);
		close_ear(&s->early);
		explain_deaf(s, rc);
	}
	return rc;
}

static void agent_grown(void *ctx, uint64_t boot_kib, uint64_t all_kib,
			uint64_t kernel_kib)
{
	struct session *s = ctx;

	s->config.grown(s->config.system_ctx, boot_kib, all_kib, kernel_kib);
}

static const struct agent_callbacks agent_cbs = {
	.send = agent_send,
	.meminfo = agent_meminfo,
	.pressure = agent_pressure,
	.watch = agent_watch,
	.grown = agent_grown,
};

static int start(struct session *s, struct kdev *k)
{
	int rc = agent_new(&s->config.agent, k, &agent_cbs, s, &s->agent);

	if (rc) {
		log_err("reading the window from the driver: %s",
			strerror(-rc));
		return rc;
	}
	s->turn = evtimer_new(s->base, on_turn, s);
	if (!s->turn)
		return -ENOMEM;
	return s->config.unix_path ? listen_unix(s) : offer_vchan(s);
}

int session_new(struct event_base *base, const struct session_config *config,
		struct kdev *k, struct session **ret)
{
	struct session *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->base = base;
	s->config = *config;
	s->listener = -1;
	s->stall.trigger = s->early.trigger = (struct trigger)TRIGGER_NONE;
	rc = start(s, k);
	if (rc) {
		session_free(s);
		return rc;
	}
	s->kdev = k;
	*ret = s;
	return 0;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	if (s->agent)
		drop_link(s);
	if (s->accept)
		event_free(s->accept);
	if (s->listener >= 0) {
		close(s->listener);
		unlink(s->config.unix_path);
	}
	if (s->serve)
		event_free(s->serve);
	if (s->need)
		event_free(s->need);
	if (s->watched)
		event_free(s->watched);
	vchan_watch_close(s->watch);
	if (s->turn)
		event_free(s->turn);
	agent_free(s->agent);
	kdev_close(s->kdev);
	free(s);
}
