/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * upgrade.c - memtided and agents of different minor versions
 *
 * Between memtided and each agent stands a relay, which can have either of
 * them speak as another minor version would. The next one: with that version in
 * the greeting, with unknown fields in each message, and with messages in
 * between that the other never heard of. The first one: without the fields that
 * came later. One daemon takes over from another of another
 * version, at rest and in the middle of resizes, and no guest notices: its
 * kernel is asked for nothing, its agent runs on and complains of nothing, and
 * every resize ends at its target.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/future.h"
#include "codec.h"
#include "frame.h"
#include "jobs.h"
#include "judge.h"
#include "sim_faults.h"
#include "talk.h"
#include "transport_unix.h"

#define GUESTS		2u
#define TOO_LONG_S	120u
#define BOOT_PAGES	16384u
#define UNHEARD_EACH	3u	/* messages between two that are not known */
#define SLOW_US		3000u

static const struct sim_domain_config shape = {
	.boot_pages = BOOT_PAGES, .used_pages = BOOT_PAGES / 8,
	.block_granules = 64, .memmap_granules = 1,
	.window_gfn = UINT64_C(1) << 24, .window_granules = 512,
};

enum age { AGE_NEXT, AGE_FIRST, NR_AGES };

/**
 * struct versions - which side is of another minor version; shared with the
 * relays
 * @age:	which other version that is
 * @said:	messages that were made such, by the side that said them
 */
struct versions {
	volatile enum age age;
	volatile bool other[2];
	volatile uint64_t said[2];
};

/* The relay -------------------------------------------------------------- */

struct half {
	int fd;
	enum future_side side;	/* who speaks */
	uint32_t unheard;
	size_t len;
	uint8_t buf[2 * FRAME_MAX];
};

static bool push(int fd, const void *buf, size_t len)
{
	const uint8_t *at = buf;

	while (len) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && poll(&p, 1, WORLD_PATIENCE_MS) != 1)
			return false;
		if (n < 0 && p.revents & (POLLHUP | POLLERR))
			return false;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return true;
}

static bool push_frame(int fd, const uint8_t *payload, size_t len)
{
	uint8_t header[FRAME_HEADER_BYTES];

	frame_put_header(header, len);
	return push(fd, header, sizeof(header)) && push(fd, payload, len);
}

static bool pass_on(struct half *h, int to, struct versions *v,
		    const uint8_t *payload, size_t len)
{
	static struct wire w;

	if (!v->other[h->side])
		return push_frame(to, payload, len);
	v->said[h->side]++;
	if (v->age == AGE_FIRST) {
		past_message(&w, h->side, payload, len);
		return push_frame(to, w.buf, w.len);
	}
	future_message(&w, h->side, payload, len, PROTO_MINOR + 1);
	if (!push_frame(to, w.buf, w.len))
		return false;
	if (++h->unheard % UNHEARD_EACH)
		return true;
	future_unheard(&w);
	return push_frame(to, w.buf, w.len);
}

static bool relay_half(struct half *h, int to, struct versions *v)
{
	ssize_t n = recv(h->fd, h->buf + h->len, sizeof(h->buf) - h->len, 0);
	size_t len, all;

	if (n <= 0)
		return false;
	h->len += (size_t)n;
	while (frame_peek(h->buf, h->len, &len) == 1) {
		all = FRAME_HEADER_BYTES + len;
		if (!pass_on(h, to, v, h->buf + FRAME_HEADER_BYTES, len))
			return false;
		h->len -= all;
		memmove(h->buf, h->buf + all, h->len);
	}
	return true;
}

/* Until either side hangs up. */
static void relay_connection(int host, int guest, struct versions *v)
{
	static struct half halves[2];
	struct pollfd p[2] = {
		{ .fd = host, .events = POLLIN },
		{ .fd = guest, .events = POLLIN },
	};
	bool good = true;

	halves[0] = (struct half){ .fd = host, .side = FUTURE_HOST };
	halves[1] = (struct half){ .fd = guest, .side = FUTURE_GUEST };
	while (good && poll(p, 2, -1) > 0) {
		for (int i = 0; i < 2 && good; i++) {
			if (p[i].revents)
				good = relay_half(&halves[i], p[!i].fd, v);
		}
	}
	close(host);
	close(guest);
}

static void agent_path(const struct world *w, uint32_t domid, char path[128])
{
	snprintf(path, 128, "%.90s/agent-%u.sock", w->dir, domid);
}

static void __attribute__((noreturn))
relay(const struct world *w, uint32_t domid, struct versions *v)
{
	char path[128], inner[128];
	int listening = -1, host, guest;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	agent_path(w, domid, inner);
	snprintf(path, sizeof(path), "%.90s/%u.sock", w->dir, domid);
	for (;;) {
		struct pollfd p = { .events = POLLIN };

		/* An offer is a socket that appears. */
		while (access(inner, F_OK))
			usleep(200);
		if (listening < 0)
			listening = unix_listen(path, 0600);
		p.fd = listening;
		if (poll(&p, 1, -1) != 1)
			continue;
		host = accept(listening, NULL, NULL);
		guest = unix_dial(inner);
		if (host >= 0 && guest >= 0) {
			relay_connection(host, guest, v);
			continue;
		}
		close(host);
		close(guest);
	}
}

/* The takeovers ---------------------------------------------------------- */

static void set_all(struct world *w, uint32_t granules, bool wait)
{
	for (unsigned int i = 0; i < w->nr_domains; i++)
		talk_set_patiently(w, &w->domains[i], granules + 7 * i, wait);
}

static unsigned int minor_of(const struct versions *v, bool other)
{
	if (!other)
		return PROTO_MINOR;
	return v->age == AGE_NEXT ? PROTO_MINOR + 1 : 0;
}

static void take_over(struct world *w, struct versions *v, bool other)
{
	world_kill(w, &w->daemon);
	v->other[FUTURE_HOST] = other;
	world_note(w, "a memtided of minor version %u takes over",
		   minor_of(v, other));
	world_start_daemon(w);
}

/* Nothing changes but who looks after the guests. */
static void check_rest(struct world *w, struct versions *v, bool other)
{
	static const enum sim_call changes[] = {
		SIM_CALL_ONLINE, SIM_CALL_PULL, SIM_CALL_REMOVE,
		SIM_CALL_OPEN, SIM_CALL_POPULATE, SIM_CALL_GIVE_BACK,
	};
	struct sim_plan plan;

	judge_reached(w);
	sim_arm(w->machine, NULL, 0);
	take_over(w, v, other);
	judge_reached(w);
	sim_plan(w->machine, &plan);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		if (plan.calls[changes[i]])
			world_fail(w, "%s was called in a takeover at rest",
				   sim_call_name(changes[i]));
	}
}

static void check_resizes(struct world *w, struct versions *v, bool other)
{
	const struct sim_faults slow = { .slow_us = SLOW_US };

	/* In the middle of growing, and of shrinking */
	sim_set_faults(w->machine, &slow);
	set_all(w, 300, false);
	world_sleep(w, 4000);
	take_over(w, v, other);
	judge_reached(w);
	set_all(w, 40, true);
	sim_set_faults(w->machine, &slow);
	set_all(w, 200, true);
	set_all(w, 30, false);
	world_sleep(w, 4000);
	take_over(w, v, !other);
	judge_reached(w);
	take_over(w, v, other);
	judge_reached(w);
	set_all(w, 0, true);
	set_all(w, 100, true);
}

static void start_agents(struct world *w, struct versions *v, bool other)
{
	for (unsigned int i = 0; i < w->nr_domains; i++)
		world_kill(w, &w->domains[i].agent);
	v->other[FUTURE_GUEST] = other;
	world_note(w, "agents of minor version %u", minor_of(v, other));
	for (unsigned int i = 0; i < w->nr_domains; i++)
		world_start_agent(w, &w->domains[i]);
}

/* What an agent that notices something says */
static void check_logs(struct world *w)
{
	static const char *const bad[] = { "<4>", "<3>", "closing" };
	char path[WORLD_PATH_MAX + 32], line[1024];

	for (unsigned int i = 0; i < w->nr_domains; i++) {
		FILE *log;

		snprintf(path, sizeof(path), "%s/agent-%u.log", w->dir,
			 w->domains[i].domid);
		log = fopen(path, "re");
		while (log && fgets(line, sizeof(line), log)) {
			for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
				if (strstr(line, bad[k]))
					world_fail(w, "an agent notices: %s",
						   line);
			}
		}
		if (log)
			fclose(log);
	}
}

static pid_t start_relay(struct world *w, uint32_t domid, struct versions *v)
{
	pid_t pid = fork();

	if (pid < 0)
		world_fail(w, "fork");
	if (!pid)
		relay(w, domid, v);
	return pid;
}

/* Each of this and that version, with each, after each */
static void check_age(struct world *w, struct versions *v)
{
	for (unsigned int guest = 0; guest < 2; guest++) {
		start_agents(w, v, guest);
		set_all(w, 150, true);
		for (unsigned int host = 0; host < 2; host++) {
			check_rest(w, v, host);
			check_resizes(w, v, host);
			printf("ok memtided of minor version %u takes over from %u, agents of %u\n",
			       minor_of(v, host), minor_of(v, !host),
			       minor_of(v, guest));
		}
	}
	v->other[FUTURE_HOST] = false;
}

static int run(const struct jobs *o, const char *dir, uint64_t seed)
{
	struct versions *v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static struct world w;
	pid_t relays[GUESTS];

	ASSERT(v != MAP_FAILED);
	w.random = seed;
	w.relayed = true;
	world_make(&w, o->ctx, dir, UINT64_C(1) << 20, seed);
	world_start_daemon(&w);
	for (uint32_t i = 0; i < GUESTS; i++) {
		struct world_domain *d = world_add_as(&w, &shape);

		relays[i] = start_relay(&w, d->domid, v);
	}
	for (v->age = 0; v->age < NR_AGES; v->age++)
		check_age(&w, v);
	check_logs(&w);
	if (v->said[0] < 100 || v->said[1] < 100)
		world_fail(&w, "only %" PRIu64 " and %" PRIu64
			   " messages were of another version", v->said[0],
			   v->said[1]);
	printf("ok versions: no guest noticed, %" PRIu64 " messages of other versions of memtided, %" PRIu64 " of agents",
	       v->said[0], v->said[1]);
	for (uint32_t i = 0; i < GUESTS; i++) {
		kill(relays[i], SIGKILL);
		waitpid(relays[i], NULL, 0);
	}
	world_close(&w);
	return 0;
}

static bool ended(const struct jobs *o, uint64_t seed, int status)
{
	(void)o;
	(void)seed;
	if (status)
		puts("not ok versions");
	return !status;
}

int main(int argc, char **argv)
{
	int64_t start_us = world_now_us();
	struct jobs jobs = {
		.what = "versions, seed", .first = 1, .count = 1, .at_once = 1,
		.failed_max = 1, .seconds = TOO_LONG_S, .run = run,
		.ended = ended,
	};

	if (argc != 2) {
		fputs("Usage: sim-upgrade BUILD\n", stderr);
		return 2;
	}
	jobs.ctx = argv[1];
	if (jobs_run(&jobs))
		return 1;
	printf(", in %.1f s\n", (double)(world_now_us() - start_us) / 1e6);
	return 0;
}
