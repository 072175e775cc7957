/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * agent_world.h - An agent on the simulated machine, and the host's end of the
 * connection
 *
 * Include after cmocka.h.
 */
#ifndef MEMTIDE_TEST_AGENT_WORLD_H
#define MEMTIDE_TEST_AGENT_WORLD_H

#include "agent.h"
#include "codec.h"
#include "frame.h"
#include "kdev_sim.h"
#include "log.h"
#include "sim_faults.h"
#include "sim_machine.h"

#define BLOCK		64u
#define WINDOW		1024u
#define BOOT_PAGES	65536u	/* 256 MiB */
#define INBOX		256u

/**
 * struct world - a domain, its agent, and the host's end of the connection
 * @room:	messages the queue out still takes
 * @watched:	what the agent wanted to be told of
 * @deaf:	nobody will tell it
 * @looks:	how often it has read /proc/meminfo, @looks_starving: until it
 *		said that the guest starves
 * @boot_kib, @all_kib, @kernel_kib: what it said it has when it grew
 */
struct world {
	char dir[32];
	struct sim_machine *m;
	uint32_t domid;
	struct kdev *kdev;
	struct agent *agent;
	uint64_t now;
	unsigned int room;
	struct pressure pressure;
	struct msg_welcome watched;
	bool deaf;
	unsigned int looks, looks_starving;
	uint64_t boot_kib, all_kib, kernel_kib;
	struct guest_msg *inbox;
	unsigned int nr_inbox;
	struct host_msg msg;
	uint8_t buf[FRAME_PAYLOAD_MAX];
};

static inline int world_send(void *ctx, const uint8_t *buf, size_t len)
{
	struct world *w = ctx;
	const char *why = NULL;

	if (!w->room)
		return -ENOBUFS;
	w->room--;
	assert_true(w->nr_inbox < INBOX);
	if (codec_decode_guest(buf, len, &w->inbox[w->nr_inbox++], &why))
		fail_msg("the agent sent nonsense: %s", why);
	if (w->inbox[w->nr_inbox - 1].type == GUEST_MSG_REPORT &&
	    w->inbox[w->nr_inbox - 1].report.starving)
		w->looks_starving = w->looks;
	return 0;
}

static inline int world_meminfo(void *ctx, struct meminfo *ret)
{
	struct world *w = ctx;

	w->looks++;
	return kdev_sim_meminfo(w->kdev, ret);
}

static inline void world_pressure(void *ctx, struct pressure *ret)
{
	*ret = ((struct world *)ctx)->pressure;
}

static inline int world_watch(void *ctx, const struct msg_welcome *welcome)
{
	struct world *w = ctx;

	w->watched = *welcome;
	return w->deaf ? -EINVAL : 0;
}

static inline void world_grown(void *ctx, uint64_t boot_kib, uint64_t all_kib,
			uint64_t kernel_kib)
{
	struct world *w = ctx;

	w->boot_kib = boot_kib;
	w->all_kib = all_kib;
	w->kernel_kib = kernel_kib;
}

static const struct agent_callbacks world_cbs = {
	.send = world_send,
	.meminfo = world_meminfo,
	.pressure = world_pressure,
	.watch = world_watch,
	.grown = world_grown,
};

static inline void start_agent(struct world *w, uint64_t fixed_floor)
{
	struct agent_config config = {
		.agent_version = "1", .kernel_release = "6.12",
		.boot_id = { 1 }, .floor_pages = fixed_floor,
	};

	assert_int_equal(kdev_sim_open(w->dir, w->domid, &w->kdev), 0);
	assert_int_equal(agent_new(&config, w->kdev, &world_cbs, w, &w->agent),
			 0);
}

static inline void stop_agent(struct world *w)
{
	agent_free(w->agent);
	kdev_close(w->kdev);
	w->agent = NULL;
	w->kdev = NULL;
}

static inline int setup(void **state)
{
	static const struct sim_domain_config config = {
		.name = "a", .uuid = { 9 }, .boot_pages = BOOT_PAGES,
		.block_granules = BLOCK, .memmap_granules = 1,
		.window_gfn = 1 << 20, .window_granules = WINDOW,
		.used_pages = 1000,
	};
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->inbox = calloc(INBOX, sizeof(*w->inbox));
	assert_non_null(w->inbox);
	strcpy(w->dir, "/tmp/memtide-agent-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(sim_create(w->dir, 4 << 20, 4, WINDOW, 1), 0);
	assert_int_equal(sim_open(w->dir, &w->m), 0);
	assert_int_equal(sim_domain_create(w->m, &config, &w->domid), 0);
	assert_int_equal(sim_set_max(w->m, w->domid, 4 << 20), 0);
	w->room = UINT32_MAX;
	w->now = 1000;
	start_agent(w, 1);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;
	char command[64], why[128];

	assert_int_equal(sim_violations(w->m, why, sizeof(why)), 0);
	stop_agent(w);
	sim_close(w->m);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w->inbox);
	free(w);
	return 0;
}

/* The host ------------------------------------------------------------- */

static inline int say(struct world *w)
{
	const char *why = NULL;
	size_t len = codec_encode_host(&w->msg, w->buf);
	int rc = agent_frame(w->agent, w->buf, len, w->now, &why);

	if (rc)
		assert_non_null(why);
	return rc;
}

static inline int say_welcome(struct world *w, uint32_t interval_ms)
{
	w->msg.type = HOST_MSG_WELCOME;
	w->msg.welcome = (struct msg_welcome){
		.major = PROTO_MAJOR, .report_interval_ms = interval_ms,
		.keepalive_s = 60,
	};
	return say(w);
}

static inline int say_pull(struct world *w, uint32_t id, uint32_t nr, uint32_t ms)
{
	w->msg.type = HOST_MSG_PULL_REQUEST;
	w->msg.pull_request = (struct msg_pull_request){ id, nr, ms };
	return say(w);
}

static inline int say_cancel(struct world *w, uint32_t id)
{
	w->msg.type = HOST_MSG_PULL_CANCEL;
	w->msg.pull_cancel.id = id;
	return say(w);
}

static inline int say_state(struct world *w, uint32_t first, uint32_t nr)
{
	w->msg.type = HOST_MSG_STATE_REQUEST;
	w->msg.state_request = (struct msg_state_request){ 7, first, nr };
	return say(w);
}

static inline void back(struct world *w, uint32_t granule)
{
	uint64_t words[WINDOW / 64];
	uint32_t done;

	assert_int_equal(sim_backed(w->m, w->domid, 0, WINDOW, words), 0);
	if (words[granule / 64] >> (granule % 64) & 1)
		return;
	assert_int_equal(sim_populate(w->m, w->domid,
				      (struct granules){ granule, 1 }, &done),
			 0);
}

/* Back blocks first..first+nr-1 and ask for them to be put online. */
static inline int say_grow(struct world *w, uint32_t id, uint32_t first, uint32_t nr)
{
	struct msg_online_request *req = &w->msg.online_request;

	w->msg.type = HOST_MSG_ONLINE_REQUEST;
	*req = (struct msg_online_request){ .id = id, .nr_ranges = nr };
	for (uint32_t i = 0; i < nr; i++) {
		struct granules r = { (first + i) * BLOCK, BLOCK };

		for (uint32_t g = 0; g < BLOCK; g++)
			back(w, r.first + g);
		req->ranges[i] = r;
	}
	return say(w);
}

static inline void turn(struct world *w)
{
	uint64_t wake = agent_turn(w->agent, w->now);

	if (wake != UINT64_MAX && wake > w->now && wake < w->now + 10000)
		w->now = wake;
}

static inline struct guest_msg *find(struct world *w, enum guest_msg_type type)
{
	for (unsigned int i = w->nr_inbox; i-- > 0;)
		if (w->inbox[i].type == type)
			return &w->inbox[i];
	return NULL;
}

static inline void connect_host(struct world *w)
{
	w->nr_inbox = 0;
	assert_int_equal(agent_connected(w->agent), 0);
	assert_int_equal(say_welcome(w, 1000), 0);
}

static inline void grow(struct world *w, uint32_t first, uint32_t nr)
{
	const struct msg_online_reply *reply;

	assert_int_equal(say_grow(w, 5, first, nr), 0);
	for (uint32_t i = 0; i < nr; i++)
		turn(w);
	reply = &find(w, GUEST_MSG_ONLINE_REPLY)->online_reply;
	assert_int_equal(reply->error, 0);
	assert_int_equal(reply->nr_done, nr);
	for (uint32_t i = 0; i < nr; i++)
		assert_int_equal(reply->done[i], BLOCK);
}

/* Take back what messages from @from on released, as a host does.
 * Return: the last progress, or NULL */
static inline const struct msg_pull_progress *take_back(struct world *w,
						 unsigned int from,
						 uint32_t *ret_nr)
{
	const struct msg_pull_progress *last = NULL;
	uint32_t done;

	*ret_nr = 0;
	for (; from < w->nr_inbox; from++) {
		const struct msg_pull_progress *p =
			&w->inbox[from].pull_progress;

		if (w->inbox[from].type != GUEST_MSG_PULL_PROGRESS)
			continue;
		for (uint32_t i = 0; i < p->nr_ranges; i++) {
			assert_int_equal(sim_take(w->m, w->domid, p->ranges[i],
						  &done), 0);
			assert_int_equal(done, p->ranges[i].nr);
			*ret_nr += done;
		}
		if (p->last)
			last = p;
	}
	return last;
}

static inline const struct msg_pull_progress *finish_pull(struct world *w,
						   unsigned int from,
						   uint32_t *ret_nr)
{
	for (unsigned int turns = 0; turns < 3000; turns++) {
		const struct guest_msg *m = find(w, GUEST_MSG_PULL_PROGRESS);

		if (m && m >= w->inbox + from && m->pull_progress.last)
			break;
		turn(w);
	}
	return take_back(w, from, ret_nr);
}

static inline uint32_t count_in_use(struct world *w)
{
	uint64_t words[WINDOW / 64];
	uint32_t n = 0;

	assert_int_equal(sim_in_use(w->m, w->domid, 0, WINDOW, words), 0);
	for (uint32_t i = 0; i < WINDOW / 64; i++)
		n += (uint32_t)__builtin_popcountll(words[i]);
	return n;
}

#endif
