/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * faults.c - Every call of memtided and of memtide-agent fails once
 *
 * Theory of operation
 *
 * One short story, in which a guest is resized up and down by an operator and
 * by the toolstack while another one holds what is left of the host, is told
 * once without faults, and the machine counts the calls (sim_faults.h). Each
 * of them, in each way that it can fail, is a point. Then the story is told
 * again for each point, on a fresh machine, and in it just this call fails, or
 * its process is killed there and started again as a service manager does.
 *
 * The judge looks all the while. In the end every target is reached without
 * anybody's help, and the audit is clean. The operator of the story repeats a
 * request that was refused, or that was not answered and not taken; a request
 * that was accepted is never repeated.
 *
 * Pairs: a second point comes within the recovery from the first, and is the
 * n-th call of its kind since. With all kinds of second points there are more
 * pairs than anybody waits for: of all of them, in a fixed order, each k-th is
 * run, so that a larger budget has a smaller k. What was left out is printed.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jobs.h"
#include "judge.h"
#include "sim_faults.h"
#include "talk.h"

#define STORY_S		60u
#define POLL_MS		2
#define POINTS_MAX	4096u
#define COUNTS		3u
#define SECOND_NTH_MAX	3u	/* of a kind, since the first */
#define FAILED_MAX	20u
#define UNREACHED_PART	5u	/* of the single faults, at most 1 in 5 */
#define EXIT_UNREACHED	3

#define BOOT_PAGES	16384u
#define BLOCK		64u
#define MOST		130u	/* of the first guest: in three blocks */
#define OTHER		65u	/* of the second: what is left */
#define COST_PAGES	514u	/* of a granule, as memtided admits it */

/* With memory map in its blocks, and without */
static const struct sim_domain_config configs[] = {
	{ .boot_pages = BOOT_PAGES, .used_pages = BOOT_PAGES / 8,
	  .block_granules = BLOCK, .memmap_granules = 1,
	  .window_gfn = UINT64_C(1) << 24, .window_granules = 256 },
	{ .boot_pages = BOOT_PAGES, .used_pages = BOOT_PAGES / 8,
	  .block_granules = BLOCK, .memmap_granules = 0,
	  .window_gfn = UINT64_C(1) << 24, .window_granules = 128 },
};

/*
 * How each call can fail: see backend.h and uapi/memtide.h. An error that says
 * that nothing was done comes before only; of all others the caller must not
 * conclude anything.
 */
static const struct {
	bool partly;
	int errors[3], before[2];
} ways[SIM_NUM_CALLS] = {
	[SIM_CALL_DISPATCH] = { false, { -EIO }, { 0 } },
	[SIM_CALL_LIST] = { false, { -EIO, -ENOMEM }, { 0 } },
	[SIM_CALL_DOMAIN] = { false, { -EIO }, { 0 } },
	[SIM_CALL_HOST] = { false, { -EIO }, { 0 } },
	[SIM_CALL_SET_MAX] = { false, { -EIO }, { 0 } },
	[SIM_CALL_SET_TABLES] = { false, { -EIO, -ENOMEM }, { 0 } },
	[SIM_CALL_POPULATE] = { true, { -EIO, -ENOMEM }, { 0 } },
	[SIM_CALL_GIVE_BACK] = { true, { -EIO }, { 0 } },
	[SIM_CALL_BACKED] = { false, { -EIO }, { 0 } },
	[SIM_CALL_STORE_WRITE] = { false, { -EIO }, { 0 } },
	[SIM_CALL_STORE_READ] = { false, { -EIO }, { 0 } },
	[SIM_CALL_PUBLISH] = { true, { -EIO }, { 0 } },
	[SIM_CALL_WANTED] = { false, { -EIO }, { 0 } },
	[SIM_CALL_CONNECT] = { false, { -EIO, -EPROTO }, { 0 } },
	[SIM_CALL_OPEN] = { false, { -EIO }, { -EBUSY } },
	[SIM_CALL_ONLINE] = { true, { -EFAULT, -EIO, -ENOMEM }, { -EINTR } },
	[SIM_CALL_PULL] = { true, { -EFAULT, -EIO },
			    { -EINTR, -EBUSY } },
	[SIM_CALL_BLOCK] = { false, { -EFAULT }, { 0 } },
	[SIM_CALL_REMOVE] = { false, { -EFAULT, -EIO, -EINTR }, { -EBUSY } },
	[SIM_CALL_STATE] = { false, { -EFAULT }, { 0 } },
	[SIM_CALL_MEMINFO] = { false, { -EIO }, { 0 } },
};

struct plan {
	struct sim_point points[SIM_POINTS_MAX];
	uint32_t nr;
};

/**
 * struct sweep
 * @every:	of all single points in order, each @every-th is run
 * @singles:	one point each, in the order of calls
 * @seconds:	what may come second
 * @nr_calls:	in the story
 * @step:	of all pairs in order, each @step-th is run
 * @unreached:	points that did not come, of singles and of pairs
 * @counted:	the calls of the story, shared with who counts them
 * @only:	this and nothing else
 */
struct sweep {
	const char *build, *self;
	uint64_t jobs, every, pairs;
	bool verbose;
	struct sim_point singles[POINTS_MAX], seconds[POINTS_MAX];
	uint64_t nr_singles, nr_seconds, step;
	uint32_t nr_calls;
	uint64_t unreached[SIM_POINTS_MAX];
	struct sim_plan *counted;
	const struct plan *only;
};

/* The story -------------------------------------------------------------- */

/* One look at the world while we wait for something. */
static void look(struct world *w)
{
	judge_moment(w);
	usleep(300);
}

static bool late(int64_t since_us)
{
	return world_now_us() - since_us > WORLD_PATIENCE_MS * INT64_C(1000);
}

static struct control_client *dial(struct world *w)
{
	int64_t start_us = world_now_us();
	struct control_client *c;

	while (control_client_open(w->socket, &c)) {
		if (late(start_us))
			world_fail(w, "memtided does not listen");
		look(w);
	}
	return c;
}

/* Return: false if memtided went away before its answer */
static bool ask(struct world *w, const struct control_request *req,
		struct control_reply *ret, struct talk_list *list)
{
	struct control_client *c = dial(w);
	int64_t start_us = world_now_us();
	bool no_host = false;
	const char *why = "";
	int rc;

	if (list)
		list->nr = 0;
	rc = control_client_send(c, req, WORLD_PATIENCE_MS);
	while (!rc) {
		rc = control_client_next(c, POLL_MS, ret, &why);
		if (rc == -ETIMEDOUT && !late(start_us)) {
			rc = 0;
			look(w);
			continue;
		}
		if (!rc && list && ret->body == CONTROL_BODY_GUEST)
			list->guests[list->nr++] = ret->guest;
		no_host |= !rc && ret->body == CONTROL_BODY_HOST &&
			   !ret->host.total_kib;
		if (!rc && ret->end)
			break;
	}
	control_client_close(c);
	if (rc == -ETIMEDOUT)
		world_fail(w, "memtided does not answer");
	if (!rc && no_host && ret->status == CONTROL_STATUS_OK)
		world_fail(w, "the host has no memory, and nobody says why");
	return !rc;
}

static const struct control_guest *find(struct world *w,
					const struct world_domain *d)
{
	static const struct control_request req = { .type = CONTROL_LIST };
	static struct talk_list list;
	struct control_reply r;

	return ask(w, &req, &r, &list) ? talk_find(&list, d->domid) : NULL;
}

static bool is_managed(const struct control_guest *g)
{
	return !strcmp(g->state, "ready") || !strcmp(g->state, "growing") ||
	       !strcmp(g->state, "shrinking");
}

/* Was the request taken though nobody has heard the answer? */
static bool was_taken(struct world *w, const struct world_domain *d,
		      uint32_t granules)
{
	int64_t start_us = world_now_us();
	const struct control_guest *g;

	while (!(g = find(w, d)) || !is_managed(g)) {
		if (late(start_us))
			world_fail(w, "domain %u is not managed again",
				   d->domid);
		look(w);
	}
	return g->target_kib == talk_kib(d, granules);
}

static void await_target(struct world *w, const struct world_domain *d,
			 uint32_t granules)
{
	int64_t start_us = world_now_us();
	const struct control_guest *g;

	while (!(g = find(w, d)) || strcmp(g->state, "ready") ||
	       g->held_kib != talk_kib(d, granules)) {
		if (late(start_us))
			world_fail(w, "domain %u is %s, %" PRIu64
				   " KiB held, target %" PRIu64 ": %s",
				   d->domid, g ? g->state : "unknown",
				   g ? g->held_kib : 0, g ? g->target_kib : 0,
				   g ? g->why : "");
		look(w);
	}
}

/* As an operator who is told no, or nothing, and tries again. */
static void set(struct world *w, struct world_domain *d, uint32_t granules)
{
	struct control_request req = talk_set(d, granules, true);
	int64_t start_us = world_now_us();
	struct control_reply r;

	world_note(w, "domain %u: set %u and wait", d->domid, granules);
	for (;;) {
		if (!ask(w, &req, &r, NULL)) {
			world_note(w, "  no answer");
			if (was_taken(w, d, granules))
				break;
		} else if (r.status == CONTROL_STATUS_OK) {
			d->target = d->maybe = granules;
			return;
		} else if (r.status == CONTROL_STATUS_PARTLY) {
			world_note(w, "  partly: %s", r.text);
			break;
		} else {
			world_note(w, "  refused: %s", r.text);
		}
		if (late(start_us))
			world_fail(w, "domain %u: set %u: %s", d->domid,
				   granules, r.text);
		look(w);
	}
	d->target = d->maybe = granules;
	await_target(w, d, granules);
}

/* Another tool of dom0 writes a size, which is lost on a memtided that is not
 * there: then the operator's next word stands all the same. */
static void toolstack(struct world *w, struct world_domain *d,
		      uint32_t granules)
{
	char path[WORLD_PATH_MAX + 32], temp[WORLD_PATH_MAX + 32];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%u.target", w->dir, d->domid);
	snprintf(temp, sizeof(temp), "%s/toolstack", w->dir);
	out = fopen(temp, "we");
	if (!out || fprintf(out, "%u\n", granules * GRANULE_KIB) < 0 ||
	    fclose(out) || rename(temp, path))
		world_fail(w, "cannot write %s", path);
	world_note(w, "domain %u: the toolstack wants %u", d->domid, granules);
	/* Heard before the second answer. */
	find(w, d);
	find(w, d);
}

static void tell_story(struct world *w)
{
	struct world_domain *d = &w->domains[0], *other = &w->domains[1];

	set(w, other, OTHER);
	set(w, d, MOST);
	set(w, d, 70);
	toolstack(w, d, 20);
	set(w, d, 40);
	set(w, other, 0);
	set(w, d, 90);
}

/* A guest's boot memory, what both hold at most, and not a page more: what is
 * lost would be missed. */
static void open_story(struct world *w, const char *build, const char *dir,
		       const struct plan *plan)
{
	uint64_t pages = 2 * BOOT_PAGES + (MOST + OTHER) * COST_PAGES;

	world_make(w, build, dir, pages, 1);
	w->mends = true;
	for (size_t i = 0; i < ARRAY_SIZE(configs); i++)
		world_add_as(w, &configs[i]);
	sim_arm(w->machine, plan->points, plan->nr);
	for (uint32_t i = 0; i < plan->nr; i++)
		world_note(w, "point: %s %u %s, %s",
			   sim_call_name(plan->points[i].call),
			   plan->points[i].nth,
			   sim_mode_name(plan->points[i].mode),
			   strerror(-plan->points[i].error));
	world_start_daemon(w);
	for (unsigned int i = 0; i < w->nr_domains; i++)
		world_start_agent(w, &w->domains[i]);
}

/* Return: how many points have come; @calls may be NULL */
static uint32_t run_story(const char *build, const char *dir,
			  const struct plan *plan, struct sim_plan *ret)
{
	static struct world w;

	open_story(&w, build, dir, plan);
	tell_story(&w);
	sim_plan(w.machine, ret);
	/* From here on nothing fails any more. */
	sim_arm(w.machine, NULL, 0);
	/* Who was hit by the last one may still be dying. */
	while (!find(&w, &w.domains[0]))
		look(&w);
	world_note(&w, "%u of %u points have come, %u starts after an end",
		   ret->next, plan->nr, w.nr_mended);
	judge_reached(&w);
	if (w.nr_mended > 2 * plan->nr)
		world_fail(&w, "%u processes ended", w.nr_mended);
	w.mends = false;
	world_close(&w);
	return ret->next;
}

/* The sweep -------------------------------------------------------------- */

static void print_plan(const struct plan *p)
{
	for (uint32_t i = 0; i < p->nr; i++)
		printf("%s%s,%u,%u,%d", i ? " " : "",
		       sim_call_name(p->points[i].call), p->points[i].nth,
		       (unsigned int)p->points[i].mode, p->points[i].error);
}

static struct plan plan_of(const struct sweep *s, uint64_t number)
{
	uint64_t pair;

	if (s->only)
		return *s->only;
	if (number < s->nr_singles)
		return (struct plan){ { s->singles[number * s->every] }, 1 };
	pair = (number - s->nr_singles) * s->step;
	return (struct plan){ { s->singles[pair / s->nr_seconds],
				s->seconds[pair % s->nr_seconds] }, 2 };
}

static int run_point(const struct jobs *o, const char *dir, uint64_t number)
{
	const struct sweep *s = o->ctx;
	struct plan plan = plan_of(s, number);
	struct sim_plan ret;

	return run_story(s->build, dir, &plan, &ret) == plan.nr ?
		       0 : EXIT_UNREACHED;
}

static bool point_ended(const struct jobs *o, uint64_t number, int status)
{
	struct sweep *s = o->ctx;
	struct plan plan = plan_of(s, number);

	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_UNREACHED) {
		s->unreached[plan.nr - 1]++;
		return true;
	}
	if (!status)
		return true;
	printf("not ok fault ");
	print_plan(&plan);
	printf(", again with:\n  %s --build %s --verbose --only \"", s->self,
	       s->build);
	print_plan(&plan);
	puts("\"");
	return false;
}

static uint64_t add_errors(struct sim_point *points, uint64_t nr,
			   struct sim_point point, const int *errors,
			   size_t max)
{
	for (size_t i = 0; i < max && errors[i]; i++) {
		ASSERT(nr < POINTS_MAX);
		point.error = errors[i];
		points[nr++] = point;
	}
	return nr;
}

/* The n-th call of a kind in all ways. */
static uint64_t add_points(struct sim_point *points, uint64_t nr,
			   enum sim_call call, uint32_t nth)
{
	for (unsigned int mode = SIM_FAIL_BEFORE; mode < SIM_NUM_MODES; mode++) {
		struct sim_point point = { call, nth, mode, 0 };

		if (mode >= SIM_DIE_BEFORE)
			points[nr++] = point;
		else if (mode != SIM_FAIL_PARTLY || ways[call].partly)
			nr = add_errors(points, nr, point, ways[call].errors,
					ARRAY_SIZE(ways[call].errors));
		if (mode == SIM_FAIL_BEFORE)
			nr = add_errors(points, nr, point, ways[call].before,
					ARRAY_SIZE(ways[call].before));
	}
	ASSERT(nr < POINTS_MAX);
	return nr;
}

/* How often is each call made in the story? */
static int run_count(const struct jobs *o, const char *dir, uint64_t number)
{
	static const struct plan none;
	const struct sweep *s = o->ctx;

	(void)number;
	run_story(s->build, dir, &none, s->counted);
	return 0;
}

static bool count_ended(const struct jobs *o, uint64_t number, int status)
{
	(void)o;
	(void)number;
	return !status;
}

static uint64_t run(struct sweep *s, uint64_t first, uint64_t count,
		    bool counting)
{
	const struct jobs jobs = {
		.what = "story", .first = first, .count = count,
		.at_once = s->jobs, .failed_max = FAILED_MAX,
		.seconds = STORY_S, .verbose = s->verbose, .ctx = s,
		.run = counting ? run_count : run_point,
		.ended = counting ? count_ended : point_ended,
	};

	return jobs_run(&jobs);
}

static uint32_t sum_calls(const struct sim_plan *p)
{
	uint32_t sum = 0;

	for (unsigned int c = 0; c < SIM_NUM_CALLS; c++)
		sum += p->calls[c];
	return sum;
}

/* On a busy machine the story can take more calls than it mostly does, and
 * points that hardly ever come: the shortest of some counts. */
static uint64_t count_calls(struct sweep *s)
{
	struct sim_plan least = { 0 };

	for (unsigned int i = 0; i < COUNTS; i++) {
		if (run(s, i, 1, true))
			return 1;
		if (!i || sum_calls(s->counted) < sum_calls(&least))
			least = *s->counted;
	}
	*s->counted = least;
	return 0;
}

static int find_points(struct sweep *s)
{
	if (count_calls(s)) {
		puts("not ok the story without faults");
		return 1;
	}
	for (unsigned int c = 0; c < SIM_NUM_CALLS; c++) {
		uint32_t nr = s->counted->calls[c];

		if (!nr) {
			printf("not ok faults: %s is never called\n",
			       sim_call_name(c));
			return 1;
		}
		s->nr_calls += nr;
		for (uint32_t i = 1; i <= nr; i++)
			s->nr_singles = add_points(s->singles, s->nr_singles,
						   c, i);
		for (uint32_t i = 1; i <= MIN(nr, SECOND_NTH_MAX); i++)
			s->nr_seconds = add_points(s->seconds, s->nr_seconds,
						   c, i);
	}
	return 0;
}

static int run_singles(struct sweep *s)
{
	int64_t start_us = world_now_us();
	uint64_t nr = (s->nr_singles + s->every - 1) / s->every;

	if (run(s, 0, nr, false))
		return 1;
	if (s->unreached[0] > nr / UNREACHED_PART) {
		printf("not ok faults: %" PRIu64 " of %" PRIu64
		       " points did not come\n", s->unreached[0], nr);
		return 1;
	}
	printf("ok %" PRIu64 " single faults of %" PRIu64 ", %u calls of %u kinds in each way (%"
	       PRIu64 " did not come) in %.1f s\n", nr, s->nr_singles,
	       s->nr_calls, (unsigned int)SIM_NUM_CALLS, s->unreached[0],
	       (double)(world_now_us() - start_us) / 1e6);
	return 0;
}

static int run_pairs(struct sweep *s)
{
	uint64_t all = s->nr_singles * s->nr_seconds, nr;
	int64_t start_us = world_now_us();

	s->step = MAX(all / MAX(MIN(s->pairs, all), 1), 1);
	nr = MIN(all / s->step, s->pairs);
	if (run(s, s->nr_singles, nr, false))
		return 1;
	printf("ok %" PRIu64 " pairs of faults, each %" PRIu64 ". of %" PRIu64
	       ", the others left out (in %" PRIu64
	       " not both came) in %.1f s\n", nr, s->step, all,
	       s->unreached[1], (double)(world_now_us() - start_us) / 1e6);
	return 0;
}

/* Options ---------------------------------------------------------------- */

static const char usage[] =
	"Usage: sim-faults [OPTION]...\n"
	"Let each call of memtided and memtide-agent fail once, in each way.\n"
	"\n"
	"  --build DIR   of memtided and memtide-agent\n"
	"  --jobs J      stories at a time (default 4 for each CPU)\n"
	"  --every K     only each K-th of the single faults (default 1)\n"
	"  --pairs N     also about N pairs of faults (default 0)\n"
	"  --only POINTS CALL,NTH,MODE,ERROR, or two of them: only these\n"
	"  --verbose     print what happened also if all went well\n"
	"  --help        print this\n";

static int parse_point(const char *text, struct sim_point *ret)
{
	unsigned int mode;
	char name[32];

	if (sscanf(text, "%31[a-z_],%u,%u,%d", name, &ret->nth, &mode,
		   &ret->error) != 4 || !mode || mode >= SIM_NUM_MODES)
		return -EINVAL;
	ret->mode = (enum sim_mode)mode;
	for (unsigned int c = 0; c < SIM_NUM_CALLS; c++) {
		if (strcmp(name, sim_call_name(c)))
			continue;
		ret->call = (enum sim_call)c;
		return 0;
	}
	return -EINVAL;
}

static int parse_plan(const char *text, struct sweep *s)
{
	static struct plan plan;
	const char *second = strchr(text, ' ');

	plan.nr = second ? 2 : 1;
	s->only = &plan;
	if (parse_point(text, &plan.points[0]))
		return -EINVAL;
	return second ? parse_point(second + 1, &plan.points[1]) : 0;
}

static int parse_option(int c, struct sweep *s)
{
	switch (c) {
	case 'b':
		s->build = optarg;
		return 0;
	case 'j':
		return jobs_number(optarg, JOBS_MAX, &s->jobs);
	case 'e':
		return jobs_number(optarg, POINTS_MAX, &s->every);
	case 'p':
		return jobs_number(optarg, UINT32_MAX, &s->pairs);
	case 'o':
		return parse_plan(optarg, s);
	case 'v':
		s->verbose = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		return -EINVAL;
	}
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "build", required_argument, NULL, 'b' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "every", required_argument, NULL, 'e' },
		{ "pairs", required_argument, NULL, 'p' },
		{ "only", required_argument, NULL, 'o' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct sweep s;
	int c;

	s.build = ".";
	s.self = argv[0];
	s.jobs = jobs_default();
	s.every = 1;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (parse_option(c, &s)) {
			fputs(usage, stderr);
			return 2;
		}
	}
	s.counted = mmap(NULL, sizeof(*s.counted), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (optind < argc || !s.jobs || !s.every || s.counted == MAP_FAILED) {
		fputs(usage, stderr);
		return 2;
	}
	if (s.only)
		return run(&s, 0, 1, false) || s.unreached[s.only->nr - 1];
	if (find_points(&s) || run_singles(&s))
		return 1;
	return s.pairs ? run_pairs(&s) : 0;
}
