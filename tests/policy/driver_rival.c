/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * driver_rival.c - A rival sets the targets
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "rival.h"
#include "run.h"
#include "vtime.h"

/* What mapping a granule may cost the host: service.c's admission. */
#define GRANULE_COST_KIB	(GRANULE_KIB + 8)

struct driven {
	struct stage *stage;
	struct rival rival;
	struct rival_guest guests[SCENARIO_GUESTS_MAX];
	struct event tick;
	uint64_t runs;
};

static struct guest *guest_of(const struct driven *d, uint32_t i)
{
	return service_by_domid(d->stage->service, i + 1);
}

static int64_t free_kib(const struct driven *d)
{
	return (int64_t)vhost_free_pages(d->stage->host) * PAGE_KIB -
	       RUN_RESERVE_KIB;
}

static void look(struct driven *d, uint32_t i)
{
	const struct vguest_conf *c = &d->stage->s->guests[i];
	struct vguest *v = d->stage->guests[i];
	const struct vmem *m;

	vguest_sync(v);
	m = vguest_mem(v);
	d->guests[i].actual = (int64_t)guest_held_kib(guest_of(d, i));
	d->guests[i].used = vmem_used(m);
	d->guests[i].free = vmem_free(m);
	if (c->lie == VGUEST_CRIES || c->lie == VGUEST_BEGS ||
	    c->lie == VGUEST_WAILS) {
		d->guests[i].used = m->total;
		d->guests[i].free = 0;
	} else if (c->lie == VGUEST_BOASTS) {
		d->guests[i].used = 0;
		d->guests[i].free = m->total;
	}
}

/* To what it wants, as far as there is memory that nobody was promised. */
static void apply(struct driven *d, uint32_t i)
{
	struct guest *g = guest_of(d, i);
	int64_t held = (int64_t)guest_held_kib(g);
	int64_t least = (int64_t)guest_least_kib(g);
	int64_t to = MAX(d->guests[i].target, least);
	int64_t room = free_kib(d) + (int64_t)guest_admitted(g) * GRANULE_KIB -
		       (int64_t)service_promised(d->stage->service) * PAGE_KIB;
	char why[256];

	if (to > held)
		to = MIN(to, held + MAX(room, 0) / GRANULE_COST_KIB *
				    GRANULE_KIB);
	to = least + (to - least) / GRANULE_KIB * GRANULE_KIB;
	if (to == (int64_t)guest_target_kib(g))
		return;
	if (service_set_target(g, (uint64_t)to, why, sizeof(why)))
		fprintf(stderr, "guest %u: %s\n", i + 1, why);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct driven *d = ctx;
	const struct scenario *s = d->stage->s;
	struct timeval tv = { 0, RIVAL_TICK_US };
	struct rival_host host = {
		.now_us = vtime_us(), .free = free_kib(d),
		.total = (int64_t)s->host_mib * 1024 - RUN_RESERVE_KIB,
	};

	(void)fd;
	(void)what;
	event_add(&d->tick, &tv);
	for (uint32_t i = 0; i < s->nr; i++)
		look(d, i);
	d->rival.ops->run(&d->rival, &host, d->guests, s->nr);
	d->runs++;
	/* Who gives comes first. */
	for (uint32_t i = 0; i < s->nr; i++) {
		if (d->guests[i].target < d->guests[i].actual)
			apply(d, i);
	}
	for (uint32_t i = 0; i < s->nr; i++) {
		if (d->guests[i].target >= d->guests[i].actual)
			apply(d, i);
	}
}

static void *open_rival(struct stage *stage, const struct rival_ops *ops)
{
	struct driven *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->stage = stage;
	d->rival.ops = ops;
	for (uint32_t i = 0; i < stage->s->nr; i++) {
		const struct vguest_conf *c = &stage->s->guests[i];

		d->guests[i].min = d->guests[i].target = c->boot_mib * 1024;
		d->guests[i].max = c->ceiling_mib * 1024;
		d->guests[i].shares = c->weight * 10;
	}
	event_assign(&d->tick, stage->base, -1, 0, on_tick, d);
	on_tick(-1, 0, d);
	return d;
}

static void close_rival(void *ctx)
{
	event_del(&((struct driven *)ctx)->tick);
	free(ctx);
}

static uint64_t runs(void *ctx)
{
	return ((struct driven *)ctx)->runs;
}

#define DRIVER(NAME, TEXT)						\
	static void *open_##NAME(struct stage *stage)			\
	{								\
		return open_rival(stage, &rival_##NAME);		\
	}								\
	const struct driver driver_##NAME = {				\
		TEXT, open_##NAME, close_rival, runs,			\
	}

DRIVER(static, "static");
DRIVER(squeezed, "squeezed");
DRIVER(proxmox, "Proxmox");
DRIVER(qmemman, "qmemman");
