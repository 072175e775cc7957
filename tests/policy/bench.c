/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * bench.c - Every policy on every scenario
 *
 * policy-bench [--fast] [--seeds N] [SCENARIO [POLICY]]  a table
 * policy-bench --plot DIR SCENARIO              DIR/policy-SCENARIO.svg
 * policy-bench --trace SCENARIO POLICY GUEST FROM TO   each 0.1 s, one guest
 * policy-bench --sizes SCENARIO POLICY STEP     each STEP s, all guests
 * policy-bench --worst SCENARIO POLICY          bursts that waited longest
 * policy-bench --check                          short ones, "ok" or "not ok"
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "log.h"
#include "plot.h"

#define SEEDS		1u
/* Of the usual length, in permille */
#define CHECK_PART	100u
/* What a guest gives to others while its own need changes */
#define MORE_TURNS	6u

static const struct driver *const drivers[] = {
	&driver_memtide, &driver_qmemman, &driver_squeezed, &driver_proxmox,
	&driver_static,
};
#define NR_DRIVERS	ARRAY_SIZE(drivers)

/* Some runs ------------------------------------------------------------ */

static bool broken;
static uint32_t speed = 1;

static struct measured run_one(const struct scenario_kind *kind, uint64_t seed,
			       uint32_t part, const struct driver *driver)
{
	struct measured m;
	struct scenario s;
	char why[128];

	kind->make(&s, seed, part);
	s.speed = speed;
	m = run_scenario(&s, driver, NULL, why);
	scenario_done(&s);
	if (*why)
		fprintf(stderr, "%s, %s, seed %" PRIu64 ": %s\n", kind->name,
			driver->name, seed, why);
	broken |= *why != 0;
	return m;
}

static const struct scenario_kind *find_kind(const char *name)
{
	for (uint32_t i = 0; i < scenario_nr_kinds; i++) {
		if (!strcmp(scenario_kinds[i].name, name))
			return &scenario_kinds[i];
	}
	fprintf(stderr, "policy-bench: there is no scenario \"%s\"\n", name);
	exit(2);
}

/* A table -------------------------------------------------------------- */

static void print_head(const struct scenario_kind *kind)
{
	struct scenario s;

	kind->make(&s, 1, 1000);
	printf("%s: %s; %u guests, needing %.1f GiB of %.1f at most\n",
	       kind->name, kind->what, s.nr,
	       (double)scenario_peak_mib(&s) / 1024,
	       (double)s.host_mib / 1024);
	scenario_done(&s);
	printf("            pressed  stalled  relief s   relief s    moved    wrong     idle   fair  kills  turns messages  liars\n");
	printf("                  s        s       p50        p99      GiB      GiB    GiB s                                GiB\n");
}

static void print_row(const char *name, const struct measured *m)
{
	printf("  %-9s %7.0f %8.0f %9.2f %10.2f %8.0f %8.1f %8.1f %6.3f %6u %6u %8" PRIu64
	       " %6.2f\n", name, (double)m->pressed_ms / 1000,
	       (double)m->stalled_ms / 1000,
	       (double)measured_relief_ms(m, 500) / 1000,
	       (double)measured_relief_ms(m, 990) / 1000,
	       (double)m->moved_mib / 1024, (double)m->wrong_mib / 1024,
	       (double)m->idle_mib_s / 1024, measured_fairness(m) / 10000.0,
	       m->kills, m->turns, m->messages,
	       (double)m->lied_mib_s / 1024 / (double)MAX(m->length_s, 1));
	fflush(stdout);
}

static void compare(const char *what, double ours, double theirs, double limit,
		    const char *name)
{
	if (ours > theirs * limit)
		printf("  memtide is behind %s in %s: %.2f against %.2f\n",
		       name, what, ours, theirs);
}

/* Bytes are compared with who moves some to where they are needed. */
static void compare_all(const struct measured *m)
{
	for (size_t i = 1; i < NR_DRIVERS; i++) {
		const char *name = drivers[i]->name;

		compare("pressed s", (double)m[0].pressed_ms / 1000,
			(double)m[i].pressed_ms / 1000, 1, name);
		compare("relief p50", (double)measured_relief_ms(&m[0], 500),
			(double)measured_relief_ms(&m[i], 500), 1, name);
		compare("relief p99", (double)measured_relief_ms(&m[0], 990),
			(double)measured_relief_ms(&m[i], 990), 1, name);
		if (m[i].pressed_ms < 2 * m[0].pressed_ms ||
		    drivers[i] == &driver_qmemman)
			compare("GiB moved", (double)m[0].moved_mib / 1024,
				(double)m[i].moved_mib / 1024, 1.2, name);
	}
}

static void print_kind(const struct scenario_kind *kind, uint32_t seeds,
		       const char *only)
{
	struct measured sums[NR_DRIVERS] = { 0 };

	print_head(kind);
	for (size_t i = 0; i < NR_DRIVERS; i++) {
		if (only && strcmp(only, drivers[i]->name))
			continue;
		for (uint32_t seed = 1; seed <= seeds; seed++) {
			struct measured m = run_one(kind, seed, 1000,
						    drivers[i]);

			measured_add(&sums[i], &m);
		}
		print_row(drivers[i]->name, &sums[i]);
	}
	if (!only)
		compare_all(sums);
	for (size_t i = 0; i < NR_DRIVERS; i++)
		measured_done(&sums[i]);
}

static int print_table(uint32_t seeds, const char *kind, const char *only)
{
	for (uint32_t i = 0; i < scenario_nr_kinds; i++) {
		if (!kind || !strcmp(kind, scenario_kinds[i].name))
			print_kind(&scenario_kinds[i], seeds, only);
	}
	return broken;
}

/* A picture ------------------------------------------------------------ */

static int draw(const char *dir, const struct scenario_kind *kind)
{
	char path[256], why[128];
	struct measured m;
	struct scenario s;
	struct plot *p;
	int rc;

	snprintf(path, sizeof(path), "%.200s/policy-%.20s.svg", dir,
		 kind->name);
	for (char *c = strrchr(path, '/'); *c; c++)
		*c = (char)tolower(*c);
	kind->make(&s, 1, 1000);
	rc = plot_open(path, &s, 2, &p);
	for (size_t i = 0; !rc && i < 2; i++) {
		m = run_scenario(&s, drivers[i], plot_watch(p), why);
		plot_panel(p, drivers[i]->name);
		measured_done(&m);
	}
	if (!rc)
		rc = plot_close(p);
	scenario_done(&s);
	if (rc)
		fprintf(stderr, "policy-bench: %s: %s\n", path, strerror(-rc));
	return rc != 0;
}

/* What happens to a guest ---------------------------------------------- */

struct tracing {
	uint32_t guest;
	int64_t from_us, to_us;
	uint64_t stall_us;
	int64_t looked_us;
};

static void trace_look(void *ctx, int64_t at_us, const struct stage *stage,
		       const struct measure_guest *guests, const bool *pressed)
{
	struct tracing *t = ctx;
	const struct measure_guest *m = &guests[t->guest];
	const struct vmem *v = vguest_mem(stage->guests[t->guest]);
	const struct guest *g = service_by_domid(stage->service, t->guest + 1);
	uint64_t stall_us = m->stall_us - t->stall_us;
	uint64_t span_us = (uint64_t)MAX(at_us - t->looked_us, 1);
	uint32_t others = 0;

	t->stall_us = m->stall_us;
	t->looked_us = at_us;
	at_us -= SCENARIO_WARM_US;
	if (at_us < t->from_us || at_us > t->to_us)
		return;
	for (uint32_t i = 0; i < stage->s->nr; i++)
		others += pressed[i];
	printf("%8.1f held %5" PRId64 " target %5" PRIu64 " need %5" PRId64
	       " avail %5" PRId64 " anon %5" PRId64 " swap %4" PRId64
	       " hot %4" PRId64 " evicted %4" PRId64 " waits %3" PRIu64
	       "%% growth %5u kills %u host free %5" PRIu64 " pressed %2u %s %s %s\n",
	       (double)at_us / 1000000, m->held / 1024,
	       guest_target_kib(g) / 1024, m->need / 1024,
	       vmem_available(v) / 1024, v->anon / 1024, v->swapped / 1024,
	       v->hot / 1024, v->evicted / 1024, stall_us * 100 / span_us,
	       g->demand.growth_kib_s / 1024, m->kills,
	       vhost_free_pages(stage->host) / 256, others,
	       guest_state_name(g->state),
	       demand_level_name(g->balance.level),
	       policy_reason_name(g->balance.now.reason));
}

static const struct driver *find_driver(const char *name)
{
	for (size_t i = 0; i < NR_DRIVERS; i++) {
		if (!strcmp(drivers[i]->name, name))
			return drivers[i];
	}
	fprintf(stderr, "policy-bench: there is no policy \"%s\"\n", name);
	exit(2);
}

/* Of each guest what it holds, MiB, marked if it is pressed (!) or holds less
 * than it needs (-). */
static void sizes_look(void *ctx, int64_t at_us, const struct stage *stage,
		       const struct measure_guest *guests, const bool *pressed)
{
	(void)ctx;
	printf("%8.1f free %5" PRIu64, (double)(at_us - SCENARIO_WARM_US) / 1e6,
	       vhost_free_pages(stage->host) / 256);
	for (uint32_t i = 0; i < stage->s->nr; i++)
		printf(" %5" PRId64 "%c", guests[i].held / 1024,
		       pressed[i] ? '!' :
		       guests[i].held < guests[i].need ? '-' : ' ');
	printf("\n");
}

static int print_sizes(const struct scenario_kind *kind,
		       const struct driver *driver, double step_s)
{
	struct run_watch watch = { (int64_t)(step_s * 1e6), sizes_look, NULL };
	struct measured m;
	struct scenario s;
	char why[128];

	kind->make(&s, 1, 1000);
	s.speed = speed;
	m = run_scenario(&s, driver, &watch, why);
	measured_done(&m);
	scenario_done(&s);
	return 0;
}

static int print_worst(const struct scenario_kind *kind,
		       const struct driver *driver)
{
	struct measured m = run_one(kind, 1, 1000, driver);
	struct scenario s;

	kind->make(&s, 1, 1000);
	for (uint32_t i = m.bursts - MIN(m.bursts, 20u); i < m.bursts; i++) {
		const struct burst *b = &s.bursts[m.reliefs[i].burst];

		printf("%8.1f s: guest %2u, %4" PRId64
		       " MiB from %.1f to %.1f\n",
		       (double)m.reliefs[i].ms / 1000, b->guest, b->mib,
		       (double)(b->from_us - SCENARIO_WARM_US) / 1e6,
		       (double)(b->until_us - SCENARIO_WARM_US) / 1e6);
	}
	measured_done(&m);
	scenario_done(&s);
	return 0;
}

static int trace(char **argv)
{
	const struct scenario_kind *kind = find_kind(argv[0]);
	struct tracing t = {
		.guest = (uint32_t)strtoul(argv[2], NULL, 10),
		.from_us = (int64_t)(strtod(argv[3], NULL) * 1e6),
		.to_us = (int64_t)(strtod(argv[4], NULL) * 1e6),
	};
	struct run_watch watch = { 0, trace_look, &t };
	struct measured m;
	struct scenario s;
	char why[128];

	kind->make(&s, 1, 1000);
	s.speed = speed;
	for (uint32_t i = 0; i < s.nr_bursts; i++) {
		const struct burst *b = &s.bursts[i];

		if (b->guest == t.guest)
			printf("burst of %" PRId64 " MiB from %.1f to %.1f\n",
			       b->mib,
			       (double)(b->from_us - SCENARIO_WARM_US) / 1e6,
			       (double)(b->until_us - SCENARIO_WARM_US) / 1e6);
	}
	m = run_scenario(&s, find_driver(argv[1]), &watch, why);
	measured_done(&m);
	scenario_done(&s);
	return 0;
}

/* A check -------------------------------------------------------------- */

static int failed;

static void expect(bool good, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void expect(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok policy ", good && !broken ? "" : "not ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	failed |= !good || broken;
	broken = false;
}

static void check_idle(void)
{
	struct measured m = run_one(find_kind("idle"), 1, CHECK_PART,
				    &driver_memtide);

	expect(!m.moved_mib && !m.pressed_ms,
	       "idle: nothing is moved: %" PRId64 " MiB", m.moved_mib);
	measured_done(&m);
}

/* It grows before it hurts and shrinks slowly, but does not go back and forth
 * while the need does not. */
static void check_turns(const struct scenario_kind *kind)
{
	struct measured m = run_one(kind, 1, CHECK_PART, &driver_memtide);

	expect(m.turns <= MORE_TURNS,
	       "%s: turns %u times more than its need does (guest %u)",
	       kind->name, m.turns, m.turner);
	measured_done(&m);
}

static void check_against(const struct scenario_kind *kind,
			  const struct driver *rival)
{
	struct measured a = run_one(kind, 1, CHECK_PART, &driver_memtide);
	struct measured b = run_one(kind, 1, CHECK_PART, rival);
	int64_t a50 = measured_relief_ms(&a, 500);
	int64_t b50 = measured_relief_ms(&b, 500);

	expect(a50 <= b50 && measured_relief_ms(&a, 990) <=
				     measured_relief_ms(&b, 990),
	       "%s: relief after %" PRId64 " ms, %s %" PRId64, kind->name, a50,
	       rival->name, b50);
	expect(a.pressed_ms <= b.pressed_ms,
	       "%s: pressed for %" PRId64 " ms, %s %" PRId64, kind->name,
	       a.pressed_ms, rival->name, b.pressed_ms);
	measured_done(&a);
	measured_done(&b);
}

static int check(void)
{
	check_idle();
	for (uint32_t i = 0; i < scenario_nr_kinds; i++)
		check_turns(&scenario_kinds[i]);
	for (size_t i = 1; i < NR_DRIVERS; i++)
		check_against(find_kind("bursty"), drivers[i]);
	check_against(find_kind("lying"), &driver_static);
	check_against(find_kind("lying"), &driver_qmemman);
	return failed;
}

int main(int argc, char **argv)
{
	uint32_t seeds = SEEDS;

	log_set_level(getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERR);
	if (argc > 1 && !strcmp(argv[1], "--fast")) {
		speed = 10;
		argv++;
		argc--;
	}
	if (argc == 5 && !strcmp(argv[1], "--sizes"))
		return print_sizes(find_kind(argv[2]), find_driver(argv[3]),
				   strtod(argv[4], NULL));
	if (argc == 2 && !strcmp(argv[1], "--check"))
		return check();
	if (argc == 4 && !strcmp(argv[1], "--plot"))
		return draw(argv[2], find_kind(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "--worst"))
		return print_worst(find_kind(argv[2]), find_driver(argv[3]));
	if (argc == 7 && !strcmp(argv[1], "--trace"))
		return trace(argv + 2);
	if (argc > 2 && !strcmp(argv[1], "--seeds")) {
		seeds = (uint32_t)strtoul(argv[2], NULL, 10);
		argv += 2;
		argc -= 2;
	}
	if (argc > 1)
		find_kind(argv[1]);
	return print_table(seeds, argc > 1 ? argv[1] : NULL,
			   argc > 2 ? argv[2] : NULL);
}
