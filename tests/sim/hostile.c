/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hostile.c - The real memtided with two good guests and one that is not
 *
 * The good guests run memtide-agent and are resized again and again, first
 * beside an idle third guest and then beside one that floods. They must be as
 * fast, memtided must hardly work more, and the third must get what it asked
 * for: quarantine, and a way out of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alone.h"
#include "../unit/fake_agent.h"
#include "judge.h"
#include "talk.h"
#include "world.h"

#define GOOD		2u
#define HOSTILE		2u		/* index of the third domain */
#define GRANULES	256u
#define ROUNDS		8u
#define ROUNDS_MAX	200u
#define SETTLE_US	300000		/* the burst that is free is over */
#define FLOOD_US	400000
#define FRAMES		100u		/* written at once */
#define TOO_LONG_S	120u
#define ROUND_SLACK_US	4000

/* Of memtided while it is flooded, sanitizers and all: a CPU's percent. */
#define CPU_PERCENT_MAX	40u
/* Limits of session.c and guest.c, and some room for what is on its way. */
#define MESSAGES_MAX(us) (2000u + (uint64_t)(us) / 1000 + 3000u)
#define OFFERS_MAX(us)	(64u + (uint64_t)(us) * 2 / 1000000 + 2u)
#define LOG_LINES_MAX	300u

static const struct sim_domain_config config = {
	.boot_pages = 65536, .block_granules = 64, .memmap_granules = 1,
	.window_gfn = UINT64_C(1) << 24, .window_granules = 1024,
	.used_pages = 8192,
};

static const char *case_name;

static void add_domains(struct world *w)
{
	for (uint32_t i = 0; i <= HOSTILE; i++) {
		struct world_domain *d = world_add_as(w, &config);

		d->has_agent = i < GOOD;
		world_start_agent(w, d);
	}
}

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

static void await_state(struct world *w, uint32_t i, const char *state)
{
	int64_t end_us = world_now_us() + WORLD_PATIENCE_MS * 1000;

	while (strcmp(look(w, i)->state, state)) {
		if (world_now_us() > end_us)
			world_fail(w, "domain %u is %s, not %s: %s",
				   w->domains[i].domid, look(w, i)->state,
				   state, look(w, i)->why);
		usleep(1000);
	}
}

/* Both good guests up or down. */
static void resize_good(struct world *w, uint32_t granules)
{
	struct control_client *c[GOOD];
	struct control_reply r;

	for (uint32_t i = 0; i < GOOD; i++) {
		struct control_request req = talk_set(&w->domains[i], granules,
						      true);

		c[i] = talk_open(w, &req);
	}
	for (uint32_t i = 0; i < GOOD; i++) {
		if (talk_end(w, c[i], WORLD_PATIENCE_MS, &r) ||
		    r.status != CONTROL_STATUS_OK)
			world_fail(w, "%s: domain %u: %s", case_name,
				   w->domains[i].domid, r.text);
	}
}

/* The best of some rounds, and of many if that is not good enough: what else
 * the machine does meanwhile is not our case. */
static int64_t best_round_us(struct world *w, int64_t enough_us)
{
	int64_t best_us = INT64_MAX;

	for (uint32_t n = 0; n < ROUNDS ||
	     (best_us > enough_us && n < ROUNDS_MAX); n++) {
		int64_t start_us = world_now_us();

		resize_good(w, GRANULES);
		resize_good(w, 0);
		best_us = MIN(best_us, world_now_us() - start_us);
		judge_moment(w);
	}
	return best_us;
}

/* CPU time of memtided so far, of /proc/PID/stat [us] */
static int64_t cpu_us(struct world *w)
{
	unsigned long user = 0, system = 0;
	char path[64], text[1024] = "";
	const char *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)w->daemon);
	f = fopen(path, "re");
	at = f && fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
	if (!at || sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			  &user, &system) != 2)
		world_fail(w, "cannot read %s", path);
	fclose(f);
	return (int64_t)(user + system) * 1000000 / sysconf(_SC_CLK_TCK);
}

static uint32_t count_lines(struct world *w, uint32_t domid)
{
	char path[WORLD_PATH_MAX + 32], line[1024], name[32];
	uint32_t nr = 0;
	FILE *log;

	snprintf(path, sizeof(path), "%s/memtided.log", w->dir);
	snprintf(name, sizeof(name), "guest %u/", domid);
	log = fopen(path, "re");
	while (log && fgets(line, sizeof(line), log))
		nr += strstr(line, name) && strncmp(line, "<7>", 3);
	if (log)
		fclose(log);
	return nr;
}

/* The flooder ----------------------------------------------------------- */

struct flood {
	const char *name;
	size_t (*frame)(uint8_t frame[FRAME_MAX]);
};

static size_t report_frame(uint8_t frame[FRAME_MAX])
{
	struct guest_msg msg = { .type = GUEST_MSG_REPORT };

	msg.report.mem_total_kib = 262144;
	return fake_frame(&msg, frame);
}

static const struct flood floods[] = {
	{ "reports", report_frame },
	{ "answers to nothing", fake_stray_frame },
	{ "empty progress", fake_progress_frame },
	{ "messages unknown", fake_unknown_frame },
};

/* In a process of its own, so that nothing but memtided slows it down. The
 * octets that were taken are counted in @taken, which is shared. */
static void __attribute__((noreturn))
push_for_ever(int fd, const struct flood *kind, volatile uint64_t *taken)
{
	static uint8_t frames[FRAMES * 64];
	uint8_t frame[FRAME_MAX];
	size_t len = kind->frame(frame), at = 0;
	const int sndbuf = 4096;
	ssize_t n;

	ASSERT(len <= 64);
	for (uint32_t i = 0; i < FRAMES; i++)
		memcpy(frames + i * len, frame, len);
	fcntl(fd, F_SETFL, 0);
	/* What lies in the socket is heard before its end is seen. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
	while ((n = send(fd, frames + at, FRAMES * len - at, 0)) > 0) {
		at = (at + (size_t)n) % (FRAMES * len);
		*taken += (size_t)n;
	}
	_exit(1);
}

static void __attribute__((noreturn))
offer_for_ever(struct fake *f, volatile uint64_t *taken)
{
	for (;;) {
		struct pollfd p = { .events = POLLIN };
		int fd;

		f->listening = unix_listen(f->path, 0600);
		p.fd = f->listening;
		poll(&p, 1, 5);
		fd = accept4(f->listening, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
		*taken += fd >= 0;
		if (fd >= 0)
			close(fd);
		fake_done(f);
	}
}

static pid_t start_flood(struct world *w, struct fake *f,
			 const struct flood *kind, volatile uint64_t *taken)
{
	pid_t pid = fork();

	*taken = 0;
	if (pid < 0)
		world_fail(w, "fork: %s", strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (kind)
		push_for_ever(f->fd, kind, taken);
	offer_for_ever(f, taken);
}

static void end_flood(struct world *w, pid_t pid)
{
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
		world_fail(w, "%s: the flood has ended by itself", case_name);
}

/* What memtided works while it is flooded and has nothing else to do. */
static uint32_t cpu_percent(struct world *w, int64_t us)
{
	int64_t start_us = world_now_us(), cpu = cpu_us(w);

	usleep((useconds_t)us);
	return (uint32_t)((cpu_us(w) - cpu) * 100 /
			  (world_now_us() - start_us));
}

/* Octets a message has, to count messages by */
static size_t frame_len(const struct flood *kind)
{
	uint8_t frame[FRAME_MAX];

	return kind->frame(frame);
}

static void check_flood(struct world *w, struct fake *f,
			const struct flood *kind, int64_t idle_us,
			volatile uint64_t *taken)
{
	int64_t start_us = world_now_us(), best_us;
	int64_t enough_us = 2 * idle_us + ROUND_SLACK_US;
	pid_t pid = start_flood(w, f, kind, taken);
	uint64_t heard, limit;
	uint32_t percent;

	usleep(SETTLE_US);
	percent = cpu_percent(w, FLOOD_US);
	best_us = best_round_us(w, enough_us);
	heard = kind ? *taken / frame_len(kind) : *taken;
	limit = kind ? MESSAGES_MAX(world_now_us() - start_us) :
		       OFFERS_MAX(world_now_us() - start_us);
	end_flood(w, pid);
	if (percent > CPU_PERCENT_MAX)
		world_fail(w, "%s: memtided uses %u %% of a CPU", case_name,
			   percent);
	if (heard > limit)
		world_fail(w, "%s: %" PRIu64 " were taken, not %" PRIu64,
			   case_name, heard, limit);
	if (best_us > enough_us)
		world_fail(w, "%s: a resize takes %" PRId64 " us, not %" PRId64,
			   case_name, best_us, idle_us);
	printf("ok flood of %s: resizes of others take %.1f ms, idle %.1f ms; memtided uses %u %% of a CPU; %" PRIu64 " taken\n",
	       case_name, (double)best_us / 1000, (double)idle_us / 1000,
	       percent, heard);
}

static void run_floods(struct world *w, struct fake *f)
{
	volatile uint64_t *taken = mmap(NULL, sizeof(*taken),
					PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t idle_us = best_round_us(w, INT64_MAX);

	ASSERT(taken != MAP_FAILED);
	for (size_t i = 0; i <= ARRAY_SIZE(floods); i++) {
		/* Offers first: they are heard when no channel is there. */
		const struct flood *kind = i ? &floods[i - 1] : NULL;

		case_name = kind ? kind->name : "offers";
		if (kind && !fake_greet(f))
			world_fail(w, "%s: memtided does not come", case_name);
		if (kind)
			await_state(w, HOSTILE, "ready");
		else
			fake_done(f);
		check_flood(w, f, kind, idle_us, taken);
	}
	if (count_lines(w, w->domains[HOSTILE].domid) > LOG_LINES_MAX)
		world_fail(w, "%u lines were logged about the hostile guest",
			   count_lines(w, w->domains[HOSTILE].domid));
	printf("ok floods: %u lines logged about their guest\n",
	       count_lines(w, w->domains[HOSTILE].domid));
}

/* Quarantine ------------------------------------------------------------ */

static void ask(struct world *w, enum control_request_type type,
		enum control_status status, const char *text)
{
	struct control_request req = talk_set(&w->domains[HOSTILE], 1, false);
	struct control_reply r;

	req.type = type;
	talk(w, &req, &r);
	if (r.status != status || !strstr(r.text, text))
		world_fail(w, "request %d: status %d: %s", (int)type,
			   (int)r.status, r.text);
}

static void lie(struct world *w, struct fake *f)
{
	fake_say_pulled(f, (struct granules){ 1000, 10 }, false);
	await_state(w, HOSTILE, "quarantined");
	fake_hang_up(f);
}

/* Asks for readmission and plays the guest before the answer is read. */
static void readmit(struct world *w, struct fake *f,
		    enum control_status status, const char *text)
{
	struct control_request req = talk_set(&w->domains[HOSTILE], 0, false);
	struct control_client *c;
	struct control_reply r;

	req.type = CONTROL_READMIT;
	c = talk_open(w, &req);
	if (!fake_greet(f))
		world_fail(w, "memtided does not look at a readmitted guest");
	if (talk_end(w, c, WORLD_PATIENCE_MS, &r) || r.status != status ||
	    !strstr(r.text, text))
		world_fail(w, "readmit: status %d: %s", (int)r.status, r.text);
	if (!status && (r.body != CONTROL_BODY_GUEST ||
			strcmp(r.guest.state, "ready")))
		world_fail(w, "readmit: ok and %s", r.guest.state);
}

static void expect_audit(struct world *w, const char *text)
{
	static const struct control_request req = { .type = CONTROL_AUDIT };
	struct control_client *c = talk_open(w, &req);
	const char *why = "";
	struct control_reply r;
	bool found = false;

	do {
		if (control_client_next(c, WORLD_PATIENCE_MS, &r, &why))
			world_fail(w, "audit: %s", why);
		found |= r.body == CONTROL_BODY_FINDING &&
			 strstr(r.finding.text, text);
	} while (!r.end);
	control_client_close(c);
	if (!found)
		world_fail(w, "the audit does not say: %s", text);
}

static void run_quarantine(struct world *w, struct fake *f)
{
	case_name = "quarantine";
	if (!fake_greet(f))
		world_fail(w, "memtided does not come");
	await_state(w, HOSTILE, "ready");
	ask(w, CONTROL_READMIT, CONTROL_STATUS_REFUSED, "it is not quarantined");
	lie(w, f);
	if (!strstr(look(w, HOSTILE)->why, "gave up granules 1000+10"))
		world_fail(w, "why: %s", look(w, HOSTILE)->why);
	ask(w, CONTROL_SET, CONTROL_STATUS_REFUSED, "memtide readmit 3");
	expect_audit(w, "when that is mended: memtide readmit 3");
	resize_good(w, GRANULES);
	resize_good(w, 0);
	printf("ok a quarantined guest is refused with the way out\n");

	/* Still wrong, then mended */
	fake_use(f, (struct granules){ 7, 3 }, true);
	readmit(w, f, CONTROL_STATUS_REFUSED,
		"it is quarantined again: it uses 3 granules");
	fake_use(f, (struct granules){ 7, 3 }, false);
	readmit(w, f, CONTROL_STATUS_OK, "");
	printf("ok a guest is readmitted once it is mended, not before\n");

	/* Nobody there: out of quarantine all the same */
	lie(w, f);
	fake_done(f);
	ask(w, CONTROL_READMIT, CONTROL_STATUS_PARTLY, "has not answered in");
	printf("ok a guest without agent is readmitted and waited for\n");
}

/* The whole ------------------------------------------------------------- */

static void __attribute__((noreturn))
run(const char *build, const char *dir)
{
	static struct world w;
	static struct fake f;

	alarm(TOO_LONG_S);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	w.log_level = "info";
	world_make(&w, build, dir, 4 << 20, 1);
	world_start_daemon(&w);
	add_domains(&w);
	fake_init(&f, w.dir, w.domains[HOSTILE].domid, &config);
	for (uint32_t i = 0; i < GOOD; i++)
		await_state(&w, i, "ready");
	run_quarantine(&w, &f);
	run_floods(&w, &f);
	fake_done(&f);
	judge_moment(&w);
	world_close(&w);
	_exit(0);
}

int main(int argc, char **argv)
{
	return alone_main(argc, argv, "hostile guests", run);
}
