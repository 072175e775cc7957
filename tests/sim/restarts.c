/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * restarts.c - memtided restarted a hundred times while eight guests resize
 *
 * Rounds: all guests are given new targets, memtided is killed and started
 * again several times at once, wherever it is, and then every target must be
 * reached without another word, within the judge's law at all times. The
 * agents run on all the while: none of them is started again.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "jobs.h"
#include "judge.h"
#include "talk.h"

#define GUESTS		8u
#define ROUNDS		20u
#define RESTARTS	5u	/* a round */
#define GAP_US		12000u	/* between two of them, at most */
#define SLOW_US		6000u	/* of a guest's kernel for a call, at most */
#define BOOT_PAGES	16384u
#define WINDOW		512u
#define MOST		200u	/* what all may have at the same time */
#define COST_PAGES	514u
#define TOO_LONG_S	300u

static const struct sim_domain_config shapes[] = {
	{ .boot_pages = BOOT_PAGES, .used_pages = BOOT_PAGES / 8,
	  .block_granules = 64, .memmap_granules = 1,
	  .window_gfn = UINT64_C(1) << 24, .window_granules = WINDOW },
	{ .boot_pages = BOOT_PAGES, .used_pages = BOOT_PAGES / 8,
	  .block_granules = 64, .memmap_granules = 0,
	  .window_gfn = UINT64_C(1) << 24, .window_granules = WINDOW },
};

struct tally {
	uint32_t restarts, reached;
	uint32_t busy;		/* guests on their way at these moments */
};

static uint32_t draw_target(struct world *w, const struct world_domain *d)
{
	uint32_t target = world_random(w, MOST + 1);
	uint32_t rest = target % d->config.block_granules;

	/* A rest that only memmap would fill is not given. */
	if (rest <= d->config.memmap_granules)
		target -= rest;
	/* Nor is what is below the memmap of all blocks reached from above. */
	return target < WINDOW / d->config.block_granules ? 0 : target;
}

static uint32_t nr_busy(struct world *w)
{
	uint32_t nr = 0;

	for (unsigned int i = 0; i < w->nr_domains; i++) {
		struct sim_domain_info info;

		if (sim_domain_info(w->machine, w->domains[i].domid, &info))
			world_fail(w, "domain %u is gone", w->domains[i].domid);
		nr += info.pages != BOOT_PAGES + w->domains[i].target *
					UINT64_C(512);
	}
	return nr;
}

static void restart(struct world *w, struct tally *t)
{
	world_sleep(w, GAP_US);
	t->busy += nr_busy(w);
	world_kill(w, &w->daemon);
	judge_moment(w);
	world_start_daemon(w);
	t->restarts++;
}

static int run(const struct jobs *o, const char *dir, uint64_t seed)
{
	static struct world w;
	const struct sim_faults slow = { .slow_us = SLOW_US };
	pid_t agents[GUESTS];
	struct tally t = { 0 };

	w.random = seed;
	world_make(&w, o->ctx, dir,
		   GUESTS * (BOOT_PAGES + MOST * COST_PAGES), seed);
	world_start_daemon(&w);
	for (uint32_t i = 0; i < GUESTS; i++) {
		world_start_agent(&w, world_add_as(&w, &shapes[i % 2]));
		agents[i] = w.domains[i].agent;
	}
	for (uint32_t round = 0; round < ROUNDS; round++) {
		sim_set_faults(w.machine, &slow);
		for (uint32_t i = 0; i < GUESTS; i++)
			talk_set_patiently(&w, &w.domains[i],
					   draw_target(&w, &w.domains[i]),
					   false);
		for (uint32_t i = 0; i < RESTARTS; i++)
			restart(&w, &t);
		judge_reached(&w);
		t.reached += GUESTS;
	}
	for (uint32_t i = 0; i < GUESTS; i++) {
		if (w.domains[i].agent != agents[i])
			world_fail(&w, "agent %u was started again", i);
	}
	world_close(&w);
	printf("ok %u restarts of memtided while %u guests resize (%u of %u times one was on its way), all %u targets reached",
	       t.restarts, GUESTS, t.busy, t.restarts * GUESTS, t.reached);
	return 0;
}

static bool ended(const struct jobs *o, uint64_t seed, int status)
{
	(void)o;
	if (status)
		printf("not ok restarts of memtided, seed %" PRIu64 "\n", seed);
	return !status;
}

int main(int argc, char **argv)
{
	int64_t start_us = world_now_us();
	struct jobs jobs = {
		.what = "restarts, seed", .first = 1, .count = 1, .at_once = 1,
		.failed_max = 1, .seconds = TOO_LONG_S, .run = run,
		.ended = ended,
	};

	if (argc < 2 || argc > 3) {
		fputs("Usage: sim-restarts BUILD [SEED]\n", stderr);
		return 2;
	}
	jobs.ctx = argv[1];
	if (argc > 2)
		jobs.first = strtoull(argv[2], NULL, 10);
	if (jobs_run(&jobs))
		return 1;
	printf(" in %.1f s\n", (double)(world_now_us() - start_us) / 1e6);
	return 0;
}
