/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ops.c - What may happen in a schedule
 */
#include "ops.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"
#include "judge.h"
#include "talk.h"
#include "transport_unix.h"

#define STEP_US		4000u	/* a grow or shrink takes about as long */
#define GREET_US	100000

/* Often the ends, often a block's edge: there the mistakes are. */
static uint32_t draw_target(struct world *w, const struct world_domain *d)
{
	const struct sim_domain_config *c = &d->config;
	uint32_t blocks = c->window_granules / c->block_granules;

	switch (world_random(w, 6)) {
	case 0:
		return 0;
	case 1:
		return c->window_granules;
	case 2:
		return world_random(w, blocks + 1) * c->block_granules;
	case 3:
		return world_random(w, MIN(200u, c->window_granules));
	default:
		return world_random(w, c->window_granules + 1);
	}
}

/* Mostly a guest is asked for something once memtided knows it. */
static void let_greet(struct world *w, const struct world_domain *d)
{
	static const struct timespec pause = { 0, 500000 };
	int64_t end_us = world_now_us() + GREET_US;
	const struct control_guest *g;
	static struct talk_list l;

	while (d->agent && world_now_us() < end_us) {
		talk_list(w, &l);
		g = talk_find(&l, d->domid);
		if (g && *g->agent)
			return;
		nanosleep(&pause, NULL);
	}
}

/* Asks without hearing the answer: the caller closes. */
static struct control_client *begin_set(struct world *w,
					struct world_domain *d, bool wait)
{
	uint32_t target = draw_target(w, d);
	struct control_request req = talk_set(d, target, wait);

	world_start_daemon(w);
	if (world_chance(w, 75))
		let_greet(w, d);
	world_note(w, "domain %u: set %u%s", d->domid, target,
		   wait ? " and wait" : "");
	d->vague |= d->maybe != d->target;
	d->maybe = target;
	return talk_open(w, &req);
}

static void learn_target(struct world_domain *d, enum control_status status)
{
	if (status == CONTROL_STATUS_OK || status == CONTROL_STATUS_PARTLY) {
		d->target = d->maybe;
		d->vague = false;
	}
	d->maybe = d->target;
}

static void end_set(struct world *w, struct world_domain *d,
		    struct control_client *c)
{
	struct control_reply r;

	if (talk_end(w, c, WORLD_PATIENCE_MS, &r))
		world_fail(w, "memtided does not answer");
	if (r.status != CONTROL_STATUS_OK && r.status != CONTROL_STATUS_REFUSED)
		world_fail(w, "domain %u: set: status %d: %s", d->domid,
			   (int)r.status, r.text);
	if (!d->has_agent && d->maybe && r.status != CONTROL_STATUS_REFUSED)
		world_fail(w, "domain %u has no agent and is set", d->domid);
	learn_target(d, r.status);
	world_note(w, "  %s %s", r.status ? "refused:" : "ok", r.text);
}

static void op_set(struct world *w)
{
	struct world_domain *d = world_pick(w);

	end_set(w, d, begin_set(w, d, false));
	world_sleep(w, 5 * STEP_US);
}

/* An operator who loses patience. */
static void op_set_wait(struct world *w)
{
	struct world_domain *d = world_pick(w);
	struct control_client *c = begin_set(w, d, true);
	struct control_reply r;

	if (talk_end(w, c, (int)world_random(w, 30), &r))
		return;
	learn_target(d, r.status);
	world_note(w, "  settled: %d %s", (int)r.status, r.text);
}

static void op_kill_daemon(struct world *w)
{
	struct control_client *c = begin_set(w, world_pick(w), false);

	world_sleep(w, STEP_US);
	world_kill(w, &w->daemon);
	control_client_close(c);
	world_note(w, "memtided is killed");
	judge_moment(w);
	if (world_chance(w, 80)) {
		world_sleep(w, STEP_US);
		world_start_daemon(w);
	}
}

/* Killed while it reads back what is true. */
static void op_kill_starting_daemon(struct world *w)
{
	world_kill(w, &w->daemon);
	world_start_daemon(w);
	world_sleep(w, 4 * STEP_US);
	world_kill(w, &w->daemon);
	world_note(w, "memtided is killed soon after its start");
	world_start_daemon(w);
}

static void op_term_daemon(struct world *w)
{
	world_start_daemon(w);
	/* Before it listens it does not catch the signal. */
	op_set(w);
	world_term(w, &w->daemon);
	world_note(w, "memtided is ended");
}

static void op_kill_agent(struct world *w)
{
	struct world_domain *d = world_pick(w);

	world_start_agent(w, d);
	end_set(w, d, begin_set(w, d, false));
	world_sleep(w, STEP_US);
	world_kill(w, &d->agent);
	world_note(w, "agent %u is killed", d->domid);
	judge_moment(w);
	world_sleep(w, STEP_US);
	if (world_chance(w, 70))
		world_start_agent(w, d);
}

static void op_kill_both(struct world *w)
{
	struct world_domain *d = world_pick(w);

	world_start_agent(w, d);
	end_set(w, d, begin_set(w, d, false));
	world_sleep(w, STEP_US);
	world_kill(w, &w->daemon);
	world_kill(w, &d->agent);
	world_note(w, "memtided and agent %u are killed", d->domid);
	judge_moment(w);
}

static void op_term_agent(struct world *w)
{
	struct world_domain *d = world_pick(w);

	world_start_agent(w, d);
	world_sleep(w, STEP_US);
	world_end_agent(w, d);
}

static void op_start_agents(struct world *w)
{
	for (unsigned int i = 0; i < w->nr_domains; i++)
		world_start_agent(w, &w->domains[i]);
	world_sleep(w, STEP_US);
}

/* While it is stopped it may hold the machine's lock: nobody waits for
 * memtided, or looks at the machine, before it goes on. */
static void op_stop_agent(struct world *w)
{
	struct world_domain *d = world_pick(w);
	struct control_client *c;

	world_start_agent(w, d);
	c = begin_set(w, d, false);
	world_sleep(w, STEP_US);
	if (d->agent)
		kill(d->agent, SIGSTOP);
	world_note(w, "agent %u is stopped", d->domid);
	world_sleep(w, 5 * STEP_US);
	if (world_chance(w, 30)) {
		control_client_close(c);
		c = NULL;
		world_kill(w, &w->daemon);
		world_start_daemon(w);
		world_sleep(w, 5 * STEP_US);
	}
	if (d->agent)
		kill(d->agent, SIGCONT);
	world_note(w, "agent %u goes on", d->domid);
	if (c)
		end_set(w, d, c);
}

/* Another host turns up at the agent's socket, says something, and leaves.
 * It stays until it was greeted: what it does must not come after the end. */
static void op_disconnect(struct world *w)
{
	static const uint8_t words[][8] = {
		{ 0 },				/* an empty frame */
		{ 0xff, 0xff, 0xff, 0x7f },	/* far too long a frame */
		{ 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff },
		{ 4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff },
		{ 100, 0, 0, 0, 1 },		/* half a frame */
	};
	uint32_t word = world_random(w, ARRAY_SIZE(words) + 1);
	struct world_domain *d = world_pick(w);
	struct pollfd hello = { .events = POLLIN };
	char path[WORLD_PATH_MAX + 16];
	int fd;

	world_start_agent(w, d);
	end_set(w, d, begin_set(w, d, false));
	world_sleep(w, STEP_US);
	snprintf(path, sizeof(path), "%s/%u.sock", w->dir, d->domid);
	fd = unix_dial(path);
	hello.fd = fd;
	world_note(w, "agent %u hears another host, word %u%s", d->domid, word,
		   fd < 0 ? ": not listening" : "");
	if (fd < 0)
		return;
	if (word < ARRAY_SIZE(words))
		send(fd, words[word], sizeof(words[word]), MSG_NOSIGNAL);
	if (poll(&hello, 1, WORLD_PATIENCE_MS) != 1)
		world_fail(w, "agent %u does not greet", d->domid);
	world_sleep(w, STEP_US);
	close(fd);
}

static void op_destroy(struct world *w)
{
	struct world_domain *d = world_pick(w);
	bool waited = world_chance(w, 50);
	struct control_client *c;
	struct control_reply r;

	/* The last one stays. */
	if (world_nr_alive(w) < 2)
		return;
	c = begin_set(w, d, waited);
	world_sleep(w, STEP_US);
	world_destroy(w, d);
	if (talk_end(w, c, WORLD_PATIENCE_MS, &r))
		world_fail(w, "a set still waits for a guest that is gone");
	world_note(w, "  %d %s", (int)r.status, r.text);
}

static void op_add(struct world *w)
{
	world_add(w);
	if (world_chance(w, 50))
		world_sleep(w, STEP_US);
	world_start_agent(w, &w->domains[w->nr_domains - 1]);
}

static uint32_t draw_fault(struct world *w)
{
	static const uint32_t permille[] = { 50, 300, 1000 };

	return world_chance(w, 30) ? permille[world_random(w, 3)] : 0;
}

static void op_faults(struct world *w)
{
	static const uint32_t slow[] = { 200, 2000, 8000 };
	struct sim_faults f = {
		.populate_refused = draw_fault(w),
		.populate_partial = draw_fault(w),
		.take_partial = draw_fault(w),
		.online_fails = draw_fault(w),
		.pull_busy = draw_fault(w),
		.slow_us = world_chance(w, 60) ? slow[world_random(w, 3)] : 0,
	};

	if (world_chance(w, 25))
		f = (struct sim_faults){ 0 };
	sim_set_faults(w->machine, &f);
	world_note(w, "faults: refused %u partial %u take %u online %u busy %u slow %u",
		   f.populate_refused, f.populate_partial, f.take_partial,
		   f.online_fails, f.pull_busy, f.slow_us);
}

/* So much that the floor bites, or so little that it does no longer. */
static void op_use(struct world *w)
{
	struct world_domain *d = world_pick(w);
	uint64_t total, available;
	uint32_t pages;

	if (sim_meminfo(w->machine, d->domid, &total, &available))
		return;
	pages = (uint32_t)(total / PAGE_KIB / 100 * world_random(w, 95));
	sim_domain_set_used(w->machine, d->domid, pages);
	world_note(w, "domain %u: programs hold %u pages", d->domid, pages);
}

/* Another tool of dom0 sets a size, as xl mem-set does. It may be taken or
 * refused, and is lost on a memtided that is not there: all of it is fine. */
static void op_toolstack(struct world *w)
{
	char path[WORLD_PATH_MAX + 32], temp[WORLD_PATH_MAX + 32];
	struct world_domain *d = world_pick(w);
	uint32_t target = draw_target(w, d);
	static struct talk_list l;
	FILE *out;

	snprintf(path, sizeof(path), "%s/%u.target", w->dir, d->domid);
	snprintf(temp, sizeof(temp), "%s/toolstack", w->dir);
	out = fopen(temp, "we");
	if (!out || fprintf(out, "%u\n", target * GRANULE_KIB) < 0 ||
	    fclose(out) || rename(temp, path))
		world_fail(w, "cannot write %s", path);
	d->vague |= d->maybe != d->target;
	d->maybe = target;
	world_note(w, "domain %u: the toolstack wants %u", d->domid, target);
	/* It is heard before the second answer, not at some later time. */
	for (int i = 0; w->daemon && i < 2; i++)
		talk_list(w, &l);
	world_sleep(w, STEP_US);
}

static void expect(struct world *w, const struct control_request *req,
		   enum control_status status, const char *what)
{
	struct control_reply r;

	talk(w, req, &r);
	if (r.status != status || !*r.text)
		world_fail(w, "%s: status %d: %s", what, (int)r.status, r.text);
	world_note(w, "%s: %s", what, r.text);
}

static void op_bad_request(struct world *w)
{
	struct world_domain *d = world_pick(w);
	struct control_request below = talk_set(d, 0, world_chance(w, 50));
	struct control_request nobody = talk_set(d, 0, world_chance(w, 50));
	struct control_request beyond =
		talk_set(d, d->config.window_granules + 1, false);
	struct control_request huge = beyond;

	world_start_daemon(w);
	/* Also of one that nobody speaks for, which may have less otherwise. */
	below.size_bytes = world_random(w, 8 * GRANULE_BYTES);
	nobody.guest.domid = 4711;
	huge.size_bytes = UINT64_MAX;
	expect(w, &below, CONTROL_STATUS_REFUSED, "below any guest's need");
	expect(w, &nobody, CONTROL_STATUS_NO_GUEST, "unknown guest");
	expect(w, &beyond, CONTROL_STATUS_REFUSED, "beyond the window");
	expect(w, &huge, CONTROL_STATUS_REFUSED, "beyond everything");
}

static void op_garbage(struct world *w)
{
	uint8_t junk[64];
	int fd;

	world_start_daemon(w);
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)world_random(w, 256);
	/* Sometimes a frame of the right length with junk in it. */
	if (world_chance(w, 50))
		frame_put_header(junk, sizeof(junk) - FRAME_HEADER_BYTES);
	fd = unix_dial(w->socket);
	world_note(w, "junk for memtided%s", fd < 0 ? ": not listening" : "");
	if (fd < 0)
		return;
	send(fd, junk, 1 + world_random(w, sizeof(junk)), MSG_NOSIGNAL);
	world_sleep(w, STEP_US);
	close(fd);
}

static void op_look(struct world *w)
{
	static struct talk_list l;

	world_start_daemon(w);
	talk_list(w, &l);
	judge_moment(w);
}

static const struct {
	uint32_t weight;
	void (*run)(struct world *w);
} ops[] = {
	{ 20, op_set },
	{ 10, op_set_wait },
	{ 12, op_kill_daemon },
	{ 3, op_kill_starting_daemon },
	{ 2, op_term_daemon },
	{ 10, op_kill_agent },
	{ 4, op_kill_both },
	{ 3, op_term_agent },
	{ 6, op_start_agents },
	{ 6, op_stop_agent },
	{ 6, op_disconnect },
	{ 3, op_destroy },
	{ 4, op_add },
	{ 10, op_faults },
	{ 8, op_use },
	{ 3, op_bad_request },
	{ 3, op_garbage },
	{ 6, op_look },
	{ 6, op_toolstack },
};

void ops_next(struct world *w)
{
	uint32_t sum = 0, drawn;
	size_t i = 0;

	for (size_t k = 0; k < ARRAY_SIZE(ops); k++)
		sum += ops[k].weight;
	drawn = world_random(w, sum);
	while (drawn >= ops[i].weight)
		drawn -= ops[i++].weight;
	ops[i].run(w);
	if (world_chance(w, 50))
		judge_moment(w);
}
