/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtime.h - A clock that stands still unless told to go on
 *
 * DOC: Theory of operation
 *
 * A program that links vtime.c has a clock_gettime(), an epoll_wait() and a
 * timerfd_settime() of its own, which libevent and memtide's code find before
 * those of libc. The monotonic clocks show virtual time. It goes on in two
 * ways: when the event loop finds nothing to do, by as long as it would have
 * slept; and by vtime_spend(), for work that keeps the daemon busy, as a
 * hypercall does. An hour in which little happens takes milliseconds, and two
 * runs with the same seed are the same to the microsecond.
 */
#ifndef MEMTIDE_TEST_VTIME_H
#define MEMTIDE_TEST_VTIME_H

#include "base.h"

/** vtime_us() - Virtual time; starts at some time after 0, never goes back */
int64_t vtime_us(void);

/** vtime_restart() - Back to the start; nobody may know what time it was */
void vtime_restart(void);

/** vtime_spend() - Whoever runs now is busy for so long */
void vtime_spend(int64_t us);

#endif
