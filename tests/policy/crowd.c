/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * crowd.c - Ten thousand agents in a process of their own
 */
#include "crowd.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "codec.h"
#include "frame.h"
#include "link.h"
#include "transport_unix.h"

#define BOOT_KIB	(CROWD_BOOT_PAGES * PAGE_KIB)
#define BACKLOG		4096
#define OUT_MAX		(4 * 16384u)

struct crowd {
	pid_t pid;
	int words;
	char name[64];
};

struct order {
	enum crowd_word word;
	uint32_t nr;
};

/**
 * struct agent_of - one of them
 * @suffers:	until it gets something
 */
struct agent_of {
	struct link *link;
	uint64_t in_use[CROWD_WINDOW / 64];
	uint32_t online;
	uint64_t stall_us;
	bool suffers;
};

/* Of the crowd's process */
static struct event_base *base;
static struct agent_of *agents;
static uint32_t nr_agents;
static struct guest_msg out;

static void say(struct agent_of *a)
{
	static uint8_t buf[FRAME_PAYLOAD_MAX];

	ASSERT(!link_send(a->link, buf, codec_encode_guest(&out, buf)));
}

static void say_report(struct agent_of *a, bool stalled)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (stalled)
		a->stall_us += 400000;
	out.type = GUEST_MSG_REPORT;
	out.report = (struct msg_report){
		.mem_total_kib = BOOT_KIB + (uint64_t)a->online * GRANULE_KIB,
		.mem_available_kib = stalled ? 8192 : BOOT_KIB / 2,
		.mem_free_kib = stalled ? 4096 : BOOT_KIB / 4,
		.time_us = (uint64_t)ts.tv_sec * 1000000 +
			   (uint64_t)ts.tv_nsec / 1000,
		.has_pressure = true,
		.stall_some_us = a->stall_us,
		.stalled = stalled,
	};
	a->suffers = stalled;
	say(a);
}

static void say_state(struct agent_of *a, const struct msg_state_request *r)
{
	out.type = GUEST_MSG_STATE_REPLY;
	out.state_reply.id = r->id;
	out.state_reply.first = r->first;
	out.state_reply.nr = r->nr;
	memcpy(out.state_reply.in_use, a->in_use + r->first / 64, r->nr / 8);
	say(a);
}

static void use(struct agent_of *a, uint32_t g, bool on)
{
	uint64_t bit = UINT64_C(1) << g % 64;

	a->online += on - (a->in_use[g / 64] & bit ? 1 : 0);
	a->in_use[g / 64] = on ? a->in_use[g / 64] | bit :
				 a->in_use[g / 64] & ~bit;
}

static void take_online(struct agent_of *a, const struct msg_online_request *r)
{
	out.type = GUEST_MSG_ONLINE_REPLY;
	out.online_reply = (struct msg_online_reply){
		.id = r->id, .nr_done = r->nr_ranges,
	};
	for (uint32_t i = 0; i < r->nr_ranges; i++) {
		out.online_reply.done[i] = r->ranges[i].nr;
		for (uint32_t k = 0; k < r->ranges[i].nr; k++)
			use(a, r->ranges[i].first + k, true);
	}
	say(a);
	if (a->suffers)
		say_report(a, false);
}

/* From the top, which is where the host gives back from. */
static void take_pull(struct agent_of *a, const struct msg_pull_request *r)
{
	struct msg_pull_progress *p = &out.pull_progress;
	uint32_t left = r->nr;

	out.type = GUEST_MSG_PULL_PROGRESS;
	*p = (struct msg_pull_progress){ .id = r->id };
	for (uint32_t g = CROWD_WINDOW; g-- > 0 && left;) {
		struct granules *last = &p->ranges[p->nr_ranges - 1];

		if (!(a->in_use[g / 64] >> g % 64 & 1))
			continue;
		if (p->nr_ranges && last->first == g + 1) {
			last->first--;
			last->nr++;
		} else if (p->nr_ranges < PROTO_RANGES_MAX) {
			p->ranges[p->nr_ranges++] = (struct granules){ g, 1 };
		} else {
			break;
		}
		use(a, g, false);
		left--;
	}
	p->last = true;
	say(a);
}

static void on_frame(void *ctx, const uint8_t *buf, size_t len)
{
	static struct host_msg msg;
	struct agent_of *a = ctx;
	const char *why;

	ASSERT(!codec_decode_host(buf, len, &msg, &why));
	switch (msg.type) {
	case HOST_MSG_WELCOME:
		say_report(a, false);
		break;
	case HOST_MSG_STATE_REQUEST:
		say_state(a, &msg.state_request);
		break;
	case HOST_MSG_ONLINE_REQUEST:
		take_online(a, &msg.online_request);
		break;
	case HOST_MSG_PULL_REQUEST:
		take_pull(a, &msg.pull_request);
		break;
	case HOST_MSG_PULL_CANCEL:
	case HOST_MSG_UNKNOWN:
		break;
	}
}

static void on_closed(void *ctx, int error)
{
	struct agent_of *a = ctx;

	(void)error;
	link_free(a->link);
	a->link = NULL;
}

static const struct link_callbacks callbacks = {
	.frame = on_frame, .closed = on_closed,
};

static void say_hello(struct agent_of *a)
{
	out.type = GUEST_MSG_HELLO;
	out.hello = (struct msg_hello){
		.major = PROTO_MAJOR, .minor = PROTO_MINOR,
		.block_granules = CROWD_BLOCK, .memmap_granules = 1,
		.window_gfn = CROWD_WINDOW_GFN,
		.window_granules = CROWD_WINDOW,
		.agent_version = "crowd", .kernel_release = "6.12",
	};
	say(a);
}

/* Who connects is told by the number at the end of its socket's name. */
static void on_accept(evutil_socket_t fd, short what, void *ctx)
{
	struct sockaddr_un from = { 0 };
	socklen_t len = sizeof(from);
	struct transport *t;
	struct agent_of *a;
	int s = accept4(fd, (struct sockaddr *)&from, &len,
			SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	(void)ctx;
	if (s < 0)
		return;
	a = &agents[strtoul(strrchr(from.sun_path + 1, '.') + 1, NULL, 10)];
	ASSERT(a < agents + nr_agents);
	link_free(a->link);
	ASSERT(!transport_unix_new(s, &t));
	ASSERT(!link_new(base, t, 256, OUT_MAX, 8, &callbacks, a, &a->link));
	say_hello(a);
}

static void on_order(evutil_socket_t fd, short what, void *ctx)
{
	struct order o;

	(void)what;
	(void)ctx;
	if (read(fd, &o, sizeof(o)) != sizeof(o))
		_exit(0);
	for (uint32_t i = 0; i < o.nr; i++)
		say_report(&agents[i], o.word == CROWD_DISTRESS);
}

static socklen_t name_of(struct sockaddr_un *a, const char *name, long number)
{
	int n = number < 0 ? snprintf(a->sun_path + 1, 90, "%s", name) :
			     snprintf(a->sun_path + 1, 90, "%s.%ld", name,
				      number);

	a->sun_family = AF_UNIX;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)n);
}

static int listen_for(const struct crowd *c)
{
	struct sockaddr_un to = { 0 };
	socklen_t len = name_of(&to, c->name, -1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&to, len) || listen(fd, BACKLOG)) {
		close(fd);
		return -errno;
	}
	return fd;
}

static void be_the_crowd(int listening, int words, uint32_t nr)
{
	struct event *accepting, *ordered;

	base = event_base_new();
	agents = calloc(nr, sizeof(*agents));
	nr_agents = nr;
	ASSERT(base && agents);
	accepting = event_new(base, listening, EV_READ | EV_PERSIST, on_accept,
			      NULL);
	ordered = event_new(base, words, EV_READ | EV_PERSIST, on_order, NULL);
	ASSERT(accepting && ordered);
	event_add(accepting, NULL);
	event_add(ordered, NULL);
	event_base_dispatch(base);
	_exit(1);
}

int crowd_start(uint32_t nr, struct crowd **ret)
{
	struct crowd *c = calloc(1, sizeof(*c));
	int pair[2], listening;

	if (!c)
		return -ENOMEM;
	snprintf(c->name, sizeof(c->name), "memtide-crowd-%d", getpid());
	listening = listen_for(c);
	if (listening < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		free(c);
		return listening < 0 ? listening : -errno;
	}
	c->pid = fork();
	if (!c->pid) {
		close(pair[0]);
		be_the_crowd(listening, pair[1], nr);
	}
	close(listening);
	close(pair[1]);
	c->words = pair[0];
	*ret = c;
	return c->pid < 0 ? -errno : 0;
}

void crowd_stop(struct crowd *c)
{
	close(c->words);
	waitpid(c->pid, NULL, 0);
	free(c);
}

int crowd_connect(struct crowd *c, uint32_t number, struct transport **ret)
{
	struct sockaddr_un from = { 0 }, to = { 0 };
	socklen_t from_len = name_of(&from, c->name, number);
	socklen_t to_len = name_of(&to, c->name, -1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	/* Waits if as many are waiting as may; there is no such wait for Xen's
	 * channels. */
	if (bind(fd, (struct sockaddr *)&from, from_len) ||
	    connect(fd, (struct sockaddr *)&to, to_len) ||
	    fcntl(fd, F_SETFL, O_NONBLOCK)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	rc = transport_unix_new(fd, ret);
	if (rc)
		close(fd);
	return rc;
}

void crowd_tell(struct crowd *c, enum crowd_word word, uint32_t nr)
{
	struct order o = { word, nr };

	ASSERT(write(c->words, &o, sizeof(o)) == sizeof(o));
}
