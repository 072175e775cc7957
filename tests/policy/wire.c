/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * wire.c - A channel in memory between memtided and a virtual guest
 */
#include "wire.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Bytes that lie in a direction; the host is told to wait beyond it. */
#define WIRE_TO_GUEST_MAX	65536u

/* What the guest said, until the host has read it. */
struct said {
	struct said *next;
	int64_t due_us;
	size_t len, read;
	uint8_t bytes[];
};

/**
 * struct wire
 * @host:	the host's end, first
 * @fd:		readable when there is something for the host
 * @first, @last: of what the guest said; up to @arrived it may be read
 * @nr_arrived:	so many of them
 * @deliver:	the next has arrived
 * @out, @out_len: what the host said and the guest has not heard
 */
struct wire {
	struct transport host;
	int fd;
	bool host_open, guest_open;
	void (*heard)(void *ctx);
	void *ctx;
	struct said *first, *last;
	uint32_t nr_said, nr_arrived;
	struct event deliver;
	uint8_t *out;
	size_t out_len, out_size;
};

static struct wire *of(struct transport *t)
{
	return (struct wire *)t;
}

static void drop_first(struct wire *w)
{
	struct said *s = w->first;

	w->first = s->next;
	if (!w->first)
		w->last = NULL;
	w->nr_said--;
	free(s);
}

static void free_if_done(struct wire *w)
{
	if (w->host_open || w->guest_open)
		return;
	while (w->first)
		drop_first(w);
	event_del(&w->deliver);
	if (w->fd >= 0)
		close(w->fd);
	free(w->out);
	free(w);
}

static void ring(struct wire *w)
{
	uint64_t one = 1;

	ASSERT(write(w->fd, &one, sizeof(one)) == sizeof(one));
}

static int wire_fd(struct transport *t)
{
	return of(t)->fd;
}

static void wire_woken(struct transport *t)
{
	uint64_t times;

	/* Nothing there: woken for another reason. */
	if (read(of(t)->fd, &times, sizeof(times)) < 0)
		return;
}

static ssize_t wire_read(struct transport *t, void *buf, size_t len)
{
	struct wire *w = of(t);
	struct said *s = w->first;

	if (!w->nr_arrived)
		return w->guest_open || s ? -EAGAIN : -ECONNRESET;
	len = MIN(len, s->len - s->read);
	memcpy(buf, s->bytes + s->read, len);
	s->read += len;
	if (s->read == s->len) {
		drop_first(w);
		w->nr_arrived--;
	}
	return (ssize_t)len;
}

static int make_room(struct wire *w, size_t len)
{
	size_t size = MAX(2 * w->out_size, w->out_len + len);
	uint8_t *out;

	if (w->out_len + len <= w->out_size)
		return 0;
	out = realloc(w->out, size);
	if (!out)
		return -ENOMEM;
	w->out = out;
	w->out_size = size;
	return 0;
}

static ssize_t wire_write(struct transport *t, const void *buf, size_t len)
{
	struct wire *w = of(t);
	int rc;

	if (!w->guest_open)
		return -ECONNRESET;
	len = MIN(len, WIRE_TO_GUEST_MAX - w->out_len);
	if (!len)
		return -EAGAIN;
	rc = make_room(w, len);
	if (rc)
		return rc;
	memcpy(w->out + w->out_len, buf, len);
	w->out_len += len;
	w->heard(w->ctx);
	return (ssize_t)len;
}

static void wire_close(struct transport *t)
{
	struct wire *w = of(t);

	w->host_open = false;
	if (w->guest_open)
		w->heard(w->ctx);
	free_if_done(w);
}

static const struct transport_ops wire_ops = {
	.fd = wire_fd,
	.woken = wire_woken,
	.read = wire_read,
	.write = wire_write,
	.close = wire_close,
};

static void arm(struct wire *w, int64_t us)
{
	struct timeval tv = { us / 1000000, us % 1000000 };

	event_add(&w->deliver, &tv);
}

/* All that is due by the first one's time; the next arms the timer again. */
static void on_deliver(evutil_socket_t fd, short what, void *ctx)
{
	struct wire *w = ctx;
	struct said *s = w->first;
	int64_t due_us;
	uint32_t n;

	(void)fd;
	(void)what;
	for (n = 0; n < w->nr_arrived; n++)
		s = s->next;
	due_us = s ? s->due_us : 0;
	for (; s && s->due_us <= due_us; s = s->next)
		w->nr_arrived++;
	if (s)
		arm(w, s->due_us - due_us);
	ring(w);
}

int wire_new(struct event_base *base, void (*heard)(void *ctx), void *ctx,
	     struct transport **ret_host, struct wire **ret)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->host.ops = &wire_ops;
	w->heard = heard;
	w->ctx = ctx;
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->fd < 0) {
		free(w);
		return -ENOMEM;
	}
	w->host_open = w->guest_open = true;
	event_assign(&w->deliver, base, -1, 0, on_deliver, w);
	*ret_host = &w->host;
	*ret = w;
	return 0;
}

void wire_hang_up(struct wire *w)
{
	w->guest_open = false;
	if (w->host_open)
		ring(w);
	free_if_done(w);
}

int wire_say(struct wire *w, const void *buf, size_t len, int64_t delay_us,
	     int64_t now_us)
{
	struct said *s = malloc(sizeof(*s) + len);

	if (!s)
		return -ENOMEM;
	*s = (struct said){ .due_us = now_us + delay_us, .len = len };
	memcpy(s->bytes, buf, len);
	if (w->last) {
		s->due_us = MAX(s->due_us, w->last->due_us);
		w->last->next = s;
	} else {
		w->first = s;
	}
	w->last = s;
	w->nr_said++;
	if (w->nr_said == w->nr_arrived + 1)
		arm(w, s->due_us - now_us);
	return 0;
}

size_t wire_hear(struct wire *w, void *buf, size_t len)
{
	len = MIN(len, w->out_len);
	memcpy(buf, w->out, len);
	w->out_len -= len;
	memmove(w->out, w->out + len, w->out_len);
	return len;
}

bool wire_closed(const struct wire *w)
{
	return !w->host_open;
}
