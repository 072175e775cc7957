/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * transport.h - A connection that carries bytes, of whatever kind
 *
 * A port: transport_unix.c and transport_vchan.c implement it. No operation
 * blocks or logs. A transport is owned by one event loop thread.
 */
#ifndef MEMTIDE_TRANSPORT_H
#define MEMTIDE_TRANSPORT_H

#include <sys/types.h>

#include "base.h"

struct transport;

struct transport_ops {
	/**
	 * @fd: The descriptor to wait on for reading; constant, owned by the
	 * transport. It tells of readability, of room to write if
	 * @write_needs_pollout is false, and of the peer's end.
	 */
	int (*fd)(struct transport *t);

	/**
	 * @woken: Called once each time @fd was found readable, before any
	 * read. Source: libxenvchan_wait() must be called once a wake-up.
	 */
	void (*woken)(struct transport *t);

	/**
	 * @read: Up to @len bytes, at least 1
	 *
	 * Return: bytes read, -EAGAIN if there are none now, -ECONNRESET if the
	 * peer is gone and everything was read, -EPROTO if it broke the
	 * transport's rules, or another negative errno
	 */
	ssize_t (*read)(struct transport *t, void *buf, size_t len);

	/**
	 * @write: Up to @len bytes, at least 1
	 *
	 * Return: bytes taken, -EAGAIN if there is no room now, -ECONNRESET,
	 * -EPROTO or another negative errno
	 */
	ssize_t (*write)(struct transport *t, const void *buf, size_t len);

	/** @close: End the connection and free @t; NULL is accepted. */
	void (*close)(struct transport *t);

	/** @write_needs_pollout: wait for POLLOUT on @fd after -EAGAIN */
	bool write_needs_pollout;
};

/* Embedded first in each implementation's struct. */
struct transport {
	const struct transport_ops *ops;
};

static inline void transport_close(struct transport *t)
{
	if (t)
		t->ops->close(t);
}

#endif
