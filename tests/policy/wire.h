/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * wire.h - A channel in memory between memtided and a virtual guest
 *
 * The host's end is a transport, with a real descriptor for the event loop.
 * The guest's end is these functions: what the host wrote lies in a buffer at
 * once, what the guest says arrives when it is told to.
 */
#ifndef MEMTIDE_TEST_WIRE_H
#define MEMTIDE_TEST_WIRE_H

#include "transport.h"

struct event_base;
struct wire;

/**
 * wire_new() - A channel, open at both ends
 * @heard:	the host has written or closed; called from inside of that
 * @ret_host:	the host's end, to be closed by it
 *
 * Return: 0 or -ENOMEM
 */
int wire_new(struct event_base *base, void (*heard)(void *ctx), void *ctx,
	     struct transport **ret_host, struct wire **ret);

/** wire_hang_up() - Close the guest's end; what was said arrives yet */
void wire_hang_up(struct wire *w);

/**
 * wire_say() - The guest writes bytes that arrive in a while
 * @delay_us:	from now; never before what was said earlier
 * @now_us:	the event loop's time
 *
 * Return: 0 or -ENOMEM
 */
int wire_say(struct wire *w, const void *buf, size_t len, int64_t delay_us,
	     int64_t now_us);

/** wire_hear() - Up to @len bytes of what the host has written */
size_t wire_hear(struct wire *w, void *buf, size_t len);

/** wire_closed() - Has the host closed its end? */
bool wire_closed(const struct wire *w);

#endif
