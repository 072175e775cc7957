/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * run.h - One policy, one scenario
 *
 * The real service with its sessions, steps and ledger, in virtual time, over a
 * virtual hypervisor and guests, under memtide's balancer or a rival.
 */
#ifndef MEMTIDE_TEST_RUN_H
#define MEMTIDE_TEST_RUN_H

#include "measure.h"
#include "service.h"

#define RUN_RESERVE_KIB	(64 * 1024)

/**
 * struct stage - what a policy finds
 * @guests:	in order of domid, from 1
 */
struct stage {
	struct event_base *base;
	const struct scenario *s;
	struct vhost *host;
	struct service *service;
	struct vguest *guests[SCENARIO_GUESTS_MAX];
};

/**
 * struct driver - who sets the targets
 * @open:	once all guests are managed; NULL without memory
 * @runs:	how often it has decided
 */
struct driver {
	const char *name;
	void *(*open)(struct stage *stage);
	void (*close)(void *ctx);
	uint64_t (*runs)(void *ctx);
};

extern const struct driver driver_memtide;
extern const struct driver driver_static;
extern const struct driver driver_squeezed;
extern const struct driver driver_proxmox;
extern const struct driver driver_qmemman;

/**
 * struct run_watch - told of what goes on; for plots and traces
 * @every_us:	of the loads' time
 */
struct run_watch {
	int64_t every_us;
	void (*look)(void *ctx, int64_t at_us, const struct stage *stage,
		     const struct measure_guest *g, const bool *pressed);
	void *ctx;
};

/**
 * run_scenario() - Do it
 * @watch:	may be NULL
 * @ret_why:	if a law was broken, which; else empty
 */
struct measured run_scenario(const struct scenario *s,
			     const struct driver *driver,
			     const struct run_watch *watch, char ret_why[128]);

#endif
