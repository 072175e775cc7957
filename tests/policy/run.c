/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * run.c - One policy, one scenario
 */
#include "run.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <inttypes.h>
#include <string.h>

#include "vtime.h"

/* By then all agents have greeted, at least. */
#define GREET_US	1000000

/* Source: see vhost.h; another call takes some us. */
static const struct vhost_costs costs = { 5, 200, 2200 };
static const struct guest_conf conf = {
	.reserve_kib = RUN_RESERVE_KIB,
	.retry_min_ms = 1000, .retry_max_ms = 60000,
};

/**
 * struct run
 * @tick:	brings the guests up to the present
 * @sample:	looks at all that is measured
 */
struct run {
	struct stage stage;
	const struct driver *driver;
	void *ctx;
	const struct run_watch *watch;
	struct measure *measure;
	struct event tick, sample;
	int64_t start_us, watched_us;
	char *why;
};

static void arm_us(struct event *e, int64_t us)
{
	struct timeval tv = { us / 1000000, us % 1000000 };

	event_add(e, &tv);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct run *r = ctx;
	int64_t next_us = vtime_us() + 1000000;

	(void)fd;
	(void)what;
	for (uint32_t i = 0; i < r->stage.s->nr; i++) {
		struct vguest *g = r->stage.guests[i];

		if (vguest_due_us(g) <= vtime_us())
			vguest_sync(g);
		next_us = MIN(next_us, vguest_due_us(g));
	}
	arm_us(&r->tick, MAX(next_us - vtime_us(), 1000));
}

/* What it must hold to have @kib: a 64th of what it is given carries memmap. */
static int64_t to_hold(const struct vguest_conf *c, int64_t kib)
{
	int64_t boot = (int64_t)c->boot_mib * 1024;

	return kib <= boot ? kib : boot + (kib - boot) * 64 / 63 + GRANULE_KIB;
}

static void look_at_guest(const struct run *r, uint32_t i,
			  struct measure_guest *ret)
{
	struct vguest *v = r->stage.guests[i];
	struct vmem_want want;
	const struct vmem *m;

	vguest_sync(v);
	m = vguest_mem(v);
	want = vguest_want(v);
	*ret = (struct measure_guest){
		.held = (int64_t)guest_held_kib(
			service_by_domid(r->stage.service, i + 1)),
		.need = to_hold(&r->stage.s->guests[i], vmem_need(m, &want)),
		.runs = vmem_runs(m, &want),
		.ideal_runs = vmem_runs(vguest_ideal(v), &want),
		.stall_us = m->stall_some_us + m->down_us,
		.kills = m->oom_kills,
	};
}

static void check(struct run *r)
{
	const struct vhost_counts *c = vhost_counts(r->stage.host);

	if (*r->why)
		return;
	if (c->violations)
		snprintf(r->why, 128, "%s", c->why);
	if (service_promised(r->stage.service) >
	    vhost_free_pages(r->stage.host))
		snprintf(r->why, 128, "more is promised than is there (I4)");
	for (uint32_t i = 0; i < r->stage.s->nr; i++) {
		struct guest *g = service_by_domid(r->stage.service, i + 1);

		if (!guest_connected(g))
			snprintf(r->why, 128, "guest %u is %s: %.80s", i + 1,
				 guest_state_name(g->state), g->why);
		if (r->driver == &driver_memtide &&
		    vtime_us() - r->start_us > SCENARIO_WARM_US &&
		    guest_target_kib(g) <
			    r->stage.s->guests[i].floor_mib * 1024ull)
			snprintf(r->why, 128, "guest %u is below its floor",
				 i + 1);
	}
}

static void on_sample(evutil_socket_t fd, short what, void *ctx)
{
	struct run *r = ctx;
	struct measure_guest guests[SCENARIO_GUESTS_MAX];
	bool pressed[SCENARIO_GUESTS_MAX];
	int64_t at_us = vtime_us() - r->start_us;
	int64_t free_kib = (int64_t)vhost_free_pages(r->stage.host) * PAGE_KIB -
			   RUN_RESERVE_KIB;

	(void)fd;
	(void)what;
	arm_us(&r->sample, MEASURE_US);
	check(r);
	if (at_us < SCENARIO_WARM_US)
		return;
	for (uint32_t i = 0; i < r->stage.s->nr; i++)
		look_at_guest(r, i, &guests[i]);
	measure_look(r->measure, at_us, guests, free_kib);
	if (!r->watch || at_us < r->watched_us)
		return;
	r->watched_us = MAX(r->watched_us, at_us) + r->watch->every_us;
	for (uint32_t i = 0; i < r->stage.s->nr; i++)
		pressed[i] = measure_pressed(r->measure, i);
	r->watch->look(r->watch->ctx, at_us, &r->stage, guests, pressed);
}

static void go_on_until(struct run *r, int64_t at_us)
{
	while (vtime_us() - r->start_us < at_us)
		event_base_loop(r->stage.base, EVLOOP_ONCE);
}

static void begin(struct run *r, const struct scenario *s)
{
	struct stage *stage = &r->stage;
	struct vhost_costs c = {
		costs.call_us / s->speed, costs.populate_us / s->speed,
		costs.give_back_us / s->speed,
	};

	vtime_restart();
	stage->s = s;
	stage->base = event_base_new();
	ASSERT(stage->base);
	ASSERT(!vhost_new(s->host_mib * 256ull, &c, vtime_spend,
			  &stage->host));
	for (uint32_t i = 0; i < s->nr; i++)
		ASSERT(!vguest_new(stage->base, stage->host, &s->guests[i],
				   &stage->guests[i]));
	ASSERT(!measure_new(s, &r->measure));
	ASSERT(!service_open(stage->base, vhost_backend(stage->host), &conf,
			     &stage->service));
	r->start_us = vtime_us();
	event_assign(&r->tick, stage->base, -1, 0, on_tick, r);
	event_assign(&r->sample, stage->base, -1, 0, on_sample, r);
	arm_us(&r->tick, 0);
}

static void end(struct run *r)
{
	struct stage *stage = &r->stage;

	r->driver->close(r->ctx);
	event_del(&r->tick);
	event_del(&r->sample);
	service_close(stage->service);
	for (uint32_t i = 0; i < stage->s->nr; i++)
		vguest_free(stage->guests[i]);
	vhost_free(stage->host);
	event_base_free(stage->base);
	measure_free(r->measure);
}

struct measured run_scenario(const struct scenario *s,
			     const struct driver *driver,
			     const struct run_watch *watch, char ret_why[128])
{
	struct run r = { .driver = driver, .watch = watch, .why = ret_why };
	struct measured result;

	*ret_why = 0;
	begin(&r, s);
	go_on_until(&r, GREET_US);
	r.ctx = driver->open(&r.stage);
	ASSERT(r.ctx);
	arm_us(&r.sample, MEASURE_US);
	go_on_until(&r, s->length_us);
	result = measure_end(r.measure);
	for (uint32_t i = 0; i < s->nr; i++)
		result.messages += vguest_messages(r.stage.guests[i]);
	result.runs = driver->runs(r.ctx);
	end(&r);
	return result;
}
