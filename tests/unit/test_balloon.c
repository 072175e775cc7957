/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_balloon.c - The real service and guests that have but a balloon: good
 * ones, one that does not mind its target, and one that takes again
 */
#include "fake_world.h"

#include "balloon.h"
#include "sim_faults.h"

#define SLACK	100u
#define STEP	2500u		/* pages a turn: not whole granules */
#define MIB	256u		/* pages */

/* As libxl builds a domain: it may have a little more than it gets. */
static int setup_slack(void **state)
{
	int rc = setup(state);
	struct world *w = *state;

	for (unsigned int i = 0; !rc && i < 2; i++)
		rc = sim_set_max(w->m, w->domids[i], BOOT_PAGES + SLACK);
	return rc;
}

static int set_mib(struct world *w, unsigned int i, uint64_t mib, char why[256])
{
	return service_set_target(guest_of(w, i), mib * 1024, why, 256);
}

static void shall_be(struct world *w, unsigned int i, uint64_t mib)
{
	char why[256] = "";

	if (set_mib(w, i, mib, why))
		fail_msg("guest %u: %s", i, why);
}

static struct sim_domain_info info_of(struct world *w, unsigned int i)
{
	struct sim_domain_info info;

	assert_int_equal(sim_domain_info(w->m, w->domids[i], &info), 0);
	return info;
}

static bool has_target(struct world *w, unsigned int i)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/%u.target", w->dir, w->domids[i]);
	return !access(path, F_OK);
}

static void expect_stored(struct world *w, unsigned int i, const char *text)
{
	char value[64] = "";

	sim_store_read(w->m, w->domids[i], "balloon", value, sizeof(value));
	assert_string_equal(value, text);
}

/* The driver of a good guest: a step nearer to what memory/target says. */
static void follow(struct world *w, unsigned int i, uint64_t step)
{
	uint64_t out = BOOT_PAGES - info_of(w, i).pages, want;

	if (!has_target(w, i))
		return;
	want = (uint64_t)-read_target(w, i) / 4;
	want = want > out ? MIN(out + step, want) :
			    MAX(out - MIN(step, out), want);
	sim_balloon(w->m, w->domids[i], want);
}

/* On a busy machine we may seem not to answer: then it is asked again. */
static void come_to_rest(struct world *w, unsigned int i, uint64_t step)
{
	for (unsigned int n = 0; n < FAKE_TURNS; n++) {
		struct guest *g = guest_of(w, i);

		if (!g->balloon.on || (g->settled && !*g->why))
			return;
		assert_true(info_of(w, i).pages <= info_of(w, i).max_pages);
		follow(w, i, step);
		fake_turn(&w->fakes[i]);
	}
	fail_msg("guest %u does not come to rest", i);
}

static void expect_size(struct world *w, unsigned int i, uint64_t mib)
{
	assert_int_equal(info_of(w, i).pages, mib * MIB);
	assert_int_equal(info_of(w, i).max_pages, mib * MIB + SLACK);
}

static void shrink(struct world *w, unsigned int i, uint64_t mib)
{
	shall_be(w, i, mib);
	come_to_rest(w, i, STEP);
	expect_state(w, i, GUEST_READY);
	expect_size(w, i, mib);
}

/* Begin and end -------------------------------------------------------- */

static void a_guest_that_nobody_sets_is_not_touched(void **state)
{
	struct world *w = *state;
	char why[256] = "";

	/* Neither what it holds nor what is refused counts as setting. */
	shall_be(w, 0, 128);
	assert_int_equal(set_mib(w, 0, 130, why), -EINVAL);
	assert_int_equal(set_mib(w, 0, 70, why), -EINVAL);
	shrink(w, 1, 100);
	rest(w, 20);
	assert_int_equal(guest_of(w, 0)->state, GUEST_UNMANAGED);
	assert_string_equal(guest_mode_name(guest_of(w, 0)), "none");
	assert_false(has_target(w, 0));
	expect_stored(w, 0, "");
	expect_size(w, 0, 128);
}

static void a_balloon_is_blown_up_and_let_off_again(void **state)
{
	struct world *w = *state;

	shall_be(w, 0, 100);
	assert_string_equal(guest_mode_name(guest_of(w, 0)), "balloon");
	expect_stored(w, 0, "32768 100 131072 14");
	expect_state(w, 0, GUEST_SHRINKING);
	come_to_rest(w, 0, STEP);
	expect_state(w, 0, GUEST_READY);
	expect_size(w, 0, 100);
	assert_int_equal(read_target(w, 0), -28 * 1024);
	assert_string_equal(guest_of(w, 0)->why, "");
	/* Up to granules */
	shall_be(w, 0, 109);
	expect_state(w, 0, GUEST_GROWING);
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 110);
	/* And back: then it is as if it had never been touched. */
	shall_be(w, 0, 128);
	come_to_rest(w, 0, STEP);
	expect_state(w, 0, GUEST_UNMANAGED);
	assert_string_equal(guest_mode_name(guest_of(w, 0)), "none");
	expect_size(w, 0, 128);
	expect_stored(w, 0, "");
	assert_int_equal(read_target(w, 0), 0);
}

static void the_newest_target_wins(void **state)
{
	struct world *w = *state;

	shall_be(w, 0, 80);
	for (int i = 0; i < 3; i++) {
		follow(w, 0, STEP);
		rest(w, 1);
	}
	shall_be(w, 0, 120);
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 120);
	shall_be(w, 0, 100);
	shall_be(w, 0, 90);
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 90);
}

static void pages_that_stay_out_do_not_matter(void **state)
{
	struct world *w = *state;

	shall_be(w, 0, 100);
	rest(w, 3);
	/* As much as a driver may keep for grants */
	assert_int_equal(sim_balloon(w->m, w->domids[0], 28 * MIB + 250), 0);
	for (int i = 0; i < 2000; i++) {
		if (guest_of(w, 0)->settled && !*guest_of(w, 0)->why)
			break;
		rest(w, 1);
	}
	expect_state(w, 0, GUEST_READY);
	assert_string_equal(guest_of(w, 0)->why, "");
	assert_true(guest_arrived(guest_of(w, 0)));
	/* Its target is still its own. */
	assert_int_equal(info_of(w, 0).max_pages, 100 * MIB + SLACK);
	assert_int_equal(service_promised(w->service), 250);
}

static const struct {
	uint64_t mib;
	const char *why;
} refused[] = {
	{ 130, "not managed: no memtide-agent has greeted, and without one it cannot hold more than the 128 MiB it was built with" },
	{ 1 << 20, "than the 128 MiB" },
	/* 40 MiB and a quarter of 128 */
	{ 71, "built with 128 MiB is not ballooned below 72 MiB" },
	{ 0, "not ballooned below 72 MiB" },
};

static void what_a_balloon_cannot_do_is_refused(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		char why[256] = "";

		case_is("%u MiB", (unsigned int)refused[i].mib);
		case_int_equal(set_mib(w, i % 2, refused[i].mib, why), -EINVAL);
		if (!strstr(why, refused[i].why))
			fail_msg("%s: %s", case_name, why);
	}
	/* One that is in this mode is refused the same, and stays as it is. */
	shrink(w, 0, 100);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		char why[256] = "";

		assert_int_equal(set_mib(w, 0, refused[i].mib, why), -EINVAL);
	}
	rest(w, 10);
	expect_size(w, 0, 100);
	shrink(w, 0, 72);
}

static void who_is_on_his_way_elsewhere_is_left_alone(void **state)
{
	struct world *w = *state;
	char why[256] = "";

	/* Somebody else has asked for less, and nothing came of it. */
	write_target(w, 0, -40 * 1024);
	assert_int_equal(set_mib(w, 0, 100, why), -ENOTCONN);
	assert_non_null(strstr(why, "it holds 128 MiB, but the toolstack's target for it is 88 MiB of 128"));
	expect_stored(w, 0, "");
	/* What came of it is where we begin; what it was built with is known. */
	assert_int_equal(sim_balloon(w->m, w->domids[0], 40 * MIB), 0);
	assert_int_equal(sim_set_max(w->m, w->domids[0], 88 * MIB + SLACK), 0);
	shrink(w, 0, 100);
	shall_be(w, 0, 128);
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 128);
	/* Also in one go: so libxl builds it again when it reboots. */
	write_target(w, 0, -40 * 1024);
	assert_int_equal(sim_balloon(w->m, w->domids[0], 40 * MIB), 0);
	assert_int_equal(sim_set_max(w->m, w->domids[0], 88 * MIB + SLACK), 0);
	shall_be(w, 0, 128);
	expect_state(w, 0, GUEST_GROWING);
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 128);
	expect_state(w, 0, GUEST_UNMANAGED);
	/* No domain has more than its static-max. */
	write_target(w, 1, 1024);
	assert_int_equal(set_mib(w, 1, 100, why), -ENOTCONN);
}

/* Balloons that do not answer ------------------------------------------ */

static void rest_until_stuck(struct world *w, unsigned int i)
{
	for (int n = 0; n < 2000 && !guest_of(w, i)->settled; n++)
		rest(w, 1);
	expect_state(w, i, GUEST_READY);
	if (!strstr(guest_of(w, i)->why, "its balloon does not answer"))
		fail_msg("guest %u: %s", i, guest_of(w, i)->why);
	assert_false(guest_arrived(guest_of(w, i)));
}

static void a_balloon_that_does_not_answer_is_told(void **state)
{
	struct world *w = *state;

	shall_be(w, 0, 100);
	rest_until_stuck(w, 0);
	assert_non_null(strstr(guest_of(w, 0)->why,
			       "it holds 128 MiB, its target is 100 MiB"));
	expect_size(w, 0, 128);
	/* Others do not wait for it. */
	shrink(w, 1, 90);
	/* It is asked again, by itself; that is no news before it moves. */
	for (int n = 0; n < 2000 && guest_of(w, 0)->settled; n++)
		rest(w, 1);
	assert_false(guest_of(w, 0)->settled);
	expect_state(w, 0, GUEST_READY);
	assert_non_null(strstr(guest_of(w, 0)->why, "does not answer"));
	/* This time it hears. */
	for (int n = 0; n < 2000 && !guest_busy(guest_of(w, 0)); n++) {
		rest(w, 1);
		follow(w, 0, 10);
	}
	expect_state(w, 0, GUEST_SHRINKING);
	assert_string_equal(guest_of(w, 0)->why, "");
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 100);
	assert_string_equal(guest_of(w, 0)->why, "");
}

static void a_balloon_that_stops_half_way_is_told(void **state)
{
	struct world *w = *state;

	shall_be(w, 0, 100);
	rest(w, 3);
	assert_int_equal(sim_balloon(w->m, w->domids[0], 10 * MIB), 0);
	for (int n = 0; n < 2000; n++) {
		if (strstr(guest_of(w, 0)->why,
			   "it holds 118 MiB, its target is 100 MiB"))
			break;
		rest(w, 1);
	}
	rest_until_stuck(w, 0);
	/* What it gave is the host's, for good. */
	assert_int_equal(info_of(w, 0).max_pages, 118 * MIB + SLACK);
	assert_int_equal(service_promised(w->service), 0);
	assert_int_equal(sim_balloon(w->m, w->domids[0], 0), -ENOMEM);
	assert_int_equal(info_of(w, 0).pages, 118 * MIB + SLACK);
}

static void who_does_not_come_back_can_be_set_again(void **state)
{
	struct world *w = *state;

	shrink(w, 0, 100);
	shall_be(w, 0, 128);
	rest_until_stuck(w, 0);
	/* It may come any time: that is promised, and told. */
	assert_int_equal(service_promised(w->service), 28 * MIB);
	assert_string_equal(guest_mode_name(guest_of(w, 0)), "balloon");
	shall_be(w, 0, 100);
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 100);
	assert_int_equal(service_promised(w->service), 0);
}

/* The host's memory ---------------------------------------------------- */

/* Another domain has most of the host: a window holds what is left. */
static void crowd(struct world *w)
{
	struct sim_domain_config c = config;
	uint32_t domid;

	snprintf(c.name, sizeof(c.name), "crowd");
	c.boot_pages = HOST_PAGES - 2 * BOOT_PAGES - 100 * MIB;
	assert_int_equal(sim_domain_create(w->m, &c, &domid), 0);
}

static void what_one_gives_another_gets_and_it_cannot_take_again(void **state)
{
	struct world *w = *state;
	uint64_t total, unused;
	char why[256] = "";

	crowd(w);
	shall_be(w, 0, 80);
	rest(w, 3);
	sim_balloon(w->m, w->domids[0], 40 * MIB);
	/* Not looked at since: the grow of another takes all there is. */
	greet(w, 1);
	sim_host_pages(w->m, &total, &unused);
	grow(w, 1, (uint32_t)(unused / 514));
	sim_host_pages(w->m, &total, &unused);
	assert_int_equal(sim_balloon(w->m, w->domids[0], 0), -ENOMEM);
	assert_true(info_of(w, 0).pages <= 88 * MIB + SLACK);
	/* Nor is there room for it to come back. */
	come_to_rest(w, 0, STEP);
	assert_int_equal(set_mib(w, 0, 128, why), -ENOMEM);
	assert_non_null(strstr(why, "it needs 48 MiB more, but the host has"));
	assert_int_equal(guest_of(w, 0)->balloon.less, 24);
	expect_size(w, 0, 80);
}

static void what_it_shall_have_again_is_kept_for_it(void **state)
{
	struct world *w = *state;
	uint64_t total, unused;
	char why[256] = "";

	crowd(w);
	shrink(w, 0, 80);
	greet(w, 1);
	shall_be(w, 0, 128);
	sim_host_pages(w->m, &total, &unused);
	/* It has not come yet; but it is expected. */
	assert_int_equal(set(w, 1, (uint32_t)(unused / 514), why), -ENOMEM);
	grow(w, 1, (uint32_t)((unused - 48 * MIB) / 514));
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 128);
}

/* Restarts, the toolstack, agents -------------------------------------- */

static void a_restart_finds_the_target_again(void **state)
{
	struct world *w = *state;

	for (unsigned int n = 0; n < 4; n++) {
		shall_be(w, 0, 100 - 2 * n);
		for (unsigned int i = 0; i < 2 * n; i++) {
			rest(w, 1);
			follow(w, 0, STEP);
		}
		close_service(w);
		open_service(w);
		rest(w, 1);
		assert_string_equal(guest_mode_name(guest_of(w, 0)), "balloon");
		come_to_rest(w, 0, STEP);
		expect_size(w, 0, 100 - 2 * n);
	}
	/* What was written meanwhile does not count. */
	close_service(w);
	write_target(w, 0, -4096);
	open_service(w);
	rest(w, 3);
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 94);
	assert_int_equal(read_target(w, 0), -34 * 1024);
}

static const char *const bad_stored[] = {
	"1", "32768 100 131072", "32768 100 131072 14 1", "32768 100 131072 -1",
	"32768 257 131072 14", "32768 100 131072 65", "32768 100 4 14", "x",
};

static void what_is_stored_and_absurd_is_ignored(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad_stored); i++) {
		case_is("\"%s\"", bad_stored[i]);
		close_service(w);
		assert_int_equal(sim_store_write(w->m, w->domids[0], "balloon",
						 bad_stored[i]), 0);
		open_service(w);
		rest(w, 2);
		case_int_equal(guest_of(w, 0)->state, GUEST_UNMANAGED);
		assert_false(has_target(w, 0));
	}
	expect_size(w, 0, 128);
	shrink(w, 0, 100);
}

static void the_toolstack_may_set_it_as_well(void **state)
{
	struct world *w = *state;

	shrink(w, 0, 100);
	/* As xl mem-set: it changes the maximum, too. */
	write_target(w, 0, -38 * 1024 - 1);
	assert_int_equal(sim_set_max(w->m, w->domids[0], 90 * MIB + 7), 0);
	rest(w, 3);
	assert_int_equal(guest_of(w, 0)->balloon.less, 19);
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 90);
	assert_int_equal(read_target(w, 0), -38 * 1024);
	/* What is refused is put right. */
	write_target(w, 0, 5000);
	rest(w, 3);
	assert_int_equal(read_target(w, 0), -38 * 1024);
	write_target(w, 0, -120 * 1024);
	rest(w, 3);
	assert_int_equal(read_target(w, 0), -38 * 1024);
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 90);
}

/* Listens for a while; is there a host? */
static bool is_visited(struct world *w, unsigned int turns)
{
	struct fake *f = &w->fakes[0];

	if (f->listening < 0)
		f->listening = unix_listen(f->path, 0600);
	assert_true(f->listening >= 0);
	for (; turns && f->fd < 0; turns--) {
		fake_turn(f);
		f->fd = accept4(f->listening, NULL, NULL,
				SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	return f->fd >= 0;
}

static void an_agent_is_heard_when_the_balloon_is_empty(void **state)
{
	struct world *w = *state;

	shrink(w, 0, 100);
	assert_false(is_visited(w, 50));
	close_service(w);
	open_service(w);
	assert_false(is_visited(w, 50));
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 100);
	/* At the size it was built with, nothing stands between them. */
	shall_be(w, 0, 128);
	come_to_rest(w, 0, STEP);
	assert_true(is_visited(w, 1000));
	fake_say_hello(&w->fakes[0]);
	assert_true(fake_wait(&w->fakes[0], HOST_MSG_STATE_REQUEST));
	fake_say_state(&w->fakes[0]);
	expect_state(w, 0, GUEST_READY);
	assert_string_equal(guest_mode_name(guest_of(w, 0)), "granules");
	assert_int_equal(guest_of(w, 0)->boot_pages, BOOT_PAGES);
	grow(w, 0, 100);
	expect_pages(w, 0);
}

static void who_was_managed_in_granules_is_not_ballooned(void **state)
{
	struct world *w = *state;
	char why[256] = "";

	greet(w, 0);
	grow(w, 0, 100);
	assert_int_equal(set_mib(w, 0, 100, why), -EINVAL);
	assert_non_null(strstr(why, "built with 128 MiB and cannot hold less"));
	/* Nor before its agent is back, after a restart */
	fake_done(&w->fakes[0]);
	close_service(w);
	open_service(w);
	rest(w, 3);
	assert_int_equal(guest_of(w, 0)->state, GUEST_UNMANAGED);
	assert_int_equal(set_mib(w, 0, 100, why), -ENOTCONN);
	assert_non_null(strstr(why, "it is managed in granules"));
	expect_stored(w, 0, "");
}

static void a_guest_that_greets_is_not_ballooned(void **state)
{
	struct world *w = *state;
	char why[256] = "";

	assert_true(fake_offer(&w->fakes[0]));
	expect_state(w, 0, GUEST_GREETING);
	assert_int_equal(set_mib(w, 0, 100, why), -ENOTCONN);
	assert_non_null(strstr(why, "greeting"));
	expect_stored(w, 0, "");
}

static void a_guest_that_goes_takes_its_balloon_along(void **state)
{
	struct world *w = *state;

	shall_be(w, 0, 100);
	rest(w, 2);
	assert_int_equal(sim_domain_destroy(w->m, w->domids[0]), 0);
	for (int i = 0; i < 100; i++) {
		fake_turn(&w->fakes[1]);
		if (!service_by_domid(w->service, w->domids[0]))
			break;
	}
	assert_null(service_by_domid(w->service, w->domids[0]));
	assert_int_equal(service_promised(w->service), 0);
	shrink(w, 1, 100);
}

/* Calls that fail ------------------------------------------------------ */

/* An operator does not take an error for an answer. */
static void insist(struct world *w, unsigned int i, uint64_t mib)
{
	char why[256] = "";
	int rc = 0;

	for (unsigned int n = 0; n < 3; n++) {
		rc = set_mib(w, i, mib, why);
		if (!rc)
			return;
		assert_int_equal(rc, -EIO);
		rest(w, 1);
	}
	fail_msg("%s: %s", case_name, why);
}

static void whatever_fails_once_every_size_is_reached(void **state)
{
	static const enum sim_call calls[] = {
		SIM_CALL_LIST, SIM_CALL_DOMAIN, SIM_CALL_HOST,
		SIM_CALL_SET_MAX, SIM_CALL_STORE_WRITE, SIM_CALL_STORE_READ,
		SIM_CALL_PUBLISH, SIM_CALL_WANTED,
	};
	static const enum sim_mode modes[] = { SIM_FAIL_BEFORE, SIM_FAIL_AFTER };
	unsigned int nr_failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls) * 2 * 6; i++) {
		struct sim_point point = { calls[i / 12], 1 + i % 6,
					   modes[i / 6 % 2], -EIO };
		struct world *w = *state;
		struct sim_plan plan;

		case_is("%s %u fails %s", sim_call_name(point.call), point.nth,
			sim_mode_name(point.mode));
		sim_arm(w->m, &point, 1);
		insist(w, 0, 100);
		come_to_rest(w, 0, STEP);
		close_service(w);
		open_service(w);
		rest(w, 10);
		come_to_rest(w, 0, STEP);
		expect_size(w, 0, 100);
		insist(w, 0, 110);
		come_to_rest(w, 0, STEP);
		expect_size(w, 0, 110);
		insist(w, 0, 128);
		come_to_rest(w, 0, STEP);
		expect_size(w, 0, 128);
		expect_size(w, 1, 128);
		assert_false(has_target(w, 1));
		sim_plan(w->m, &plan);
		nr_failed += plan.next == 1;
		assert_int_equal(teardown(state) || setup_slack(state), 0);
	}
	/* What is never called so often cannot fail. */
	assert_true(nr_failed > 40);
}

/* What is restored may hold what it was told when the save began. */
static void who_is_being_saved_is_set_later(void **state)
{
	struct sim_point point = { SIM_CALL_PUBLISH, 1, SIM_FAIL_BEFORE,
				   -EAGAIN };
	struct world *w = *state;

	sim_arm(w->m, &point, 1);
	shall_be(w, 0, 100);
	for (unsigned int n = 0; n < 10 && !*guest_of(w, 0)->why; n++)
		fake_turn(&w->fakes[0]);
	assert_string_equal(guest_of(w, 0)->why,
			    "it is being saved, or has shut down");
	expect_size(w, 0, 128);
	assert_false(has_target(w, 0));
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 100);
}

static void what_was_refused_does_not_come_true_at_a_restart(void **state)
{
	struct sim_point point = { SIM_CALL_STORE_WRITE, 1, SIM_FAIL_AFTER,
				   -EIO };
	struct world *w = *state;
	char why[256];

	sim_arm(w->m, &point, 1);
	assert_int_equal(set_mib(w, 0, 100, why), -EIO);
	close_service(w);
	open_service(w);
	rest(w, 3);
	assert_int_equal(guest_of(w, 0)->state, GUEST_UNMANAGED);
	shrink(w, 0, 100);
	sim_arm(w->m, &point, 1);
	assert_int_equal(set_mib(w, 0, 90, why), -EIO);
	close_service(w);
	open_service(w);
	rest(w, 3);
	come_to_rest(w, 0, STEP);
	expect_size(w, 0, 100);
}

#define SLACK_CASE(f) cmocka_unit_test_setup_teardown(f, setup_slack, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SLACK_CASE(a_guest_that_nobody_sets_is_not_touched),
		SLACK_CASE(a_balloon_is_blown_up_and_let_off_again),
		SLACK_CASE(the_newest_target_wins),
		SLACK_CASE(pages_that_stay_out_do_not_matter),
		SLACK_CASE(what_a_balloon_cannot_do_is_refused),
		SLACK_CASE(who_is_on_his_way_elsewhere_is_left_alone),
		SLACK_CASE(a_balloon_that_does_not_answer_is_told),
		SLACK_CASE(a_balloon_that_stops_half_way_is_told),
		SLACK_CASE(who_does_not_come_back_can_be_set_again),
		SLACK_CASE(what_one_gives_another_gets_and_it_cannot_take_again),
		SLACK_CASE(what_it_shall_have_again_is_kept_for_it),
		SLACK_CASE(a_restart_finds_the_target_again),
		SLACK_CASE(what_is_stored_and_absurd_is_ignored),
		SLACK_CASE(the_toolstack_may_set_it_as_well),
		SLACK_CASE(an_agent_is_heard_when_the_balloon_is_empty),
		SLACK_CASE(who_was_managed_in_granules_is_not_ballooned),
		SLACK_CASE(a_guest_that_greets_is_not_ballooned),
		SLACK_CASE(a_guest_that_goes_takes_its_balloon_along),
		SLACK_CASE(whatever_fails_once_every_size_is_reached),
		SLACK_CASE(who_is_being_saved_is_set_later),
		SLACK_CASE(what_was_refused_does_not_come_true_at_a_restart),
	};

	/* What is refused here would fill the screen. */
	if (!getenv("VERBOSE"))
		log_set_level(LOG_LEVEL_ERR - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
