/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fake_world.h - The real service and two guests in the hands of a test
 *
 * The machine is simulated and does not know what these guests use, as Xen
 * does not: a granule that is taken from a guest that lied about it is that
 * guest's loss, and nr_lost() counts it. What the machine counts as a broken
 * law must stay 0.
 */
#ifndef MEMTIDE_TEST_FAKE_WORLD_H
#define MEMTIDE_TEST_FAKE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cases.h"
#include "fake_agent.h"
#include "log.h"
#include "service.h"

#define BLOCK		64u
#define WINDOW		1024u
#define BOOT_PAGES	32768u
#define WINDOW_GFN	(UINT64_C(1) << 21)
#define HOST_PAGES	(2 * BOOT_PAGES + 2 * 514 * 512)
#define BOOT_KIB	(BOOT_PAGES * UINT64_C(4))

struct world {
	char *dir;
	struct event_base *base;
	struct backend *backend;
	struct service *service;
	struct sim_machine *m;
	uint32_t boot_pages;	/* of each guest */
	uint32_t domids[2];
	struct fake fakes[2];
};

static const struct sim_domain_config config = {
	.boot_pages = BOOT_PAGES, .block_granules = BLOCK,
	.memmap_granules = 1, .window_gfn = WINDOW_GFN,
	.window_granules = WINDOW,
};

static inline void turn(void *ctx)
{
	struct world *w = ctx;

	for (int i = 0; i < 4; i++)
		event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static inline void add_domain(struct world *w, unsigned int i)
{
	struct sim_domain_config c = config;

	c.boot_pages = w->boot_pages;
	snprintf(c.name, sizeof(c.name), "d%u", i);
	c.uuid[0] = (uint8_t)(i + 1);
	assert_int_equal(sim_domain_create(w->m, &c, &w->domids[i]), 0);
	fake_init(&w->fakes[i], w->dir, w->domids[i], &c);
	w->fakes[i].turn = turn;
	w->fakes[i].ctx = w;
}

static inline void open_service(struct world *w)
{
	static const struct guest_conf conf = {
		.retry_min_ms = 5, .retry_max_ms = 50,
	};

	w->base = event_base_new();
	assert_int_equal(backend_sim_open(w->dir, &w->backend), 0);
	assert_int_equal(service_open(w->base, w->backend, &conf, &w->service),
			 0);
}

static inline void close_service(struct world *w)
{
	service_close(w->service);
	w->backend->ops->close(w->backend);
	event_base_free(w->base);
}

static inline int make_world(void **state, uint32_t boot_pages)
{
	struct world *w = calloc(1, sizeof(*w));
	uint64_t host_pages = HOST_PAGES + 2 * (boot_pages - BOOT_PAGES);

	assert_non_null(w);
	w->boot_pages = boot_pages;
	w->dir = strdup("/tmp/memtide-service-XXXXXX");
	assert_non_null(w->dir);
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(sim_create(w->dir, host_pages, 4, 4 * WINDOW, 1), 0);
	assert_int_equal(sim_open(w->dir, &w->m), 0);
	add_domain(w, 0);
	add_domain(w, 1);
	open_service(w);
	*state = w;
	return 0;
}

static inline int setup(void **state)
{
	return make_world(state, BOOT_PAGES);
}

static inline int teardown(void **state)
{
	char command[64], why[128] = "";
	struct world *w = *state;

	if (sim_violations(w->m, why, sizeof(why)))
		fail_msg("the law was broken: %s", why);
	close_service(w);
	fake_done(&w->fakes[0]);
	fake_done(&w->fakes[1]);
	sim_close(w->m);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	free(w->dir);
	free(w);
	return 0;
}

/* Looking -------------------------------------------------------------- */

static inline struct guest *guest_of(struct world *w, unsigned int i)
{
	struct guest *g = service_by_domid(w->service, w->domids[i]);

	assert_non_null(g);
	return g;
}

static inline bool await_state(struct world *w, unsigned int i,
			       enum guest_state state)
{
	for (unsigned int n = 0; n < FAKE_TURNS; n++) {
		if (guest_of(w, i)->state == state)
			return true;
		fake_turn(&w->fakes[i]);
	}
	return false;
}

static inline void expect_state(struct world *w, unsigned int i,
				enum guest_state state)
{
	if (!await_state(w, i, state))
		fail_msg("guest %u is %s, not %s: %s", i,
			 guest_state_name(guest_of(w, i)->state),
			 guest_state_name(state), guest_of(w, i)->why);
}

static inline void expect_quarantine(struct world *w, unsigned int i,
				     const char *why)
{
	expect_state(w, i, GUEST_QUARANTINED);
	if (!strstr(guest_of(w, i)->why, why))
		fail_msg("quarantined for \"%s\", not for \"%s\"",
			 guest_of(w, i)->why, why);
}

static inline uint32_t nr_backed(struct world *w, unsigned int i)
{
	uint64_t bits[WINDOW / 64];
	uint32_t nr = 0;

	assert_int_equal(sim_backed(w->m, w->domids[i], 0, WINDOW, bits), 0);
	for (unsigned int k = 0; k < WINDOW / 64; k++)
		nr += (uint32_t)__builtin_popcountll(bits[k]);
	return nr;
}

/* What a guest says it uses and has no memory for: its own fault. */
static inline uint32_t nr_lost(struct world *w, unsigned int i)
{
	uint64_t bits[WINDOW / 64];
	uint32_t nr = 0;

	assert_int_equal(sim_backed(w->m, w->domids[i], 0, WINDOW, bits), 0);
	for (uint32_t k = 0; k < WINDOW; k++)
		nr += fake_uses(&w->fakes[i], k) &&
		      !(bits[k / 64] >> k % 64 & 1);
	return nr;
}

/* I2 and I3, as the machine has it */
static inline void expect_pages(struct world *w, unsigned int i)
{
	struct sim_domain_info info;

	assert_int_equal(sim_domain_info(w->m, w->domids[i], &info), 0);
	assert_int_equal(info.pages,
			 w->boot_pages + nr_backed(w, i) * GRANULE_PAGES);
	assert_int_equal(info.max_pages, info.pages);
}

/* Doing ---------------------------------------------------------------- */

static inline void greet(struct world *w, unsigned int i)
{
	assert_true(fake_greet(&w->fakes[i]));
	expect_state(w, i, GUEST_READY);
}

static inline int set(struct world *w, unsigned int i, uint32_t granules,
	       char why[256])
{
	return service_set_target(guest_of(w, i),
				  BOOT_KIB + granules * UINT64_C(2048), why,
				  256);
}

/* Answers requests as a good guest does, until it has settled. */
static inline void obey(struct world *w, unsigned int i)
{
	struct fake *f = &w->fakes[i];

	for (unsigned int n = 0; n < FAKE_TURNS; n++) {
		if (guest_of(w, i)->state == GUEST_READY &&
		    guest_of(w, i)->settled)
			return;
		if (!fake_hear(f, 1))
			continue;
		if (f->got.type == HOST_MSG_ONLINE_REQUEST)
			fake_say_online(f);
		else if (f->got.type == HOST_MSG_STATE_REQUEST)
			fake_say_state(f);
	}
	fail_msg("guest %u does not settle", i);
}

static inline void grow(struct world *w, unsigned int i, uint32_t granules)
{
	char why[256] = "";

	if (set(w, i, granules, why))
		fail_msg("guest %u: %s", i, why);
	obey(w, i);
	assert_int_equal(nr_backed(w, i), granules);
	assert_int_equal(nr_lost(w, i), 0);
}

/* Up to where the host has asked for all of it back. */
static inline void grow_and_ask_back(struct world *w, uint32_t granules)
{
	char why[256];

	greet(w, 0);
	grow(w, 0, granules);
	assert_int_equal(set(w, 0, 0, why), 0);
	assert_true(fake_wait(&w->fakes[0], HOST_MSG_PULL_REQUEST));
}

static inline void rest(struct world *w, unsigned int turns)
{
	while (turns--)
		fake_turn(&w->fakes[0]);
}

/* As xl mem-set does, in the simulated machine's way. */
static inline void write_target(struct world *w, unsigned int i, int64_t kib)
{
	char path[80], temp[80];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%u.target", w->dir, w->domids[i]);
	snprintf(temp, sizeof(temp), "%s/xl", w->dir);
	out = fopen(temp, "we");
	assert_non_null(out);
	fprintf(out, "%" PRId64 "\n", kib);
	fclose(out);
	assert_int_equal(rename(temp, path), 0);
}

static inline int64_t read_target(struct world *w, unsigned int i)
{
	int64_t kib = -1;
	char path[80];
	FILE *in;

	snprintf(path, sizeof(path), "%s/%u.target", w->dir, w->domids[i]);
	in = fopen(path, "re");
	assert_non_null(in);
	assert_int_equal(fscanf(in, "%" SCNd64, &kib), 1);
	fclose(in);
	return kib;
}

/* Three granules that memtided has not given in the life of this domain */
static inline void put_memory(struct world *w)
{
	uint32_t done;

	assert_int_equal(sim_set_max(w->m, w->domids[0],
				     w->boot_pages + WINDOW * 512), 0);
	assert_int_equal(sim_populate(w->m, w->domids[0],
				      (struct granules){ 640, 3 }, &done), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
