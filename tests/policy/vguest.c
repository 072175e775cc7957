/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vguest.c - A guest: its work, its memory, and the real agent in it
 */
#include "vguest.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <string.h>

#include "agent.h"
#include "frame.h"
#include "psi.h"
#include "vtime.h"
#include "wire.h"

/* Source: a round trip over vchan takes 0.6 ms, shared/lab and results.md. */
#define WIRE_US		300
#define WINDOW_GFN	(UINT64_C(1) << 20)
#define BLOCK_GRANULES	64u
#define MIB_KIB		1024

/* The early sign of a stall: guest-agent/session.c */
#define EARLY_PART	8u

/**
 * struct vguest - see vguest.h
 * @origin_us:	when its load began
 * @now_us:	the model's time; @due_us: when it is to go on
 * @stall, @early: the kernel's triggers; @stalled, @stirred: have fired
 * @cried_us:	stall that there was not
 * @busy_us:	its agent is in the kernel until then
 * @turn:	the agent's; @hear: something of the host has arrived
 */
struct vguest {
	struct event_base *base;
	struct vhost *host;
	struct vguest_conf conf;
	uint32_t domid;
	int64_t origin_us, now_us, due_us;
	struct vmem mem, ideal;
	struct vmem_want want;
	struct psi_trigger stall, early;
	bool stalled, stirred;
	uint64_t cried_us;
	struct vkdev kdev;
	struct agent *agent;
	struct wire *wire;
	struct event turn, hear;
	int64_t busy_us;
	uint64_t messages;
	size_t in_len;
	uint8_t in[2 * FRAME_MAX];
};

static void arm_us(struct event *e, int64_t us)
{
	struct timeval tv = { us / 1000000, us % 1000000 };

	event_add(e, &tv);
}

static uint64_t now_ms(void)
{
	return (uint64_t)(vtime_us() / 1000);
}

/* The model ------------------------------------------------------------ */

static bool lacks(const struct vmem *m, const struct vmem_want *want)
{
	return !vmem_has_all(m, want) || m->evicted;
}

/* How long a step may be: all of it is alike. */
static int64_t step_us(struct vguest *g, int64_t end_us)
{
	int64_t left_us = end_us - g->now_us, same_us;

	g->want = load_at(g->conf.load, g->now_us - g->origin_us, &same_us);
	if (!same_us || lacks(&g->mem, &g->want) ||
	    lacks(&g->ideal, &g->want))
		return MIN(left_us, VGUEST_STEP_US);
	return MIN(left_us, same_us);
}

static int64_t next_due_us(const struct vguest *g, int64_t same_us)
{
	if (lacks(&g->mem, &g->want) || lacks(&g->ideal, &g->want))
		return g->now_us + VGUEST_STEP_US;
	if (!same_us)
		return g->now_us + 5 * VGUEST_STEP_US;
	return same_us == LOAD_FOREVER ? LOAD_FOREVER : g->now_us + same_us;
}

static bool cries(const struct vguest *g)
{
	return g->conf.lie == VGUEST_CRIES || g->conf.lie == VGUEST_WAILS;
}

/* As the kernel's triggers: not from inside of what the agent does. */
static void hear_kernel(struct vguest *g)
{
	uint64_t some_us = g->mem.psi_some_us + g->cried_us;

	if (g->conf.lie == VGUEST_BOASTS || g->conf.lie == VGUEST_BEGS)
		return;
	g->stalled |= psi_look(&g->stall, some_us, g->now_us);
	g->stirred |= psi_look(&g->early, some_us, g->now_us);
	if (g->wire && (g->stalled || g->stirred))
		arm_us(&g->turn, 0);
}

void vguest_sync(struct vguest *g)
{
	int64_t end_us = vtime_us(), same_us;

	while (g->now_us < end_us) {
		int64_t us = step_us(g, end_us);

		vmem_step(&g->mem, &g->want, us);
		vmem_step(&g->ideal, &g->want, us);
		g->now_us += us;
		if (cries(g))
			g->cried_us += (uint64_t)us / 2;
		hear_kernel(g);
	}
	g->want = load_at(g->conf.load, g->now_us - g->origin_us, &same_us);
	g->due_us = next_due_us(g, same_us);
	if (cries(g))
		g->due_us = MIN(g->due_us, g->now_us + 10 * VGUEST_STEP_US);
}

static void before_call(void *ctx)
{
	struct vguest *g = ctx;

	vguest_sync(g);
	g->kdev.now_us = vtime_us();
}

/* The agent ------------------------------------------------------------ */

static void heard(void *ctx)
{
	struct vguest *g = ctx;

	arm_us(&g->hear, WIRE_US);
}

/* What it does takes its time, and the answer comes after that. */
static int agent_send(void *ctx, const uint8_t *buf, size_t len)
{
	struct vguest *g = ctx;
	uint8_t frame[FRAME_MAX];
	int64_t now_us = vtime_us();

	g->messages++;
	g->busy_us = MAX(g->busy_us, now_us) + g->kdev.busy_us;
	g->kdev.busy_us = 0;
	frame_put_header(frame, len);
	memcpy(frame + FRAME_HEADER_BYTES, buf, len);
	return wire_say(g->wire, frame, FRAME_HEADER_BYTES + len,
			g->busy_us - now_us + WIRE_US, now_us);
}

static int agent_meminfo(void *ctx, struct meminfo *ret)
{
	struct vguest *g = ctx;
	int64_t available;

	vguest_sync(g);
	available = vmem_available(&g->mem);
	if (g->conf.lie == VGUEST_BEGS || g->conf.lie == VGUEST_WAILS)
		available = 0;
	if (g->conf.lie == VGUEST_BOASTS)
		available = g->mem.total;
	*ret = (struct meminfo){
		.total_kib = (uint64_t)g->mem.total,
		.free_kib = (uint64_t)MIN(vmem_free(&g->mem), available),
		.available_kib = (uint64_t)available,
		.swap_total_kib = (uint64_t)g->mem.swap,
		.swap_free_kib = (uint64_t)(g->mem.swap - g->mem.swapped),
	};
	return 0;
}

/* Who boasts or begs never waits, who cries always does. */
static void agent_pressure(void *ctx, struct pressure *ret)
{
	struct vguest *g = ctx;
	const struct vmem *m = &g->mem;

	vguest_sync(g);
	*ret = (struct pressure){ .time_us = (uint64_t)vtime_us() };
	ret->has_stall = !g->conf.quiet;
	if (g->conf.lie == VGUEST_BOASTS || g->conf.lie == VGUEST_BEGS)
		return;
	ret->refault_pages = m->refault_pages;
	ret->swap_in_pages = m->swap_in_pages;
	if (g->conf.quiet)
		return;
	ret->stall_some_us = m->psi_some_us + g->cried_us;
	ret->stall_full_us = m->stall_full_us;
}

static int agent_watch(void *ctx, const struct msg_welcome *w)
{
	struct vguest *g = ctx;
	int64_t window_us = w->stall_window_ms * 1000;

	if (g->conf.quiet)
		return -EOPNOTSUPP;
	g->stall = (struct psi_trigger){
		.window_us = window_us, .threshold_us = w->stall_us,
	};
	g->early = (struct psi_trigger){
		.window_us = window_us,
		.threshold_us = MAX(w->stall_us / EARLY_PART, 1),
	};
	return 0;
}

/* Nothing in a virtual guest is sized by its memory at boot. */
static void agent_grown(void *ctx, uint64_t boot_kib, uint64_t all_kib,
			uint64_t kernel_kib)
{
	(void)ctx;
	(void)boot_kib;
	(void)all_kib;
	(void)kernel_kib;
}

static const struct agent_callbacks agent_cbs = {
	.send = agent_send,
	.meminfo = agent_meminfo,
	.pressure = agent_pressure,
	.watch = agent_watch,
	.grown = agent_grown,
};

static void wake_agent(struct vguest *g)
{
	if (g->stalled)
		agent_stalled(g->agent, now_ms());
	if (g->stirred)
		agent_stirred(g->agent, now_ms());
	g->stalled = g->stirred = false;
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct vguest *g = ctx;
	int64_t now_us = vtime_us(), wake_us;
	uint64_t wake_ms;

	(void)fd;
	(void)what;
	if (now_us < g->busy_us) {
		arm_us(&g->turn, g->busy_us - now_us);
		return;
	}
	wake_agent(g);
	wake_ms = agent_turn(g->agent, now_ms());
	g->busy_us = MAX(g->busy_us, now_us) + g->kdev.busy_us;
	g->kdev.busy_us = 0;
	if (wake_ms == UINT64_MAX)
		return;
	wake_us = MAX((int64_t)wake_ms * 1000, g->busy_us);
	arm_us(&g->turn, MAX(wake_us - now_us, 0));
}

static void hang_up(struct vguest *g)
{
	agent_disconnected(g->agent);
	wire_hang_up(g->wire);
	g->wire = NULL;
	g->in_len = 0;
	event_del(&g->turn);
	event_del(&g->hear);
	vhost_offer(g->host, g->domid);
}

/* Return: true if a frame was there and the agent accepted it */
static bool take_frame(struct vguest *g)
{
	const char *why = "";
	size_t len = 0, all;
	int rc = frame_peek(g->in, g->in_len, &len);

	if (!rc)
		return false;
	ASSERT(rc > 0);
	all = FRAME_HEADER_BYTES + len;
	rc = agent_frame(g->agent, g->in + FRAME_HEADER_BYTES, len, now_ms(),
			 &why);
	if (rc) {
		fprintf(stderr, "the agent of guest %u: %s\n", g->domid, why);
		abort();
	}
	g->in_len -= all;
	memmove(g->in, g->in + all, g->in_len);
	return true;
}

static void on_hear(evutil_socket_t fd, short what, void *ctx)
{
	struct vguest *g = ctx;
	size_t n;

	(void)fd;
	(void)what;
	do {
		n = wire_hear(g->wire, g->in + g->in_len,
			      sizeof(g->in) - g->in_len);
		g->in_len += n;
		while (take_frame(g))
			arm_us(&g->turn, 0);
	} while (n);
	if (wire_closed(g->wire))
		hang_up(g);
}

static int on_connect(void *ctx, struct transport **ret)
{
	struct vguest *g = ctx;
	int rc;

	if (g->wire)
		return -EAGAIN;
	rc = wire_new(g->base, heard, g, ret, &g->wire);
	if (rc)
		return rc;
	ASSERT(!agent_connected(g->agent));
	return 0;
}

static bool uses(void *ctx, uint32_t granule)
{
	return vkdev_uses(&((struct vguest *)ctx)->kdev, granule);
}

/* Building ------------------------------------------------------------- */

static int start_agent(struct vguest *g)
{
	struct agent_config config = { .agent_version = "virtual",
				       .kernel_release = "6.12" };
	uint32_t window = (g->conf.ceiling_mib - g->conf.boot_mib) / 2;
	struct kdev_info info = {
		.window_gfn = WINDOW_GFN,
		.geo = { BLOCK_GRANULES, 1,
			 (window + BLOCK_GRANULES) / BLOCK_GRANULES *
				 BLOCK_GRANULES },
	};
	int rc = vkdev_init(&g->kdev, &info, &g->mem);

	if (rc)
		return rc;
	g->kdev.class = g->conf.class;
	g->kdev.before = before_call;
	g->kdev.ctx = g;
	rc = agent_new(&config, &g->kdev.kdev, &agent_cbs, g, &g->agent);
	if (rc)
		vkdev_done(&g->kdev);
	return rc;
}

static void fill_memory(struct vguest *g)
{
	const struct vguest_conf *c = &g->conf;

	g->mem = (struct vmem){
		.total = (int64_t)c->boot_mib * MIB_KIB,
		.kernel = (int64_t)c->kernel_mib * MIB_KIB,
		.swap = (int64_t)c->swap_mib * MIB_KIB,
	};
	g->ideal = g->mem;
	g->ideal.total = INT64_C(1) << 40;
}

int vguest_new(struct event_base *base, struct vhost *host,
	       const struct vguest_conf *conf, struct vguest **ret)
{
	struct vguest *g = calloc(1, sizeof(*g));
	struct vhost_guest v = {
		.boot_pages = conf->boot_mib * 256ull,
		.window_gfn = WINDOW_GFN,
		.connect = on_connect, .uses = uses, .ctx = g,
	};
	int rc;

	if (!g)
		return -ENOMEM;
	g->base = base;
	g->host = host;
	g->conf = *conf;
	g->origin_us = g->now_us = vtime_us();
	fill_memory(g);
	event_assign(&g->turn, base, -1, 0, on_turn, g);
	event_assign(&g->hear, base, -1, 0, on_hear, g);
	rc = start_agent(g);
	if (rc) {
		free(g);
		return rc;
	}
	v.window_granules = g->kdev.info.geo.window_granules;
	rc = vhost_add(host, &v, &g->domid);
	if (rc) {
		vguest_free(g);
		return rc;
	}
	*ret = g;
	return 0;
}

/* The host is gone by then. */
void vguest_free(struct vguest *g)
{
	if (!g)
		return;
	event_del(&g->turn);
	event_del(&g->hear);
	if (g->wire)
		wire_hang_up(g->wire);
	agent_free(g->agent);
	vkdev_done(&g->kdev);
	free(g);
}

int64_t vguest_due_us(const struct vguest *g)
{
	return g->due_us;
}

uint32_t vguest_domid(const struct vguest *g)
{
	return g->domid;
}

const struct vmem *vguest_mem(const struct vguest *g)
{
	return &g->mem;
}

const struct vmem *vguest_ideal(const struct vguest *g)
{
	return &g->ideal;
}

struct vmem_want vguest_want(const struct vguest *g)
{
	return g->want;
}

uint64_t vguest_messages(const struct vguest *g)
{
	return g->messages;
}
