/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * scale.c - What many guests cost the daemon
 *
 * The real service and balancer, in real time, over a hypervisor in memory
 * (vhost.h) whose calls take no time, and as many agents in another process,
 * over sockets. So of Xen's and xenstore's time nothing is in the figures, and
 * of the agents' nothing in those of memory and processor.
 */
#include <event2/event.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "balance.h"
#include "crowd.h"
#include "log.h"
#include "vhost.h"

#define IDLE_S		5
#define DECISIONS	21u
#define SUFFERERS	1000u
/* More than a first relief of 128 MiB takes, less than a second. */
#define SPARE_PAGES	(130u * 256)
#define PATIENCE_US	120000000

static const uint32_t sizes[] = { 100, 1000, 10000 };
static const struct guest_conf conf = {
	.reserve_kib = 65536, .retry_min_ms = 1000, .retry_max_ms = 60000,
};

struct figures {
	uint32_t nr;
	double kib, storm_s, idle_ms, wakes, decision_ms, worst_ms, report_us;
	double decided_ms, served_ms, restart_s;
	uint32_t sufferers;
};

struct scale {
	uint32_t nr;
	struct event_base *base;
	struct crowd *crowd;
	struct vhost *host;
	struct service *service;
	struct balance *balance;
	struct seat *seats;
};

/* A guest's place: its number, for connect() */
struct seat {
	struct scale *s;
	uint32_t number;
};

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000;
}

static int64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) +
	       u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static long wakes(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_nvcsw;
}

static double resident_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long all = 0, resident = 0;

	ASSERT(f && fscanf(f, "%ld %ld", &all, &resident) == 2);
	fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static void on_time(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(ctx);
}

static void let_pass(struct scale *s, int64_t us)
{
	struct timeval tv = { us / 1000000, us % 1000000 };
	struct event *e = event_new(s->base, -1, 0, on_time, s->base);

	ASSERT(e);
	event_add(e, &tv);
	event_base_dispatch(s->base);
	event_free(e);
}

/* Goes on until all of the first @nr are as wanted; returns how long [us]. */
static int64_t wait_for(struct scale *s, uint32_t nr,
			bool (*done)(const struct guest *g))
{
	int64_t start_us = now_us();

	for (uint32_t i = 0; i < nr;) {
		const struct guest *g = service_by_domid(s->service, i + 1);

		if (g && done(g)) {
			i++;
			continue;
		}
		if (now_us() - start_us > PATIENCE_US) {
			printf("not ok scale: guest %u is %s after %d s: %s\n",
			       i + 1, g ? guest_state_name(g->state) : "?",
			       PATIENCE_US / 1000000, g ? g->why : "");
			exit(1);
		}
		event_base_loop(s->base, EVLOOP_ONCE);
	}
	return now_us() - start_us;
}

/* Settled, with a first report */
static bool is_ready(const struct guest *g)
{
	return g->state == GUEST_READY && g->settled &&
	       g->report.mem_total_kib;
}

static bool has_target(const struct guest *g)
{
	return g->target > 0;
}

static bool is_served(const struct guest *g)
{
	return g->target > 0 && is_ready(g) && guest_arrived(g);
}

static int on_connect(void *ctx, struct transport **ret)
{
	struct seat *seat = ctx;

	return crowd_connect(seat->s->crowd, seat->number, ret);
}

/* Xen does not know either. */
static bool uses(void *ctx, uint32_t granule)
{
	(void)ctx;
	(void)granule;
	return false;
}

static void add_guests(struct scale *s)
{
	uint32_t domid;

	s->seats = calloc(s->nr, sizeof(*s->seats));
	ASSERT(s->seats);
	for (uint32_t i = 0; i < s->nr; i++) {
		struct vhost_guest v = {
			.boot_pages = CROWD_BOOT_PAGES,
			.window_gfn = CROWD_WINDOW_GFN,
			.window_granules = CROWD_WINDOW,
			.connect = on_connect, .uses = uses,
			.ctx = &s->seats[i],
		};

		s->seats[i] = (struct seat){ s, i };
		ASSERT(!vhost_add(s->host, &v, &domid));
	}
}

/* memtided starts, and finds all guests and their agents there. */
static double open_all(struct scale *s)
{
	static const struct balance_conf balance_conf;
	static const struct policy_settings set = {
		.automatic = true, .weight = POLICY_WEIGHT_DEFAULT,
	};
	int64_t start_us = now_us();
	char why[256];

	ASSERT(!service_open(s->base, vhost_backend(s->host), &conf,
			     &s->service));
	ASSERT(!balance_open(s->service, &balance_conf, &s->balance));
	for (uint32_t i = 0; i < s->nr; i++)
		ASSERT(!balance_set(s->service->guests[i], &set, why,
				    sizeof(why)));
	wait_for(s, s->nr, is_ready);
	return (double)(now_us() - start_us) / 1e6;
}

static void close_all(struct scale *s)
{
	balance_close(s->balance);
	service_close(s->service);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double decide(struct scale *s)
{
	int64_t us[DECISIONS];

	for (uint32_t i = 0; i < DECISIONS; i++) {
		const struct policy_guest *guests;
		struct policy_host host;
		uint32_t nr;

		us[i] = now_us();
		ASSERT(!balance_dry_run(s->balance, &host, &guests, &nr));
		us[i] = now_us() - us[i];
		ASSERT(nr == s->nr);
	}
	qsort(us, DECISIONS, sizeof(*us), by_size);
	return (double)us[DECISIONS / 2] / 1000;
}

/* Everyone says that all is well: what is a report? */
static double hear_reports(struct scale *s)
{
	int64_t before_us = cpu_us();

	crowd_tell(s->crowd, CROWD_CALM, s->nr);
	let_pass(s, 2000000);
	return (double)(cpu_us() - before_us) / s->nr;
}

static void suffer(struct scale *s, struct figures *f)
{
	int64_t start_us = now_us();

	f->sufferers = MIN(s->nr, SUFFERERS);
	crowd_tell(s->crowd, CROWD_DISTRESS, f->sufferers);
	wait_for(s, f->sufferers, has_target);
	f->decided_ms = (double)(now_us() - start_us) / 1000;
	wait_for(s, f->sufferers, is_served);
	f->served_ms = (double)(now_us() - start_us) / 1000;
}

/* Now all of them at once, for whom there is not enough. */
static void suffer_in_vain(struct scale *s, struct figures *f)
{
	crowd_tell(s->crowd, CROWD_DISTRESS, s->nr);
	let_pass(s, 1000000);
	f->worst_ms = decide(s);
}

static void rest(struct scale *s, struct figures *f)
{
	int64_t before_us;
	long before;

	let_pass(s, 1000000);
	before_us = cpu_us();
	before = wakes();
	let_pass(s, IDLE_S * 1000000);
	f->idle_ms = (double)(cpu_us() - before_us) / 1000 / IDLE_S;
	f->wakes = (double)(wakes() - before) / IDLE_S;
}

static void measure(uint32_t nr, struct figures *f)
{
	static const struct vhost_costs no_costs;
	struct scale s = { .nr = nr };
	double before_kib;

	*f = (struct figures){ .nr = nr };
	s.base = event_base_new();
	ASSERT(s.base);
	ASSERT(!crowd_start(nr, &s.crowd));
	ASSERT(!vhost_new((uint64_t)nr * (CROWD_BOOT_PAGES + SPARE_PAGES),
			  &no_costs, NULL, &s.host));
	add_guests(&s);
	before_kib = resident_kib();
	f->storm_s = open_all(&s);
	f->kib = (resident_kib() - before_kib) / nr;
	rest(&s, f);
	f->decision_ms = decide(&s);
	f->report_us = hear_reports(&s);
	suffer(&s, f);
	suffer_in_vain(&s, f);
	close_all(&s);
	f->restart_s = open_all(&s);
	close_all(&s);
	crowd_stop(s.crowd);
	vhost_free(s.host);
	free(s.seats);
	event_base_free(s.base);
}

static void print(const struct figures *f, size_t nr)
{
#define ROW(WHAT, FORMAT, VALUE)					\
	do {								\
		printf("%-44s", WHAT);					\
		for (size_t i = 0; i < nr; i++)				\
			printf(" " FORMAT, VALUE);			\
		printf("\n");						\
	} while (0)
	ROW("guests", "%10u", f[i].nr);
	ROW("memory of the daemon, KiB a guest", "%10.1f", f[i].kib);
	ROW("all connected and settled, s", "%10.2f", f[i].storm_s);
	ROW("  a guest, us", "%10.0f", f[i].storm_s * 1e6 / f[i].nr);
	ROW("idle: processor, ms a second", "%10.2f", f[i].idle_ms);
	ROW("idle: wake-ups a second", "%10.1f", f[i].wakes);
	ROW("one decision over all, ms", "%10.3f", f[i].decision_ms);
	ROW("  all in distress, and not enough, ms", "%10.3f", f[i].worst_ms);
	ROW("a report heard, us of processor", "%10.1f", f[i].report_us);
	ROW("guests in distress at once", "%10u", f[i].sufferers);
	ROW("  all have a larger target, ms", "%10.1f", f[i].decided_ms);
	ROW("  all have the memory in use, ms", "%10.1f", f[i].served_ms);
	ROW("daemon restarted, all settled again, s", "%10.2f",
	    f[i].restart_s);
#undef ROW
}

int main(void)
{
	struct figures f[ARRAY_SIZE(sizes)];
	struct rlimit limit;
	size_t nr = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_level(LOG_LEVEL_ERR);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* One a guest, and some */
		if (limit.rlim_cur < sizes[i] + 64) {
			printf("%u guests need more descriptors than the %ju allowed\n",
			       sizes[i], (uintmax_t)limit.rlim_cur);
			break;
		}
		measure(sizes[i], &f[nr++]);
	}
	print(f, nr);
	return 0;
}
