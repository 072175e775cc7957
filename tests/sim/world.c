/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * world.c - One schedule's machine, domains, daemon and agents
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB_PAGES	256u
#define WINDOW_GFN	(UINT64_C(1) << 24)	/* above any boot memory here */

/* Blocks as Linux makes them, with their memmap in them and not. */
static const struct {
	uint32_t block, memmap, blocks_max;
} shapes[] = {
	{ 64, 1, 16 },
	{ 64, 0, 16 },
	{ 1024, 16, 3 },
};

int64_t world_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* splitmix64, Steele, Lea and Flood 2014 */
static uint64_t next_random(struct world *w)
{
	uint64_t z = w->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t world_random(struct world *w, uint32_t limit)
{
	return (uint32_t)(next_random(w) % limit);
}

bool world_chance(struct world *w, uint32_t percent)
{
	return world_random(w, 100) < percent;
}

void world_sleep(struct world *w, uint32_t max_us)
{
	uint32_t us = world_random(w, (max_us >> 2 * world_random(w, 5)) + 1);
	struct timespec ts = { 0, (long)us * 1000 };

	nanosleep(&ts, NULL);
}

static void __attribute__((format(printf, 2, 0)))
vnote(struct world *w, const char *fmt, va_list ap)
{
	fprintf(w->history, "%9.3f ms  ",
		(double)(world_now_us() - w->start_us) / 1000);
	vfprintf(w->history, fmt, ap);
	fputc('\n', w->history);
}

void world_note(struct world *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vnote(w, fmt, ap);
	va_end(ap);
}

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	fputs("FAILED:\n", w->history);
	va_start(ap, fmt);
	vnote(w, fmt, ap);
	va_end(ap);
	fclose(w->history);
	/* What runs is killed by the kernel with us: see spawn(). */
	_exit(1);
}

/* Processes ------------------------------------------------------------ */

static pid_t spawn(struct world *w, const char *log, char **argv)
{
	char path[WORLD_PATH_MAX + 32];
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		world_fail(w, "fork: %s", strerror(errno));
	if (pid)
		return pid;
	snprintf(path, sizeof(path), "%s/%s.log", w->dir, log);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execv(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

void world_start_daemon(struct world *w)
{
	const char *level = w->log_level ? w->log_level : "debug";
	char path[256], reserve[32];
	char *argv[] = {
		path, (char *)"--backend", (char *)"sim",
		(char *)"--sim-dir", w->dir, (char *)"--socket", w->socket,
		(char *)"--reserve", reserve, (char *)"--retry-min-ms",
		(char *)"2", (char *)"--retry-max-ms", (char *)"50",
		(char *)"--log-level", (char *)level, NULL,
	};

	if (w->daemon)
		return;
	snprintf(path, sizeof(path), "%s/memtided", w->build);
	snprintf(reserve, sizeof(reserve), "%" PRIu64 "K",
		 w->reserve_pages * PAGE_KIB);
	w->daemon = spawn(w, "memtided", argv);
	world_note(w, "memtided starts");
}

void world_start_agent(struct world *w, struct world_domain *d)
{
	char path[256], socket[WORLD_PATH_MAX], log[32], domid[16];
	char *argv[] = {
		path, (char *)"--sim", w->dir, (char *)"--domid", domid,
		(char *)"--log-level", (char *)"debug",
		w->relayed ? (char *)"--unix" : NULL, socket, NULL,
	};

	if (d->agent || !d->alive || !d->has_agent)
		return;
	snprintf(path, sizeof(path), "%s/memtide-agent", w->build);
	snprintf(domid, sizeof(domid), "%u", d->domid);
	snprintf(socket, sizeof(socket), "%.80s/agent-%u.sock", w->dir,
		 d->domid);
	snprintf(log, sizeof(log), "agent-%u", d->domid);
	d->agent = spawn(w, log, argv);
	world_note(w, "agent %u starts", d->domid);
}

static void describe_end(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d", WTERMSIG(status));
	else
		snprintf(text, size, "exit code %d", WEXITSTATUS(status));
}

/* Reaps what must still run, or must have ended well. */
static void expect_end(struct world *w, pid_t *pid, int options, bool wanted)
{
	char text[32];
	int status;

	if (waitpid(*pid, &status, options) != *pid)
		return;
	describe_end(status, text, sizeof(text));
	if (!wanted || status)
		world_fail(w, "%s ended by itself or badly: %s",
			   pid == &w->daemon ? "memtided" : "an agent", text);
	*pid = 0;
}

static void check_running(struct world *w, pid_t *pid)
{
	if (*pid)
		expect_end(w, pid, WNOHANG, false);
}

/* Has it died of a fault of ours? An agent or a memtided that cannot begin
 * gives up with exit code 1. */
static bool has_died(struct world *w, pid_t *pid)
{
	char text[32];
	int status;

	if (!*pid || waitpid(*pid, &status, WNOHANG) != *pid)
		return false;
	describe_end(status, text, sizeof(text));
	if (!(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) &&
	    !(WIFEXITED(status) && WEXITSTATUS(status) == 1))
		world_fail(w, "%s ended badly: %s", pid == &w->daemon ?
			   "memtided" : "an agent", text);
	world_note(w, "%s has ended: %s", pid == &w->daemon ? "memtided" :
		   "an agent", text);
	*pid = 0;
	w->nr_mended++;
	return true;
}

static void mend(struct world *w)
{
	if (has_died(w, &w->daemon))
		world_start_daemon(w);
	for (unsigned int i = 0; i < w->nr_domains; i++) {
		if (has_died(w, &w->domains[i].agent))
			world_start_agent(w, &w->domains[i]);
	}
}

void world_check_alive(struct world *w)
{
	if (w->mends) {
		mend(w);
		return;
	}
	check_running(w, &w->daemon);
	for (unsigned int i = 0; i < w->nr_domains; i++)
		check_running(w, &w->domains[i].agent);
}

void world_kill(struct world *w, pid_t *pid)
{
	if (!*pid)
		return;
	check_running(w, pid);
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

void world_end_agent(struct world *w, struct world_domain *d)
{
	char text[32];
	int status;

	if (!d->agent)
		return;
	check_running(w, &d->agent);
	kill(d->agent, SIGTERM);
	world_sleep(w, 4000);
	kill(d->agent, SIGKILL);
	waitpid(d->agent, &status, 0);
	describe_end(status, text, sizeof(text));
	/* It catches SIGTERM only when it has come so far. */
	if (status && !(WIFSIGNALED(status) && (WTERMSIG(status) == SIGTERM ||
						WTERMSIG(status) == SIGKILL)))
		world_fail(w, "agent %u ended badly: %s", d->domid, text);
	d->agent = 0;
	world_note(w, "agent %u is told to end: %s", d->domid, text);
}

void world_term(struct world *w, pid_t *pid)
{
	if (!*pid)
		return;
	check_running(w, pid);
	kill(*pid, SIGTERM);
	expect_end(w, pid, 0, true);
}

/* Domains -------------------------------------------------------------- */

static void draw_config(struct world *w, struct sim_domain_config *c)
{
	uint32_t shape = world_random(w, ARRAY_SIZE(shapes));
	uint32_t blocks = 1 + world_random(w, shapes[shape].blocks_max);

	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "d%u", w->nr_domains + 1);
	for (size_t i = 0; i < sizeof(c->uuid); i++)
		c->uuid[i] = (uint8_t)next_random(w);
	/* Odd pages too: they stay with boot memory. */
	c->boot_pages = 64 * MIB_PAGES + world_random(w, 448 * MIB_PAGES);
	c->block_granules = shapes[shape].block;
	c->memmap_granules = shapes[shape].memmap;
	c->window_gfn = WINDOW_GFN;
	c->window_granules = blocks * shapes[shape].block;
	c->used_pages = c->boot_pages / 8;
}

struct world_domain *world_add_as(struct world *w,
				  const struct sim_domain_config *config)
{
	struct world_domain *d = &w->domains[w->nr_domains];

	ASSERT(w->nr_domains < WORLD_DOMAINS_MAX);
	*d = (struct world_domain){
		.alive = true, .has_agent = true, .config = *config,
	};
	snprintf(d->config.name, sizeof(d->config.name), "d%u",
		 w->nr_domains + 1);
	d->config.uuid[0] = (uint8_t)(w->nr_domains + 1);
	if (sim_domain_create(w->machine, &d->config, &d->domid))
		world_fail(w, "cannot make a domain");
	w->nr_domains++;
	return d;
}

void world_add(struct world *w)
{
	struct world_domain *d = &w->domains[w->nr_domains];
	int rc;

	if (w->nr_domains == WORLD_DOMAINS_MAX)
		return;
	memset(d, 0, sizeof(*d));
	draw_config(w, &d->config);
	d->has_agent = world_chance(w, 85);
	rc = sim_domain_create(w->machine, &d->config, &d->domid);
	if (rc == -ENOMEM) {
		world_note(w, "no room for another domain");
		return;
	}
	if (rc)
		world_fail(w, "cannot make a domain: %s", strerror(-rc));
	d->alive = true;
	w->nr_domains++;
	world_note(w, "domain %u: boot %u pages, window %u, block %u, memmap %u%s",
		   d->domid, d->config.boot_pages, d->config.window_granules,
		   d->config.block_granules, d->config.memmap_granules,
		   d->has_agent ? "" : ", no agent");
}

void world_destroy(struct world *w, struct world_domain *d)
{
	int rc;

	check_running(w, &d->agent);
	rc = sim_domain_destroy(w->machine, d->domid);
	if (rc)
		world_fail(w, "cannot destroy domain %u: %s", d->domid,
			   strerror(-rc));
	d->alive = false;
	world_note(w, "domain %u is destroyed", d->domid);
	if (!d->agent)
		return;
	/* It goes with its guest; that it may complain before is fine. */
	kill(d->agent, SIGKILL);
	waitpid(d->agent, NULL, 0);
	d->agent = 0;
}

uint32_t world_nr_alive(const struct world *w)
{
	uint32_t nr = 0;

	for (unsigned int i = 0; i < w->nr_domains; i++)
		nr += w->domains[i].alive;
	return nr;
}

struct world_domain *world_pick(struct world *w)
{
	uint32_t nr = world_nr_alive(w), skip;

	if (!nr)
		return NULL;
	skip = world_random(w, nr);
	for (unsigned int i = 0;; i++) {
		if (w->domains[i].alive && !skip--)
			return &w->domains[i];
	}
}

/* The whole ------------------------------------------------------------ */

void world_make(struct world *w, const char *build, const char *dir,
		uint64_t host_pages, uint64_t seed)
{
	char path[WORLD_PATH_MAX + 16];
	int rc;

	w->build = build;
	w->host_pages = host_pages;
	w->start_us = world_now_us();
	snprintf(w->dir, sizeof(w->dir), "%s", dir);
	snprintf(w->socket, sizeof(w->socket), "%.90s/control", dir);
	snprintf(path, sizeof(path), "%s/history", dir);
	w->history = fopen(path, "we");
	if (!w->history) {
		perror(path);
		_exit(1);
	}
	setvbuf(w->history, NULL, _IOLBF, 0);
	rc = sim_create(w->dir, w->host_pages, WORLD_DOMAINS_MAX,
			WORLD_WINDOW_MAX, seed);
	if (!rc)
		rc = sim_open(w->dir, &w->machine);
	if (rc)
		world_fail(w, "cannot make a machine: %s", strerror(-rc));
}

void world_open(struct world *w, const char *build, const char *dir,
		uint64_t seed)
{
	static const uint32_t reserves_mib[] = { 0, 16, 64 };
	uint64_t host_pages;
	uint32_t nr;

	memset(w, 0, sizeof(*w));
	w->random = seed;
	w->reserve_pages = MIB_PAGES *
			   reserves_mib[world_random(w,
						     ARRAY_SIZE(reserves_mib))];
	/* From hardly more than what is built to room for everyone. */
	host_pages = (1024 + world_random(w, 12 * 1024)) * MIB_PAGES;
	world_make(w, build, dir, host_pages, next_random(w));
	world_note(w, "host of %" PRIu64 " pages, %" PRIu64 " in reserve",
		   w->host_pages, w->reserve_pages);
	nr = 1 + world_random(w, 4);
	for (uint32_t i = 0; i < nr; i++)
		world_add(w);
	world_start_daemon(w);
	for (unsigned int i = 0; i < w->nr_domains; i++) {
		if (world_chance(w, 80))
			world_start_agent(w, &w->domains[i]);
	}
}

/* A daemon that was killed later may have said something before. */
static void check_log(struct world *w, const char *name)
{
	static const char *const bad[] = {
		"ASSERT(", "Sanitizer", "runtime error:",
	};
	char path[WORLD_PATH_MAX + 32], line[1024];
	FILE *log;

	snprintf(path, sizeof(path), "%s/%s.log", w->dir, name);
	log = fopen(path, "re");
	while (log && fgets(line, sizeof(line), log)) {
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			if (strstr(line, bad[i]))
				world_fail(w, "in %s.log: %s", name, line);
		}
	}
	if (log)
		fclose(log);
}

void world_close(struct world *w)
{
	char name[32];

	world_term(w, &w->daemon);
	for (unsigned int i = 0; i < w->nr_domains; i++)
		world_term(w, &w->domains[i].agent);
	check_log(w, "memtided");
	for (unsigned int i = 0; i < w->nr_domains; i++) {
		snprintf(name, sizeof(name), "agent-%u", w->domains[i].domid);
		check_log(w, name);
	}
	sim_close(w->machine);
	fclose(w->history);
}
