/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_policy.c - Who gets what: by tables, with random input, and closed into
 * a loop with guests that grow, give, stick and lie
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cases.h"
#include "policy.h"
#include "share.h"

#define NEVER	POLICY_NEVER
#define MANY	64u

/* One run --------------------------------------------------------------- */

static struct share slots[MANY];

static struct policy_guest calm(uint32_t key, uint32_t held, uint32_t used)
{
	return (struct policy_guest){
		.key = key, .can = POLICY_CAN_BOTH, .settled = true,
		.set = { true, 128, 4096, 100, 0 }, .boot = 128, .grain = 2,
		.held = held, .target = held, .used = used,
		.total = held, .available = held - used,
		.level = DEMAND_CALM, .calm_ms = NEVER, .report_ms = 100,
		.shown_ms = NEVER,
		.moved_ms = NEVER,
	};
}

static struct policy_guest pained(uint32_t key, uint32_t held)
{
	struct policy_guest g = calm(key, held, held / 2);

	g.level = DEMAND_DISTRESS;
	g.calm_ms = 0;
	g.shown_ms = 100;
	g.refault_kib_s = 20000;
	return g;
}

static void run(struct policy_host *h, struct policy_guest *g, uint32_t nr)
{
	h->slots = slots;
	policy_run(h, g, nr);
}

static void test_a_quiet_host_is_left_alone(void **state)
{
	struct policy_host h = { .free = 500, .burst = 500 };
	struct policy_guest g[] = { calm(1, 2000, 200), calm(2, 300, 200) };

	(void)state;
	run(&h, g, 2);
	assert_int_equal(h.changes, 0);
	assert_int_equal(h.next_ms, NEVER);
	assert_false(h.lacking);
	assert_int_equal(g[0].reason, POLICY_KEEP);
}

static void test_relief_is_a_share_of_the_size_and_doubles(void **state)
{
	static const uint32_t sizes[] = { 128, 128 + 64, 128 + 64 + 128,
					  320 + 256, 576 + 512, 1088 + 1024 };
	struct policy_host h = { .free = 4000 };
	struct policy_guest g = pained(1, 128);

	(void)state;
	for (unsigned int i = 1; i < ARRAY_SIZE(sizes); i++) {
		case_is("step %u", i);
		run(&h, &g, 1);
		case_int_equal(g.target, sizes[i]);
		case_int_equal(g.reason, POLICY_RELIEF);
		/* Not again before it has arrived, and it has said more. */
		g.settled = false;
		run(&h, &g, 1);
		case_int_equal(g.target, sizes[i]);
		g.held = g.target;
		g.settled = true;
		g.moved_ms = 10;
		run(&h, &g, 1);
		case_int_equal(g.target, sizes[i]);
		g.used = g.held / 2;
		g.moved_ms = 200;
	}
}

static void test_relief_knows_how_fast_a_guest_grows(void **state)
{
	struct policy_host h = { .free = 4000 };
	struct policy_guest g = pained(1, 1024);

	(void)state;
	g.growth_kib_s = 2 * 1024 * 1024;
	run(&h, &g, 1);
	/* What it will use in a second, and headroom for what it uses. */
	assert_int_equal(g.target, 512 + 1024 + 134);
}

static void test_need_is_served_before_it_hurts(void **state)
{
	static const struct {
		uint32_t held, used, growth_kib_s, target;
	} cases[] = {
		/* The agent's least: a quarter of it may go. */
		{ 160, 104, 0, 160 },
		{ 160, 112, 0, 112 + 65 },
		{ 2000, 1600, 0, 2000 },
		{ 2000, 1840, 0, 1840 + 248 },
		/* Of much an eighth */
		{ 9000, 8300, 0, 8300 + 1037 },
		/* It will use 100 MiB in half a second. */
		{ 160, 104, 200 * 1024, 104 + 50 + 63 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy_host h = { .free = 4000 };
		struct policy_guest g = calm(1, cases[i].held, cases[i].used);

		case_is("case %u", i);
		g.growth_kib_s = cases[i].growth_kib_s;
		g.set.ceiling = 10000;
		case_int_equal(policy_asks(&g), cases[i].target != g.target);
		run(&h, &g, 1);
		case_int_equal(g.target, cases[i].target);
		case_int_equal(g.reason, g.target == cases[i].held ?
					 POLICY_KEEP : POLICY_NEED);
	}
}

static void test_who_waits_at_a_limit_of_its_own_gets_nothing(void **state)
{
	struct policy_host h = { .free = 4000 };
	struct policy_guest g = calm(1, 1024, 500), grows;

	(void)state;
	g.level = DEMAND_DISTRESS;
	g.unused = 500;
	run(&h, &g, 1);
	assert_int_equal(g.target, 1024);
	/* Nor if all the rest is page cache, unless that is in use. */
	g.unused = 20;
	run(&h, &g, 1);
	assert_int_equal(g.target, 1024);
	/* But it grows so fast that it will be short of memory in a second. */
	grows = g;
	grows.growth_kib_s = 1024 * 1024;
	run(&h, &grows, 1);
	assert_int_equal(grows.target, 1024 + 256);
	g.refault_kib_s = 20000;
	run(&h, &g, 1);
	assert_int_equal(g.target, 1024 + 256);
}

static void test_what_is_scarce_goes_to_the_poorest_by_weight(void **state)
{
	struct policy_host h = { .free = 100 };
	struct policy_guest g[] = { pained(1, 300), pained(2, 200),
				    pained(3, 400) };

	(void)state;
	/* Of 300 granules per 100 of weight: the heavy one comes first. */
	g[2].set.weight = 200;
	run(&h, g, 3);
	assert_int_equal(g[1].target, 233);
	assert_int_equal(g[2].target, 467);
	assert_int_equal(g[1].reason, POLICY_RELIEF);
	/* All the memory by weight is 250, 250 and 500. */
	assert_int_equal(g[0].target, 250);
	assert_int_equal(g[0].reason, POLICY_GIVE_SHARE);
	assert_true(h.lacking);
}

static void test_distress_first_then_reservations_then_need(void **state)
{
	static const struct {
		uint32_t free, relief, granted, need;
	} cases[] = {
		{ 50, 50, 0, 0 },
		{ 70, 64, 6, 0 },
		{ 120, 64, 50, 6 },
		{ 200, 64, 50, 57 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy_host h = { .free = cases[i].free, .wanted = 50 };
		struct policy_guest g[] = { pained(1, 128),
					    calm(2, 128, 118) };

		case_is("%u free", h.free);
		run(&h, g, 2);
		case_int_equal(g[0].target - 128, cases[i].relief);
		case_int_equal(h.granted, cases[i].granted);
		case_int_equal(g[1].target - 128, cases[i].need);
	}
}

static void test_donors_give_down_to_their_headroom_for_distress(void **state)
{
	struct policy_host h = { 0 };
	struct policy_guest g[] = { pained(1, 1000), calm(2, 1000, 800),
				    calm(3, 1000, 400) };

	(void)state;
	/* It took its last step long ago. */
	g[1].quiet_ms = g[2].quiet_ms = 60000;
	run(&h, g, 3);
	assert_int_equal(g[0].target, 1000);
	assert_int_equal(g[0].want, 1250);
	assert_int_equal(h.next_ms, 500);
	assert_int_equal(g[0].reason, POLICY_WAITS);
	/* 25 and 482 beyond their headroom: in proportion */
	assert_int_equal(g[1].target, 1000 - 12);
	assert_int_equal(g[2].target, 1000 - 238);
	assert_int_equal(g[2].reason, POLICY_GIVE_GUEST);
	assert_int_equal(g[2].other, 1);
	/* What comes is not asked for twice. */
	g[1].settled = g[2].settled = false;
	g[1].quiet_ms = g[2].quiet_ms = 100;
	run(&h, g, 3);
	assert_int_equal(h.changes, 0);
	assert_int_equal(h.next_ms, 400);
	/* Unless nothing has come for half a second. */
	g[1].quiet_ms = 500;
	run(&h, g, 3);
	assert_int_equal(g[1].target, 1000 - 12);
	assert_int_equal(g[2].target, 1000 - 238 - 12);
}

static void test_heavy_and_busy_guests_give_less(void **state)
{
	struct policy_host h = { 0 };
	struct policy_guest g[] = { pained(1, 1000), calm(2, 1000, 400),
				    calm(3, 1000, 400), calm(4, 1000, 400) };

	(void)state;
	g[2].set.weight = 200;
	g[3].calm_ms = 3000;
	run(&h, g, 4);
	assert_true(g[1].target < g[2].target);
	assert_true(g[1].target < g[3].target);
	assert_int_equal(g[1].target + g[2].target + g[3].target, 2750);
}

static void test_who_is_not_calm_is_no_donor(void **state)
{
	static const struct {
		enum demand_level level;
		uint32_t calm_ms;
		enum policy_can can;
		uint32_t no_give_ms;
		uint32_t next_ms;
	} cases[] = {
		{ DEMAND_UNKNOWN, NEVER, POLICY_CAN_BOTH, 0, NEVER },
		{ DEMAND_CALM, 500, POLICY_CAN_BOTH, 0, 1500 },
		{ DEMAND_PRESSED, 0, POLICY_CAN_BOTH, 0, 9900 + 2000 },
		{ DEMAND_CALM, NEVER, POLICY_CAN_NOTHING, 0, NEVER },
		{ DEMAND_CALM, NEVER, POLICY_CAN_GROW, 0, NEVER },
		{ DEMAND_CALM, NEVER, POLICY_CAN_BOTH, 7000, 7000 },
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy_host h = { 0 };
		/* The one in distress is where it would be at most. */
		struct policy_guest g[] = { pained(1, 3000),
					    calm(2, 1000, 400) };

		case_is("case %u", i);
		g[1].level = cases[i].level;
		g[1].calm_ms = cases[i].calm_ms;
		g[1].can = cases[i].can;
		g[1].mem.no_give_ms = cases[i].no_give_ms;
		g[1].mem.refused_with = 600;
		run(&h, g, 2);
		case_int_equal(g[1].target, 1000);
		case_int_equal(h.next_ms, cases[i].next_ms);
	}
}

static void test_in_general_need_shares_are_fair(void **state)
{
	struct policy_host h = { 0 };
	struct policy_guest g[] = { pained(1, 2400), pained(2, 600),
				    calm(3, 300, 280) };

	(void)state;
	g[1].mem.goal = 4096;
	run(&h, g, 3);
	/* Of what the poorer lacks of its share it gets what surely helps. */
	assert_int_equal(g[2].target, 300);
	assert_int_equal(g[1].target, 600);
	assert_int_equal(g[0].reason, POLICY_GIVE_SHARE);
	assert_int_equal(g[0].other, 2);
	assert_int_equal(g[0].target, 2400 - 64);
}

static void test_a_waiting_reservation_is_served_by_donors(void **state)
{
	struct policy_host h = { .free = 10, .wanted = 110 };
	struct policy_guest g[] = { calm(1, 1000, 400), calm(2, 200, 100) };

	(void)state;
	assert_int_equal(policy_possible(&h, g, 2), 10 + 482 + 39);
	run(&h, g, 2);
	assert_int_equal(h.granted, 10);
	assert_int_equal(g[0].target + g[1].target, 1200 - 100);
	assert_true(g[0].target < 1000 - 90);
	assert_int_equal(g[0].reason, POLICY_GIVE_RESERVATION);
}

static void test_the_reserve_is_refilled_slowly_by_the_idle(void **state)
{
	struct policy_host h = { .free = 300, .burst = 500 };
	struct policy_guest g[] = { calm(1, 1000, 400), calm(2, 1000, 400) };

	(void)state;
	g[1].calm_ms = 12000;
	run(&h, g, 2);
	assert_int_equal(g[0].target, 1000 - 364 / 8);
	assert_int_equal(g[0].reason, POLICY_GIVE_RESERVE);
	assert_int_equal(g[1].target, 1000);
	assert_int_equal(h.next_ms, 2000);
	/* The next is given when the first is there, and some time later. */
	g[0].settled = false;
	h.elapsed_ms = 2000;
	run(&h, g, 2);
	assert_int_equal(h.changes, 0);
	assert_int_equal(h.next_ms, 18000);
	g[0].held = g[0].target;
	g[0].settled = true;
	h.free += 45;
	run(&h, g, 2);
	assert_int_equal(g[0].target, 955 - 319 / 8);
	/* Full: no more. */
	h.free = 500;
	g[0].held = g[0].target;
	run(&h, g, 2);
	assert_int_equal(h.changes, 0);
	assert_int_equal(h.next_ms, NEVER);
}

static void test_half_of_the_reserve_is_refilled_by_who_has_plenty(void **state)
{
	struct policy_host h = { .free = 100, .burst = 800 };
	struct policy_guest g[] = { calm(1, 1000, 400), calm(2, 1000, 400) };

	(void)state;
	g[0].calm_ms = 5000;
	g[1].calm_ms = 4000;
	run(&h, g, 2);
	/* Half of what is beyond four times its headroom */
	assert_int_equal(g[0].target, 1000 - 64);
	assert_int_equal(g[1].target, 1000);
	assert_int_equal(h.next_ms, 1000);
}

static void test_who_is_hurt_by_giving_is_left_alone_for_longer(void **state)
{
	struct policy_host h = { .burst = 5000, .elapsed_ms = 2000 };
	struct policy_guest g = calm(1, 1000, 400);
	uint32_t target;

	(void)state;
	for (uint32_t pause_ms = 60000; pause_ms <= 64 * 60000;
	     pause_ms *= 2) {
		case_is("%u ms", pause_ms);
		g.calm_ms = NEVER;
		g.level = DEMAND_CALM;
		run(&h, &g, 1);
		target = g.target;
		case_int_equal(g.reason, POLICY_GIVE_RESERVE);
		/* On its way it stops. */
		g.level = DEMAND_PRESSED;
		g.calm_ms = 0;
		g.settled = false;
		h.elapsed_ms = 1000;
		run(&h, &g, 1);
		case_int_equal(g.target, 1000);
		case_int_equal(g.reason, POLICY_STOPS);
		case_int_equal(g.mem.mark, 1000);
		assert_true(target < 1000);
		g.settled = true;
		g.level = DEMAND_CALM;
		g.calm_ms = 50000;
		h.elapsed_ms = pause_ms - 1;
		run(&h, &g, 1);
		case_int_equal(h.changes, 0);
		case_int_equal(h.next_ms, 1);
		h.elapsed_ms = 1;
	}
}

static void test_a_new_burst_is_not_the_fault_of_giving(void **state)
{
	struct policy_host h = { .burst = 5000, .elapsed_ms = 2000 };
	struct policy_guest g = calm(1, 1000, 400);

	(void)state;
	run(&h, &g, 1);
	assert_true(g.target < 1000);
	g.level = DEMAND_DISTRESS;
	g.used = 900;
	run(&h, &g, 1);
	assert_int_equal(g.mem.mark_ms, 0);
}

static void test_who_gives_too_little_is_left_out(void **state)
{
	struct policy_host h = { 0 };
	struct policy_guest g[] = { pained(1, 1000), calm(2, 1000, 600),
				    calm(3, 1000, 600) };

	(void)state;
	run(&h, g, 3);
	assert_int_equal(g[1].target, 875);
	assert_int_equal(g[2].target, 875);
	/* One settles with nothing given: its part is the other's. */
	g[2].settled = false;
	run(&h, g, 3);
	assert_int_equal(g[1].target, 1000);
	assert_int_equal(g[1].reason, POLICY_FELL_SHORT);
	assert_int_equal(g[2].target, 750);
	/* So long the other is counted on. */
	assert_int_equal(h.next_ms, 500);
	/* It is asked again when it has more than it had. */
	assert_int_equal(g[1].mem.no_give_ms, 60000);
	g[1].used -= 200;
	run(&h, g, 3);
	assert_int_equal(g[1].mem.no_give_ms, 0);
}

static void test_what_a_guest_cannot_take_is_not_promised(void **state)
{
	struct policy_host h = { .free = 300 };
	struct policy_guest g[] = { pained(1, 128), pained(2, 300) };

	(void)state;
	g[0].target = 128 + 64;
	g[0].mem.goal = 128 + 64;
	run(&h, g, 2);
	assert_int_equal(g[0].target, 128);
	assert_int_equal(g[0].reason, POLICY_FELL_SHORT);
	assert_int_equal(g[1].target, 375);
	/* Nor is it tried again at once, but after twice the time each time. */
	h.free -= 75;
	g[1] = calm(2, 375, 300);
	for (uint32_t ms = 1000; ms <= 64000; ms *= 2) {
		case_is("%u ms", ms);
		case_int_equal(g[0].mem.no_grow_ms, ms);
		h.elapsed_ms = ms - 1;
		run(&h, g, 2);
		case_int_equal(g[0].target, 128);
		case_int_equal(h.next_ms, 1);
		h.elapsed_ms = 1;
		run(&h, g, 2);
		case_int_equal(g[0].reason, POLICY_RELIEF);
		h.elapsed_ms = 0;
		run(&h, g, 2);
		case_int_equal(g[0].reason, POLICY_FELL_SHORT);
	}
	h.elapsed_ms = 64000;
	run(&h, g, 2);
	assert_int_equal(g[0].reason, POLICY_RELIEF);
}

static void test_floor_and_ceiling_are_obeyed(void **state)
{
	struct policy_host h = { .free = 1000 };
	struct policy_guest g[] = { calm(1, 1000, 900), calm(2, 200, 100),
				    pained(3, 500) };

	(void)state;
	g[0].set.ceiling = 800;
	g[1].set.floor = 400;
	g[2].set.ceiling = 510;
	run(&h, g, 3);
	assert_int_equal(g[0].target, 800);
	assert_int_equal(g[0].reason, POLICY_CEILING);
	assert_int_equal(g[1].target, 400);
	assert_int_equal(g[1].reason, POLICY_FLOOR);
	assert_int_equal(g[2].target, 510);
}

/* Random input --------------------------------------------------------- */

static uint32_t pick(uint32_t below)
{
	return below ? (uint32_t)random() % below : 0;
}

static struct policy_guest random_guest(uint32_t key)
{
	uint32_t boot = 64 + pick(200);
	struct policy_guest g = {
		.key = key, .can = pick(3), .settled = pick(2), .boot = boot,
		.set = { true, boot + pick(100), 0, 1 + pick(1000),
			 pick(4) ? 0 : pick(500) },
		.held = boot + pick(3000), .grain = 1 + pick(16),
		.level = pick(DEMAND_NUM_LEVELS), .calm_ms = pick(100000),
		.report_ms = pick(20000), .moved_ms = pick(20000),
		.growth_kib_s = pick(2) ? 0 : pick(UINT32_MAX),
		.mem = { .goal = pick(2) ? 0 : pick(4000),
			 .step = pick(1000), .mark = pick(3000),
			 .mark_ms = pick(2) * pick(100000),
			 .backoff_ms = pick(100000),
			 .gave_from = pick(2) * pick(3000),
			 .gave_ms = pick(100000), .asked = pick(1000),
			 .pause_ms = pick(2) * pick(3000),
			 .no_give_ms = pick(4) ? 0 : pick(60000),
			 .no_grow_ms = pick(4) ? 0 : pick(60000),
			 .donor = pick(2), .grows = pick(2) },
	};

	g.set.ceiling = g.set.floor + pick(5000);
	g.target = pick(2) ? g.held : boot + pick(4000);
	g.used = pick(g.held + 1);
	g.available = g.total = g.held - g.used;
	g.unused = pick(g.available + 1);
	if (!pick(4))
		g.calm_ms = NEVER;
	return g;
}

static uint64_t promised(const struct policy_guest *g, uint32_t nr)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < nr; i++)
		n += g[i].target - MIN(g[i].target, g[i].held);
	return n;
}

static void check_guest(const struct policy_guest *g,
			const struct policy_guest *before)
{
	uint32_t low = MIN(before->set.floor, MIN(before->target,
						  before->held));
	uint32_t high = MAX(before->set.ceiling, MAX(before->target,
						     before->held));

	if (g->can == POLICY_CAN_NOTHING)
		case_int_equal(g->target, before->target);
	if (g->target < low || g->target > high)
		fail_msg("%s: target %u not in %u..%u: %s", case_name,
			 g->target, low, high, policy_reason_name(g->reason));
	/* Beyond a limit only to what it holds, or nearer to the limit. */
	if (g->target > before->set.ceiling &&
	    g->target > MAX(before->target, before->held))
		fail_msg("%s: above its ceiling", case_name);
	if (g->target != before->target && g->reason < POLICY_RELIEF)
		fail_msg("%s: changed without reason", case_name);
	if (g->target == before->target && g->can != POLICY_CAN_NOTHING &&
	    g->reason > POLICY_WAITS && g->reason != POLICY_DOUBTED)
		fail_msg("%s: %s without change", case_name,
			 policy_reason_name(g->reason));
}

static int by_key(const void *a, const void *b)
{
	const struct policy_guest *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

static void shuffle(struct policy_guest *g, uint32_t nr)
{
	for (uint32_t i = nr; i > 1; i--) {
		uint32_t k = pick(i);
		struct policy_guest other = g[k];

		g[k] = g[i - 1];
		g[i - 1] = other;
	}
}

static void check_order(const struct policy_host *h,
			const struct policy_host *before,
			const struct policy_guest *done,
			struct policy_guest *again, uint32_t nr)
{
	struct policy_host other = *before;

	shuffle(again, nr);
	run(&other, again, nr);
	qsort(again, nr, sizeof(*again), by_key);
	for (uint32_t i = 0; i < nr; i++) {
		case_int_equal(again[i].target, done[i].target);
		case_int_equal(again[i].reason, done[i].reason);
		case_int_equal(again[i].other, done[i].other);
		case_memory_equal(&again[i].mem, &done[i].mem,
				  sizeof(done[i].mem));
	}
	case_int_equal(other.granted, h->granted);
	case_int_equal(other.next_ms, h->next_ms);
}

static void test_whatever_it_is_told_it_obeys_its_limits(void **state)
{
	static struct policy_guest g[MANY], before[MANY];

	(void)state;
	srandom(1);
	for (unsigned int n = 0; n < 20000; n++) {
		uint32_t nr = pick(n % 16 ? 6 : MANY);
		struct policy_host h = {
			.free = pick(2) ? 0 : pick(3000), .burst = pick(2000),
			.wanted = pick(2) ? 0 : pick(2000),
			.elapsed_ms = pick(2) ? pick(100) : pick(100000),
		}, h_before = h;

		case_is("world %u", n);
		for (uint32_t i = 0; i < nr; i++)
			before[i] = g[i] = random_guest(i + 1);
		run(&h, g, nr);
		for (uint32_t i = 0; i < nr; i++)
			check_guest(&g[i], &before[i]);
		if (promised(g, nr) + h.granted >
		    promised(before, nr) + h.free)
			fail_msg("%s: promises what is not there", case_name);
		if (h.granted > h.wanted)
			fail_msg("%s: grants too much", case_name);
		check_order(&h, &h_before, g, before, nr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_quiet_host_is_left_alone),
		cmocka_unit_test(test_relief_is_a_share_of_the_size_and_doubles),
		cmocka_unit_test(test_relief_knows_how_fast_a_guest_grows),
		cmocka_unit_test(test_need_is_served_before_it_hurts),
		cmocka_unit_test(test_who_waits_at_a_limit_of_its_own_gets_nothing),
		cmocka_unit_test(test_what_is_scarce_goes_to_the_poorest_by_weight),
		cmocka_unit_test(test_distress_first_then_reservations_then_need),
		cmocka_unit_test(test_donors_give_down_to_their_headroom_for_distress),
		cmocka_unit_test(test_heavy_and_busy_guests_give_less),
		cmocka_unit_test(test_who_is_not_calm_is_no_donor),
		cmocka_unit_test(test_in_general_need_shares_are_fair),
		cmocka_unit_test(test_a_waiting_reservation_is_served_by_donors),
		cmocka_unit_test(test_the_reserve_is_refilled_slowly_by_the_idle),
		cmocka_unit_test(test_half_of_the_reserve_is_refilled_by_who_has_plenty),
		cmocka_unit_test(test_who_is_hurt_by_giving_is_left_alone_for_longer),
		cmocka_unit_test(test_a_new_burst_is_not_the_fault_of_giving),
		cmocka_unit_test(test_who_gives_too_little_is_left_out),
		cmocka_unit_test(test_what_a_guest_cannot_take_is_not_promised),
		cmocka_unit_test(test_floor_and_ceiling_are_obeyed),
		cmocka_unit_test(test_whatever_it_is_told_it_obeys_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
