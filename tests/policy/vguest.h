/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vguest.h - A guest: its work, its memory, and the real agent in it
 *
 * DOC: Theory of operation
 *
 * The agent is memtide-agent's own (agent.h), with a driver (vkdev.h) and a
 * kernel's figures (vmem.h) that are simulated. The kernel's triggers (psi.h)
 * wake it.
 *
 * The model goes on when somebody looks at it (vguest_sync()) and when it is
 * due: each VGUEST_STEP_US while the guest lacks something, else when its work
 * changes.
 *
 * Beside it, the same work goes on in a guest with all the memory it could
 * want (@ideal): what that has earlier is what the lack of memory costs.
 */
#ifndef MEMTIDE_TEST_VGUEST_H
#define MEMTIDE_TEST_VGUEST_H

#include "load.h"
#include "vhost.h"
#include "vkdev.h"

#define VGUEST_STEP_US	10000

struct agent;
struct event_base;
struct vguest;

/* What it says that is not so. */
enum vguest_lie {
	VGUEST_HONEST,
	VGUEST_CRIES,		/* waits for memory all the time */
	VGUEST_BEGS,		/* has nothing available, but never waits */
	VGUEST_WAILS,		/* has nothing, and waits all the time */
	VGUEST_BOASTS,		/* has all of it available, never waits */
	VGUEST_NUM_LIES,
};

/**
 * struct vguest_conf
 * @boot_mib:	what it is built with
 * @kernel_mib:	of it, what the kernel takes
 * @floor_mib:	it is never to hold less; 0: what it was built with
 * @ceiling_mib: window and boot memory
 * @load:	borrowed
 * @quiet:	its kernel has no PSI
 */
struct vguest_conf {
	uint32_t boot_mib, kernel_mib, swap_mib, floor_mib, ceiling_mib;
	uint32_t weight;
	enum vkdev_class class;
	enum vguest_lie lie;
	bool quiet;
	const struct load *load;
};

/** vguest_new() - Build it on a host; 0 or -ENOMEM */
int vguest_new(struct event_base *base, struct vhost *host,
	       const struct vguest_conf *conf, struct vguest **ret);
void vguest_free(struct vguest *g);

/** vguest_sync() - Bring the model up to the present */
void vguest_sync(struct vguest *g);

/** vguest_due_us() - When the model is to be brought up to the present */
int64_t vguest_due_us(const struct vguest *g);

uint32_t vguest_domid(const struct vguest *g);
const struct vmem *vguest_mem(const struct vguest *g);
const struct vmem *vguest_ideal(const struct vguest *g);
struct vmem_want vguest_want(const struct vguest *g);
/** vguest_messages() - It has sent so many */
uint64_t vguest_messages(const struct vguest *g);

#endif
