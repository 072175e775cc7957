/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vtime.c - A clock that stands still unless told to go on
 */
#include "vtime.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS	1000000000
/* Descriptors of timers: those of held channels, one a guest. */
#define TIMERS_MAX	1024

/* A day: zero means "never" in places. */
#define START_US	(INT64_C(86400) * 1000000)
static int64_t now_us = START_US;

/* When each timer's descriptor becomes readable; 0: it is not armed. */
static int64_t timers[TIMERS_MAX];
static int64_t next_timer_us = INT64_MAX;

/* In place of libc's, whose headers have no other names for the arguments. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	switch (clock) {
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		ts->tv_sec = now_us / 1000000;
		ts->tv_nsec = now_us % 1000000 * 1000;
		return 0;
	default:
		return (int)syscall(SYS_clock_gettime, clock, ts);
	}
}

int64_t vtime_us(void)
{
	return now_us;
}

void vtime_restart(void)
{
	memset(timers, 0, sizeof(timers));
	next_timer_us = INT64_MAX;
	now_us = START_US;
}

void vtime_spend(int64_t us)
{
	now_us += us;
}

static void find_next_timer(void)
{
	next_timer_us = INT64_MAX;
	for (int fd = 0; fd < TIMERS_MAX; fd++) {
		if (timers[fd])
			next_timer_us = MIN(next_timer_us, timers[fd]);
	}
}

static int set_real(int fd, int64_t ns)
{
	struct itimerspec at = {
		.it_value = { ns / SECOND_NS, ns % SECOND_NS },
	};

	return (int)syscall(SYS_timerfd_settime, fd, 0, &at, NULL);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *at,
		    struct itimerspec *old)
{
	int64_t us = at->it_value.tv_sec * INT64_C(1000000) +
		     (at->it_value.tv_nsec + 999) / 1000;

	ASSERT(fd >= 0 && fd < TIMERS_MAX && !flags && !old &&
	       !at->it_interval.tv_sec && !at->it_interval.tv_nsec);
	timers[fd] = us ? now_us + us : 0;
	find_next_timer();
	return set_real(fd, 0);
}

/* Those whose time has come are made readable, by real timers at once. */
static void fire_timers(void)
{
	if (now_us < next_timer_us)
		return;
	for (int fd = 0; fd < TIMERS_MAX; fd++) {
		if (!timers[fd] || timers[fd] > now_us)
			continue;
		timers[fd] = 0;
		/* Closed meanwhile: nobody waits for it. */
		(void)set_real(fd, 1);
	}
	find_next_timer();
}

static int look(int epfd, struct epoll_event *events, int max)
{
	return (int)syscall(SYS_epoll_pwait, epfd, events, max, 0, NULL, 8);
}

int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	int64_t until_us = next_timer_us;
	int n;

	fire_timers();
	n = look(epfd, events, max);
	if (n || !timeout_ms)
		return n;
	if (timeout_ms > 0)
		until_us = MIN(until_us, now_us + timeout_ms * INT64_C(1000));
	/* Nothing would ever happen again. */
	ASSERT(until_us != INT64_MAX);
	now_us = MAX(now_us, until_us);
	fire_timers();
	return look(epfd, events, max);
}
