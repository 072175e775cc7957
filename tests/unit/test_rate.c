/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_rate.c - How often something may happen, and a transport that waits
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "paced.h"
#include "rate.h"
#include "transport_unix.h"

static const struct rate_limit limit = { 3, 100 };

static void a_burst_is_free_and_then_one_a_period(void **state)
{
	int64_t now_us = 1000000;
	struct rate r = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rate_wait_us(&r, &limit, now_us), 0);
		rate_count(&r, &limit, now_us);
	}
	assert_int_equal(rate_wait_us(&r, &limit, now_us), 100);
	assert_int_equal(rate_wait_us(&r, &limit, now_us + 99), 1);
	now_us += 100;
	assert_int_equal(rate_wait_us(&r, &limit, now_us), 0);
	rate_count(&r, &limit, now_us);
	assert_int_equal(rate_wait_us(&r, &limit, now_us), 100);
}

static void a_rest_fills_the_bucket_and_no_more(void **state)
{
	struct rate r = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		rate_count(&r, &limit, 5000);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(rate_wait_us(&r, &limit, 1000000), 0);
		rate_count(&r, &limit, 1000000);
	}
	assert_int_equal(rate_wait_us(&r, &limit, 1000000), 100);
}

static void what_came_beyond_the_limit_is_waited_for(void **state)
{
	struct rate r = { 0 };

	(void)state;
	for (int i = 0; i < 13; i++)
		rate_count(&r, &limit, 1000);
	assert_int_equal(rate_wait_us(&r, &limit, 1000), 1100);
}

/* A paced transport ---------------------------------------------------- */

struct pair {
	struct transport *t;
	int peer;
	unsigned int wakes;
};

static void on_woken(void *ctx)
{
	((struct pair *)ctx)->wakes++;
}

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct transport *inner;
	int fds[2];

	assert_non_null(p);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    fds), 0);
	assert_int_equal(transport_unix_new(fds[0], &inner), 0);
	assert_int_equal(paced_new(inner, on_woken, p, &p->t), 0);
	p->peer = fds[1];
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	transport_close(p->t);
	close(p->peer);
	free(p);
	return 0;
}

static bool readable(struct pair *p, int ms)
{
	struct pollfd fd = { .fd = p->t->ops->fd(p->t), .events = POLLIN };

	return poll(&fd, 1, ms) == 1;
}

static void held_it_wakes_nobody_until_its_time_is_over(void **state)
{
	struct pair *p = *state;
	char buf[8];

	assert_int_equal(write(p->peer, "abc", 3), 3);
	assert_true(readable(p, 0));
	p->t->ops->woken(p->t);
	assert_int_equal(p->wakes, 1);
	paced_hold(p->t, 50000);
	assert_false(readable(p, 0));
	assert_int_equal(p->t->ops->read(p->t, buf, sizeof(buf)), -EAGAIN);
	assert_int_equal(write(p->peer, "def", 3), 3);
	assert_false(readable(p, 10));
	assert_true(readable(p, 1000));
	p->t->ops->woken(p->t);
	assert_int_equal(p->wakes, 2);
	assert_int_equal(p->t->ops->read(p->t, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "abcdef", 6);
}

static void a_longer_hold_replaces_a_shorter_one(void **state)
{
	struct pair *p = *state;

	paced_hold(p->t, 1000);
	paced_hold(p->t, 60000);
	assert_int_equal(write(p->peer, "a", 1), 1);
	assert_false(readable(p, 20));
	assert_true(readable(p, 1000));
}

static void it_reads_no_more_at_once_than_may_follow_a_hold(void **state)
{
	struct pair *p = *state;
	char buf[4 * PACED_READ_MAX];

	memset(buf, 'x', sizeof(buf));
	assert_int_equal(write(p->peer, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(p->t->ops->read(p->t, buf, sizeof(buf)),
			 PACED_READ_MAX);
}

static void room_to_write_is_a_wake_up(void **state)
{
	static char buf[65536];
	struct pair *p = *state;
	ssize_t n;

	do {
		n = p->t->ops->write(p->t, buf, sizeof(buf));
	} while (n > 0);
	assert_int_equal(n, -EAGAIN);
	assert_false(readable(p, 0));
	while (read(p->peer, buf, sizeof(buf)) > 0)
		;
	assert_true(readable(p, 1000));
	p->t->ops->woken(p->t);
	/* And then it is silent again, though there is room. */
	assert_false(readable(p, 0));
	assert_int_equal(p->t->ops->write(p->t, buf, 1), 1);
}

static void the_end_of_the_peer_is_seen_after_a_hold(void **state)
{
	struct pair *p = *state;
	char c;

	paced_hold(p->t, 1000);
	shutdown(p->peer, SHUT_RDWR);
	assert_true(readable(p, 1000));
	p->t->ops->woken(p->t);
	assert_int_equal(p->t->ops->read(p->t, &c, 1), -ECONNRESET);
}

#define PACED(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_free_and_then_one_a_period),
		cmocka_unit_test(a_rest_fills_the_bucket_and_no_more),
		cmocka_unit_test(what_came_beyond_the_limit_is_waited_for),
		PACED(held_it_wakes_nobody_until_its_time_is_over),
		PACED(a_longer_hold_replaces_a_shorter_one),
		PACED(it_reads_no_more_at_once_than_may_follow_a_hold),
		PACED(room_to_write_is_a_wake_up),
		PACED(the_end_of_the_peer_is_seen_after_a_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
