/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_link.c - Frames over real sockets, with peers that behave and do not
 */
#include "link.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "cases.h"
#include "frame.h"
#include "transport_unix.h"

#define QUEUE		(2 * FRAME_MAX)
#define FRAMES_MAX	4u
#define TURNS_MAX	200000u
#define PAUSE_US	50000

/**
 * struct end - one link and what its callbacks saw
 * @free_in_frame:	link_free() from the frame callback after that many
 * @free_in_closed:	link_free() from the closed callback
 * @free_in_drained:	link_free() from the drained callback
 * @echo:		send each frame back
 * @pause_in_frame:	link_pause() from each frame callback
 */
struct end {
	struct link *link;
	unsigned int frames, drains, closes, wakes;
	int error;
	size_t last_len;
	uint64_t bytes, sum;
	unsigned int free_in_frame;
	bool free_in_closed, free_in_drained, echo, pause_in_frame;
};

static struct event_base *base;
static struct end end_a, end_b;
static int peer;

static void free_link(struct end *e)
{
	link_free(e->link);
	e->link = NULL;
}

static void on_frame(void *ctx, const uint8_t *buf, size_t len)
{
	struct end *e = ctx;

	assert_non_null(e->link);
	assert_int_equal(e->closes, 0);
	e->frames++;
	e->last_len = len;
	e->bytes += len;
	for (size_t i = 0; i < len; i++)
		e->sum = e->sum * 31 + buf[i];
	if (e->echo)
		assert_int_equal(link_send(e->link, buf, len), 0);
	if (e->pause_in_frame)
		link_pause(e->link, PAUSE_US);
	if (e->frames == e->free_in_frame)
		free_link(e);
}

static void on_closed(void *ctx, int error)
{
	struct end *e = ctx;

	assert_non_null(e->link);
	e->closes++;
	e->error = error;
	if (e->free_in_closed)
		free_link(e);
}

static void on_drained(void *ctx)
{
	struct end *e = ctx;

	e->drains++;
	assert_int_equal(link_queued_bytes(e->link), 0);
	if (e->free_in_drained)
		free_link(e);
}

static void on_woken(void *ctx)
{
	((struct end *)ctx)->wakes++;
}

static const struct link_callbacks cbs = {
	on_frame, on_closed, on_drained, on_woken,
};

/* @end_a's link on one end of a socket, @peer the other end as it is */
static int setup(void **state)
{
	struct transport *t;
	int fds[2];

	(void)state;
	memset(&end_a, 0, sizeof(end_a));
	memset(&end_b, 0, sizeof(end_b));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		return -1;
	peer = fds[1];
	base = event_base_new();
	return transport_unix_new(fds[0], &t) ||
	       link_new(base, t, 128, QUEUE, FRAMES_MAX, &cbs, &end_a,
			&end_a.link);
}

static int teardown(void **state)
{
	(void)state;
	link_free(end_a.link);
	link_free(end_b.link);
	if (peer >= 0)
		close(peer);
	event_base_free(base);
	return 0;
}

/* Puts a link on @peer as well. */
static void link_peer(void)
{
	struct transport *t;

	assert_int_equal(transport_unix_new(peer, &t), 0);
	assert_int_equal(link_new(base, t, QUEUE, QUEUE, FRAMES_MAX, &cbs,
				  &end_b, &end_b.link), 0);
	peer = -1;
}

static void hang_up(void)
{
	close(peer);
	peer = -1;
}

static void set_buffers(int fd, int bytes)
{
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes,
				    sizeof(bytes)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes,
				    sizeof(bytes)), 0);
}

/* Each until nothing is left to do now */
static void turn(unsigned int n)
{
	while (n--)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* One look at the descriptors, and what that makes active */
static void turn_once(void)
{
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void turn_until(const unsigned int *count, unsigned int wanted)
{
	for (unsigned int i = 0; i < TURNS_MAX && *count < wanted; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(*count, wanted);
}

static void send_raw(const void *buf, size_t len)
{
	assert_int_equal(send(peer, buf, len, MSG_NOSIGNAL), len);
}

static void send_frame(size_t len)
{
	static uint8_t frame[FRAME_MAX];

	frame_put_header(frame, len);
	memset(frame + FRAME_HEADER_BYTES, 'f', len);
	send_raw(frame, FRAME_HEADER_BYTES + len);
}

static void frames_of_all_sizes_pass_both_ways(void **state)
{
	static const size_t lens[] = { 1, 2, 3, 100, 4095, 4096, 4097, 16000,
				       FRAME_PAYLOAD_MAX };
	uint8_t buf[FRAME_PAYLOAD_MAX];
	uint64_t sum = 0;

	(void)state;
	link_peer();
	end_b.echo = true;
	for (unsigned int i = 0; i < ARRAY_SIZE(lens); i++) {
		for (size_t k = 0; k < lens[i]; k++) {
			buf[k] = (uint8_t)(k * 7 + i);
			sum = sum * 31 + buf[k];
		}
		assert_int_equal(link_send(end_a.link, buf, lens[i]), 0);
		turn_until(&end_a.frames, i + 1);
		assert_int_equal(end_a.last_len, lens[i]);
		assert_true(end_a.sum == sum && end_b.sum == sum);
	}
	assert_int_equal(end_a.closes + end_b.closes, 0);
}

static void tiny_socket_buffers_only_slow_it_down(void **state)
{
	static uint8_t buf[FRAME_PAYLOAD_MAX];
	unsigned int sent = 0;

	(void)state;
	set_buffers(peer, 1);
	link_peer();
	end_a.echo = true;
	while (end_b.frames < 100) {
		if (sent < 100 && !link_send(end_b.link, buf, sizeof(buf)))
			sent++;
		turn(1);
		assert_int_equal(end_a.closes + end_b.closes, 0);
	}
	assert_int_equal(end_b.bytes, 100 * sizeof(buf));
}

static void frames_arrive_whole_however_they_are_cut(void **state)
{
	uint8_t stream[3 * (FRAME_HEADER_BYTES + 5)];

	(void)state;
	for (int i = 0; i < 3; i++) {
		uint8_t *f = stream + i * (FRAME_HEADER_BYTES + 5);

		frame_put_header(f, 5);
		memcpy(f + FRAME_HEADER_BYTES, "hello", 5);
	}
	for (size_t cut = 1; cut < sizeof(stream); cut++) {
		end_a.frames = 0;
		for (size_t i = 0; i < sizeof(stream); i += cut) {
			send_raw(stream + i, MIN(cut, sizeof(stream) - i));
			turn(2);
			assert_int_equal(end_a.frames,
					 MIN(i + cut, sizeof(stream)) / 9);
		}
	}
	assert_int_equal(end_a.closes, 0);
}

static const struct bad_case {
	const char *what;
	uint8_t octets[8];
	size_t len;
	bool hang_up;
	int error;
} bad_cases[] = {
	{ "nothing and gone", { 0 }, 0, true, -ECONNRESET },
	{ "length 0", { 0, 0, 0, 0 }, 4, false, -EPROTO },
	{ "a length one too long", { 1, 0x40, 0, 0 }, 4, false, -EPROTO },
	{ "a garbage length", { 0xde, 0xad, 0xbe, 0xef }, 4, false, -EPROTO },
	{ "half a header", { 5, 0 }, 2, true, -ECONNRESET },
	{ "half a frame", { 5, 0, 0, 0, 'h', 'e' }, 6, true, -ECONNRESET },
};

static void a_bad_peer_closes_the_link_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(bad_cases); i++) {
		const struct bad_case *c = &bad_cases[i / 2];

		case_is("%s", c->what);
		if (i)
			case_int_equal(setup(state), 0);
		end_a.free_in_closed = i % 2;
		send_frame(10);
		if (c->len)
			send_raw(c->octets, c->len);
		if (c->hang_up)
			hang_up();
		turn_until(&end_a.closes, 1);
		case_int_equal(end_a.error, c->error);
		/* The good frame before it counted. */
		case_int_equal(end_a.frames, 1);
		if (end_a.link)
			case_int_equal(link_send(end_a.link,
						 (const uint8_t *)"x", 1),
				       -EPIPE);
		turn(5);
		case_int_equal(end_a.closes, 1);
		if (i + 1 < 2 * ARRAY_SIZE(bad_cases))
			teardown(state);
	}
}

static void the_last_words_of_a_peer_that_went_are_delivered(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		send_frame(100);
	/* Our writing fails before all is read: it must not end the link. */
	assert_int_equal(link_send(end_a.link, (const uint8_t *)"x", 1), 0);
	hang_up();
	turn_until(&end_a.closes, 1);
	assert_int_equal(end_a.frames, 20);
	assert_int_equal(end_a.error, -ECONNRESET);
	assert_int_equal(end_a.drains, 0);
}

static void one_turn_delivers_no_more_than_its_share(void **state)
{
	unsigned int before;

	(void)state;
	turn(1);
	for (int i = 0; i < 50; i++)
		send_frame(1);
	for (before = 0; before < 50; before = end_a.frames) {
		turn_once();
		assert_in_range(end_a.frames, before, before + 2 * FRAMES_MAX);
		/* All 50 lie in the buffer, and still the link goes on. */
		assert_true(end_a.frames > before);
	}
	assert_int_equal(end_a.frames, 50);
}

static void a_flooding_peer_does_not_starve_another(void **state)
{
	int fds[2];
	struct transport *t;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    fds), 0);
	assert_int_equal(transport_unix_new(fds[0], &t), 0);
	assert_int_equal(link_new(base, t, 0, QUEUE, FRAMES_MAX, &cbs, &end_b,
				  &end_b.link), 0);
	for (int i = 0; i < 100; i++)
		send_frame(1);
	turn_once();
	assert_in_range(end_a.frames, 1, 2 * FRAMES_MAX);
	assert_int_equal(send(fds[1], "\1\0\0\0x", 5, 0), 5);
	turn_once();
	turn_once();
	assert_int_equal(end_b.frames, 1);
	assert_in_range(end_a.frames, 2, 6 * FRAMES_MAX);
	close(fds[1]);
}

static void a_full_queue_refuses_and_drains_once_there_is_room(void **state)
{
	static uint8_t buf[FRAME_PAYLOAD_MAX];
	size_t queued;
	int rc, n = 0;

	(void)state;
	set_buffers(peer, 1);
	/* Fill the socket, then the queue. */
	do {
		rc = link_send(end_a.link, buf, sizeof(buf));
		n++;
		turn(1);
	} while (!rc && n < 1000);
	assert_int_equal(rc, -ENOBUFS);
	queued = link_queued_bytes(end_a.link);
	assert_in_range(queued, QUEUE - FRAME_MAX + 1, QUEUE);
	assert_int_equal(link_send(end_a.link, buf, sizeof(buf)), -ENOBUFS);
	assert_int_equal(link_queued_bytes(end_a.link), queued);

	end_a.drains = 0;
	link_peer();
	turn_until(&end_a.drains, 1);
	assert_int_equal(link_queued_bytes(end_a.link), 0);
	turn(10);
	assert_int_equal(end_a.drains, 1);
	/* Each frame that was accepted arrived, and no other. */
	assert_int_equal(end_b.frames, n - 1);
	assert_int_equal(link_send(end_a.link, buf, sizeof(buf)), 0);
}

static void the_queue_takes_bytes_up_to_its_limit_exactly(void **state)
{
	static uint8_t buf[FRAME_PAYLOAD_MAX];

	(void)state;
	/* No turn of the loop in between: nothing leaves the queue. */
	assert_int_equal(link_send(end_a.link, buf, FRAME_PAYLOAD_MAX), 0);
	assert_int_equal(link_send(end_a.link, buf, FRAME_PAYLOAD_MAX - 5), 0);
	assert_int_equal(link_send(end_a.link, buf, 2), -ENOBUFS);
	assert_int_equal(link_send(end_a.link, buf, 1), 0);
	assert_int_equal(link_queued_bytes(end_a.link), QUEUE);
}

static void no_callback_is_made_from_inside_link_send(void **state)
{
	(void)state;
	hang_up();
	assert_int_equal(link_send(end_a.link, (const uint8_t *)"x", 1), 0);
	assert_int_equal(end_a.closes + end_a.drains, 0);
	turn_until(&end_a.closes, 1);
}

/* Sleeps for it, as the loop of a daemon does. */
static void let_pass(int us)
{
	struct timeval tv = { us / 1000000, us % 1000000 };

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

static void paused_it_hears_nothing_until_its_time_is_over(void **state)
{
	(void)state;
	send_frame(10);
	turn_until(&end_a.frames, 1);
	assert_int_equal(end_a.wakes, 1);
	link_pause(end_a.link, PAUSE_US);
	send_frame(10);
	send_frame(10);
	let_pass(PAUSE_US / 5);
	assert_int_equal(end_a.frames, 1);
	assert_int_equal(end_a.wakes, 1);
	let_pass(PAUSE_US);
	turn_until(&end_a.frames, 3);
	assert_int_equal(end_a.closes, 0);
}

static void a_pause_stops_delivery_at_once(void **state)
{
	(void)state;
	end_a.pause_in_frame = true;
	send_frame(10);
	send_frame(10);
	turn_until(&end_a.frames, 1);
	turn(10);
	assert_int_equal(end_a.frames, 1);
	let_pass(2 * PAUSE_US);
	turn_until(&end_a.frames, 2);
}

static void a_longer_pause_replaces_a_shorter_one(void **state)
{
	(void)state;
	link_pause(end_a.link, 1);
	link_pause(end_a.link, PAUSE_US);
	send_frame(10);
	let_pass(PAUSE_US / 5);
	assert_int_equal(end_a.frames, 0);
	let_pass(PAUSE_US);
	turn_until(&end_a.frames, 1);
}

static void a_paused_link_sends(void **state)
{
	char buf[64];

	(void)state;
	link_pause(end_a.link, 3600 * INT64_C(1000000));
	send_frame(10);
	assert_int_equal(link_send(end_a.link, (const uint8_t *)"x", 1), 0);
	turn(10);
	assert_int_equal(read(peer, buf, sizeof(buf)), FRAME_HEADER_BYTES + 1);
	assert_int_equal(end_a.frames, 0);
}

static void the_end_of_the_peer_is_seen_after_a_pause(void **state)
{
	(void)state;
	link_pause(end_a.link, PAUSE_US);
	send_frame(10);
	hang_up();
	let_pass(PAUSE_US / 5);
	assert_int_equal(end_a.frames + end_a.closes, 0);
	let_pass(PAUSE_US);
	turn_until(&end_a.closes, 1);
	assert_int_equal(end_a.frames, 1);
	assert_int_equal(end_a.error, -ECONNRESET);
}

static void a_frame_callback_may_free_its_link(void **state)
{
	(void)state;
	end_a.free_in_frame = 2;
	for (int i = 0; i < 10; i++)
		send_frame(10);
	hang_up();
	turn(10);
	assert_null(end_a.link);
	assert_int_equal(end_a.frames, 2);
	assert_int_equal(end_a.closes, 0);
}

static void a_drained_callback_may_free_its_link(void **state)
{
	(void)state;
	end_a.free_in_drained = true;
	assert_int_equal(link_send(end_a.link, (const uint8_t *)"x", 1), 0);
	send_frame(10);
	turn(10);
	assert_null(end_a.link);
	assert_int_equal(end_a.drains, 1);
	assert_int_equal(end_a.frames + end_a.closes, 0);
}

static void a_freed_link_calls_nobody(void **state)
{
	(void)state;
	send_frame(10);
	assert_int_equal(link_send(end_a.link, (const uint8_t *)"x", 1), 0);
	free_link(&end_a);
	hang_up();
	turn(10);
	assert_int_equal(end_a.frames + end_a.closes + end_a.drains, 0);
	link_free(NULL);
}

/* A transport that wakes us by nothing but its descriptor's readability, as
 * libxenvchan does, and takes three bytes at a time.
 *
 * @write_error:	0, or what writing ends in
 * @early:	bytes of a frame that were there before we looked, of which the
 *		descriptor does not tell
 */

struct slow {
	struct transport transport;
	int fd;
	unsigned int wakes;
	bool full;
	int write_error;
	uint8_t early;
};

static int slow_fd(struct transport *t)
{
	return ((struct slow *)t)->fd;
}

static void slow_woken(struct transport *t)
{
	struct slow *s = (struct slow *)t;

	s->wakes++;
	s->full = false;
}

static ssize_t slow_read(struct transport *t, void *buf, size_t len)
{
	struct slow *s = (struct slow *)t;
	ssize_t n;

	if (s->early) {
		memset(buf, 0, s->early);
		*(uint8_t *)buf = s->early - FRAME_HEADER_BYTES;
		n = s->early;
		s->early = 0;
		return n;
	}
	n = recv(slow_fd(t), buf, len, 0);
	if (n < 0)
		return -errno;
	return n ? n : -ECONNRESET;
}

static ssize_t slow_write(struct transport *t, const void *buf, size_t len)
{
	struct slow *s = (struct slow *)t;

	if (s->write_error)
		return s->write_error;
	if (s->full)
		return -EAGAIN;
	s->full = true;
	return send(s->fd, buf, MIN(len, 3), MSG_NOSIGNAL);
}

static void slow_close(struct transport *t)
{
	close(slow_fd(t));
}

static const struct transport_ops slow_ops = {
	slow_fd, slow_woken, slow_read, slow_write, slow_close, false,
};

static void link_slow(struct slow *slow, int *ret_peer)
{
	int fds[2];

	slow->transport.ops = &slow_ops;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    fds), 0);
	slow->fd = fds[0];
	*ret_peer = fds[1];
	assert_int_equal(link_new(base, &slow->transport, QUEUE, QUEUE,
				  FRAMES_MAX, &cbs, &end_b, &end_b.link), 0);
}

static void without_pollout_writing_goes_on_at_each_wake_up(void **state)
{
	struct slow slow = { .fd = -1 };
	uint8_t got[16];
	int far;

	(void)state;
	link_slow(&slow, &far);
	assert_int_equal(link_send(end_b.link, (const uint8_t *)"hello", 5), 0);
	turn(5);
	assert_int_equal(link_queued_bytes(end_b.link), 6);
	for (unsigned int i = 1; i <= 2; i++) {
		/* One octet of a frame that is never whole */
		assert_int_equal(send(far, "\1", 1, 0), 1);
		turn(5);
		assert_int_equal(slow.wakes, i);
		assert_int_equal(link_queued_bytes(end_b.link), 6 - 3 * i);
	}
	assert_int_equal(end_b.drains, 1);
	assert_int_equal(recv(far, got, sizeof(got), 0), 9);
	assert_memory_equal(got, "\5\0\0\0hello", 9);
	free_link(&end_b);
	close(far);
}

static void what_came_before_the_link_is_read_without_a_wake_up(void **state)
{
	struct slow slow = { .early = FRAME_HEADER_BYTES + 3 };
	int far;

	(void)state;
	link_slow(&slow, &far);
	turn(2);
	assert_int_equal(slow.wakes, 0);
	assert_int_equal(end_b.frames, 1);
	assert_int_equal(end_b.last_len, 3);
	free_link(&end_b);
	close(far);
}

static void a_link_that_cannot_write_closes_once_all_is_read(void **state)
{
	struct slow slow = { .write_error = -EPROTO };
	int far;

	(void)state;
	link_slow(&slow, &far);
	assert_int_equal(send(far, "\1\0\0\0x", 5, 0), 5);
	assert_int_equal(link_send(end_b.link, (const uint8_t *)"x", 1), 0);
	turn_until(&end_b.closes, 1);
	assert_int_equal(end_b.error, -EPROTO);
	assert_int_equal(end_b.frames, 1);
	assert_int_equal(end_b.drains, 0);
	free_link(&end_b);
	close(far);
}

/* unix_listen() and unix_dial() */

static void a_dead_socket_is_replaced_and_a_live_one_is_not(void **state)
{
	char path[64], longest[200];
	struct stat st;
	int fd, other;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/memtide-test-%ld.sock",
		 (long)getpid());
	assert_int_equal(unix_dial(path), -ENOENT);
	fd = unix_listen(path, 0660);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	other = unix_dial(path);
	assert_true(other >= 0);
	close(other);
	assert_int_equal(unix_listen(path, 0600), -EADDRINUSE);
	close(fd);
	assert_int_equal(unix_dial(path), -ECONNREFUSED);
	fd = unix_listen(path, 0600);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	fclose(fopen(path, "w"));
	assert_int_equal(unix_listen(path, 0600), -EADDRINUSE);
	unlink(path);
	memset(longest, 'x', sizeof(longest));
	longest[108] = '\0';
	assert_int_equal(unix_listen(longest, 0600), -ENAMETOOLONG);
	assert_int_equal(unix_dial(longest), -ENAMETOOLONG);
	longest[107] = '\0';
	assert_int_equal(unix_dial(longest), -ENOENT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_of_all_sizes_pass_both_ways),
		T(tiny_socket_buffers_only_slow_it_down),
		T(frames_arrive_whole_however_they_are_cut),
		T(a_bad_peer_closes_the_link_once),
		T(the_last_words_of_a_peer_that_went_are_delivered),
		T(one_turn_delivers_no_more_than_its_share),
		T(a_flooding_peer_does_not_starve_another),
		T(a_full_queue_refuses_and_drains_once_there_is_room),
		T(the_queue_takes_bytes_up_to_its_limit_exactly),
		T(no_callback_is_made_from_inside_link_send),
		T(paused_it_hears_nothing_until_its_time_is_over),
		T(a_pause_stops_delivery_at_once),
		T(a_longer_pause_replaces_a_shorter_one),
		T(a_paused_link_sends),
		T(the_end_of_the_peer_is_seen_after_a_pause),
		T(a_frame_callback_may_free_its_link),
		T(a_drained_callback_may_free_its_link),
		T(a_freed_link_calls_nobody),
		T(without_pollout_writing_goes_on_at_each_wake_up),
		T(what_came_before_the_link_is_read_without_a_wake_up),
		T(a_link_that_cannot_write_closes_once_all_is_read),
		cmocka_unit_test(
			a_dead_socket_is_replaced_and_a_live_one_is_not),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
