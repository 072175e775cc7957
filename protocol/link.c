/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * link.c - Frames over a transport, driven by libevent
 *
 * Theory of operation
 *
 * All work is done in link_turn(), which runs when the transport's descriptor
 * is readable, when it is writable (if the transport knows that), and from a
 * timer of zero length. The timer is how link_send() gets its bytes written
 * and how a turn that used up its share goes on: unlike event_active(), it
 * lets libevent look at all other descriptors first.
 *
 * A turn writes what the transport takes, then reads and delivers. Bytes come
 * into one buffer; frames are delivered from where they lie, and only the
 * start of a frame that is not whole yet is moved. When writing fails, reading
 * goes on until there is nothing left: the peer's last words count.
 *
 * A paused link takes its descriptor out of the event loop, as one that is not
 * read would stay readable and have the loop spin. Its turns, for what is to be
 * sent, do not read.
 *
 * Every callback but woken() may free the link, so a turn puts the address of a local flag
 * into @freed and returns at once, touching nothing, when it was raised.
 */
#include "link.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <string.h>

#include "frame.h"

/**
 * struct link - see link.h
 * @t:		owned
 * @cbs, @ctx:	borrowed from the owner
 * @frames_max:	limit of frames, and of reads, in one turn
 * @readable:	@t's descriptor is readable, persistent
 * @writable:	the same, once, after -EAGAIN if @t asks for that
 * @again:	a turn as soon as all others had theirs
 * @resume:	the end of a pause
 * @paused:	@readable is not waited for
 * @freed:	where the running turn learns of link_free(), or NULL
 * @closed:	the closed callback was made or is being made
 * @write_error: 0, or why nothing can be written any more
 * @out:	queue out: @out_len bytes from @out_first of @out_size
 * @in_first:	first byte of @in not yet delivered
 * @in_end:	end of what was read into @in
 */
struct link {
	struct transport *t;
	const struct link_callbacks *cbs;
	void *ctx;
	unsigned int frames_max;
	struct event readable;
	struct event writable;
	struct event again;
	struct event resume;
	bool paused;
	bool *freed;
	bool closed;
	int write_error;
	uint8_t *out;
	size_t out_first, out_len, out_size, out_max;
	size_t in_first, in_end;
	uint8_t in[FRAME_MAX];
};

static void link_turn_soon(struct link *l)
{
	static const struct timeval now = { 0, 0 };

	event_add(&l->again, &now);
}

static void link_stop_events(struct link *l)
{
	event_del(&l->readable);
	event_del(&l->writable);
	event_del(&l->again);
	event_del(&l->resume);
}

static void link_close(struct link *l, int error)
{
	l->closed = true;
	l->out_len = 0;
	link_stop_events(l);
	l->cbs->closed(l->ctx, error);
}

/* Writes what the transport takes; a failure is left in @write_error. */
static void link_flush(struct link *l)
{
	ssize_t n;

	while (l->out_len && !l->write_error) {
		n = l->t->ops->write(l->t, l->out + l->out_first, l->out_len);
		if (n == -EAGAIN) {
			if (l->t->ops->write_needs_pollout)
				event_add(&l->writable, NULL);
			return;
		}
		if (n < 0) {
			l->write_error = (int)n;
			l->out_len = 0;
			return;
		}
		l->out_first += (size_t)n;
		l->out_len -= (size_t)n;
	}
	l->out_first = 0;
}

/* Return: as of transport's read; there is always room for a byte, because
 * a whole frame fits and would have been delivered */
static ssize_t link_fill(struct link *l)
{
	ssize_t n;

	memmove(l->in, l->in + l->in_first, l->in_end - l->in_first);
	l->in_end -= l->in_first;
	l->in_first = 0;
	ASSERT(l->in_end < sizeof(l->in));
	n = l->t->ops->read(l->t, l->in + l->in_end,
			    sizeof(l->in) - l->in_end);
	if (n > 0)
		l->in_end += (size_t)n;
	return n;
}

static void link_deliver(struct link *l, size_t len)
{
	const uint8_t *payload = l->in + l->in_first + FRAME_HEADER_BYTES;

	l->in_first += FRAME_HEADER_BYTES + len;
	l->cbs->frame(l->ctx, payload, len);
}

/* Return: 0 if there is nothing more to do now, 1 if the turn's share is used
 * up, or why the link has ended; any of it only if !*@freed */
static int link_read_turn(struct link *l, const bool *freed)
{
	unsigned int frames = 0, reads = 0;
	size_t len;
	ssize_t n;
	int rc;

	while (!l->paused) {
		rc = frame_peek(l->in + l->in_first, l->in_end - l->in_first,
				&len);
		if (rc < 0)
			return rc;
		if (rc > 0 && frames++ == l->frames_max)
			return 1;
		if (rc > 0) {
			link_deliver(l, len);
			if (*freed)
				return 0;
			continue;
		}
		if (reads++ > l->frames_max)
			return 1;
		n = link_fill(l);
		if (n == -EAGAIN)
			return l->write_error;
		if (n < 0)
			return (int)n;
	}
	return 0;
}

static void link_turn(struct link *l)
{
	bool freed = false, had_out = l->out_len > 0;
	int rc;

	l->freed = &freed;
	link_flush(l);
	if (had_out && !l->out_len && !l->write_error && l->cbs->drained)
		l->cbs->drained(l->ctx);
	if (freed)
		return;
	rc = link_read_turn(l, &freed);
	if (freed)
		return;
	if (rc > 0)
		link_turn_soon(l);
	if (rc < 0)
		link_close(l, rc);
	if (!freed)
		l->freed = NULL;
}

static void link_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	(void)fd;
	(void)what;
	l->t->ops->woken(l->t);
	if (l->cbs->woken)
		l->cbs->woken(l->ctx);
	link_turn(l);
}

static void link_on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	link_turn(arg);
}

/* What came meanwhile is there already, or makes the descriptor readable. */
static void link_on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;

	(void)fd;
	(void)what;
	l->paused = false;
	event_add(&l->readable, NULL);
	link_turn_soon(l);
}

void link_pause(struct link *l, int64_t us)
{
	struct timeval tv = { us / 1000000, us % 1000000 };

	if (l->closed)
		return;
	event_del(&l->readable);
	event_add(&l->resume, &tv);
	l->paused = true;
}

int link_new(struct event_base *base, struct transport *t, size_t out_min,
	     size_t out_max, unsigned int frames_max,
	     const struct link_callbacks *cbs, void *ctx, struct link **ret)
{
	int fd = t->ops->fd(t);
	struct link *l;

	ASSERT(out_max >= FRAME_MAX && out_min <= out_max && frames_max);
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->out_size = MAX(out_min, FRAME_HEADER_BYTES);
	l->out = malloc(l->out_size);
	if (!l->out)
		goto out_free_link;
	l->out_max = out_max;
	l->frames_max = frames_max;
	l->cbs = cbs;
	l->ctx = ctx;
	l->t = t;
	event_assign(&l->readable, base, fd, EV_READ | EV_PERSIST,
		     link_on_readable, l);
	event_assign(&l->writable, base, fd, EV_WRITE, link_on_turn, l);
	event_assign(&l->again, base, -1, 0, link_on_turn, l);
	event_assign(&l->resume, base, -1, 0, link_on_resume, l);
	if (event_add(&l->readable, NULL))
		goto out_free_out;
	/* What came before we listened may never wake us again. */
	link_turn_soon(l);
	*ret = l;
	return 0;

out_free_out:
	free(l->out);
out_free_link:
	free(l);
	return -ENOMEM;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	if (l->freed)
		*l->freed = true;
	link_stop_events(l);
	transport_close(l->t);
	free(l->out);
	free(l);
}

/* Makes room for @need bytes at the end of the queue. */
static int link_reserve(struct link *l, size_t need)
{
	size_t size = l->out_size;
	uint8_t *out;

	if (need > l->out_max - l->out_len)
		return -ENOBUFS;
	if (l->out_first) {
		memmove(l->out, l->out + l->out_first, l->out_len);
		l->out_first = 0;
	}
	if (need <= size - l->out_len)
		return 0;
	size = MIN(MAX(2 * size, l->out_len + need), l->out_max);
	out = realloc(l->out, size);
	if (!out)
		return -ENOMEM;
	l->out = out;
	l->out_size = size;
	return 0;
}

int link_send(struct link *l, const uint8_t *buf, size_t len)
{
	size_t need = FRAME_HEADER_BYTES + len;
	uint8_t *end;
	int rc;

	ASSERT(len >= 1 && len <= FRAME_PAYLOAD_MAX);
	if (l->closed || l->write_error)
		return -EPIPE;
	if (l->out_first + l->out_len + need > l->out_size) {
		rc = link_reserve(l, need);
		if (rc)
			return rc;
	}
	end = l->out + l->out_first + l->out_len;
	frame_put_header(end, len);
	memcpy(end + FRAME_HEADER_BYTES, buf, len);
	l->out_len += need;
	/* Transports without POLLOUT are tried again with each turn. */
	if (!event_pending(&l->writable, EV_WRITE, NULL))
		link_turn_soon(l);
	return 0;
}

size_t link_queued_bytes(const struct link *l)
{
	return l->out_len;
}
