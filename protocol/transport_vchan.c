/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * transport_vchan.c - Transport over libxenvchan, between dom0 and a guest
 *
 * Theory of operation
 *
 * A channel is a page the guest has granted, two rings, and one event channel
 * whose descriptor becomes readable for everything: data, room, the peer's
 * coming and going. libxenvchan is used non-blocking, and arms the
 * notification itself whenever it returns less than was asked for.
 *
 * All of the shared page is the other side's to write. libxenvchan masks
 * indices, so it never strays out of a ring, and takes an impossible index
 * difference for an empty or full ring for ever; here that ends the
 * connection instead.
 *
 * The page's cli_live tells the server about its client: 2 before the first
 * one, 1 while connected, 0 after; srv_live is the same for the client. The
 * kernel clears them when a process dies.
 */
#include "transport_vchan.h"

#include <errno.h>
#include <libxenvchan.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <xenstore.h>
#include <xentoollog.h>

/* A power of two of at least 4 KiB has pages of its own; one whole frame more
 * or less fits, so most messages go over in one wake-up. */
#define RING_BYTES	16384u
#define CLIENT_DOMID	0		/* dom0 */
#define NUMBER_MAX	11u		/* digits of a node, with the final 0 */
#define PATH_BYTES	64u

struct transport_vchan {
	struct transport transport;
	struct libxenvchan *chan;
	bool abandoned;
};

struct vchan_watch {
	struct xs_handle *xs;
};

/* Ports do not log. Source: xentoollog.h; NULL would mean stderr. */
static void silent_message(struct xentoollog_logger *logger,
			   xentoollog_level level, int errnoval,
			   const char *context, const char *format, va_list al)
{
	(void)logger;
	(void)level;
	(void)errnoval;
	(void)context;
	(void)format;
	(void)al;
}

static struct xentoollog_logger silent = {
	.vmessage = silent_message,
};

static struct libxenvchan *chan_of(struct transport *t)
{
	return ((struct transport_vchan *)t)->chan;
}

/* libxenvchan does not promise to set errno. */
static int foreign_error(void)
{
	return errno ? -errno : -EIO;
}

/* Bytes in a ring, each index read once, or -EPROTO if there cannot be so
 * many */
static int ring_fill(const struct libxenvchan_ring *ring)
{
	const volatile struct ring_shared *untrusted_shr = ring->shr;
	uint32_t untrusted_fill = untrusted_shr->prod - untrusted_shr->cons;

	return untrusted_fill > 1u << ring->order ? -EPROTO :
						    (int)untrusted_fill;
}

static int vchan_fd(struct transport *t)
{
	return libxenvchan_fd_for_select(chan_of(t));
}

/* libxenvchan_wait() takes one event off the descriptor, and would sleep if
 * there were none. Source: xenevtchn.h at xenevtchn_pending(). */
static void vchan_woken(struct transport *t)
{
	struct pollfd p = { .fd = vchan_fd(t), .events = POLLIN };

	if (poll(&p, 1, 0) == 1 && p.revents & POLLIN)
		(void)libxenvchan_wait(chan_of(t));
}

/* What a failed read or write means */
static ssize_t vchan_failed(struct libxenvchan *chan)
{
	return libxenvchan_is_open(chan) ? foreign_error() : -ECONNRESET;
}

static ssize_t vchan_read(struct transport *t, void *buf, size_t len)
{
	struct libxenvchan *chan = chan_of(t);
	int n;

	if (ring_fill(&chan->read) < 0)
		return -EPROTO;
	errno = 0;
	n = libxenvchan_read(chan, buf, MIN(len, RING_BYTES));
	/* The peer may have written between the look and its end. */
	if (n < 0 && ring_fill(&chan->read) > 0)
		n = libxenvchan_read(chan, buf, MIN(len, RING_BYTES));
	if (n > 0)
		return n;
	return n ? vchan_failed(chan) : -EAGAIN;
}

static ssize_t vchan_write(struct transport *t, const void *buf, size_t len)
{
	struct libxenvchan *chan = chan_of(t);
	int n;

	if (ring_fill(&chan->write) < 0)
		return -EPROTO;
	errno = 0;
	n = libxenvchan_write(chan, buf, MIN(len, RING_BYTES));
	if (n > 0)
		return n;
	return n ? vchan_failed(chan) : -EAGAIN;
}

static void vchan_close(struct transport *t)
{
	if (!((struct transport_vchan *)t)->abandoned)
		libxenvchan_close(chan_of(t));
	free(t);
}

static const struct transport_ops vchan_ops = {
	.fd = vchan_fd,
	.woken = vchan_woken,
	.read = vchan_read,
	.write = vchan_write,
	.close = vchan_close,
	.write_needs_pollout = false,
};

/* Owns @chan in any case. */
static int vchan_new(struct libxenvchan *chan, struct transport **ret)
{
	struct transport_vchan *v = malloc(sizeof(*v));

	if (!v) {
		libxenvchan_close(chan);
		return -ENOMEM;
	}
	chan->blocking = 0;
	chan->server_persist = 0;
	v->transport.ops = &vchan_ops;
	v->chan = chan;
	v->abandoned = false;
	*ret = &v->transport;
	return 0;
}

int transport_vchan_serve(struct transport **ret)
{
	struct libxenvchan *chan;

	errno = 0;
	/* A path without / at its start is below the guest's own home. */
	chan = libxenvchan_server_init(&silent, CLIENT_DOMID, VCHAN_NODE,
				       RING_BYTES, RING_BYTES);
	return chan ? vchan_new(chan, ret) : foreign_error();
}

void transport_vchan_abandon(struct transport *t)
{
	((struct transport_vchan *)t)->abandoned = true;
}

int vchan_watch_open(struct vchan_watch **ret)
{
	struct vchan_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	errno = 0;
	w->xs = xs_open(0);
	if (!w->xs || !xs_watch(w->xs, VCHAN_NODE "/event-channel", "offer")) {
		int rc = foreign_error();

		vchan_watch_close(w);
		return rc;
	}
	*ret = w;
	return 0;
}

int vchan_watch_fd(const struct vchan_watch *w)
{
	return xs_fileno(w->xs);
}

bool vchan_watch_lost(struct vchan_watch *w, struct transport *t)
{
	unsigned int len;
	char **event, *text;
	bool lost;

	while ((event = xs_check_watch(w->xs)))
		free(event);
	errno = 0;
	text = xs_read(w->xs, XBT_NULL, VCHAN_NODE "/event-channel", &len);
	if (!text)
		return errno == ENOENT;
	lost = strtoul(text, NULL, 10) != chan_of(t)->event_port;
	free(text);
	return lost;
}

void vchan_watch_close(struct vchan_watch *w)
{
	if (!w)
		return;
	if (w->xs)
		xs_close(w->xs);
	free(w);
}

/* Is the node a number that libxenvchan can read? Return: 0, -ENOENT or
 * -EPROTO */
static int check_node(struct xs_handle *xs, const char *base, const char *name)
{
	char path[PATH_BYTES];
	unsigned int len = 0;
	char *untrusted_text;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	errno = 0;
	untrusted_text = xs_read(xs, XBT_NULL, path, &len);
	if (!untrusted_text)
		return errno == ENOENT ? -ENOENT : foreign_error();
	/* xs_read() puts a 0 behind the @len octets. */
	ok = len >= 1 && len < NUMBER_MAX &&
	     strspn(untrusted_text, "0123456789") == len &&
	     strtoul(untrusted_text, NULL, 10) <= INT_MAX;
	free(untrusted_text);
	return ok ? 0 : -EPROTO;
}

static int check_offer(const char *base)
{
	struct xs_handle *xs;
	int rc;

	/* Without xenstore nobody knows what the guest offers: no -ENOENT. */
	xs = xs_open(0);
	if (!xs)
		return -EIO;
	rc = check_node(xs, base, "ring-ref");
	if (!rc)
		rc = check_node(xs, base, "event-channel");
	xs_close(xs);
	return rc;
}

/* Did an earlier client of this same offer read or write? Then the guest has
 * not yet seen that one go, and would take us for it. */
static bool is_used_offer(const struct libxenvchan *chan)
{
	const volatile struct ring_shared *in = chan->read.shr;
	const volatile struct ring_shared *out = chan->write.shr;

	return in->cons || out->prod;
}

int transport_vchan_connect(uint32_t domid, struct transport **ret)
{
	struct libxenvchan *chan;
	char base[PATH_BYTES];
	int rc;

	if (domid > INT_MAX)
		return -EINVAL;
	snprintf(base, sizeof(base), "/local/domain/%u/" VCHAN_NODE, domid);
	rc = check_offer(base);
	if (rc)
		return rc;
	chan = libxenvchan_client_init(&silent, (int)domid, base);
	/* Numbers that are no grant, no port or no ring of its */
	if (!chan)
		return -EPROTO;
	if (is_used_offer(chan)) {
		/* It sees us go, and offers anew. */
		libxenvchan_close(chan);
		return -EAGAIN;
	}
	return vchan_new(chan, ret);
}
