/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake_agent.h - A guest's side in the hands of a test, which may lie
 *
 * Stands where memtide-agent does on the simulated machine, without kernel: the
 * machine does not know what such a guest uses, just as Xen does not. What it
 * says is what the test has it say.
 */
#ifndef MEMTIDE_TEST_FAKE_AGENT_H
#define MEMTIDE_TEST_FAKE_AGENT_H

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec.h"
#include "frame.h"
#include "sim_machine.h"
#include "transport_unix.h"

#define FAKE_TURNS	10000u	/* patience, about as many milliseconds */

/**
 * struct fake
 * @turn, @ctx:	lets the host work a little; NULL if it runs by itself
 * @listening, @fd: descriptors, -1 if not open
 * @hello:	what it greets with
 * @in_use:	what it says is in use, when asked
 */
struct fake {
	void (*turn)(void *ctx);
	void *ctx;
	char path[128];
	int listening, fd;
	struct msg_hello hello;
	uint64_t in_use[PROTO_STATE_GRANULES / 64];
	struct host_msg got;
	size_t in_len;
	uint8_t in[4 * FRAME_MAX];
};

static inline void fake_turn(struct fake *f)
{
	if (f->turn)
		f->turn(f->ctx);
	poll(NULL, 0, 1);
}

static inline void fake_init(struct fake *f, const char *dir, uint32_t domid,
			     const struct sim_domain_config *c)
{
	memset(f, 0, sizeof(*f));
	f->listening = f->fd = -1;
	snprintf(f->path, sizeof(f->path), "%.90s/%u.sock", dir, domid);
	f->hello = (struct msg_hello){
		.major = PROTO_MAJOR,
		.minor = PROTO_MINOR,
		.block_granules = c->block_granules,
		.memmap_granules = c->memmap_granules,
		.window_gfn = c->window_gfn,
		.window_granules = c->window_granules,
		.agent_version = "fake",
		.kernel_release = "6.12",
	};
}

static inline void fake_hang_up(struct fake *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->in_len = 0;
}

static inline void fake_done(struct fake *f)
{
	fake_hang_up(f);
	if (f->listening >= 0) {
		close(f->listening);
		unlink(f->path);
	}
	f->listening = -1;
}

/** fake_offer() - Listen; return: true if the host has connected in time */
static inline bool fake_offer(struct fake *f)
{
	fake_hang_up(f);
	if (f->listening < 0)
		f->listening = unix_listen(f->path, 0600);
	ASSERT(f->listening >= 0);
	for (unsigned int i = 0; i < FAKE_TURNS && f->fd < 0; i++) {
		fake_turn(f);
		f->fd = accept4(f->listening, NULL, NULL,
				SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	return f->fd >= 0;
}

/** fake_push() - Write what is taken now; return: true if all was */
static inline bool fake_push(struct fake *f, const void *buf, size_t len)
{
	return send(f->fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static inline size_t fake_frame(const struct guest_msg *msg,
				uint8_t frame[FRAME_MAX])
{
	size_t len = codec_encode_guest(msg, frame + FRAME_HEADER_BYTES);

	frame_put_header(frame, len);
	return FRAME_HEADER_BYTES + len;
}

/* Frames that a good agent does not send: an answer to nothing, progress of no
 * pull, and a body that no version knows yet */

static inline size_t fake_stray_frame(uint8_t frame[FRAME_MAX])
{
	struct guest_msg msg = { .type = GUEST_MSG_ONLINE_REPLY };

	msg.online_reply.id = 4711;
	msg.online_reply.nr_done = 1;
	return fake_frame(&msg, frame);
}

static inline size_t fake_progress_frame(uint8_t frame[FRAME_MAX])
{
	struct guest_msg msg = { .type = GUEST_MSG_PULL_PROGRESS };

	msg.pull_progress.id = 4711;
	return fake_frame(&msg, frame);
}

static inline size_t fake_unknown_frame(uint8_t frame[FRAME_MAX])
{
	static const uint8_t payload[] = { 15 << 3 | 2, 0 };

	frame_put_header(frame, sizeof(payload));
	memcpy(frame + FRAME_HEADER_BYTES, payload, sizeof(payload));
	return FRAME_HEADER_BYTES + sizeof(payload);
}

static inline void fake_say(struct fake *f, const struct guest_msg *msg)
{
	uint8_t frame[FRAME_MAX];
	size_t len = fake_frame(msg, frame);

	ASSERT(fake_push(f, frame, len));
}

/* Takes one whole message out of what came, into @got. */
static inline bool fake_take(struct fake *f)
{
	const char *why = "";
	size_t len, all;

	if (frame_peek(f->in, f->in_len, &len) <= 0)
		return false;
	all = FRAME_HEADER_BYTES + len;
	ASSERT(!codec_decode_host(f->in + FRAME_HEADER_BYTES, len, &f->got,
				  &why));
	f->in_len -= all;
	memmove(f->in, f->in + all, f->in_len);
	return true;
}

/** fake_hear() - The next message into @got; false if none comes in time */
static inline bool fake_hear(struct fake *f, unsigned int turns)
{
	for (unsigned int i = 0; i < turns; i++) {
		ssize_t n;

		if (fake_take(f))
			return true;
		n = read(f->fd, f->in + f->in_len, sizeof(f->in) - f->in_len);
		if (n > 0)
			f->in_len += (size_t)n;
		if (n == 0)
			return false;
		fake_turn(f);
	}
	return false;
}

/** fake_wait() - Messages up to one of @type; false if it does not come */
static inline bool fake_wait(struct fake *f, enum host_msg_type type)
{
	while (fake_hear(f, FAKE_TURNS)) {
		if (f->got.type == type)
			return true;
	}
	return false;
}

/** fake_cut() - Has the host ended the connection? */
static inline bool fake_cut(struct fake *f)
{
	uint8_t byte;

	for (unsigned int i = 0; i < FAKE_TURNS; i++) {
		ssize_t n = read(f->fd, &byte, 1);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return true;
		fake_turn(f);
	}
	return false;
}

static inline void fake_say_hello(struct fake *f)
{
	struct guest_msg msg = { .type = GUEST_MSG_HELLO };

	msg.hello = f->hello;
	fake_say(f, &msg);
}

/* Answers the StateRequest in @got. */
static inline void fake_say_state(struct fake *f)
{
	static struct guest_msg msg;
	const struct msg_state_request *r = &f->got.state_request;

	msg.type = GUEST_MSG_STATE_REPLY;
	msg.state_reply.id = r->id;
	msg.state_reply.first = r->first;
	msg.state_reply.nr = r->nr;
	memcpy(msg.state_reply.in_use, f->in_use + r->first / 64, r->nr / 8);
	fake_say(f, &msg);
}

/** fake_greet() - Offer, greet, and say what is in use; false if cut off */
static inline bool fake_greet(struct fake *f)
{
	if (!fake_offer(f))
		return false;
	fake_say_hello(f);
	if (!fake_wait(f, HOST_MSG_STATE_REQUEST))
		return false;
	fake_say_state(f);
	return true;
}

/* Is granule @i said to be in use? */
static inline bool fake_uses(const struct fake *f, uint32_t i)
{
	return f->in_use[i / 64] >> i % 64 & 1;
}

static inline void fake_use(struct fake *f, struct granules r, bool on)
{
	for (uint32_t i = r.first; i < r.first + r.nr; i++) {
		if (on)
			f->in_use[i / 64] |= UINT64_C(1) << i % 64;
		else
			f->in_use[i / 64] &= ~(UINT64_C(1) << i % 64);
	}
}

/* Answers the OnlineRequest in @got as a good guest does. */
static inline void fake_say_online(struct fake *f)
{
	const struct msg_online_request *r = &f->got.online_request;
	struct guest_msg msg = { .type = GUEST_MSG_ONLINE_REPLY };

	msg.online_reply.id = r->id;
	msg.online_reply.nr_done = r->nr_ranges;
	for (uint32_t i = 0; i < r->nr_ranges; i++) {
		msg.online_reply.done[i] = r->ranges[i].nr;
		fake_use(f, r->ranges[i], true);
	}
	fake_say(f, &msg);
}

/** fake_say_pulled() - A PullProgress of one range, true or not */
static inline void fake_say_pulled(struct fake *f, struct granules r, bool last)
{
	struct guest_msg msg = { .type = GUEST_MSG_PULL_PROGRESS };

	msg.pull_progress.id = f->got.pull_request.id;
	msg.pull_progress.nr_ranges = 1;
	msg.pull_progress.ranges[0] = r;
	msg.pull_progress.last = last;
	fake_say(f, &msg);
}

#endif
