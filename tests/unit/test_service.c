/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_service.c - What others of the toolstack do to a guest, and calls that
 * fail
 */
#include "fake_world.h"

#include "sim_faults.h"

/* The toolstack -------------------------------------------------------- */

static void what_the_toolstack_asks_for_is_a_target(void **state)
{
	struct world *w = *state;

	greet(w, 0);
	grow(w, 0, 64);
	assert_int_equal(read_target(w, 0), 64 * 2048);
	write_target(w, 0, 200 * 2048);
	rest(w, 3);
	/* All that is to come is told: it could be saved at any time. */
	assert_int_equal(read_target(w, 0), 200 * 2048);
	assert_int_equal(guest_of(w, 0)->target, 200);
	obey(w, 0);
	assert_int_equal(nr_backed(w, 0), 200);
	assert_int_equal(read_target(w, 0), 200 * 2048);
	/* Not in whole granules: up, as with an operator */
	write_target(w, 0, 201 * 2048 - 1);
	rest(w, 3);
	obey(w, 0);
	assert_int_equal(read_target(w, 0), 201 * 2048);
	expect_pages(w, 0);
}

static void what_we_tell_ourselves_is_not_asked_of_us(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	grow(w, 0, 64);
	/* The target moves on while what was told before comes back. */
	grow(w, 0, 100);
	assert_int_equal(set(w, 0, 164, why), 0);
	rest(w, 20);
	assert_int_equal(guest_of(w, 0)->target, 164);
	obey(w, 0);
	rest(w, 20);
	assert_int_equal(guest_of(w, 0)->target, 164);
	/* Written again by somebody: no request either. */
	write_target(w, 0, 164 * 2048);
	rest(w, 20);
	assert_true(guest_of(w, 0)->settled);
}

static const struct {
	const char *what;
	int64_t kib;
} refused_targets[] = {
	{ "more than the window", (WINDOW + 1) * 2048 },
	{ "more than the host has", 1023 * 2048 },
	{ "less than boot memory", -64 * 1024 },
	{ "less than nothing", INT64_MIN },
	{ "more than there can be", INT64_MAX },
};

static void what_the_toolstack_cannot_have_is_put_back(void **state)
{
	struct world *w = *state;
	struct sim_domain_info info;

	greet(w, 1);
	grow(w, 1, 300);
	greet(w, 0);
	grow(w, 0, 64);
	for (size_t i = 0; i < ARRAY_SIZE(refused_targets); i++) {
		case_is("%s", refused_targets[i].what);
		/* xl mem-set moves the maximum too. */
		assert_int_equal(sim_set_max(w->m, w->domids[0], HOST_PAGES),
				 0);
		write_target(w, 0, refused_targets[i].kib);
		rest(w, 5);
		obey(w, 0);
		assert_int_equal(guest_of(w, 0)->target, 64);
		assert_int_equal(read_target(w, 0), 64 * 2048);
		expect_pages(w, 0);
	}
	/* xl mem-max writes no node: the next resize puts it right. */
	assert_int_equal(sim_set_max(w->m, w->domids[0], HOST_PAGES), 0);
	rest(w, 5);
	assert_int_equal(sim_domain_info(w->m, w->domids[0], &info), 0);
	assert_int_equal(info.max_pages, HOST_PAGES);
	grow(w, 0, 70);
	expect_pages(w, 0);
}

static void a_target_of_a_guest_we_know_nothing_of_is_left_alone(void **state)
{
	struct world *w = *state;

	write_target(w, 0, 100 * 2048);
	rest(w, 5);
	assert_int_equal(read_target(w, 0), 100 * 2048);
	/* Greeting, our own target stands, and is told. */
	greet(w, 0);
	obey(w, 0);
	assert_int_equal(guest_of(w, 0)->target, 0);
	assert_int_equal(read_target(w, 0), 0);
}

static void a_guest_that_was_restored_is_taken_over(void **state)
{
	struct world *w = *state;

	put_memory(w);
	assert_true(fake_greet(&w->fakes[0]));
	obey(w, 0);
	assert_int_equal(guest_of(w, 0)->boot_pages, BOOT_PAGES);
	assert_int_equal(guest_of(w, 0)->target, 3);
	assert_int_equal(read_target(w, 0), 3 * 2048);
	grow(w, 0, 64);
	expect_pages(w, 0);
}

/* As after a reboot: another domain, of the same uuid */
static void a_domain_of_a_known_uuid_has_its_target_again(void **state)
{
	struct world *w = *state;
	uint32_t old = w->domids[0];

	greet(w, 0);
	grow(w, 0, 64);
	fake_done(&w->fakes[0]);
	assert_int_equal(sim_domain_destroy(w->m, old), 0);
	rest(w, 5);
	add_domain(w, 0);
	rest(w, 5);
	assert_true(fake_greet(&w->fakes[0]));
	obey(w, 0);
	assert_int_equal(guest_of(w, 0)->boot_pages, BOOT_PAGES);
	assert_int_equal(guest_of(w, 0)->target, 64);
	assert_int_equal(nr_backed(w, 0), 64);
	expect_pages(w, 0);
}

static uint64_t promised_in_s(struct world *w, unsigned int s)
{
	struct service *service = w->service;

	return returns_promised(&service->returns, service->guests,
				service->nr_guests,
				guest_now_us() + s * INT64_C(1000000));
}

/* Another that grows meanwhile has what is left, and no more */
static void a_guest_that_reboots_comes_back_to_its_memory(void **state)
{
	struct world *w = *state;
	uint32_t old = w->domids[0];
	char why[256];

	greet(w, 0);
	greet(w, 1);
	grow(w, 0, 600);
	fake_done(&w->fakes[0]);
	assert_int_equal(sim_domain_reboot(w->m, old), 0);
	rest(w, 5);
	assert_int_equal(sim_domain_destroy(w->m, old), 0);
	rest(w, 5);
	assert_true(promised_in_s(w, 0) >= BOOT_PAGES + 600 * 512);
	assert_int_equal(set(w, 1, 900, why), -ENOMEM);
	grow(w, 1, 380);
	/* Not for ever: it may not come back. */
	assert_int_not_equal(promised_in_s(w, RETURNS_GONE_S - 5), 0);
	assert_int_equal(promised_in_s(w, RETURNS_GONE_S + 5), 0);

	add_domain(w, 0);
	rest(w, 5);
	/* It is built, and boots: what is kept yet is what it was given. */
	assert_int_equal(promised_in_s(w, 0), 600 * TABLED_GRANULE_PAGES);
	assert_int_equal(promised_in_s(w, RETURNS_GONE_S + 5),
			 600 * TABLED_GRANULE_PAGES);
	assert_int_equal(promised_in_s(w, RETURNS_BOOT_S + 5), 0);
	assert_int_equal(set(w, 1, 900, why), -ENOMEM);
	assert_true(fake_greet(&w->fakes[0]));
	obey(w, 0);
	assert_int_equal(nr_backed(w, 0), 600);
	assert_int_equal(w->service->returns.nr, 0);
	expect_pages(w, 0);
}

/* Destroyed, it leaves all it had to others at once. */
static void a_guest_that_is_destroyed_has_nothing_kept(void **state)
{
	struct world *w = *state;

	greet(w, 0);
	greet(w, 1);
	grow(w, 0, 600);
	fake_done(&w->fakes[0]);
	assert_int_equal(sim_domain_destroy(w->m, w->domids[0]), 0);
	rest(w, 5);
	assert_int_equal(service_promised(w->service), 0);
	grow(w, 1, 900);
	/* For teardown() */
	add_domain(w, 0);
}

static void our_target_stands_until_it_was_told_after_a_restart(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	grow(w, 0, 64);
	assert_int_equal(set(w, 0, 100, why), 0);
	close_service(w);
	open_service(w);
	write_target(w, 0, 200 * 2048);
	rest(w, 5);
	assert_true(fake_greet(&w->fakes[0]));
	expect_state(w, 0, GUEST_GROWING);
	assert_int_equal(guest_of(w, 0)->target, 100);
	obey(w, 0);
	assert_int_equal(nr_backed(w, 0), 100);
	assert_int_equal(read_target(w, 0), 100 * 2048);
}

/* Who watches ----------------------------------------------------------- */

struct counting {
	struct service_watcher watcher;
	unsigned int changes, reports;
};

static void count_change(struct service_watcher *w, struct guest *g)
{
	(void)g;
	((struct counting *)w)->changes++;
}

static void count_report(struct service_watcher *w, struct guest *g)
{
	(void)g;
	((struct counting *)w)->reports++;
}

static void count_nothing(struct service_watcher *w)
{
	(void)w;
}

static void a_report_is_no_change(void **state)
{
	struct guest_msg msg = { .type = GUEST_MSG_REPORT };
	struct counting c = {
		.watcher = { count_change, count_report, count_nothing },
	};
	struct world *w = *state;

	greet(w, 0);
	service_watch(w->service, &c.watcher);
	for (unsigned int i = 1; i <= 3; i++) {
		msg.report.mem_total_kib = 128 * 1024;
		msg.report.mem_available_kib = i * 32 * 1024;
		fake_say(&w->fakes[0], &msg);
		rest(w, 20);
	}
	assert_int_equal(c.reports, 3);
	assert_int_equal(c.changes, 0);
	grow(w, 0, 64);
	assert_int_equal(c.reports, 3);
	assert_true(c.changes > 0);
	service_unwatch(w->service, &c.watcher);
}

/* Calls that fail -------------------------------------------------------- */

static void fail_call(struct world *w, enum sim_call call, uint32_t nth,
		      enum sim_mode mode)
{
	struct sim_point point = { call, nth, mode, -EIO };

	sim_arm(w->m, &point, 1);
}

static void expect_failed(struct world *w)
{
	struct sim_plan plan;

	sim_plan(w->m, &plan);
	assert_int_equal(plan.next, 1);
}

static void a_target_that_was_refused_is_not_kept(void **state)
{
	struct world *w = *state;
	char why[256], text[SIM_VALUE_MAX];

	greet(w, 0);
	grow(w, 0, 64);
	fail_call(w, SIM_CALL_STORE_WRITE, 1, SIM_FAIL_AFTER);
	assert_int_equal(set(w, 0, 200, why), -EIO);
	assert_string_equal(why, "cannot store its target: Input/output error");
	expect_failed(w);
	rest(w, 5);
	assert_int_equal(sim_store_read(w->m, w->domids[0], "target-granules",
					text, sizeof(text)), 0);
	assert_string_equal(text, "64");
	assert_int_equal(guest_of(w, 0)->target, 64);
}

static void an_agent_that_comes_back_does_not_bring_it_back(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	grow(w, 0, 64);
	fake_done(&w->fakes[0]);
	expect_state(w, 0, GUEST_LOST);
	fail_call(w, SIM_CALL_STORE_WRITE, 1, SIM_FAIL_AFTER);
	assert_int_equal(set(w, 0, 200, why), -EIO);
	greet(w, 0);
	assert_int_equal(guest_of(w, 0)->target, 64);
}

static void nothing_is_promised_before_all_promises_are_known(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	greet(w, 1);
	assert_int_equal(set(w, 0, 900, why), 0);
	close_service(w);
	/* boot-pages of the first guest */
	fail_call(w, SIM_CALL_STORE_READ, 1, SIM_FAIL_BEFORE);
	open_service(w);
	expect_failed(w);
	fail_call(w, SIM_CALL_STORE_READ, 1000, SIM_FAIL_BEFORE);
	assert_true(w->service->incomplete);
	assert_true(fake_greet(&w->fakes[1]));
	if (w->service->incomplete)
		assert_int_equal(set(w, 1, 900, why), -ENOTCONN);
	for (unsigned int n = 0; w->service->incomplete; n++) {
		assert_true(n < FAKE_TURNS);
		fake_turn(&w->fakes[1]);
	}
	expect_state(w, 1, GUEST_READY);
	assert_int_equal(service_promised(w->service),
			 (900 - nr_backed(w, 0)) * 514);
	assert_int_equal(set(w, 1, 900, why), -ENOMEM);
}

static void domains_that_could_not_be_listed_are_listed_later(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	fail_call(w, SIM_CALL_LIST, 1, SIM_FAIL_BEFORE);
	service_rescan(w->service);
	rest(w, 1);
	expect_failed(w);
	if (w->service->incomplete) {
		assert_int_equal(set(w, 0, 1, why), -EIO);
		assert_non_null(strstr(why, "try again"));
	}
	for (unsigned int n = 0; w->service->incomplete; n++) {
		assert_true(n < FAKE_TURNS);
		fake_turn(&w->fakes[0]);
	}
	grow(w, 0, 64);
}

/* What fell short is tried again, by itself. */
static void obey_until(struct world *w, uint32_t granules)
{
	for (unsigned int n = 0; !guest_of(w, 0)->settled ||
	     !guest_arrived(guest_of(w, 0)); n++) {
		assert_true(n < FAKE_TURNS);
		fake_turn(&w->fakes[0]);
		obey(w, 0);
	}
	assert_int_equal(nr_backed(w, 0), granules);
}

static void what_a_failed_step_has_done_is_looked_up(void **state)
{
	static const struct {
		enum sim_call call;
		enum sim_mode mode;
	} cases[] = {
		{ SIM_CALL_POPULATE, SIM_FAIL_AFTER },
		{ SIM_CALL_POPULATE, SIM_FAIL_PARTLY },
		{ SIM_CALL_GIVE_BACK, SIM_FAIL_AFTER },
		{ SIM_CALL_GIVE_BACK, SIM_FAIL_PARTLY },
	};
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("%s %s", sim_call_name(cases[i].call),
			sim_mode_name(cases[i].mode));
		fail_call(w, cases[i].call, 1, cases[i].mode);
		assert_int_equal(set(w, 0, 100, why), 0);
		obey_until(w, 100);
		assert_int_equal(set(w, 0, 0, why), 0);
		assert_true(fake_wait(&w->fakes[0], HOST_MSG_PULL_REQUEST));
		fake_say_pulled(&w->fakes[0], (struct granules){ 0, 100 },
				true);
		obey_until(w, 0);
		expect_failed(w);
		expect_pages(w, 0);
	}
}

static void what_could_not_be_told_is_told_later(void **state)
{
	struct world *w = *state;
	struct sim_domain_info info;

	greet(w, 0);
	/* The second of a step: the first lets it grow. */
	fail_call(w, SIM_CALL_PUBLISH, 1, SIM_FAIL_BEFORE);
	grow(w, 0, 64);
	expect_failed(w);
	for (unsigned int n = 0; read_target(w, 0) != 64 * 2048; n++) {
		assert_true(n < FAKE_TURNS);
		fake_turn(&w->fakes[0]);
	}
	assert_int_equal(sim_domain_info(w->m, w->domids[0], &info), 0);
	assert_int_equal(info.max_pages, info.pages);
}

static void what_was_told_in_spite_of_an_error_is_not_asked_of_us(void **state)
{
	struct sim_point points[] = {
		{ SIM_CALL_GIVE_BACK, 1, SIM_FAIL_PARTLY, -EIO },
		{ SIM_CALL_PUBLISH, 1, SIM_FAIL_AFTER, -EIO },
	};
	struct world *w = *state;
	struct sim_plan plan;

	grow_and_ask_back(w, 64);
	sim_arm(w->m, points, 2);
	/* What is left settles short, and is told. */
	fake_say_pulled(&w->fakes[0], (struct granules){ 0, 64 }, true);
	obey_until(w, 0);
	sim_plan(w->m, &plan);
	assert_int_equal(plan.next, 2);
	assert_int_equal(guest_of(w, 0)->target, 0);
}

static void what_cannot_be_read_of_the_toolstack_does_not_stay(void **state)
{
	struct world *w = *state;

	greet(w, 0);
	grow(w, 0, 64);
	rest(w, 3);
	fail_call(w, SIM_CALL_WANTED, 1, SIM_FAIL_BEFORE);
	write_target(w, 0, 200 * 2048);
	rest(w, 5);
	expect_failed(w);
	assert_int_equal(guest_of(w, 0)->target, 64);
	assert_int_equal(read_target(w, 0), 64 * 2048);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_guest_that_was_restored_is_taken_over),
		CASE(a_domain_of_a_known_uuid_has_its_target_again),
		CASE(a_guest_that_reboots_comes_back_to_its_memory),
		CASE(a_guest_that_is_destroyed_has_nothing_kept),
		CASE(what_the_toolstack_asks_for_is_a_target),
		CASE(what_we_tell_ourselves_is_not_asked_of_us),
		CASE(what_the_toolstack_cannot_have_is_put_back),
		CASE(a_target_of_a_guest_we_know_nothing_of_is_left_alone),
		CASE(our_target_stands_until_it_was_told_after_a_restart),
		CASE(a_target_that_was_refused_is_not_kept),
		CASE(an_agent_that_comes_back_does_not_bring_it_back),
		CASE(nothing_is_promised_before_all_promises_are_known),
		CASE(a_report_is_no_change),
		CASE(domains_that_could_not_be_listed_are_listed_later),
		CASE(what_a_failed_step_has_done_is_looked_up),
		CASE(what_could_not_be_told_is_told_later),
		CASE(what_was_told_in_spite_of_an_error_is_not_asked_of_us),
		CASE(what_cannot_be_read_of_the_toolstack_does_not_stay),
	};

	/* What is refused here would fill the screen. */
	if (!getenv("VERBOSE"))
		log_set_level(LOG_LEVEL_ERR - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
