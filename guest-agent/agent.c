/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * agent.c - The guest's side of the protocol
 */
#include "agent.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "frame.h"
#include "log.h"
#include "pace.h"
#include "pull_job.h"
#include "sizing.h"
#include "window.h"

/**
 * struct online_job - one OnlineRequest under way
 * @next:	range to do next; all done if it is @req.nr_ranges
 */
struct online_job {
	struct msg_online_request req;
	struct msg_online_reply reply;
	uint32_t next;
};

/**
 * struct agent - see the top of agent.h
 * @boot_pages:	MemTotal less what is online of the window [pages of 4 KiB]
 * @blocked:	the queue out is full; nothing is done until it has drained
 * @online:	ring of @nr_online jobs, the oldest at @first_online
 * @waiting:	a pull that begins when there is no other work
 * @pace:	when to look at the memory, of the host that is served
 * @out, @payload: space for one message to be sent; too large for the stack
 */
struct agent {
	struct agent_config config;
	const struct agent_callbacks *cbs;
	void *ctx;

	struct window window;
	uint64_t boot_pages;
	enum agent_state state;
	bool blocked;

	struct online_job online[AGENT_ONLINE_QUEUE];
	unsigned int first_online, nr_online;
	struct pull_job pull;
	struct msg_pull_request waiting;
	bool has_waiting;

	struct pace pace;
	bool starves, kernel_starves;

	struct host_msg in;
	struct guest_msg out;
	uint8_t payload[FRAME_PAYLOAD_MAX];
};

static const char *const state_names[] = {
	[AGENT_ALONE] = "ALONE",
	[AGENT_GREETING] = "GREETING",
	[AGENT_SERVING] = "SERVING",
};
static_assert(ARRAY_SIZE(state_names) == AGENT_NUM_STATES, "all named");

static void set_state(struct agent *a, enum agent_state state)
{
	if (a->state != state)
		log_info("host (%s -> %s)", state_names[a->state],
			 state_names[state]);
	a->state = state;
}

/* MemTotal counts what is online, but not memmap. Keeps the old number if the
 * kernel does not tell. */
static void learn_boot_pages(struct agent *a)
{
	uint64_t online = (uint64_t)a->window.map.online * GRANULE_PAGES;
	struct meminfo mi;
	int rc = a->cbs->meminfo(a->ctx, &mi);

	if (rc)
		log_warn("meminfo: %s, ignoring", strerror(-rc));
	else if (mi.total_kib / PAGE_KIB > online)
		a->boot_pages = mi.total_kib / PAGE_KIB - online;
}

/**
 * struct zone_plan - to choose the zones of a batch's blocks
 * @kernel, @movable: what the zones will have [pages of 4 KiB]
 * @kernel_first: the next block is the kernel's, whatever that makes
 */
struct zone_plan {
	uint64_t kernel, movable;
	bool kernel_first;
};

static struct zone_plan zone_plan(const struct agent *a)
{
	const struct window_map *m = &a->window.map;
	uint32_t usable = m->geo.block_granules - m->geo.memmap_granules;

	return (struct zone_plan){
		.kernel = a->boot_pages +
			  (uint64_t)m->kernel_online * GRANULE_PAGES,
		.movable = (uint64_t)m->present[BLOCK_MOVABLE] * usable *
			   GRANULE_PAGES,
		.kernel_first = a->kernel_starves,
	};
}

static void tell_grown(struct agent *a)
{
	uint64_t online = (uint64_t)a->window.map.online * GRANULE_PAGES;

	if (a->boot_pages)
		a->cbs->grown(a->ctx, a->boot_pages * PAGE_KIB,
			      (a->boot_pages + online) * PAGE_KIB,
			      zone_plan(a).kernel * PAGE_KIB);
}

int agent_new(const struct agent_config *config, struct kdev *k,
	      const struct agent_callbacks *cbs, void *ctx, struct agent **ret)
{
	struct agent *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return -ENOMEM;
	a->config = *config;
	a->cbs = cbs;
	a->ctx = ctx;
	rc = window_init(&a->window, k);
	if (!rc)
		rc = pull_job_init(&a->pull, &a->window, config->floor_pages);
	if (rc) {
		agent_free(a);
		return rc;
	}
	*ret = a;
	return 0;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	pull_job_done(&a->pull);
	window_done(&a->window);
	free(a);
}

/* Sending -------------------------------------------------------------- */

/* Send a->out. */
static int send_out(struct agent *a)
{
	size_t len = codec_encode_guest(&a->out, a->payload);
	int rc = a->cbs->send(a->ctx, a->payload, len);

	a->blocked = rc == -ENOBUFS;
	return rc;
}

static int send_hello(struct agent *a)
{
	const struct kdev_info *info = &a->window.info;
	struct msg_hello *h = &a->out.hello;

	a->out.type = GUEST_MSG_HELLO;
	*h = (struct msg_hello){
		.major = PROTO_MAJOR,
		.minor = PROTO_MINOR,
		.block_granules = info->geo.block_granules,
		.memmap_granules = info->geo.memmap_granules,
		.window_gfn = info->window_gfn,
		.window_granules = info->geo.window_granules,
	};
	memcpy(h->boot_id, a->config.boot_id, sizeof(h->boot_id));
	memcpy(h->agent_version, a->config.agent_version,
	       sizeof(h->agent_version));
	memcpy(h->kernel_release, a->config.kernel_release,
	       sizeof(h->kernel_release));
	return send_out(a);
}

static int send_pull_end(struct agent *a, uint32_t id, enum pull_reason reason)
{
	a->out.type = GUEST_MSG_PULL_PROGRESS;
	a->out.pull_progress = (struct msg_pull_progress){
		.id = id, .last = true, .reason = reason,
	};
	return send_out(a);
}

static int send_unsupported(struct agent *a)
{
	a->out.type = GUEST_MSG_UNSUPPORTED;
	a->out.unsupported = (struct msg_unsupported){ .id = 0 };
	return send_out(a);
}

/* Connection ----------------------------------------------------------- */

static void forget_work(struct agent *a)
{
	a->nr_online = 0;
	a->has_waiting = false;
	pull_job_drop(&a->pull);
	a->blocked = false;
	a->starves = a->kernel_starves = false;
}

int agent_connected(struct agent *a)
{
	int rc;

	forget_work(a);
	rc = window_reload(&a->window);
	if (rc)
		return rc;
	set_state(a, AGENT_GREETING);
	return send_hello(a);
}

void agent_disconnected(struct agent *a)
{
	forget_work(a);
	set_state(a, AGENT_ALONE);
}

/* Requests ------------------------------------------------------------- */

static int take_welcome(struct agent *a, uint64_t now_ms, const char **ret_why)
{
	bool deaf;

	if (a->in.welcome.major != PROTO_MAJOR) {
		*ret_why = "another major version";
		return -EPROTO;
	}
	a->window.pull_as_is = a->in.welcome.capabilities & PROTO_HOST_CLEARS;
	pace_defaults(&a->in.welcome);
	deaf = a->cbs->watch(a->ctx, &a->in.welcome) != 0;
	pace_start(&a->pace, &a->in.welcome, deaf, now_ms);
	learn_boot_pages(a);
	tell_grown(a);
	set_state(a, AGENT_SERVING);
	return 0;
}

static int take_online(struct agent *a, const char **ret_why)
{
	const struct msg_online_request *req = &a->in.online_request;
	struct online_job *job;

	for (uint32_t i = 0; i < req->nr_ranges; i++) {
		if (!window_map_holds(&a->window.map, req->ranges[i])) {
			*ret_why = "a range outside of the window or a block";
			return -EPROTO;
		}
	}
	if (a->nr_online == AGENT_ONLINE_QUEUE) {
		*ret_why = "too many online requests at once";
		return -EPROTO;
	}
	job = &a->online[(a->first_online + a->nr_online++) %
			 AGENT_ONLINE_QUEUE];
	job->req = *req;
	job->next = 0;
	job->reply = (struct msg_online_reply){
		.id = req->id, .nr_done = req->nr_ranges,
	};
	pull_job_cancel(&a->pull);
	return 0;
}

/* The pull that waits will never begin. */
static int refuse_waiting(struct agent *a)
{
	if (!a->has_waiting)
		return 0;
	a->has_waiting = false;
	return send_pull_end(a, a->waiting.id, PULL_REASON_CANCELLED);
}

static int take_pull(struct agent *a)
{
	int rc = refuse_waiting(a);

	pull_job_cancel(&a->pull);
	a->waiting = a->in.pull_request;
	a->has_waiting = true;
	return rc;
}

static int take_cancel(struct agent *a)
{
	uint32_t id = a->in.pull_cancel.id;

	if (a->has_waiting && a->waiting.id == id)
		return refuse_waiting(a);
	/* A job that has ended has said so: the cancel crossed it. */
	if (a->pull.pending.id == id)
		pull_job_cancel(&a->pull);
	return 0;
}

static int take_state(struct agent *a, const char **ret_why)
{
	const struct msg_state_request *req = &a->in.state_request;
	uint32_t window = a->window.map.geo.window_granules;
	struct msg_state_reply *reply = &a->out.state_reply;
	int rc;

	if (req->first >= window || req->nr > window - req->first) {
		*ret_why = "state of granules outside of the window";
		return -EPROTO;
	}
	a->out.type = GUEST_MSG_STATE_REPLY;
	reply->id = req->id;
	reply->first = req->first;
	reply->nr = req->nr;
	rc = window_state(&a->window, req->first, req->nr, reply->in_use);
	if (rc) {
		*ret_why = "the driver does not tell its state";
		return rc;
	}
	return send_out(a);
}

static int take_request(struct agent *a, const char **ret_why)
{
	int rc;

	switch (a->in.type) {
	case HOST_MSG_ONLINE_REQUEST:
		rc = refuse_waiting(a);
		return rc ? rc : take_online(a, ret_why);
	case HOST_MSG_PULL_REQUEST:
		return take_pull(a);
	case HOST_MSG_PULL_CANCEL:
		return take_cancel(a);
	case HOST_MSG_STATE_REQUEST:
		return take_state(a, ret_why);
	case HOST_MSG_WELCOME:
		*ret_why = "a second welcome";
		return -EPROTO;
	case HOST_MSG_UNKNOWN:
	default:
		return send_unsupported(a);
	}
}

int agent_frame(struct agent *a, const uint8_t *untrusted_buf, size_t len,
		uint64_t now_ms, const char **ret_why)
{
	int rc = codec_decode_host(untrusted_buf, len, &a->in, ret_why);

	if (rc)
		return rc;
	*ret_why = "it does not read its answers";
	if (a->state == AGENT_SERVING)
		return take_request(a, ret_why);
	if (a->in.type == HOST_MSG_WELCOME)
		return take_welcome(a, now_ms, ret_why);
	*ret_why = "a request before the welcome";
	return -EPROTO;
}

/* Work ----------------------------------------------------------------- */

bool agent_lost_track(const struct agent *a)
{
	return a->window.unknown;
}

void agent_stalled(struct agent *a, uint64_t now_ms)
{
	if (a->state == AGENT_SERVING)
		pace_stall(&a->pace, now_ms);
}

void agent_touched(struct agent *a, uint64_t now_ms)
{
	if (a->state == AGENT_SERVING)
		pace_peek(&a->pace, now_ms);
}

void agent_stirred(struct agent *a, uint64_t now_ms)
{
	if (a->state == AGENT_SERVING)
		pace_stir(&a->pace, now_ms);
}

void agent_starves(struct agent *a, enum block_zone zone, uint64_t now_ms)
{
	if (a->state != AGENT_SERVING)
		return;
	a->kernel_starves = zone == BLOCK_KERNEL;
	a->starves = true;
	pace_stir(&a->pace, now_ms);
}

static bool opens_block(const struct agent *a, const struct kdev_range *ranges,
			uint32_t i)
{
	const struct window_map *m = &a->window.map;
	uint32_t block = window_map_block_of(m, ranges[i].r.first);

	for (uint32_t k = 0; k < i; k++)
		if (window_map_block_of(m, ranges[k].r.first) == block)
			return false;
	return m->blocks[block].zone == BLOCK_ABSENT;
}

/* A zone for a range of a batch, as if those before it were done. */
static enum block_zone choose_zone(const struct agent *a, struct zone_plan *p,
				   const struct kdev_range *ranges, uint32_t i)
{
	const struct window_geometry *geo = &a->window.map.geo;
	uint64_t block = (uint64_t)geo->block_granules * GRANULE_PAGES;
	uint64_t memmap = (uint64_t)geo->memmap_granules * GRANULE_PAGES;
	uint64_t range = (uint64_t)ranges[i].r.nr * GRANULE_PAGES;
	enum block_zone zone = zone_choose(p->kernel, p->movable, block);

	if (!opens_block(a, ranges, i))
		return zone;	/* not used */
	if (p->kernel_first)
		zone = BLOCK_KERNEL;
	p->kernel_first = false;
	if (zone == BLOCK_MOVABLE)
		p->movable += block - memmap;
	else
		p->kernel += range - MIN(range, memmap);
	return zone;
}

static struct online_job *nth_online(struct agent *a, unsigned int i)
{
	return &a->online[(a->first_online + i) % AGENT_ONLINE_QUEUE];
}

/* Ranges of all requests that wait, in the order they came. */
static uint32_t gather_online(struct agent *a, struct kdev_range *ret)
{
	struct zone_plan plan = zone_plan(a);
	uint32_t nr = 0;

	for (unsigned int i = 0; i < a->nr_online; i++) {
		const struct online_job *job = nth_online(a, i);

		for (uint32_t n = job->next; n < job->req.nr_ranges; n++) {
			if (nr == KDEV_BATCH_MAX)
				return nr;
			ret[nr] = (struct kdev_range){
				.r = job->req.ranges[n],
			};
			ret[nr].zone = choose_zone(a, &plan, ret, nr);
			a->kernel_starves = plan.kernel_first;
			nr++;
		}
	}
	return nr;
}

static void take_online_result(struct online_job *job,
			       const struct kdev_range *r)
{
	int rc = r->ret_rc;

	if (rc)
		log_warn("online %u+%u: %s, %u done", r->r.first, r->r.nr,
			 strerror(-rc), r->ret_done);
	else
		log_debug("online %u+%u", r->r.first, r->r.nr);
	job->reply.done[job->next++] = r->ret_done;
	if (rc && !job->reply.error)
		job->reply.error = (uint32_t)-rc;
}

/* What was not begun, or interrupted by a signal, is for the next turn. */
static void call_online(struct agent *a)
{
	struct kdev_range ranges[KDEV_BATCH_MAX];
	uint32_t nr = gather_online(a, ranges);
	unsigned int i = 0;

	window_online(&a->window, ranges, nr);
	if (agent_lost_track(a))
		return;
	for (uint32_t n = 0; n < nr; n++) {
		struct online_job *job = nth_online(a, i);

		if (ranges[n].ret_rc == -EAGAIN || ranges[n].ret_rc == -EINTR)
			return;
		take_online_result(job, &ranges[n]);
		if (job->next == job->req.nr_ranges)
			i++;
	}
}

static void turn_online(struct agent *a, uint64_t now_ms)
{
	struct online_job *job = nth_online(a, 0);

	if (!job->next)
		learn_boot_pages(a);
	if (job->next < job->req.nr_ranges) {
		call_online(a);
		if (job->next < job->req.nr_ranges)
			return;
	}
	a->out.type = GUEST_MSG_ONLINE_REPLY;
	a->out.online_reply = job->reply;
	if (send_out(a))
		return;
	a->first_online = (a->first_online + 1) % AGENT_ONLINE_QUEUE;
	a->nr_online--;
	pace_stir(&a->pace, now_ms);
	tell_grown(a);
}

static void turn_pull(struct agent *a, uint64_t now_ms)
{
	int rc;

	if (a->pull.state == PULL_JOB_IDLE) {
		learn_boot_pages(a);
		pull_job_start(&a->pull, &a->waiting, a->boot_pages, now_ms);
		a->has_waiting = false;
	}
	rc = pull_job_turn(&a->pull, now_ms);
	if (rc)
		log_err("pull or remove: %s", strerror(-rc));
}

static void flush_pull(struct agent *a, uint64_t now_ms)
{
	const struct msg_pull_progress *p = &a->pull.pending;

	a->out.type = GUEST_MSG_PULL_PROGRESS;
	a->out.pull_progress = *p;
	if (send_out(a))
		return;
	log_debug("pulled %u granules%s%s", a->pull.pending_granules,
		  p->last ? ", the end: " : "",
		  p->last ? pull_reason_text(p->reason) : "");
	if (p->last)
		pace_stir(&a->pace, now_ms);
	pull_job_sent(&a->pull);
}

static struct msg_report make_report(const struct meminfo *mi,
				     const struct pressure *p)
{
	return (struct msg_report){
		.mem_total_kib = mi->total_kib,
		.mem_free_kib = mi->free_kib,
		.mem_available_kib = mi->available_kib,
		.swap_total_kib = mi->swap_total_kib,
		.swap_free_kib = mi->swap_free_kib,
		.time_us = p->time_us,
		.stall_some_us = p->stall_some_us,
		.stall_full_us = p->stall_full_us,
		.refault_pages = p->refault_pages,
		.swap_in_pages = p->swap_in_pages,
		.has_pressure = p->has_stall,
	};
}

/* What else is so the next report will tell. Nothing is logged: that may take
 * memory, too. */
static void turn_starves(struct agent *a, uint64_t now_ms)
{
	const struct msg_report *looked = &a->pace.looked;
	struct msg_report *r = &a->out.report;

	a->out.type = GUEST_MSG_REPORT;
	*r = *looked;
	r->stalled = false;
	r->starving = true;
	r->time_us = MAX(looked->time_us + 1, now_ms * 1000);
	a->starves = send_out(a) != 0;
}

static void turn_look(struct agent *a, uint64_t now_ms)
{
	struct msg_report *r = &a->out.report;
	struct pressure p = { 0 };
	struct meminfo mi;
	int rc = a->cbs->meminfo(a->ctx, &mi);

	if (rc) {
		log_warn("meminfo: %s, ignoring", strerror(-rc));
		pace_blind(&a->pace, now_ms);
		return;
	}
	a->cbs->pressure(a->ctx, &p);
	a->out.type = GUEST_MSG_REPORT;
	*r = make_report(&mi, &p);
	if (pace_look(&a->pace, r, now_ms) && !send_out(a))
		pace_sent(&a->pace, r, now_ms);
}

static uint64_t wake_ms(const struct agent *a)
{
	uint64_t wake = pace_due_ms(&a->pace);

	if (a->blocked)
		return UINT64_MAX;
	if (a->starves || a->nr_online || (a->has_waiting && a->pull.state == PULL_JOB_IDLE))
		return 0;
	return MIN(wake, pull_job_wake_ms(&a->pull));
}

uint64_t agent_turn(struct agent *a, uint64_t now_ms)
{
	if (a->state != AGENT_SERVING || agent_lost_track(a))
		return UINT64_MAX;
	a->blocked = false;
	/* Before the first look there is nothing to tell but that. */
	if (a->starves && a->pace.looked.mem_total_kib)
		turn_starves(a, now_ms);
	if (a->blocked)
		return wake_ms(a);
	if (pull_job_due(&a->pull, now_ms))
		flush_pull(a, now_ms);
	else if (a->nr_online)
		turn_online(a, now_ms);
	else if (a->pull.state != PULL_JOB_IDLE || a->has_waiting)
		turn_pull(a, now_ms);
	if (!a->blocked && now_ms >= pace_due_ms(&a->pace))
		turn_look(a, now_ms);
	return wake_ms(a);
}
