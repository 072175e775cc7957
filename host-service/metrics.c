/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * metrics.c - Host, guests and counters as Prometheus reads them
 */
#include "metrics.h"

#include <event2/buffer.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "quote.h"

#define LABELS_MAX	(QUOTE_BYTES * BACKEND_NAME_MAX + GUEST_UUID_MAX + 32u)

/**
 * struct pen - writes the lines of one metric
 * @name:	of it
 * @labels:	of the guest, or empty
 */
struct pen {
	const struct metrics_source *src;
	struct evbuffer *out;
	const char *name;
	char labels[LABELS_MAX];
};

/**
 * struct family - a metric
 * @all:	writes all of its lines, or NULL
 * @each:	writes those of a guest, or NULL
 */
struct family {
	const char *name, *type, *help;
	void (*all)(struct pen *p);
	void (*each)(struct pen *p, struct guest *g);
};

/* The name, with the labels of the guest and these. */
__attribute__((format(printf, 2, 3)))
static void put_labels(struct pen *p, const char *fmt, ...)
{
	va_list ap;

	evbuffer_add_printf(p->out, "%s{%s%s", p->name, p->labels,
			    *p->labels ? "," : "");
	va_start(ap, fmt);
	evbuffer_add_vprintf(p->out, fmt, ap);
	va_end(ap);
	evbuffer_add_printf(p->out, "}");
}

/* The name, with the labels of the guest, if it is of one. */
static void put_name(struct pen *p)
{
	if (*p->labels)
		evbuffer_add_printf(p->out, "%s{%s}", p->name, p->labels);
	else
		evbuffer_add_printf(p->out, "%s", p->name);
}

static void put_value(struct pen *p, uint64_t value)
{
	evbuffer_add_printf(p->out, " %" PRIu64 "\n", value);
}

static void put(struct pen *p, uint64_t value)
{
	put_name(p);
	put_value(p, value);
}

static void put_one(struct pen *p, const char *label, const char *text,
		    uint64_t value)
{
	put_labels(p, "%s=\"%s\"", label, text);
	put_value(p, value);
}

static void put_seconds(struct pen *p, uint64_t us)
{
	put_name(p);
	evbuffer_add_printf(p->out, " %" PRIu64 ".%06" PRIu64 "\n",
			    us / 1000000, us % 1000000);
}

/* The daemon and the host ------------------------------------------------ */

static const struct counters *counters(const struct pen *p)
{
	return &p->src->service->counters;
}

static void build_info(struct pen *p)
{
	struct backend *b = p->src->service->env.backend;

	put_labels(p, "version=\"%s\",backend=\"%s\"", MEMTIDE_VERSION,
		   b->ops->name);
	put_value(p, 1);
}

static void start_time(struct pen *p)
{
	int64_t up_us = guest_now_us() - p->src->service->start_us;

	put(p, (uint64_t)(time(NULL) - up_us / 1000000));
}

/* Asked once for each line: a hypercall that changes nothing. */
static bool ask_host(struct pen *p, struct backend_host *ret)
{
	struct backend *b = p->src->service->env.backend;

	return !b->ops->host(b, ret);
}

static void host_up(struct pen *p)
{
	struct backend_host host;

	put(p, ask_host(p, &host));
}

static void host_total(struct pen *p)
{
	struct backend_host host;

	if (ask_host(p, &host))
		put(p, host.total * PAGE_BYTES);
}

static void host_free(struct pen *p)
{
	struct backend_host host;

	if (ask_host(p, &host))
		put(p, host.free * PAGE_BYTES);
}

static void host_promised(struct pen *p)
{
	put(p, service_promised(p->src->service) * PAGE_BYTES);
}

static void host_reserved(struct pen *p)
{
	put(p, p->src->service->reserved * PAGE_BYTES);
}

static void host_reserve(struct pen *p)
{
	put(p, p->src->service->env.conf.reserve_kib * 1024);
}

static void host_burst_reserve(struct pen *p)
{
	struct backend_host host;

	if (p->src->balance && ask_host(p, &host))
		put(p, balance_burst_kib(p->src->balance,
					 host.total * PAGE_KIB) * 1024);
}

static void guests(struct pen *p)
{
	uint64_t nr[GUEST_NUM_STATES] = { 0 };
	struct service *s = p->src->service;

	for (uint32_t i = 0; i < s->nr_guests; i++)
		nr[s->guests[i]->state]++;
	for (unsigned int i = 0; i < GUEST_NUM_STATES; i++)
		put_one(p, "state", guest_state_name((enum guest_state)i),
			nr[i]);
}

/* What was done ---------------------------------------------------------- */

static void put_histogram(struct pen *p, enum operation op)
{
	const struct histogram *h = &counters(p)->took[op];
	const char *name = operation_name(op);
	uint64_t nr = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		nr += h->nr[i];
		evbuffer_add_printf(p->out,
				    "%s_bucket{operation=\"%s\",le=\"%g\"} %" PRIu64 "\n",
				    p->name, name,
				    (double)histogram_bound_us(i) / 1e6, nr);
	}
	nr += h->nr[HISTOGRAM_BUCKETS];
	evbuffer_add_printf(p->out,
			    "%s_bucket{operation=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
			    "%s_sum{operation=\"%s\"} %" PRIu64 ".%06" PRIu64 "\n"
			    "%s_count{operation=\"%s\"} %" PRIu64 "\n",
			    p->name, name, nr, p->name, name,
			    h->sum_us / 1000000, h->sum_us % 1000000,
			    p->name, name, nr);
}

static void durations(struct pen *p)
{
	for (unsigned int i = 0; i < OPERATION_NUM; i++)
		put_histogram(p, (enum operation)i);
}

static void populated(struct pen *p)
{
	put(p, counters(p)->populated * GRANULE_BYTES);
}

static void given_back(struct pen *p)
{
	put(p, counters(p)->given_back * GRANULE_BYTES);
}

static void resizes(struct pen *p)
{
	static const char *const direction[] = { "grow", "shrink" };
	static const char *const result[] = { "short", "reached" };

	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int k = 0; k < 2; k++) {
			put_labels(p, "direction=\"%s\",result=\"%s\"",
				   direction[i], result[k]);
			put_value(p, counters(p)->resizes[i][k]);
		}
	}
}

static void host_errors(struct pen *p)
{
	for (unsigned int i = 0; i < HOST_CALL_NUM; i++) {
		for (unsigned int k = 0; k < HOST_ERROR_NUM; k++) {
			put_labels(p, "call=\"%s\",reason=\"%s\"",
				   host_call_name((enum host_call)i),
				   host_error_name((enum host_error)k));
			put_value(p, counters(p)->host_errors[i][k]);
		}
	}
}

static void online_refusals(struct pen *p)
{
	for (unsigned int i = 0; i < ONLINE_ERROR_NUM; i++)
		put_one(p, "reason", online_error_name((enum online_error)i),
			counters(p)->online_refused[i]);
}

static void pull_shortfalls(struct pen *p)
{
	for (unsigned int i = PULL_REASON_DONE + 1; i < PULL_NUM_REASONS; i++)
		put_one(p, "reason", pull_reason_name((enum pull_reason)i),
			counters(p)->pull_short[i]);
}

static void messages(struct pen *p)
{
	put(p, counters(p)->messages);
}

static void messages_refused(struct pen *p)
{
	put(p, counters(p)->messages_refused);
}

static void limited(struct pen *p)
{
	for (unsigned int i = 0; i < LIMITED_NUM; i++)
		put_one(p, "what", limited_name((enum limited)i),
			counters(p)->limited[i]);
}

static void connections(struct pen *p)
{
	put(p, counters(p)->connections);
}

static void disconnections(struct pen *p)
{
	put(p, counters(p)->disconnections);
}

static void overdue(struct pen *p)
{
	put(p, counters(p)->overdue);
}

static void quarantines(struct pen *p)
{
	put(p, counters(p)->quarantines);
}

static void readmissions(struct pen *p)
{
	put(p, counters(p)->readmissions);
}

static void appeared(struct pen *p)
{
	put(p, counters(p)->appeared);
}

static void gone(struct pen *p)
{
	put(p, counters(p)->gone);
}

static void policy_runs(struct pen *p)
{
	if (p->src->balance)
		put(p, balance_runs(p->src->balance));
}

/* Guests ----------------------------------------------------------------- */

static void guest_info(struct pen *p, struct guest *g)
{
	char agent[QUOTE_BYTES * PROTO_TEXT_MAX];
	char kernel[QUOTE_BYTES * PROTO_TEXT_MAX];

	put_labels(p, "domid=\"%u\",mode=\"%s\",agent=\"%s\",kernel=\"%s\"",
		   g->domain.id.domid, guest_mode_name(g),
		   quote(g->hello.agent_version, agent, sizeof(agent)),
		   quote(g->hello.kernel_release, kernel, sizeof(kernel)));
	put_value(p, 1);
}

static void guest_state(struct pen *p, struct guest *g)
{
	for (unsigned int i = 0; i < GUEST_NUM_STATES; i++)
		put_one(p, "state", guest_state_name((enum guest_state)i),
			g->state == i);
}

static void guest_boot(struct pen *p, struct guest *g)
{
	put(p, guest_boot_pages(g) * PAGE_BYTES);
}

/* The count moves without us while a guest is not managed. */
static void guest_held(struct pen *p, struct guest *g)
{
	struct backend *b = g->env->backend;

	if (!g->managed)
		b->ops->domain(b, &g->domain.id, &g->domain);
	put(p, guest_held_kib(g) * 1024);
}

static void guest_target(struct pen *p, struct guest *g)
{
	put(p, guest_target_kib(g) * 1024);
}

static void guest_online(struct pen *p, struct guest *g)
{
	if (g->managed)
		put(p, (uint64_t)g->ledger.nr_exposed * GRANULE_BYTES);
}

static void guest_window(struct pen *p, struct guest *g)
{
	if (g->managed)
		put(p, (uint64_t)g->ledger.granules * GRANULE_BYTES);
}

static void guest_automatic(struct pen *p, struct guest *g)
{
	put(p, g->set.automatic);
}

/* Before its first report nothing is known. */
static bool has_report(const struct guest *g)
{
	return g->report.mem_total_kib != 0;
}

static void guest_total(struct pen *p, struct guest *g)
{
	if (has_report(g))
		put(p, g->report.mem_total_kib * 1024);
}

static void guest_available(struct pen *p, struct guest *g)
{
	if (has_report(g))
		put(p, g->report.mem_available_kib * 1024);
}

static void guest_swap_used(struct pen *p, struct guest *g)
{
	if (has_report(g))
		put(p, (g->report.swap_total_kib - g->report.swap_free_kib) *
		       1024);
}

static void guest_demand(struct pen *p, struct guest *g)
{
	enum demand_level level = demand_level(&g->demand, guest_now_us());

	for (unsigned int i = 0; i < DEMAND_NUM_LEVELS; i++)
		put_one(p, "level", demand_level_name((enum demand_level)i),
			level == i);
}

static void guest_waiting(struct pen *p, struct guest *g)
{
	if (g->report.has_pressure)
		put_seconds(p, g->report.stall_some_us);
}

static void guest_stalled(struct pen *p, struct guest *g)
{
	if (g->report.has_pressure)
		put_seconds(p, g->report.stall_full_us);
}

/* Rates are told by agents that tell the time. */
static void guest_refaults(struct pen *p, struct guest *g)
{
	if (g->report.time_us)
		put(p, g->report.refault_pages * PAGE_BYTES);
}

static void guest_swap_in(struct pen *p, struct guest *g)
{
	if (g->report.time_us)
		put(p, g->report.swap_in_pages * PAGE_BYTES);
}

/* All of them ------------------------------------------------------------ */

static const struct family families[] = {
	{ "memtide_build_info", "gauge",
	  "Version and hypervisor; always 1.", build_info, NULL },
	{ "memtide_start_time_seconds", "gauge",
	  "When memtided started, in seconds since 1970.", start_time, NULL },
	{ "memtide_host_up", "gauge",
	  "Whether the hypervisor answered when asked for its memory.",
	  host_up, NULL },
	{ "memtide_host_total_bytes", "gauge",
	  "Memory of the host.", host_total, NULL },
	{ "memtide_host_free_bytes", "gauge",
	  "Memory of the host that nobody has, the hypervisor's claims taken off.",
	  host_free, NULL },
	{ "memtide_host_promised_bytes", "gauge",
	  "Of the free memory, what was promised and not given yet.",
	  host_promised, NULL },
	{ "memtide_host_reserved_bytes", "gauge",
	  "Of that, what is for domains to be built.",
	  host_reserved, NULL },
	{ "memtide_host_reserve_bytes", "gauge",
	  "Memory of the host that is never given to guests.",
	  host_reserve, NULL },
	{ "memtide_host_burst_reserve_bytes", "gauge",
	  "Memory that should be free for guests in distress.",
	  host_burst_reserve, NULL },
	{ "memtide_guests", "gauge",
	  "Guests in each state.", guests, NULL },
	{ "memtide_guest_info", "gauge",
	  "Domid, how the size is kept, versions of agent and kernel as the guest tells them; always 1.",
	  NULL, guest_info },
	{ "memtide_guest_state", "gauge",
	  "1 for the state the guest is in, 0 for the others.",
	  NULL, guest_state },
	{ "memtide_guest_boot_bytes", "gauge",
	  "What the domain was built with.", NULL, guest_boot },
	{ "memtide_guest_held_bytes", "gauge",
	  "Host memory that the guest holds.", NULL, guest_held },
	{ "memtide_guest_target_bytes", "gauge",
	  "What it is to hold.", NULL, guest_target },
	{ "memtide_guest_online_bytes", "gauge",
	  "Of what it was given beyond boot memory, what it was told to use.",
	  NULL, guest_online },
	{ "memtide_guest_window_bytes", "gauge",
	  "The most it can be given beyond boot memory.",
	  NULL, guest_window },
	{ "memtide_guest_automatic", "gauge",
	  "Whether the policy sets its target.", NULL, guest_automatic },
	{ "memtide_guest_total_bytes", "gauge",
	  "MemTotal, as the guest reports it.", NULL, guest_total },
	{ "memtide_guest_available_bytes", "gauge",
	  "MemAvailable, as the guest reports it.", NULL, guest_available },
	{ "memtide_guest_swap_used_bytes", "gauge",
	  "Swap in use, as the guest reports it.", NULL, guest_swap_used },
	{ "memtide_guest_demand", "gauge",
	  "1 for the level of its need of memory, 0 for the others.",
	  NULL, guest_demand },
	{ "memtide_guest_pressure_waiting_seconds_total", "counter",
	  "Time some of its tasks waited for memory (PSI), since its boot.",
	  NULL, guest_waiting },
	{ "memtide_guest_pressure_stalled_seconds_total", "counter",
	  "Time all of its tasks waited for memory (PSI), since its boot.",
	  NULL, guest_stalled },
	{ "memtide_guest_refault_bytes_total", "counter",
	  "Read again soon after it was evicted from its page cache.",
	  NULL, guest_refaults },
	{ "memtide_guest_swap_in_bytes_total", "counter",
	  "Read back from its swap.", NULL, guest_swap_in },
	{ "memtide_operation_duration_seconds", "histogram",
	  "How long steps, requests to guests and whole resizes took.",
	  durations, NULL },
	{ "memtide_populated_bytes_total", "counter",
	  "Memory given to guests.", populated, NULL },
	{ "memtide_given_back_bytes_total", "counter",
	  "Memory taken back from guests.", given_back, NULL },
	{ "memtide_resizes_total", "counter",
	  "Times a guest settled after steps, by direction and whether it held its target then.",
	  resizes, NULL },
	{ "memtide_host_errors_total", "counter",
	  "Calls of hypervisor and toolstack that failed.",
	  host_errors, NULL },
	{ "memtide_online_refusals_total", "counter",
	  "Requests to use memory that a guest did not fulfil as a whole.",
	  online_refusals, NULL },
	{ "memtide_pull_shortfalls_total", "counter",
	  "Requests to give memory that ended with less.",
	  pull_shortfalls, NULL },
	{ "memtide_guest_messages_total", "counter",
	  "Messages from guests.", messages, NULL },
	{ "memtide_guest_messages_refused_total", "counter",
	  "Messages that broke the format or came out of order.",
	  messages_refused, NULL },
	{ "memtide_guest_limited_total", "counter",
	  "Times a guest did something too often and had to wait.",
	  limited, NULL },
	{ "memtide_agent_connections_total", "counter",
	  "Connections made to agents.", connections, NULL },
	{ "memtide_agent_disconnections_total", "counter",
	  "Connections to agents that ended.", disconnections, NULL },
	{ "memtide_agent_overdue_total", "counter",
	  "Answers of agents that did not come in time.", overdue, NULL },
	{ "memtide_quarantines_total", "counter",
	  "Guests quarantined.", quarantines, NULL },
	{ "memtide_readmissions_total", "counter",
	  "Guests taken out of quarantine by an operator.",
	  readmissions, NULL },
	{ "memtide_guests_appeared_total", "counter",
	  "Domains found.", appeared, NULL },
	{ "memtide_guests_gone_total", "counter",
	  "Domains that have gone.", gone, NULL },
	{ "memtide_policy_runs_total", "counter",
	  "Runs of the policy.", policy_runs, NULL },
};

static void put_head(struct evbuffer *out, const struct family *f)
{
	evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name,
			    f->help, f->name, f->type);
}

static void label_guest(struct pen *p, const struct guest *g)
{
	char name[QUOTE_BYTES * BACKEND_NAME_MAX], uuid[GUEST_UUID_MAX];

	snprintf(p->labels, sizeof(p->labels), "guest=\"%s\",uuid=\"%s\"",
		 quote(g->domain.name, name, sizeof(name)),
		 guest_uuid_text(g, uuid));
}

/* Return: false if the part is full and there are more guests */
static bool put_guests(struct pen *p, const struct family *f,
		       struct metrics_place *at)
{
	struct guest *g;

	while ((g = service_next(p->src->service, at->domid))) {
		if (evbuffer_get_length(p->out) >= METRICS_PART)
			return false;
		label_guest(p, g);
		f->each(p, g);
		at->domid = g->domain.id.domid + 1;
	}
	*p->labels = '\0';
	return true;
}

bool metrics_next(const struct metrics_source *src, struct metrics_place *at,
		  struct evbuffer *out)
{
	struct pen p = { .src = src, .out = out };

	for (; at->family < ARRAY_SIZE(families); at->family++) {
		const struct family *f = &families[at->family];

		if (evbuffer_get_length(out) >= METRICS_PART)
			return true;
		p.name = f->name;
		if (!at->begun)
			put_head(out, f);
		at->begun = true;
		if (f->all)
			f->all(&p);
		else if (!put_guests(&p, f, at))
			return true;
		at->begun = false;
		at->domid = 0;
	}
	return false;
}
