/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_balance.c - The policy at work on the real service with two guests
 */
#include "fake_world.h"

#include "balance.h"

#define BOOT		(BOOT_PAGES / 512)
#define MIB_KIB		UINT64_C(1024)

static struct balance *balance;
static uint32_t granted;

static void on_granted(void *ctx, uint32_t n)
{
	(void)ctx;
	granted += n;
}

static int setup_balance(void **state)
{
	static const struct balance_conf conf = {
		.burst_kib = 1, .granted = on_granted,
	};
	struct world *w;

	granted = 0;
	if (setup(state))
		return -1;
	w = *state;
	return balance_open(w->service, &conf, &balance);
}

static int teardown_balance(void **state)
{
	balance_close(balance);
	return teardown(state);
}

static void make_auto(struct world *w, unsigned int i, uint32_t ceiling)
{
	struct policy_settings s = { true, 0, ceiling, 100, 0 };
	char why[256] = "";

	if (balance_set(guest_of(w, i), &s, why, sizeof(why)))
		fail_msg("%s", why);
}

/* So much is available of what it holds; and its tasks waited @stall_us of the
 * last fifth of a second, or did not for long. */
static void report(struct world *w, unsigned int i, uint32_t available,
		   uint64_t stall_us)
{
	static uint64_t time_us = 1000000, waited_us;
	uint32_t held = BOOT + guest_of(w, i)->ledger.nr_backed;
	struct guest_msg msg = { .type = GUEST_MSG_REPORT };

	time_us += stall_us ? 200000 : 10000000;
	waited_us += stall_us;
	msg.report = (struct msg_report){
		.mem_total_kib = held * UINT64_C(2048),
		.mem_available_kib = available * UINT64_C(2048),
		.time_us = time_us, .stall_some_us = waited_us,
		.has_pressure = true,
	};
	fake_say(&w->fakes[i], &msg);
	for (unsigned int n = 0; n < 20; n++)
		fake_turn(&w->fakes[i]);
}

/* What is said of its size: @n as for balance_explain() */
static void expect_story(struct world *w, unsigned int i, unsigned int n,
			 const char *wanted)
{
	char text[REASON_TEXT_MAX];
	uint32_t ago_ms;

	assert_int_equal(balance_explain(balance, guest_of(w, i), n, &ago_ms,
					 text), 0);
	assert_string_equal(text, wanted);
}

static void test_distress_is_relieved_at_once(void **state)
{
	struct world *w = *state;
	char text[REASON_TEXT_MAX];
	uint32_t ago_ms = 0;

	greet(w, 0);
	make_auto(w, 0, 0);
	report(w, 0, 10, 0);
	assert_true(fake_wait(&w->fakes[0], HOST_MSG_ONLINE_REQUEST));
	fake_say_online(&w->fakes[0]);
	obey(w, 0);
	assert_int_equal(nr_backed(w, 0), 36);
	report(w, 0, 40, 20000);
	obey(w, 0);
	assert_int_equal(nr_backed(w, 0), 36 + 64);
	expect_pages(w, 0);
	expect_story(w, 0, 1,
		     "grew by 128 MiB to 328 MiB: its tasks waited 100 ms of a second for memory, 80 MiB available of 96 MiB wanted");
	expect_story(w, 0, 2,
		     "grew by 72 MiB to 200 MiB: 20 MiB available of 92 MiB wanted");
	assert_int_equal(balance_explain(balance, guest_of(w, 0), 3, &ago_ms,
					 text), -ENOENT);
}

static void test_nothing_happens_no_timer_no_run(void **state)
{
	struct world *w = *state;
	uint64_t runs;
	int events;

	greet(w, 0);
	events = event_base_get_num_events(w->base, EVENT_BASE_COUNT_ADDED);
	make_auto(w, 0, 0);
	report(w, 0, 40, 0);
	rest(w, 20);
	runs = balance_runs(balance);
	assert_true(runs > 0);
	/* What it says changes nothing. */
	report(w, 0, 35, 0);
	report(w, 0, 30, 0);
	report(w, 0, 45, 0);
	rest(w, 20);
	assert_int_equal(balance_runs(balance), runs);
	assert_int_equal(event_base_get_num_events(w->base,
						   EVENT_BASE_COUNT_ADDED),
			 events);
	assert_int_equal(nr_backed(w, 0), 0);
}

static void test_who_is_not_automatic_is_left_alone(void **state)
{
	struct world *w = *state;
	char why[256] = "";

	greet(w, 0);
	report(w, 0, 5, 0);
	report(w, 0, 0, 100000);
	rest(w, 20);
	assert_int_equal(guest_of(w, 0)->target, 0);
	assert_int_equal(set(w, 0, 10, why), 0);
	obey(w, 0);
}

static void test_an_automatic_guest_has_no_other_master(void **state)
{
	struct world *w = *state;
	char why[256] = "", expected[128];
	uint64_t kib = 0;

	greet(w, 0);
	grow(w, 0, 100);
	make_auto(w, 0, 0);
	assert_int_equal(set(w, 0, 10, why), -EINVAL);
	snprintf(expected, sizeof(expected),
		 "it is automatic: change its limits, or first: memtide auto %u off",
		 w->domids[0]);
	assert_string_equal(why, expected);
	/* The same for xl mem-set: what is true is put back. */
	write_target(w, 0, 20 * 2048);
	rest(w, 50);
	assert_int_equal(guest_of(w, 0)->target, 100);
	assert_int_equal(read_target(w, 0), 100 * 2048);
	/* Switched off it keeps its size, which is then what was wanted. */
	assert_int_equal(w->backend->ops->remember(
				 w->backend, &guest_of(w, 0)->domain.id, 1),
			 0);
	assert_int_equal(balance_set(guest_of(w, 0),
				     &(struct policy_settings){ .weight = 1 },
				     why, sizeof(why)), 0);
	obey(w, 0);
	assert_int_equal(nr_backed(w, 0), 100);
	assert_int_equal(w->backend->ops->recall(
				 w->backend, &guest_of(w, 0)->domain.id, &kib),
			 0);
	assert_int_equal(kib, BOOT_KIB + 100 * 2048);
}

static void test_what_an_automatic_guest_had_is_not_remembered(void **state)
{
	struct world *w = *state;
	uint64_t kib = 0;

	greet(w, 0);
	make_auto(w, 0, 0);
	report(w, 0, 40, 0);
	report(w, 0, 10, 50000);
	rest(w, 5);
	obey(w, 0);
	assert_true(nr_backed(w, 0) > 0);
	assert_int_equal(w->backend->ops->recall(
				 w->backend, &guest_of(w, 0)->domain.id, &kib),
			 -ENOENT);
}

/* The host is full: guest 0 has all that is not boot memory. */
static void fill_host(struct world *w)
{
	uint32_t spare = 0, total = 0;

	greet(w, 0);
	grow(w, 0, 1024);
	assert_int_equal(service_spare(w->service, &spare, &total), 0);
	w->service->env.conf.reserve_kib = spare * 514 * PAGE_KIB;
	report(w, 0, 700, 0);
	greet(w, 1);
	make_auto(w, 0, 0);
	make_auto(w, 1, 0);
	report(w, 1, 40, 0);
}

static void test_an_idle_guest_gives_to_one_in_distress(void **state)
{
	struct world *w = *state;
	struct fake *f = &w->fakes[0];

	fill_host(w);
	report(w, 1, 30, 50000);
	assert_true(fake_wait(f, HOST_MSG_PULL_REQUEST));
	assert_int_equal(f->got.pull_request.nr, 64);
	expect_story(w, 0, 1,
		     "gave 128 MiB, to 2048 MiB: never in need, 1400 MiB available of 232 MiB wanted; guest d1 needs it");
	expect_story(w, 1, 0,
		     "waits at 128 MiB for 128 MiB that the host does not have yet: its tasks waited 250 ms of a second for memory, 60 MiB available of 78 MiB wanted");
	fake_use(f, (struct granules){ 960, 64 }, false);
	fake_say_pulled(f, (struct granules){ 960, 64 }, true);
	assert_true(fake_wait(&w->fakes[1], HOST_MSG_ONLINE_REQUEST));
	fake_say_online(&w->fakes[1]);
	obey(w, 1);
	assert_int_equal(nr_backed(w, 0), 960);
	assert_int_equal(nr_backed(w, 1), 64);
}

static void test_who_refuses_to_give_is_let_alone(void **state)
{
	struct world *w = *state;
	struct guest_msg msg = { .type = GUEST_MSG_PULL_PROGRESS };
	struct fake *f = &w->fakes[0];
	uint64_t runs;

	fill_host(w);
	report(w, 1, 30, 50000);
	assert_true(fake_wait(f, HOST_MSG_PULL_REQUEST));
	msg.pull_progress.id = f->got.pull_request.id;
	msg.pull_progress.last = true;
	msg.pull_progress.reason = PULL_REASON_BUSY;
	fake_say(f, &msg);
	obey(w, 0);
	rest(w, 20);
	assert_int_equal(guest_of(w, 0)->target, 1024);
	assert_true(guest_arrived(guest_of(w, 0)));
	/* However much the other one complains, in the next minute. */
	runs = balance_runs(balance);
	report(w, 1, 30, 50000);
	rest(w, 20);
	assert_true(balance_runs(balance) > runs);
	assert_int_equal(guest_of(w, 0)->target, 1024);
	assert_false(fake_hear(f, 5));
}

static void test_a_dry_run_changes_nothing(void **state)
{
	const struct policy_guest *p = NULL;
	struct world *w = *state;
	struct policy_host host;
	uint32_t nr = 0;

	greet(w, 0);
	report(w, 0, 2, 0);
	/* As it would be if it were automatic: nobody has run yet. */
	guest_of(w, 0)->set.automatic = true;
	assert_int_equal(balance_dry_run(balance, &host, &p, &nr), 0);
	assert_int_equal(nr, 2);
	assert_int_equal(p[0].from, BOOT);
	assert_int_equal(p[0].target, BOOT + 47);
	assert_int_equal(p[0].reason, POLICY_NEED);
	assert_int_equal(p[1].reason, POLICY_NOT_OURS);
	assert_int_equal(host.free, 1024);
	rest(w, 5);
	assert_int_equal(guest_of(w, 0)->target, 0);
}

static void test_reservations_are_granted_as_memory_comes(void **state)
{
	struct world *w = *state;
	struct fake *f = &w->fakes[0];

	fill_host(w);
	assert_in_range(balance_possible(balance), 580, 590);
	balance_want(balance, 20);
	assert_true(fake_wait(f, HOST_MSG_PULL_REQUEST));
	assert_int_equal(f->got.pull_request.nr, 20);
	assert_int_equal(granted, 0);
	fake_use(f, (struct granules){ 1004, 20 }, false);
	fake_say_pulled(f, (struct granules){ 1004, 20 }, true);
	for (unsigned int n = 0; n < FAKE_TURNS && granted < 20; n++)
		fake_turn(f);
	assert_true(granted >= 20);
}

static void test_settings_are_checked(void **state)
{
	static const struct {
		struct policy_settings set;
		const char *why;
	} cases[] = {
		{ { true, 0, 0, 0, 0 }, "weight 0 is not from 1 to 1000" },
		{ { true, 0, 0, 1001, 0 }, "weight 1001 is not from 1 to 1000" },
		{ { true, 300, 200, 1, 0 },
		  "its minimum of 600 MiB is more than its maximum of 400 MiB" },
		{ { true, 63, 0, 1, 0 },
		  "a minimum of 126 MiB is not possible: it was built with 128 MiB and cannot hold less" },
		{ { true, 0, 63, 1, 0 },
		  "a maximum of 126 MiB is not possible: it was built with 128 MiB" },
		{ { true, 0, 1089, 1, 0 },
		  "2178 MiB are not possible: its window ends at 2176 MiB" },
		{ { true, 1089, 0, 1, 0 },
		  "2178 MiB are not possible: its window ends at 2176 MiB" },
		{ { true, 0, 0, 1, 1089 },
		  "a headroom of 2178 MiB is more than the 2176 MiB that it can have" },
		{ { true, 64, 1088, 1000, 1088 }, "" },
		{ { false, 0, 0, 1, 0 }, "" },
	};
	struct world *w = *state;

	greet(w, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy_settings before = guest_of(w, 0)->set;
		char why[256] = "";
		int rc = balance_set(guest_of(w, 0), &cases[i].set, why,
				     sizeof(why));

		case_is("case %u", i);
		case_string_equal(why, cases[i].why);
		case_int_equal(rc, *why ? -EINVAL : 0);
		if (rc)
			case_memory_equal(&guest_of(w, 0)->set, &before,
					  sizeof(before));
	}
}

static void test_a_floor_is_reached_unasked(void **state)
{
	struct policy_settings s = { true, BOOT + 50, 0, 100, 0 };
	struct world *w = *state;
	char why[256] = "";

	greet(w, 0);
	assert_int_equal(balance_set(guest_of(w, 0), &s, why, sizeof(why)), 0);
	assert_true(fake_wait(&w->fakes[0], HOST_MSG_ONLINE_REQUEST));
	fake_say_online(&w->fakes[0]);
	obey(w, 0);
	assert_int_equal(nr_backed(w, 0), 50);
}

#undef CASE
#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup_balance, \
						teardown_balance)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_distress_is_relieved_at_once),
		CASE(test_nothing_happens_no_timer_no_run),
		CASE(test_who_is_not_automatic_is_left_alone),
		CASE(test_an_automatic_guest_has_no_other_master),
		CASE(test_what_an_automatic_guest_had_is_not_remembered),
		CASE(test_an_idle_guest_gives_to_one_in_distress),
		CASE(test_who_refuses_to_give_is_let_alone),
		CASE(test_a_dry_run_changes_nothing),
		CASE(test_reservations_are_granted_as_memory_comes),
		CASE(test_settings_are_checked),
		CASE(test_a_floor_is_reached_unasked),
	};

	/* What is warned of here is part of the tests. */
	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
