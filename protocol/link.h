/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * link.h - Frames over a transport, driven by libevent
 *
 * A link owns its transport and two buffers: one frame in, and a bounded queue
 * out. Callbacks are made from the event loop only, never from inside
 * link_send(). A callback may call link_free() on its own link.
 */
#ifndef MEMTIDE_LINK_H
#define MEMTIDE_LINK_H

#include "transport.h"

struct event_base;
struct link;

struct link_callbacks {
	/** @frame: A whole payload arrived; @buf is valid during the call */
	void (*frame)(void *ctx, const uint8_t *buf, size_t len);
	/**
	 * @closed: The link is of no more use; the owner frees it. Called once.
	 * @error: -ECONNRESET if the peer went, -EPROTO if it broke framing or
	 *	   transport rules, or another negative errno
	 */
	void (*closed)(void *ctx, int error);
	/** @drained: The queue out has become empty again; NULL if not wanted */
	void (*drained)(void *ctx);
	/** @woken: The peer has woken us, whether it said something or not;
	 * NULL if not wanted. May not free the link. */
	void (*woken)(void *ctx);
};

/**
 * link_new() - Start a link
 * @t:		owned by the link on success
 * @out_min:	bytes of the queue out allocated at once
 * @out_max:	limit of that queue in bytes, >= FRAME_MAX; with @out_min ==
 *		@out_max the link allocates nothing after this call
 * @frames_max:	frames delivered in one turn of the event loop before others
 *		are served; at least 1
 * @cbs, @ctx:	borrowed from the caller for the link's life
 *
 * Return: 0, -ENOMEM
 */
int link_new(struct event_base *base, struct transport *t, size_t out_min,
	     size_t out_max, unsigned int frames_max,
	     const struct link_callbacks *cbs, void *ctx, struct link **ret);

/** link_free() - Close the transport and free; NULL is accepted */
void link_free(struct link *l);

/**
 * link_send() - Queue one frame
 * @buf:	payload, 1..FRAME_PAYLOAD_MAX bytes
 *
 * Return: 0, -ENOBUFS if the queue is full (nothing queued), -ENOMEM,
 *         -EPIPE once the link is closed
 */
int link_send(struct link *l, const uint8_t *buf, size_t len);

/**
 * link_pause() - Hear nothing for a while
 * @us:		from now on; replaces what is left of an earlier pause
 *
 * Nothing is read or delivered and the peer wakes nobody, whatever it does;
 * what it sends waits in the transport, and then in the peer. Frames are sent
 * meanwhile. May be called from callbacks.
 */
void link_pause(struct link *l, int64_t us);

/** link_queued_bytes() - Bytes not yet taken by the transport */
size_t link_queued_bytes(const struct link *l);

#endif
