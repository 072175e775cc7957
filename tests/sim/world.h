/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * world.h - One schedule's machine, domains, daemon and agents
 *
 * The machine is simulated, the programs are the real ones. All that a
 * schedule decides is drawn from its seed, in the order it happens; what the
 * processes make of it depends on the kernel's scheduler.
 *
 * A schedule runs in a process of its own. The first thing that is wrong ends
 * it: world_fail() does not return, and what it wrote is in DIR/history.
 */
#ifndef MEMTIDE_TESTS_WORLD_H
#define MEMTIDE_TESTS_WORLD_H

#include <sys/types.h>

#include "sim_machine.h"

#define WORLD_DOMAINS_MAX	8u	/* in a schedule's life */
#define WORLD_WINDOW_MAX	4096u	/* granules */
#define WORLD_PATH_MAX		108u	/* as sockaddr_un has it */
#define WORLD_PATIENCE_MS	30000	/* for whatever must happen by itself */

/**
 * struct world_domain - a domain, alive or not
 * @has_agent:	its guest runs memtide-agent, at least in the end
 * @agent:	pid, 0 if it does not run now
 * @target:	the last that memtided accepted [granules]
 * @maybe:	one whose answer nobody heard; @target if there is none
 * @vague:	there were more of these
 */
struct world_domain {
	uint32_t domid;
	bool alive;
	bool has_agent;
	pid_t agent;
	uint32_t target, maybe;
	bool vague;
	struct sim_domain_config config;
};

/**
 * struct world
 * @build:	directory of memtided and memtide-agent
 * @dir:	of the machine, the logs and the history
 * @reserve_pages: memtided's --reserve
 * @log_level:	memtided's; NULL: debug
 * @daemon:	pid, 0 if it does not run now
 * @relayed:	agents listen at agent-DOMID.sock, for somebody in between
 * @mends:	who dies, or gives up at its start, is started again, as a
 *		service manager does; else that is a failure
 * @nr_mended:	how often it was
 * @start_us:	of the history's clock
 */
struct world {
	const char *build;
	char dir[WORLD_PATH_MAX];
	char socket[WORLD_PATH_MAX];
	uint64_t random;
	struct sim_machine *machine;
	uint64_t host_pages;
	uint64_t reserve_pages;
	const char *log_level;
	pid_t daemon;
	struct world_domain domains[WORLD_DOMAINS_MAX];
	unsigned int nr_domains;
	FILE *history;
	bool relayed;
	bool mends;
	uint32_t nr_mended;
	int64_t start_us;
};

int64_t world_now_us(void);

/* Drawn from the seed */
uint32_t world_random(struct world *w, uint32_t limit);
bool world_chance(struct world *w, uint32_t percent);
/* Sleeps up to @max_us; mostly much less, since most steps are short. */
void world_sleep(struct world *w, uint32_t max_us);

/** world_note() - A line of the history */
void world_note(struct world *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void world_fail(struct world *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/** world_make() - A machine without domains; nothing runs yet */
void world_make(struct world *w, const char *build, const char *dir,
		uint64_t host_pages, uint64_t seed);
/** world_add_as() - A domain of this shape; its agent does not run yet */
struct world_domain *world_add_as(struct world *w,
				  const struct sim_domain_config *config);
/** world_open() - A machine with 1 to 4 domains, drawn from @seed */
void world_open(struct world *w, const char *build, const char *dir,
		uint64_t seed);
/** world_close() - End the processes in order; their logs must be clean */
void world_close(struct world *w);

/** world_add() - A new domain, if the host has room */
void world_add(struct world *w);
/** world_destroy() - The domain and all that runs in it */
void world_destroy(struct world *w, struct world_domain *d);
/** world_pick() - One that is alive; NULL if none is */
struct world_domain *world_pick(struct world *w);
uint32_t world_nr_alive(const struct world *w);

void world_start_daemon(struct world *w);
void world_start_agent(struct world *w, struct world_domain *d);
/** world_kill() - SIGKILL and reap; *@pid becomes 0. 0 is accepted */
void world_kill(struct world *w, pid_t *pid);
/** world_term() - SIGTERM; it must end with status 0 */
void world_term(struct world *w, pid_t *pid);
/** world_end_agent() - SIGTERM, and SIGKILL if that takes long */
void world_end_agent(struct world *w, struct world_domain *d);
/** world_check_alive() - Nobody has died by itself, or it is mended */
void world_check_alive(struct world *w);

#endif
