/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_trigger.c - To be woken when tasks wait for memory
 *
 * That the kernel wakes is proved in the lab (tests/nested/cases/pressure): no
 * test may make this machine short of memory. Here its file is opened, and a
 * socket with urgent data stands for one that fires.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "trigger.h"

#define MEMORY	"/proc/pressure/memory"

/* Any task may ask for a window of two seconds. */
#define WINDOW_US	2000000u

/* Two ends of a connection on which urgent data is told by EPOLLPRI */
static void connect_pair(int fds[2])
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr *any = (struct sockaddr *)&addr;
	socklen_t len = sizeof(addr);
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(listening >= 0);
	assert_int_equal(bind(listening, any, len), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, any, &len), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[0], any, len), 0);
	fds[1] = accept(listening, NULL, NULL);
	assert_true(fds[1] >= 0);
	close(listening);
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1 && p.revents == POLLIN;
}

static void only_what_is_urgent_makes_it_readable(void **state)
{
	struct trigger t = TRIGGER_NONE;
	char byte;
	int fds[2];

	(void)state;
	connect_pair(fds);
	assert_int_equal(trigger_of(fds[1], &t), 0);
	assert_false(readable(t.fd, 0));
	assert_int_equal(send(fds[0], "x", 1, 0), 1);
	assert_true(readable(fds[1], 1000));
	assert_false(readable(t.fd, 0));
	assert_int_equal(send(fds[0], "y", 1, MSG_OOB), 1);
	assert_true(readable(t.fd, 1000));
	/* The kernel's own file tells an event once; this one until it is
	 * read, and then, too, nothing is left. */
	assert_int_equal(recv(fds[1], &byte, 1, MSG_OOB), 1);
	trigger_take(&t);
	assert_false(readable(t.fd, 0));
	trigger_close(&t);
	assert_int_equal(t.fd, -1);
	assert_int_equal(fcntl(fds[1], F_GETFD), -1);
	trigger_close(&t);
	close(fds[0]);
}

static void count(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	++*(unsigned int *)arg;
}

static void an_event_loop_is_woken_by_it_and_else_sleeps(void **state)
{
	struct event_base *base = event_base_new();
	const struct timeval soon = { 0, 50000 };
	struct trigger t = TRIGGER_NONE;
	unsigned int fired = 0;
	struct event *event;
	int fds[2];

	(void)state;
	connect_pair(fds);
	assert_int_equal(send(fds[0], "x", 1, 0), 1);
	assert_true(readable(fds[1], 1000));
	assert_int_equal(trigger_of(fds[1], &t), 0);
	event = event_new(base, t.fd, EV_READ, count, &fired);
	assert_int_equal(event_add(event, NULL), 0);
	assert_int_equal(event_base_loopexit(base, &soon), 0);
	event_base_dispatch(base);
	assert_int_equal(fired, 0);
	assert_int_equal(send(fds[0], "y", 1, MSG_OOB), 1);
	event_base_dispatch(base);
	assert_int_equal(fired, 1);
	event_free(event);
	trigger_close(&t);
	event_base_free(base);
	close(fds[0]);
}

static void the_kernel_takes_a_threshold_or_says_why_not(void **state)
{
	struct trigger t = TRIGGER_NONE;
	int rc = trigger_open(MEMORY, WINDOW_US, WINDOW_US, &t);

	(void)state;
	if (access(MEMORY, F_OK)) {
		assert_int_equal(rc, -ENOENT);
		return;
	}
	if (rc) {	/* psi=0 on its command line */
		assert_int_equal(rc, -EOPNOTSUPP);
		return;
	}
	assert_false(readable(t.fd, 10));
	trigger_close(&t);
	/* More stall than window */
	assert_int_equal(trigger_open(MEMORY, WINDOW_US + 1, WINDOW_US, &t),
			 -EINVAL);
	assert_int_equal(t.fd, -1);
}

static void what_is_no_such_file_is_refused(void **state)
{
	struct trigger t = TRIGGER_NONE;

	(void)state;
	assert_int_equal(trigger_open("/nonexistent", 1, 2, &t), -ENOENT);
	/* It can be written to, but there is nothing to wait for. */
	assert_int_equal(trigger_open("/dev/null", 1, 2, &t), -EPERM);
	assert_int_equal(t.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_urgent_makes_it_readable),
		cmocka_unit_test(an_event_loop_is_woken_by_it_and_else_sleeps),
		cmocka_unit_test(the_kernel_takes_a_threshold_or_says_why_not),
		cmocka_unit_test(what_is_no_such_file_is_refused),
	};

	return cmocka_run_group_tests_name("trigger", tests, NULL, NULL);
}
