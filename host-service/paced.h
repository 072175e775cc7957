/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * paced.h - A transport that can be told to be silent for a while (I7)
 *
 * Wraps another. While it is held nothing is read and its descriptor wakes
 * nobody, whatever the peer does; what the peer sends waits in the inner
 * transport, and then in the peer.
 */
#ifndef MEMTIDE_PACED_H
#define MEMTIDE_PACED_H

#include "transport.h"

/* What is read at once: so much may still be delivered after a hold. */
#define PACED_READ_MAX	1024u

/**
 * paced_new() - Wrap @inner
 * @inner:	owned on success
 * @woken:	called with @ctx each time the peer has woken us; may hold
 *
 * Return: 0 or a negative errno
 */
int paced_new(struct transport *inner, void (*woken)(void *ctx), void *ctx,
	      struct transport **ret);

/** paced_hold() - Be silent for @us microseconds, at least 1, from now */
void paced_hold(struct transport *t, int64_t us);

#endif
