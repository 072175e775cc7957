/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * transport_vchan.h - Transport over libxenvchan, between dom0 and a guest
 *
 * The guest is the server: it grants its own memory, so the host's memory use
 * does not depend on guests. Source: libxenvchan.h.
 */
#ifndef MEMTIDE_TRANSPORT_VCHAN_H
#define MEMTIDE_TRANSPORT_VCHAN_H

#include "transport.h"

/* Below /local/domain/<domid>/; the guest may write there. */
#define VCHAN_NODE	"data/memtide"

/**
 * transport_vchan_serve() - In the guest: offer a fresh channel to dom0
 *
 * Publishes ring-ref and event-channel under the guest's VCHAN_NODE; any
 * earlier offer is replaced. Reads answer -EAGAIN until dom0 has connected, and
 * -ECONNRESET once it has gone: then close and serve anew, so that no byte of
 * the old connection reaches the next.
 *
 * Return: 0 or a negative errno
 */
int transport_vchan_serve(struct transport **ret);

/**
 * transport_vchan_abandon() - In the guest: the domain it was offered in is gone
 *
 * A guest that was saved goes on in another domain. There, its event channel
 * and its grants are nobody's or somebody else's, and Linux (6.12: BUG_ON in
 * drivers/xen/evtchn.c) does not survive that they are closed: they, and their
 * pages, are kept when @t is closed, and may be closed only by the end of the
 * process.
 */
void transport_vchan_abandon(struct transport *t);

/**
 * vchan_watch_open() - In the guest: watch what it offers
 *
 * A domain that a saved guest goes on in has no offer, and the watch, which the
 * kernel sets again there, tells so.
 *
 * Return: 0 or a negative errno
 */
struct vchan_watch;
int vchan_watch_open(struct vchan_watch **ret);

/** vchan_watch_fd() - Readable when vchan_watch_lost() is to be asked */
int vchan_watch_fd(const struct vchan_watch *w);

/** vchan_watch_lost() - Is @t, served by us, not what xenstore says? */
bool vchan_watch_lost(struct vchan_watch *w, struct transport *t);

/** vchan_watch_close() - NULL is accepted */
void vchan_watch_close(struct vchan_watch *w);

/**
 * transport_vchan_connect() - In dom0: connect to the channel a guest offers
 * @domid:	the guest
 *
 * Return: 0, -ENOENT if the guest offers none, -EAGAIN if it has not yet seen
 * an earlier connection of ours end (it will offer anew), -EPROTO if what it
 * offers is no good, or another negative errno
 */
int transport_vchan_connect(uint32_t domid, struct transport **ret);

#endif
