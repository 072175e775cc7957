/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * paced.c - A transport that can be told to be silent for a while
 *
 * Theory of operation
 *
 * Descriptors of transports stay readable for as long as something is there,
 * so not reading would have the event loop spin. The descriptor shown is an
 * epoll instance instead, with the inner descriptor in it, or, while held, a
 * timer alone. The timer's end counts as a wake-up, since what the inner
 * transport had to say may have been said before.
 *
 * The inner descriptor's readiness to be written comes through the same epoll
 * instance, as a wake-up: a link writes whenever it is woken.
 */
#include "paced.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/**
 * struct paced
 * @inner:	owned
 * @woken, @ctx: borrowed
 * @epoll, @timer: descriptors
 * @held:	@inner is out of @epoll
 * @full:	@inner took no more: woken when it does
 */
struct paced {
	struct transport transport;
	struct transport *inner;
	void (*woken)(void *ctx);
	void *ctx;
	int epoll;
	int timer;
	bool held;
	bool full;
};

static struct paced *paced(struct transport *t)
{
	return (struct paced *)t;
}

static int paced_fd(struct transport *t)
{
	return paced(t)->epoll;
}

/* Cannot fail: the descriptors are there, and so is what was added. */
static void watch_inner(struct paced *p, int op)
{
	struct epoll_event e = {
		.events = EPOLLIN | (p->full ? EPOLLOUT : 0u),
	};

	ASSERT(!epoll_ctl(p->epoll, op, p->inner->ops->fd(p->inner), &e));
}

static void set_timer(struct paced *p, int64_t us)
{
	struct itimerspec at = {
		.it_value = { us / 1000000, us % 1000000 * 1000 },
	};

	ASSERT(!timerfd_settime(p->timer, 0, &at, NULL));
}

void paced_hold(struct transport *t, int64_t us)
{
	struct paced *p = paced(t);

	set_timer(p, us);
	if (!p->held)
		watch_inner(p, EPOLL_CTL_DEL);
	p->held = true;
}

static void end_hold(struct paced *p)
{
	uint64_t times;

	if (read(p->timer, &times, sizeof(times)) != sizeof(times))
		return;
	p->held = false;
	watch_inner(p, EPOLL_CTL_ADD);
}

static void paced_woken(struct transport *t)
{
	struct paced *p = paced(t);

	if (p->held)
		end_hold(p);
	if (p->held)
		return;
	if (p->full) {
		p->full = false;
		watch_inner(p, EPOLL_CTL_MOD);
	}
	p->inner->ops->woken(p->inner);
	p->woken(p->ctx);
}

static ssize_t paced_read(struct transport *t, void *buf, size_t len)
{
	struct paced *p = paced(t);

	if (p->held)
		return -EAGAIN;
	return p->inner->ops->read(p->inner, buf, MIN(len, PACED_READ_MAX));
}

static ssize_t paced_write(struct transport *t, const void *buf, size_t len)
{
	struct paced *p = paced(t);
	ssize_t n = p->inner->ops->write(p->inner, buf, len);

	if (n == -EAGAIN && p->inner->ops->write_needs_pollout && !p->full) {
		p->full = true;
		if (!p->held)
			watch_inner(p, EPOLL_CTL_MOD);
	}
	return n;
}

static void paced_close(struct transport *t)
{
	struct paced *p = paced(t);

	transport_close(p->inner);
	if (p->timer >= 0)
		close(p->timer);
	if (p->epoll >= 0)
		close(p->epoll);
	free(p);
}

static const struct transport_ops paced_ops = {
	.fd = paced_fd,
	.woken = paced_woken,
	.read = paced_read,
	.write = paced_write,
	.close = paced_close,
	.write_needs_pollout = false,
};

static int open_descriptors(struct paced *p, int inner_fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (p->epoll < 0 || p->timer < 0 ||
	    epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->timer, &e) ||
	    epoll_ctl(p->epoll, EPOLL_CTL_ADD, inner_fd, &e))
		return -errno;
	return 0;
}

int paced_new(struct transport *inner, void (*woken)(void *ctx), void *ctx,
	      struct transport **ret)
{
	struct paced *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	p->transport.ops = &paced_ops;
	p->woken = woken;
	p->ctx = ctx;
	p->epoll = p->timer = -1;
	rc = open_descriptors(p, inner->ops->fd(inner));
	if (rc) {
		paced_close(&p->transport);
		return rc;
	}
	p->inner = inner;
	*ret = &p->transport;
	return 0;
}
