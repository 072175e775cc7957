/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * balloon.c - The real memtided and guests without our kernel
 *
 * Three guests have but a balloon: a good driver, one that does not mind its
 * target, and one that gives what it is asked for and takes it again at once. A
 * fourth runs memtide-agent and is resized all the time. The good ones reach
 * every size; the others are told, hold no more than they may, and cost nobody
 * else anything.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alone.h"
#include "judge.h"
#include "talk.h"
#include "world.h"

#define NR		4u
#define MANAGED		3u		/* index of the fourth domain */
#define BOOT_PAGES	65536u		/* 256 MiB */
#define HOST_PAGES	(5 * BOOT_PAGES)
#define SLACK_PAGES	240u		/* as libxl leaves it */
#define STEP_PAGES	3000u		/* in a beat */
#define BEAT_US		500
#define ROUNDS		8u
#define TOO_LONG_S	120u

enum driver { GOOD, DEAF, TAKES };

static const struct sim_domain_config config = {
	.boot_pages = BOOT_PAGES, .block_granules = 64, .memmap_granules = 1,
	.window_gfn = UINT64_C(1) << 24, .window_granules = 1024,
	.used_pages = 8192,
};

static pid_t drivers[NR];

/* The guests' drivers --------------------------------------------------- */

/* Pages that the toolstack's target has it do without */
static uint64_t read_less(const struct world *w, uint32_t domid)
{
	char path[WORLD_PATH_MAX + 32];
	int64_t kib = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%u.target", w->dir, domid);
	in = fopen(path, "re");
	if (in && fscanf(in, "%" SCNd64, &kib) != 1)
		kib = 0;
	if (in)
		fclose(in);
	return kib < 0 ? (uint64_t)-kib / PAGE_KIB : 0;
}

static void beat(struct world *w, struct sim_machine *m, uint32_t domid,
		 enum driver kind, uint32_t n)
{
	uint64_t want = read_less(w, domid), out;
	struct sim_domain_info info;

	if (sim_domain_info(m, domid, &info))
		return;
	out = BOOT_PAGES - MIN(info.pages, BOOT_PAGES);
	if (kind == TAKES && n % 2)
		want = 0;
	else if (kind == GOOD && want > out)
		want = MIN(want, out + STEP_PAGES);
	else if (kind == GOOD)
		want = MAX(want, out - MIN(out, STEP_PAGES));
	sim_balloon(m, domid, want);
}

static void start_driver(struct world *w, uint32_t i, enum driver kind)
{
	struct sim_machine *m;

	drivers[i] = fork();
	if (drivers[i] < 0)
		world_fail(w, "fork: %s", strerror(errno));
	if (drivers[i])
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sim_open(w->dir, &m))
		_exit(1);
	for (uint32_t n = 0;; n++) {
		if (kind != DEAF)
			beat(w, m, w->domains[i].domid, kind, n);
		usleep(BEAT_US);
	}
}

static void end_driver(struct world *w, uint32_t i)
{
	if (kill(drivers[i], SIGKILL) ||
	    waitpid(drivers[i], NULL, 0) != drivers[i])
		world_fail(w, "driver %u has ended by itself", i);
	drivers[i] = 0;
}

/* Looking and asking ---------------------------------------------------- */

static const struct control_guest *look(struct world *w, uint32_t i)
{
	static struct talk_list l;
	const struct control_guest *g;

	talk_list(w, &l);
	g = talk_find(&l, w->domains[i].domid);
	if (!g)
		world_fail(w, "domain %u is not listed", w->domains[i].domid);
	return g;
}

static bool is_told_deaf(const struct control_guest *g)
{
	return !strcmp(g->state, "ready") && g->held_kib != g->target_kib &&
	       strstr(g->why, "its balloon does not answer");
}

static bool is_there(const struct control_guest *g)
{
	return !strcmp(g->state, "ready") && g->held_kib == g->target_kib &&
	       !*g->why;
}

static bool is_untouched(const struct control_guest *g)
{
	return !strcmp(g->state, "unmanaged") && !strcmp(g->mode, "none") &&
	       g->held_kib == g->target_kib;
}

static void await(struct world *w, uint32_t i, const char *what,
		  bool (*is)(const struct control_guest *g))
{
	int64_t end_us = world_now_us() + WORLD_PATIENCE_MS * 1000;
	const struct control_guest *g;

	while (!is(g = look(w, i))) {
		judge_moment(w);
		if (world_now_us() > end_us)
			world_fail(w, "domain %u is not %s: %s %s, %" PRIu64
				   " of %" PRIu64 " KiB: %s", g->domid, what,
				   g->mode, g->state, g->held_kib,
				   g->target_kib, g->why);
		usleep(1000);
	}
}

static void ask(struct world *w, uint32_t i, uint32_t less, uint32_t more)
{
	struct control_request req = talk_set(&w->domains[i], more, false);
	struct control_reply r;

	req.size_bytes -= (uint64_t)less * GRANULE_BYTES;
	talk(w, &req, &r);
	if (r.status != CONTROL_STATUS_OK)
		world_fail(w, "domain %u: status %d: %s", w->domains[i].domid,
			   (int)r.status, r.text);
}

static void expect_pages(struct world *w, uint32_t i, uint64_t pages)
{
	struct sim_domain_info info;

	if (sim_domain_info(w->machine, w->domains[i].domid, &info) ||
	    info.pages != pages || info.max_pages != pages + SLACK_PAGES)
		world_fail(w, "domain %u has %" PRIu64 " pages of at most %"
			   PRIu64 ", not %" PRIu64, w->domains[i].domid,
			   info.pages, info.max_pages, pages);
}

/* The whole ------------------------------------------------------------- */

static void open_world(struct world *w, const char *build, const char *dir)
{
	char path[WORLD_PATH_MAX + 16];

	w->build = build;
	w->start_us = world_now_us();
	w->host_pages = HOST_PAGES;
	snprintf(w->dir, sizeof(w->dir), "%s", dir);
	snprintf(w->socket, sizeof(w->socket), "%.90s/control", dir);
	snprintf(path, sizeof(path), "%s/history", dir);
	w->history = fopen(path, "we");
	if (!w->history || sim_create(dir, w->host_pages, WORLD_DOMAINS_MAX,
				      WORLD_WINDOW_MAX, 1) ||
	    sim_open(dir, &w->machine))
		_exit(1);
	setvbuf(w->history, NULL, _IOLBF, 0);
}

static void add_domains(struct world *w)
{
	static const enum driver kinds[MANAGED] = { GOOD, DEAF, TAKES };

	for (uint32_t i = 0; i < NR; i++) {
		struct world_domain *d = &w->domains[w->nr_domains++];

		d->config = config;
		snprintf(d->config.name, sizeof(d->config.name), "d%u", i);
		d->config.uuid[0] = (uint8_t)(i + 1);
		if (sim_domain_create(w->machine, &d->config, &d->domid))
			world_fail(w, "cannot make a domain");
		d->alive = true;
		d->has_agent = i == MANAGED;
		if (i < MANAGED) {
			sim_set_max(w->machine, d->domid,
				    BOOT_PAGES + SLACK_PAGES);
			start_driver(w, i, kinds[i]);
		}
		world_start_agent(w, d);
	}
}

/* What all that is free allows the managed guest, though others want it. */
static void resize_managed(struct world *w)
{
	ask(w, MANAGED, 0, 96);
	await(w, MANAGED, "grown", is_there);
	ask(w, MANAGED, 0, 0);
	await(w, MANAGED, "shrunk", is_there);
}

static void run_rounds(struct world *w)
{
	for (uint32_t n = 0; n < ROUNDS; n++) {
		ask(w, 0, 20 + 5 * n, 0);
		ask(w, 1, 40, 0);
		ask(w, 2, 10 + 4 * n, 0);
		resize_managed(w);
		if (n % 2) {
			world_kill(w, &w->daemon);
			judge_moment(w);
			world_start_daemon(w);
		}
		await(w, 0, "there", is_there);
		expect_pages(w, 0, BOOT_PAGES - (20 + 5 * n) * GRANULE_PAGES);
		await(w, 1, "told to be deaf", is_told_deaf);
		expect_pages(w, 1, BOOT_PAGES);
		if (strcmp(look(w, 0)->mode, "balloon") ||
		    strcmp(look(w, 1)->mode, "balloon") ||
		    strcmp(look(w, MANAGED)->mode, "granules"))
			world_fail(w, "not the modes");
	}
	puts("ok balloon: sizes are reached, a deaf one is told, also after memtided is killed");
}

/* What it gave at its last look it does not have again. */
static void run_taker(struct world *w)
{
	struct sim_domain_info info;
	int64_t end_us = world_now_us() + WORLD_PATIENCE_MS * 1000;

	ask(w, 2, 60, 0);
	do {
		judge_moment(w);
		if (sim_domain_info(w->machine, w->domains[2].domid, &info))
			world_fail(w, "it has gone");
		if (world_now_us() > end_us)
			world_fail(w, "it keeps %" PRIu64 " pages, and may have %"
				   PRIu64, info.pages, info.max_pages);
		usleep(1000);
	} while (info.max_pages > BOOT_PAGES - 60 * GRANULE_PAGES +
				  2 * SLACK_PAGES);
	puts("ok balloon: what is given cannot be taken again");
}

static void run_back(struct world *w)
{
	static const struct control_request audit = { .type = CONTROL_AUDIT };
	struct control_reply r;

	end_driver(w, 1);
	end_driver(w, 2);
	start_driver(w, 1, GOOD);
	start_driver(w, 2, GOOD);
	await(w, 1, "there after all", is_there);
	for (uint32_t i = 0; i < MANAGED; i++) {
		ask(w, i, 0, 0);
		await(w, i, "as it was built", is_untouched);
		expect_pages(w, i, BOOT_PAGES);
	}
	talk(w, &audit, &r);
	if (r.status != CONTROL_STATUS_OK || r.audit.guests != 1)
		world_fail(w, "audit of %u guests: %s", r.audit.guests, r.text);
	puts("ok balloon: back at what they were built with, all are as before");
}

static void __attribute__((noreturn)) run(const char *build, const char *dir)
{
	static struct world w;

	alarm(TOO_LONG_S);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_world(&w, build, dir);
	world_start_daemon(&w);
	add_domains(&w);
	await(&w, MANAGED, "ready", is_there);
	for (uint32_t i = 0; i < MANAGED; i++)
		await(&w, i, "untouched", is_untouched);
	run_rounds(&w);
	run_taker(&w);
	run_back(&w);
	for (uint32_t i = 0; i < MANAGED; i++)
		end_driver(&w, i);
	world_close(&w);
	_exit(0);
}

int main(int argc, char **argv)
{
	return alone_main(argc, argv, "balloon", run);
}
