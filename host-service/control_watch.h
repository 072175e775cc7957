/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_watch.h - watch
 *
 * DOC: Theory of operation
 *
 * Who watches is told each event of history.h, in order, none twice, and if it
 * wants sizes, host and guests as they are: all of them once, then those that
 * have changed, once in WATCH_NEWS_MS at most.
 *
 * It costs memtided no more than WATCH_QUEUE_MAX octets and a little. What is
 * not read waits there, then the events wait in history's ring, and sizes, of
 * which only the last count, are not looked at before there is room again. Who
 * has not read when the ring goes over what it was not told is ended, with the
 * reason, and WATCH_END_S later its connection is closed.
 */
#ifndef MEMTIDE_CONTROL_WATCH_H
#define MEMTIDE_CONTROL_WATCH_H

#include "client.h"

#define WATCH_QUEUE_MAX		(256u * 1024)
#define WATCH_NEWS_MS		200u
#define WATCH_END_S		10

/** control_watch() - Tell what happens until the client goes */
void control_watch(struct client *c);

/** control_watch_go_on() - There is room for more; of any client */
void control_watch_go_on(struct client *c);

/** control_watch_time() - Its timer is over */
void control_watch_time(struct client *c);

#endif
