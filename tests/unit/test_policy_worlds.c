/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_policy_worlds.c - The policy closed into a loop with guests in virtual
 * time: it comes to rest, feeds everybody, and is not fooled
 *
 * Time goes in ticks of 100 ms. A guest has a constant need and is in distress
 * if it holds less; it gives and takes some granules each tick, gives nothing
 * it needs, and tells of itself as memtide-agent does: each second tick until
 * it is calm for ten seconds, then only if something changes. The policy runs
 * when balance.c would have it run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "policy.h"
#include "share.h"

#define TICK_MS		100u
#define GUESTS_MAX	8u

enum kind {
	HONEST,
	THRASHER,	/* its page cache is its working set */
	STUCK,		/* gives nothing */
	LIAR,		/* always in distress, everything in use */
	BEGGAR,		/* everything in use, but never in distress */
};

/**
 * struct sim_guest
 * @p:		what the policy is told, and its answers
 * @need:	granules it cannot do without; @cache: and those it should have
 * @speed:	granules a tick
 * @said_ms:	when it last reported, and when last not calm
 * @way, @reversals: how its size has moved
 * @changes, @in_vain, @changed_ms: of its target, and how often it fell short
 * @doubted:	it was not believed: it gets more, but over hours
 */
struct sim_guest {
	struct policy_guest p;
	enum kind kind;
	uint32_t need, cache, speed;
	uint64_t said_ms, pained_ms, moved_ms;
	uint32_t said_held;
	int way;
	uint32_t reversals, changes, in_vain;
	uint64_t changed_ms;
	bool doubted;
};

struct world {
	struct sim_guest g[GUESTS_MAX];
	uint32_t nr;
	uint32_t capacity, burst, wanted, granted;
	uint64_t now_ms, run_ms, due_ms;
	uint32_t runs;
	bool lacking, kicked, shared, timer;
	struct policy_guest snapshot[GUESTS_MAX];
	struct share slots[GUESTS_MAX];
};

static uint32_t pick(uint32_t below)
{
	return below ? (uint32_t)random() % below : 0;
}

static uint32_t free_granules(const struct world *w)
{
	uint64_t used = w->granted;

	for (uint32_t i = 0; i < w->nr; i++)
		used += MAX(w->g[i].p.held, w->g[i].p.target);
	if (used > w->capacity)
		fail_msg("%s: %u granules promised of %u", case_name,
			 (uint32_t)used, w->capacity);
	return w->capacity - (uint32_t)used;
}

/* A guest -------------------------------------------------------------- */

static uint32_t used_of(const struct sim_guest *s)
{
	if (s->kind == LIAR || s->kind == BEGGAR)
		return s->p.held;
	return MIN(s->need, s->p.held);
}

static enum demand_level level_of(const struct sim_guest *s)
{
	if (s->kind == LIAR || s->p.held < s->need + s->cache)
		return DEMAND_DISTRESS;
	return DEMAND_CALM;
}

static uint32_t shown_ms(const struct world *w, const struct sim_guest *s)
{
	return s->pained_ms ? (uint32_t)(w->now_ms - s->pained_ms) :
			      POLICY_NEVER;
}

static void say(struct world *w, struct sim_guest *s)
{
	enum demand_level before = s->p.level;
	struct policy_guest copy;

	s->said_ms = w->now_ms;
	s->said_held = s->p.held;
	s->p.used = used_of(s);
	s->p.level = level_of(s);
	s->p.refault_kib_s = s->kind == THRASHER &&
			     s->p.level == DEMAND_DISTRESS ? 20000 : 0;
	if (s->p.level != DEMAND_CALM)
		s->pained_ms = w->now_ms;
	s->p.shown_ms = shown_ms(w, s);
	copy = s->p;
	if (s->p.level != before || s->p.level == DEMAND_DISTRESS ||
	    policy_asks(&copy))
		w->kicked = true;
	else if (w->lacking)
		w->due_ms = MIN(w->due_ms, w->now_ms + 1000);
}

static void maybe_say(struct world *w, struct sim_guest *s)
{
	bool looks = w->now_ms - s->pained_ms < 10000 ||
		     w->now_ms - s->moved_ms < 10000;
	uint64_t every_ms = looks ? 200 : 60000;

	if (w->now_ms - s->said_ms >= every_ms ||
	    (s->p.level == DEMAND_CALM && level_of(s) != DEMAND_CALM))
		say(w, s);
}

static void settle(struct world *w, struct sim_guest *s)
{
	s->p.settled = true;
	s->moved_ms = w->now_ms;
	if (s->p.held != s->p.target || w->lacking)
		w->kicked = true;
}

static void resize(struct sim_guest *s, uint32_t held)
{
	int way = held > s->p.held ? 1 : -1;

	s->reversals += s->way && way != s->way;
	s->way = way;
	s->p.held = held;
}

static void move(struct world *w, struct sim_guest *s)
{
	struct policy_guest *p = &s->p;
	uint32_t least = s->kind == LIAR ? p->boot : MAX(p->boot, s->need);
	uint32_t to = p->target;

	if (p->settled)
		return;
	if (p->held < to) {
		resize(s, p->held + MIN(s->speed, to - p->held));
	} else if (s->kind != STUCK && p->held > MAX(to, least)) {
		resize(s, p->held - MIN(s->speed, p->held - MAX(to, least)));
		w->kicked |= w->lacking;
	} else {
		settle(w, s);
	}
	p->can = p->held < to ? POLICY_CAN_GROW : POLICY_CAN_BOTH;
}

/* The host ------------------------------------------------------------- */

static void note_change(struct world *w, struct sim_guest *s, uint32_t to)
{
	s->changes++;
	s->changed_ms = w->now_ms;
	s->p.target = to;
	s->p.settled = false;
}

static void run(struct world *w)
{
	struct policy_host h = {
		.free = free_granules(w), .burst = w->burst,
		.wanted = w->wanted - w->granted, .slots = w->slots,
		.elapsed_ms = (uint32_t)(w->now_ms - w->run_ms),
	};

	for (uint32_t i = 0; i < w->nr; i++) {
		struct sim_guest *s = &w->g[i];

		s->p.report_ms = (uint32_t)(w->now_ms - s->said_ms);
		s->p.moved_ms = s->moved_ms ?
			(uint32_t)(w->now_ms - s->moved_ms) : POLICY_NEVER;
		s->p.calm_ms = s->p.level != DEMAND_CALM ? 0 :
			s->pained_ms ? (uint32_t)(w->now_ms - s->pained_ms) :
			POLICY_NEVER;
		s->p.shown_ms = shown_ms(w, s);
		w->snapshot[i] = s->p;
	}
	policy_run(&h, w->snapshot, w->nr);
	w->runs++;
	w->run_ms = w->now_ms;
	w->kicked = false;
	w->lacking = h.lacking;
	w->timer = h.next_ms != POLICY_NEVER;
	w->granted += h.granted;
	w->due_ms = h.next_ms == POLICY_NEVER ? UINT64_MAX :
						w->now_ms + h.next_ms;
	for (uint32_t i = 0; i < w->nr; i++) {
		struct sim_guest *s = &w->g[i];

		s->p.mem = w->snapshot[i].mem;
		s->p.reason = w->snapshot[i].reason;
		s->p.want = w->snapshot[i].want;
		s->p.headroom = w->snapshot[i].headroom;
		w->shared |= s->p.reason == POLICY_GIVE_SHARE;
		s->doubted |= w->snapshot[i].claim != 0;
		s->in_vain += s->p.reason == POLICY_FELL_SHORT;
		if (w->snapshot[i].target != s->p.target)
			note_change(w, s, w->snapshot[i].target);
	}
	free_granules(w);
}

static void tick(struct world *w)
{
	w->now_ms += TICK_MS;
	for (uint32_t i = 0; i < w->nr; i++) {
		move(w, &w->g[i]);
		maybe_say(w, &w->g[i]);
	}
	if (w->kicked || w->now_ms >= w->due_ms)
		run(w);
}

static void pass(struct world *w, uint32_t seconds)
{
	for (uint32_t n = 0; n < seconds * 10; n++)
		tick(w);
}

/* Worlds --------------------------------------------------------------- */

static struct sim_guest *add(struct world *w, enum kind kind, uint32_t held,
			     uint32_t need)
{
	struct sim_guest *s = &w->g[w->nr++];

	*s = (struct sim_guest){
		.kind = kind, .need = need, .speed = 64,
		.p = {
			.key = w->nr, .can = POLICY_CAN_BOTH, .boot = 64,
			.set = { true, 64, 4096, 100, 0 }, .grain = 2,
			.held = held, .target = held, .settled = true,
			.calm_ms = POLICY_NEVER,
		},
	};
	return s;
}

static void begin(struct world *w)
{
	w->due_ms = UINT64_MAX;
	w->now_ms = w->run_ms = 1000;
	for (uint32_t i = 0; i < w->nr; i++)
		say(w, &w->g[i]);
	run(w);
}

static void random_world(struct world *w, uint32_t kinds)
{
	uint32_t nr = 1 + pick(GUESTS_MAX);

	*w = (struct world){ 0 };
	w->burst = pick(600);
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t need = pick(1500), held = 64 + pick(1500);
		struct sim_guest *s = add(w, pick(kinds), held, need);

		s->speed = 1 + pick(100);
		s->p.set.weight = pick(2) ? 100 : 1 + pick(1000);
		s->p.set.floor = 64 + pick(2) * pick(200);
		s->p.set.ceiling = s->p.set.floor + 200 + pick(3000);
		if (s->kind == THRASHER)
			s->cache = pick(800);
		w->capacity += held;
	}
	w->capacity += pick(2) ? pick(100) : pick(4000);
	if (!pick(4))
		w->wanted = pick(500);
	begin(w);
}

static void describe(const struct world *w)
{
	print_message("%s: %u ms, capacity %u free %u burst %u wanted %u\n",
		      case_name, (uint32_t)w->now_ms, w->capacity,
		      free_granules(w), w->burst, w->wanted);
	for (uint32_t i = 0; i < w->nr; i++) {
		const struct sim_guest *s = &w->g[i];

		print_message("  kind %d w %u floor %u ceiling %u need %u+%u held %u target %u want %u %s, %u changes, %u reversals, last %u; no give %u ms, no grow %u ms\n",
			      s->kind, s->p.set.weight, s->p.set.floor,
			      s->p.set.ceiling, s->need, s->cache, s->p.held,
			      s->p.target, s->p.want,
			      policy_reason_name(s->p.reason), s->changes,
			      s->reversals, (uint32_t)s->changed_ms,
			      s->p.mem.no_give_ms, s->p.mem.no_grow_ms);
	}
}

/* With constant demand: at rest soon, and nobody went back and forth. */
static void check_rest(const struct world *w)
{
	uint32_t most = w->shared ? 3 : 1;
	bool in_vain = false;

	for (uint32_t i = 0; i < w->nr; i++)
		in_vain |= w->g[i].in_vain || w->g[i].doubted;
	for (uint32_t i = 0; i < w->nr; i++) {
		const struct sim_guest *s = &w->g[i];

		if (s->reversals <= most &&
		    (in_vain || (s->changed_ms < 400 * 1000 &&
				 !w->timer)))
			continue;
		describe(w);
		fail_msg("%s: guest %u does not come to rest", case_name, i);
	}
}

static void test_with_constant_demand_it_comes_to_rest(void **state)
{
	struct world w;

	(void)state;
	srandom(7);
	for (unsigned int n = 0; n < 400; n++) {
		case_is("world %u", n);
		random_world(&w, HONEST + 1);
		pass(&w, 600);
		check_rest(&w);
	}
}

/* Nobody is in distress while there is memory that another can spare, or who
 * has clearly more per weight. */
static void check_fed(const struct world *w, const struct sim_guest *s)
{
	uint64_t per_weight = (uint64_t)s->p.target * 1000 / s->p.set.weight;

	if (s->p.held >= s->need || s->p.target + 8 > s->p.set.ceiling)
		return;
	if (s->p.reason == POLICY_DOUBTED && s->p.target + 8 > s->p.mem.bound)
		return;
	if (free_granules(w) >= s->p.grain && w->granted >= w->wanted)
		goto starves;
	for (uint32_t i = 0; i < w->nr; i++) {
		const struct sim_guest *o = &w->g[i];
		uint32_t keeps = MAX(o->p.set.floor, o->p.used +
						     o->p.headroom);

		if (o == s || o->kind == STUCK || o->p.mem.mark_ms ||
		    (o->kind != LIAR && o->p.held <= o->need))
			continue;
		if (o->p.level == DEMAND_CALM && o->p.target > keeps + 4)
			goto starves;
		if (o->p.target > o->p.set.floor + 4 &&
		    (uint64_t)o->p.target * 1000 / o->p.set.weight >
			    per_weight * 3 / 2 + 100)
			goto starves;
	}
	return;
starves:
	describe(w);
	fail_msg("%s: guest %u starves", case_name, s->p.key);
}

static void test_nobody_starves(void **state)
{
	struct world w;

	(void)state;
	srandom(7);
	for (unsigned int n = 0; n < 400; n++) {
		case_is("world %u", n);
		random_world(&w, LIAR + 1);
		pass(&w, 600);
		for (uint32_t i = 0; i < w.nr; i++) {
			if (w.g[i].kind != LIAR)
				check_fed(&w, &w.g[i]);
		}
	}
}

/* A guest that is hurt with its headroom there is asked ever more rarely. */
static void test_who_thrashes_is_asked_ever_more_rarely(void **state)
{
	struct world w = { .capacity = 2000, .burst = 500 };
	struct sim_guest *s = add(&w, THRASHER, 2000, 400);

	(void)state;
	s->cache = 1300;
	begin(&w);
	pass(&w, 3600);
	assert_true(s->p.held >= 1700);
	/* 1 + 2 + 4 + 8 + 16 + 32 minutes */
	assert_in_range(s->reversals, 2, 14);
	assert_true(s->changes < 60);
}

static void test_a_liar_gets_little_more_than_its_share(void **state)
{
	struct world w = { .capacity = 3000, .burst = 200 };
	struct sim_guest *liar = add(&w, LIAR, 200, 100);
	struct sim_guest *a = add(&w, HONEST, 300, 100);
	struct sim_guest *b = add(&w, HONEST, 300, 100);

	(void)state;
	begin(&w);
	pass(&w, 60);
	/* Nobody else needs it: twice its share, and an eighth after that. */
	assert_in_range(liar->p.held, 1990, 2010);
	assert_int_equal(liar->p.reason, POLICY_DOUBTED);
	pass(&w, 10);
	assert_in_range(liar->p.held, 2240, 2260);
	a->need = 900;
	b->need = 800;
	pass(&w, 60);
	assert_true(a->p.held >= 900);
	assert_true(b->p.held >= 800);
	assert_in_range(liar->p.held, 800, 1300);
}

/* One that is calm and says that all is in use has no end of that either. */
static void test_need_that_nothing_shows_is_believed_for_a_share(void **state)
{
	struct world w = { .capacity = 3000, .burst = 200 };
	struct sim_guest *s = add(&w, BEGGAR, 200, 100);

	(void)state;
	add(&w, HONEST, 300, 100);
	add(&w, HONEST, 300, 100);
	begin(&w);
	pass(&w, 3600);
	assert_in_range(s->p.held, 980, 1000);
	assert_int_equal(s->p.reason, POLICY_DOUBTED);
	/* It waits for memory once: twice its share, and a quarter more if
	 * there is another run. */
	s->pained_ms = w.now_ms;
	pass(&w, 3600);
	assert_in_range(s->p.held, 1990, 2510);
}

static void test_a_burst_is_relieved_in_a_second_or_two(void **state)
{
	struct world w = { .capacity = 3 * 128 + 1536, .burst = 192 };
	struct sim_guest *s = add(&w, HONEST, 128, 90);
	uint64_t from_ms, hurt_ms = 0;

	(void)state;
	add(&w, HONEST, 128, 90);
	add(&w, HONEST, 128, 90);
	begin(&w);
	pass(&w, 30);
	from_ms = w.now_ms;
	/* 1.5 GiB at 1 GiB/s */
	while (w.now_ms < from_ms + 3000) {
		if (s->need < 90 + 768) {
			s->need += 51;
			s->p.growth_kib_s = s->p.held > s->need ?
						    1 << 20 : 1 << 19;
		} else {
			s->p.growth_kib_s = 0;
		}
		tick(&w);
		hurt_ms += s->p.held < s->need ? TICK_MS : 0;
	}
	assert_true(s->p.held >= s->need);
	assert_in_range(hurt_ms, 0, 1200);
}

static void test_stuck_donors_do_not_hold_up_relief(void **state)
{
	struct world w = { .capacity = 3128, .burst = 0 };
	struct sim_guest *s = add(&w, HONEST, 128, 500);

	(void)state;
	add(&w, STUCK, 1000, 100);
	add(&w, STUCK, 1000, 100);
	add(&w, HONEST, 1000, 100);
	begin(&w);
	pass(&w, 5);
	assert_true(s->p.held >= 500);
}

static void test_a_reservation_is_made_room_for(void **state)
{
	struct world w = { .capacity = 2000, .burst = 100, .wanted = 700 };
	struct sim_guest *s = add(&w, HONEST, 1000, 200);

	(void)state;
	add(&w, HONEST, 1000, 900);
	begin(&w);
	pass(&w, 5);
	assert_int_equal(w.granted, 700);
	assert_in_range(s->p.held, 232, 300);
}

static void test_a_quiet_host_runs_nothing(void **state)
{
	struct world w = { .capacity = 5000, .burst = 300 };
	uint32_t runs;

	(void)state;
	for (unsigned int i = 0; i < GUESTS_MAX; i++)
		add(&w, HONEST, 500, 100 + 40 * i);
	begin(&w);
	pass(&w, 20);
	runs = w.runs;
	pass(&w, 3600);
	assert_int_equal(w.runs, runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_constant_demand_it_comes_to_rest),
		cmocka_unit_test(test_nobody_starves),
		cmocka_unit_test(test_who_thrashes_is_asked_ever_more_rarely),
		cmocka_unit_test(test_a_liar_gets_little_more_than_its_share),
		cmocka_unit_test(test_need_that_nothing_shows_is_believed_for_a_share),
		cmocka_unit_test(test_a_burst_is_relieved_in_a_second_or_two),
		cmocka_unit_test(test_stuck_donors_do_not_hold_up_relief),
		cmocka_unit_test(test_a_reservation_is_made_room_for),
		cmocka_unit_test(test_a_quiet_host_runs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
