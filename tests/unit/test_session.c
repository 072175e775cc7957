/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_session.c - The agent in its event loop, over a real socket
 *
 * Agent and host take turns in one process: the loop runs until nothing is
 * left to do, then the host reads what came. Allocations of the whole process
 * are counted, so the host's side here makes none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "codec.h"
#include "frame.h"
#include "kdev_sim.h"
#include "log.h"
#include "../../guest-agent/session.h"	/* the host has one too */
#include "sim_machine.h"
#include "transport_unix.h"

#define BLOCK	64u
#define WINDOW	4096u
#define PAGES	65536u

/* Counting allocations ------------------------------------------------- */

static unsigned long allocations;

#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
int __sanitizer_install_malloc_and_free_hooks(
	void (*on_malloc)(const volatile void *, size_t),
	void (*on_free)(const volatile void *));

static void on_malloc(const volatile void *p, size_t size)
{
	(void)p;
	(void)size;
	allocations++;
}

static void on_free(const volatile void *p)
{
	(void)p;
}

static void start_counting(void)
{
	assert_true(__sanitizer_install_malloc_and_free_hooks(on_malloc,
							      on_free));
}
#else
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	allocations++;
	return __libc_realloc(p, size);
}

static void start_counting(void)
{
}
#endif

/* The world ------------------------------------------------------------ */

struct world {
	char dir[32], socket[64];
	struct sim_machine *m;
	uint32_t domid;
	struct event_base *base;
	struct session *session;
	int fd;			/* the host's end */
	uint8_t in[4 * FRAME_MAX];
	size_t in_len;
	struct guest_msg got;	/* of the last next_msg() */
	uint8_t payload[FRAME_PAYLOAD_MAX];
	struct host_msg msg;
};

static int world_meminfo(void *ctx, struct meminfo *ret)
{
	return kdev_sim_meminfo(ctx, ret);
}

static void world_pressure(void *ctx, struct pressure *ret)
{
	(void)ctx;
	*ret = (struct pressure){ .time_us = 1, .has_stall = true };
}

static void world_grown(void *ctx, uint64_t boot_kib, uint64_t all_kib,
			uint64_t kernel_kib)
{
	(void)ctx;
	assert_true(boot_kib <= kernel_kib && kernel_kib <= all_kib);
}

static int setup(void **state)
{
	static const struct sim_domain_config domain = {
		.name = "a", .uuid = { 9 }, .boot_pages = PAGES,
		.block_granules = BLOCK, .memmap_granules = 1,
		.window_gfn = 1 << 20, .window_granules = WINDOW,
	};
	struct session_config config = {
		.agent = { .agent_version = "1", .kernel_release = "6.12",
			   .floor_pages = 1 },
		.meminfo = world_meminfo,
		.pressure = world_pressure,
		.grown = world_grown,
	};
	struct world *w = calloc(1, sizeof(*w));
	struct kdev *k;

	assert_non_null(w);
	strcpy(w->dir, "/tmp/memtide-session-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(sim_create(w->dir, 8 << 20, 4, WINDOW, 1), 0);
	assert_int_equal(sim_open(w->dir, &w->m), 0);
	assert_int_equal(sim_domain_create(w->m, &domain, &w->domid), 0);
	assert_int_equal(sim_set_max(w->m, w->domid, 8 << 20), 0);
	assert_int_equal(kdev_sim_open(w->dir, w->domid, &k), 0);
	snprintf(w->socket, sizeof(w->socket), "%s/1.sock", w->dir);
	config.unix_path = w->socket;
	config.system_ctx = k;
	w->base = event_base_new();
	assert_int_equal(session_new(w->base, &config, k, &w->session), 0);
	w->fd = -1;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[64], why[128];

	assert_int_equal(sim_violations(w->m, why, sizeof(why)), 0);
	session_free(w->session);
	event_base_free(w->base);
	sim_close(w->m);
	if (w->fd >= 0)
		close(w->fd);
	assert_int_not_equal(access(w->socket, F_OK), 0);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

/* The host ------------------------------------------------------------- */

static void run_loop(struct world *w)
{
	for (int i = 0; i < 8; i++)
		event_base_loop(w->base, EVLOOP_NONBLOCK);
}

/* Return: true if the agent has closed the connection */
static bool closed(struct world *w)
{
	uint8_t byte;

	for (int i = 0; i < 20; i++) {
		run_loop(w);
		if (read(w->fd, &byte, 1) == 0)
			return true;
	}
	return false;
}

static void dial(struct world *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->in_len = 0;
	w->fd = unix_dial(w->socket);
	assert_true(w->fd >= 0);
	run_loop(w);
}

/* Return: the next message in w->got, false after a while without one */
static bool next_msg(struct world *w)
{
	const char *why = "";
	size_t len;

	for (int i = 0; i < 400; i++) {
		ssize_t n;

		if (frame_peek(w->in, w->in_len, &len) == 1) {
			size_t all = FRAME_HEADER_BYTES + len;

			if (codec_decode_guest(w->in + FRAME_HEADER_BYTES, len,
					       &w->got, &why))
				fail_msg("the agent sent nonsense: %s", why);
			w->in_len -= all;
			memmove(w->in, w->in + all, w->in_len);
			return true;
		}
		run_loop(w);
		n = read(w->fd, w->in + w->in_len, sizeof(w->in) - w->in_len);
		if (n > 0)
			w->in_len += (size_t)n;
		else
			poll(NULL, 0, 1);
	}
	return false;
}

static void expect(struct world *w, enum guest_msg_type type)
{
	while (next_msg(w))
		if (w->got.type == type)
			return;
	fail_msg("no message of type %d", (int)type);
}

static void say_bytes(struct world *w, const void *buf, size_t len)
{
	assert_int_equal(write(w->fd, buf, len), (ssize_t)len);
}

static void say(struct world *w)
{
	uint8_t header[FRAME_HEADER_BYTES];
	size_t len = codec_encode_host(&w->msg, w->payload);

	frame_put_header(header, len);
	say_bytes(w, header, sizeof(header));
	say_bytes(w, w->payload, len);
}

static void greet(struct world *w)
{
	dial(w);
	expect(w, GUEST_MSG_HELLO);
	w->msg.type = HOST_MSG_WELCOME;
	w->msg.welcome = (struct msg_welcome){
		.major = PROTO_MAJOR, .report_interval_ms = 1,
		.keepalive_s = 60,
	};
	say(w);
	expect(w, GUEST_MSG_REPORT);
}

static void ask_online(struct world *w, uint32_t first_block)
{
	struct msg_online_request *req = &w->msg.online_request;
	uint32_t done;

	w->msg.type = HOST_MSG_ONLINE_REQUEST;
	*req = (struct msg_online_request){ .id = 1, .nr_ranges = 8 };
	for (uint32_t i = 0; i < 8; i++) {
		req->ranges[i] = (struct granules){
			(first_block + i) * BLOCK, BLOCK,
		};
		assert_int_equal(sim_populate(w->m, w->domid, req->ranges[i],
					      &done), 0);
	}
	say(w);
}

static void ask_pull(struct world *w, uint32_t nr)
{
	w->msg.type = HOST_MSG_PULL_REQUEST;
	w->msg.pull_request = (struct msg_pull_request){ 2, nr, 60000 };
	say(w);
}

/* Give back what is pulled until the last message. Return: granules */
static uint32_t take_all(struct world *w)
{
	const struct msg_pull_progress *p = &w->got.pull_progress;
	uint32_t done, nr = 0;

	do {
		expect(w, GUEST_MSG_PULL_PROGRESS);
		for (uint32_t i = 0; i < p->nr_ranges; i++) {
			assert_int_equal(sim_take(w->m, w->domid, p->ranges[i],
						  &done), 0);
			nr += done;
		}
	} while (!p->last);
	return nr;
}

/* Cases ---------------------------------------------------------------- */

static void growing_and_shrinking_allocates_nothing(void **state)
{
	struct world *w = *state;
	unsigned long before;

	greet(w);
	ask_online(w, 0);
	expect(w, GUEST_MSG_ONLINE_REPLY);
	expect(w, GUEST_MSG_REPORT);
	before = allocations;
	assert_true(before > 0);	/* the counter counts */
	for (uint32_t b = 8; b < WINDOW / BLOCK; b += 8) {
		ask_online(w, b);
		expect(w, GUEST_MSG_ONLINE_REPLY);
		assert_int_equal(w->got.online_reply.error, 0);
	}
	w->msg.type = HOST_MSG_STATE_REQUEST;
	w->msg.state_request = (struct msg_state_request){ 3, 0, WINDOW };
	say(w);
	expect(w, GUEST_MSG_STATE_REPLY);
	assert_true(w->got.state_reply.in_use[WINDOW / 64 - 1] == UINT64_MAX);
	ask_pull(w, WINDOW - 5);
	assert_int_equal(take_all(w), WINDOW - 5);
	ask_pull(w, WINDOW);
	assert_int_equal(take_all(w), 5);
	assert_int_equal(allocations - before, 0);
}

static void a_new_connection_ends_the_old_and_its_work(void **state)
{
	struct world *w = *state;
	uint64_t words[WINDOW / 64];
	uint32_t n = 0;
	int old;

	greet(w);
	ask_online(w, 0);
	expect(w, GUEST_MSG_ONLINE_REPLY);
	ask_pull(w, 8 * BLOCK);
	/* unread by the agent: the loop has not run since */
	old = w->fd;
	w->fd = -1;
	greet(w);
	run_loop(w);
	assert_int_equal(sim_in_use(w->m, w->domid, 0, WINDOW, words), 0);
	for (uint32_t i = 0; i < WINDOW / 64; i++)
		n += (uint32_t)__builtin_popcountll(words[i]);
	assert_int_equal(n, 8 * BLOCK);	/* the pull was not begun */
	ask_pull(w, 8 * BLOCK);
	assert_int_equal(take_all(w), n);
	close(w->fd);
	w->fd = old;
	assert_true(closed(w));
}

static const struct {
	const char *name;
	uint8_t bytes[16];
	size_t len;
} broken[] = {
	{ "an empty frame", { 0, 0, 0, 0 }, 4 },
	{ "an oversized frame", { 1, 0x40, 0, 0, 1 }, 5 },
	{ "a payload of garbage", { 3, 0, 0, 0, 0xff, 0xff, 0xff }, 7 },
	{ "a request cut short", { 2, 0, 0, 0, 0x12, 0x7f }, 6 },
};

static void a_broken_frame_ends_the_connection_and_the_next_works(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		greet(w);
		say_bytes(w, broken[i].bytes, broken[i].len);
		if (!closed(w))
			fail_msg("%s: still connected", broken[i].name);
	}
	greet(w);
}

static void half_a_frame_waits_and_a_hang_up_is_survived(void **state)
{
	static const uint8_t half[] = { 9, 0, 0, 0, 1, 2 };
	struct world *w = *state;

	greet(w);
	say_bytes(w, half, sizeof(half));
	assert_false(closed(w));
	greet(w);
	ask_online(w, 0);
	expect(w, GUEST_MSG_ONLINE_REPLY);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(growing_and_shrinking_allocates_nothing),
		CASE(a_new_connection_ends_the_old_and_its_work),
		CASE(a_broken_frame_ends_the_connection_and_the_next_works),
		CASE(half_a_frame_waits_and_a_hang_up_is_survived),
	};

	log_set_level(LOG_LEVEL_ERR);
	start_counting();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
