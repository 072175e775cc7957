/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_agent.c - The agent, against the simulated machine
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent_world.h"

static void the_first_word_is_hello(void **state)
{
	struct world *w = *state;
	const struct msg_hello *h = &w->inbox[0].hello;

	assert_int_equal(agent_connected(w->agent), 0);
	assert_int_equal(w->nr_inbox, 1);
	assert_int_equal(w->inbox[0].type, GUEST_MSG_HELLO);
	assert_int_equal(h->major, PROTO_MAJOR);
	assert_int_equal(h->window_granules, WINDOW);
	assert_int_equal(h->block_granules, BLOCK);
	assert_int_equal(h->memmap_granules, 1);
	assert_int_equal(h->window_gfn, 1 << 20);
	assert_int_equal(h->boot_id[0], 1);
	assert_string_equal(h->kernel_release, "6.12");
}

static void a_guest_grows_and_gives_all_of_it_back(void **state)
{
	struct world *w = *state;
	const struct msg_pull_progress *last;
	uint32_t nr;

	connect_host(w);
	for (int round = 0; round < 10; round++) {
		w->nr_inbox = 0;
		grow(w, 0, 8);
		assert_int_equal(count_in_use(w), 8 * BLOCK);
		assert_int_equal(say_pull(w, 9, 8 * BLOCK, 60000), 0);
		last = finish_pull(w, 0, &nr);
		assert_int_equal(last->id, 9);
		assert_int_equal(last->reason, PULL_REASON_DONE);
		assert_int_equal(nr, 8 * BLOCK);
		assert_int_equal(count_in_use(w), 0);
	}
}

static void every_sixth_block_beyond_boot_memory_is_for_the_kernel(void **state)
{
	struct world *w = *state;
	uint32_t zone, online, movable = 0;

	connect_host(w);
	grow(w, 0, 16);
	for (uint32_t i = 0; i < 16; i++) {
		assert_int_equal(sim_block(w->m, w->domid, i, &zone, &online),
				 0);
		movable += zone == BLOCK_MOVABLE;
	}
	/* 256 MiB of boot memory allow ten blocks, the eleventh is the first
	 * for the kernel and allows five more */
	assert_int_equal(sim_block(w->m, w->domid, 10, &zone, &online), 0);
	assert_int_equal(zone, BLOCK_KERNEL);
	assert_int_equal(movable, 15);
}

static void an_online_request_may_be_repeated(void **state)
{
	struct world *w = *state;

	connect_host(w);
	grow(w, 2, 1);
	grow(w, 2, 1);
	assert_int_equal(count_in_use(w), BLOCK);
}

static void a_failed_range_is_told_and_the_others_are_done(void **state)
{
	static const struct sim_faults all_fail = { .online_fails = 1000 };
	static const struct sim_faults none = { 0 };
	struct world *w = *state;
	const struct msg_online_reply *reply;

	connect_host(w);
	assert_int_equal(say_grow(w, 5, 0, 3), 0);
	sim_set_faults(w->m, &all_fail);
	turn(w);	/* no memory: what follows is not begun */
	assert_null(find(w, GUEST_MSG_ONLINE_REPLY));
	sim_set_faults(w->m, &none);
	turn(w);
	reply = &find(w, GUEST_MSG_ONLINE_REPLY)->online_reply;
	assert_int_equal(reply->error, ENOMEM);
	assert_int_equal(reply->done[0], 0);
	assert_int_equal(reply->done[1], BLOCK);
	assert_int_equal(reply->done[2], BLOCK);
}

/* All ranges that wait go in one call, each into a zone of its own. */
static void requests_that_wait_are_done_in_one_turn(void **state)
{
	struct world *w = *state;
	uint32_t zones[2] = { 0 }, zone, online;

	connect_host(w);
	assert_int_equal(say_grow(w, 5, 0, 2), 0);
	assert_int_equal(say_grow(w, 6, 2, 5), 0);
	assert_int_equal(say_grow(w, 7, 7, 5), 0);
	turn(w);
	assert_int_equal(count_in_use(w), 12 * BLOCK);
	for (uint32_t b = 0; b < 12; b++) {
		assert_int_equal(sim_block(w->m, w->domid, b, &zone, &online),
				 0);
		zones[zone == 2]++;
	}
	/* 256 MiB of boot memory carry ten movable blocks, one of the
	 * kernel's then five more. */
	assert_int_equal(zones[0], 1);
	assert_int_equal(zones[1], 11);
	turn(w);
	turn(w);
	for (uint32_t i = 0, id = 5; i < w->nr_inbox; i++)
		if (w->inbox[i].type == GUEST_MSG_ONLINE_REPLY)
			assert_int_equal(w->inbox[i].online_reply.id, id++);
	assert_int_equal(find(w, GUEST_MSG_ONLINE_REPLY)->online_reply.id, 7);
}

static void a_cancelled_pull_ends_at_once_and_tells_what_it_did(void **state)
{
	struct world *w = *state;
	const struct msg_pull_progress *last;
	uint32_t nr;

	connect_host(w);
	grow(w, 0, 8);
	assert_int_equal(say_pull(w, 9, 8 * BLOCK, 60000), 0);
	turn(w);
	assert_int_equal(say_cancel(w, 8), 0);	/* another: no effect */
	turn(w);
	assert_int_equal(say_cancel(w, 9), 0);
	turn(w);
	last = take_back(w, 0, &nr);
	assert_non_null(last);
	assert_int_equal(last->reason, PULL_REASON_CANCELLED);
	assert_int_equal(nr, BLOCK);
	assert_int_equal(count_in_use(w), 7 * BLOCK);
	assert_int_equal(say_cancel(w, 9), 0);	/* late: no effect */
	turn(w);
	assert_ptr_equal(take_back(w, w->nr_inbox, &nr), NULL);
}

/* Was the last pull to leave what is in the memory? */
static bool pulled_as_is;
static const struct kdev_ops *spied_ops;

static void spy_pull(struct kdev *k, struct kdev_range *ranges, uint32_t nr,
		     bool as_is)
{
	pulled_as_is = as_is;
	spied_ops->pull(k, ranges, nr, as_is);
}

static void memory_is_cleared_unless_the_host_does_it(void **state)
{
	/* Of other bits nothing is known. */
	static const uint64_t capabilities[] = { 0, PROTO_HOST_CLEARS,
						 ~PROTO_HOST_CLEARS };
	struct world *w = *state;
	struct kdev_ops ops = *w->kdev->ops;

	spied_ops = w->kdev->ops;
	ops.pull = spy_pull;
	w->kdev->ops = &ops;
	for (uint32_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		w->nr_inbox = 0;
		assert_int_equal(agent_connected(w->agent), 0);
		w->msg.type = HOST_MSG_WELCOME;
		w->msg.welcome = (struct msg_welcome){
			.major = PROTO_MAJOR, .report_interval_ms = 1000,
			.keepalive_s = 60, .capabilities = capabilities[i],
		};
		assert_int_equal(say(w), 0);
		grow(w, i, 1);
		assert_int_equal(say_pull(w, 9, BLOCK, 60000), 0);
		for (int turns = 0; turns < 9; turns++)
			turn(w);
		assert_int_equal(count_in_use(w), 0);
		assert_int_equal(pulled_as_is,
				 capabilities[i] == PROTO_HOST_CLEARS);
		agent_disconnected(w->agent);
	}
	w->kdev->ops = spied_ops;
}

static void a_newer_pull_replaces_the_older(void **state)
{
	struct world *w = *state;
	const struct msg_pull_progress *last;
	unsigned int from;
	uint32_t nr;

	connect_host(w);
	grow(w, 0, 8);
	assert_int_equal(say_pull(w, 9, 8 * BLOCK, 60000), 0);
	turn(w);
	assert_int_equal(say_pull(w, 10, 2, 60000), 0);
	assert_int_equal(say_pull(w, 11, 1, 60000), 0);
	from = w->nr_inbox - 1;	/* the word that 10 will never begin */
	assert_int_equal(w->inbox[from].pull_progress.id, 10);
	assert_int_equal(w->inbox[from].pull_progress.reason,
			 PULL_REASON_CANCELLED);
	turn(w);
	last = take_back(w, from + 1, &nr);
	assert_int_equal(last->id, 9);
	assert_int_equal(last->reason, PULL_REASON_CANCELLED);
	from = w->nr_inbox;
	last = finish_pull(w, from, &nr);
	assert_int_equal(last->id, 11);
	assert_int_equal(last->reason, PULL_REASON_DONE);
	assert_int_equal(nr, 1);
}

static void an_online_request_ends_a_pull(void **state)
{
	struct world *w = *state;
	const struct msg_pull_progress *last;
	uint32_t nr;

	connect_host(w);
	grow(w, 0, 4);
	assert_int_equal(say_pull(w, 9, 4 * BLOCK, 60000), 0);
	turn(w);
	turn(w);
	assert_int_equal(say_grow(w, 12, 8, 1), 0);
	last = finish_pull(w, 0, &nr);
	assert_int_equal(last->reason, PULL_REASON_CANCELLED);
	turn(w);
	assert_int_equal(find(w, GUEST_MSG_ONLINE_REPLY)->online_reply.id, 12);
	assert_int_equal(count_in_use(w), 5 * BLOCK - nr);
}

static void a_pull_ends_at_its_deadline(void **state)
{
	struct world *w = *state;
	const struct msg_pull_progress *last;
	uint32_t nr;

	connect_host(w);
	grow(w, 0, 8);
	assert_int_equal(say_pull(w, 9, 8 * BLOCK, 50), 0);
	turn(w);
	turn(w);
	w->now += 50;
	last = finish_pull(w, 0, &nr);
	assert_int_equal(last->reason, PULL_REASON_DEADLINE);
	assert_int_equal(nr, BLOCK);
}

static void a_pull_stops_at_the_floor(void **state)
{
	struct world *w = *state;
	const struct msg_pull_progress *last;
	uint32_t nr;

	connect_host(w);
	grow(w, 0, 8);
	/* 300 MiB more than boot memory is in use by programs */
	assert_int_equal(sim_domain_set_used(w->m, w->domid,
					     BOOT_PAGES + 150 * 512), 0);
	assert_int_equal(say_pull(w, 9, 8 * BLOCK, 60000), 0);
	last = finish_pull(w, 0, &nr);
	assert_int_equal(last->reason, PULL_REASON_FLOOR);
	/* 1 page of floor: to the granule, all but 151 online remain */
	assert_int_equal(count_in_use(w), 8 * BLOCK - nr);
	assert_true(count_in_use(w) >= 151 && count_in_use(w) <= 151 + 8);
}

static void busy_granules_are_tried_again_and_then_told(void **state)
{
	static const struct sim_faults busy = { .pull_busy = 1000 };
	static const struct sim_faults some = { .pull_busy = 300 };
	struct world *w = *state;
	const struct msg_pull_progress *last;
	uint32_t nr;

	connect_host(w);
	grow(w, 0, 2);
	sim_set_faults(w->m, &busy);
	assert_int_equal(say_pull(w, 9, 2 * BLOCK, 60000), 0);
	last = finish_pull(w, 0, &nr);
	assert_int_equal(last->reason, PULL_REASON_BUSY);
	assert_int_equal(nr, 0);
	sim_set_faults(w->m, &some);
	w->nr_inbox = 0;
	assert_int_equal(say_pull(w, 10, 2 * BLOCK, 60000), 0);
	last = finish_pull(w, 0, &nr);
	assert_true(nr >= 2 * BLOCK - 12);
	assert_int_equal(count_in_use(w), 2 * BLOCK - nr);
	assert_int_equal(last->reason == PULL_REASON_DONE, nr == 2 * BLOCK);
}

static void state_is_what_the_kernel_says(void **state)
{
	struct world *w = *state;
	const struct msg_state_reply *reply;

	connect_host(w);
	grow(w, 1, 1);
	assert_int_equal(say_state(w, 0, 192), 0);
	reply = &find(w, GUEST_MSG_STATE_REPLY)->state_reply;
	assert_int_equal(reply->nr, 192);
	assert_int_equal(reply->in_use[0], 0);
	assert_true(reply->in_use[1] == UINT64_MAX);
	assert_int_equal(reply->in_use[2], 0);
}

static void nothing_asked_on_a_lost_connection_is_done_after(void **state)
{
	struct world *w = *state;
	uint32_t before;

	connect_host(w);
	grow(w, 0, 8);
	assert_int_equal(say_pull(w, 9, 8 * BLOCK, 60000), 0);
	turn(w);
	turn(w);
	assert_int_equal(say_grow(w, 6, 8, 4), 0);
	assert_int_equal(say_pull(w, 10, 8 * BLOCK, 60000), 0);
	before = count_in_use(w);
	agent_disconnected(w->agent);
	for (int i = 0; i < 20; i++)
		assert_true(agent_turn(w->agent, w->now) == UINT64_MAX);
	connect_host(w);
	for (int i = 0; i < 20; i++)
		turn(w);
	assert_int_equal(count_in_use(w), before);
	for (unsigned int i = 0; i < w->nr_inbox; i++)
		assert_true(w->inbox[i].type == GUEST_MSG_HELLO ||
			    w->inbox[i].type == GUEST_MSG_REPORT);
}

static void a_new_agent_finds_what_the_old_one_left(void **state)
{
	struct world *w = *state;
	const struct msg_pull_progress *last;
	uint32_t nr;

	connect_host(w);
	grow(w, 0, 8);
	assert_int_equal(say_pull(w, 9, 100, 60000), 0);
	turn(w);
	turn(w);
	stop_agent(w);
	start_agent(w, 1);
	connect_host(w);
	nr = count_in_use(w);
	assert_true(nr < 8 * BLOCK);
	assert_int_equal(say_pull(w, 1, nr, 60000), 0);
	last = finish_pull(w, 0, &nr);
	assert_int_equal(last->reason, PULL_REASON_DONE);
	assert_int_equal(count_in_use(w), 0);
}

static void a_host_that_reads_slowly_loses_nothing(void **state)
{
	struct world *w = *state;
	const struct msg_pull_progress *last;
	uint32_t nr;

	connect_host(w);
	grow(w, 0, 8);
	w->nr_inbox = 0;
	w->room = 0;
	assert_int_equal(say_pull(w, 9, 8 * BLOCK, 60000), 0);
	for (int i = 0; i < 50; i++)
		turn(w);
	assert_int_equal(w->nr_inbox, 0);
	/* no more was pulled than one message could tell */
	assert_true(count_in_use(w) >= 7 * BLOCK);
	for (int i = 0; i < 100; i++) {
		w->room = 1;
		turn(w);
	}
	last = take_back(w, 0, &nr);
	assert_non_null(last);
	assert_int_equal(nr, 8 * BLOCK);
}

static int say_online(struct world *w, uint32_t first, uint32_t nr)
{
	w->msg.type = HOST_MSG_ONLINE_REQUEST;
	w->msg.online_request = (struct msg_online_request){
		.id = 1, .nr_ranges = 1, .ranges = { { first, nr } },
	};
	return say(w);
}

static void what_breaks_the_protocol_ends_the_connection(void **state)
{
	struct world *w = *state;

	assert_int_equal(agent_connected(w->agent), 0);
	assert_int_equal(say_pull(w, 1, 1, 1), -EPROTO);
	assert_int_equal(say_welcome(w, 1), 0);
	assert_int_equal(say_welcome(w, 1), -EPROTO);
	assert_int_equal(say_online(w, WINDOW, 1), -EPROTO);
	assert_int_equal(say_online(w, BLOCK - 1, 2), -EPROTO);
	assert_int_equal(say_online(w, WINDOW_GRANULES_MAX - 1, 1), -EPROTO);
	assert_int_equal(say_state(w, WINDOW, 64), -EPROTO);
	assert_int_equal(say_state(w, WINDOW - 64, 128), -EPROTO);
	for (unsigned int i = 0; i < AGENT_ONLINE_QUEUE; i++)
		assert_int_equal(say_grow(w, i, 0, 1), 0);
	assert_int_equal(say_grow(w, 9, 0, 1), -EPROTO);
	w->room = 0;
	assert_int_equal(say_state(w, 0, 64), -ENOBUFS);
	assert_int_equal(count_in_use(w), 0);
}

static void garbage_changes_nothing(void **state)
{
	struct world *w = *state;
	uint8_t buf[256];

	connect_host(w);
	grow(w, 0, 1);
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		const char *why = NULL;
		size_t len = 1 + (size_t)random() % sizeof(buf);

		for (size_t n = 0; n < len; n++)
			buf[n] = (uint8_t)random();
		if (agent_frame(w->agent, buf, len, w->now, &why))
			assert_non_null(why);
		w->nr_inbox = 0;
	}
	assert_int_equal(count_in_use(w), BLOCK);
}

/* A host that keeps books, against one agent that now and then is replaced. */
static void random_sizes_leave_host_and_guest_agreed(void **state)
{
	static const struct sim_faults faults = {
		.pull_busy = 100, .online_fails = 50,
	};
	struct world *w = *state;
	uint64_t backed[WINDOW / 64], in_use[WINDOW / 64];
	uint32_t nr, before;

	sim_set_faults(w->m, &faults);
	connect_host(w);
	srandom(3);
	for (int i = 0; i < 300; i++) {
		uint32_t ask = 1 + (uint32_t)random() % 300;

		w->nr_inbox = 0;
		assert_int_equal(say_grow(w, 1, (uint32_t)random() % 12, 4), 0);
		for (int n = 0; n < 5; n++)
			turn(w);
		before = count_in_use(w);
		assert_int_equal(say_pull(w, 2, ask, 60000), 0);
		assert_non_null(finish_pull(w, 0, &nr));
		assert_true(nr <= ask);
		assert_int_equal(count_in_use(w), before - nr);
		if (random() % 10)
			continue;
		stop_agent(w);
		start_agent(w, 1);
		connect_host(w);
	}
	/* what is backed and not in use is there because a grow failed */
	assert_int_equal(sim_backed(w->m, w->domid, 0, WINDOW, backed), 0);
	assert_int_equal(sim_in_use(w->m, w->domid, 0, WINDOW, in_use), 0);
	for (uint32_t i = 0; i < WINDOW / 64; i++)
		assert_true((in_use[i] & ~backed[i]) == 0);
}


/* Calls that fail and have done all the same ------------------------------ */

static void fail_call(struct world *w, enum sim_call call, enum sim_call then)
{
	/* The second is the state that is asked for after the first. */
	struct sim_point points[] = {
		{ call, 1, SIM_FAIL_AFTER, -EFAULT },
		{ then, 1, SIM_FAIL_BEFORE, -EFAULT },
	};

	sim_arm(w->m, points, then == SIM_NUM_CALLS ? 1 : 2);
}

static void expect_failed(struct world *w, uint32_t nr)
{
	struct sim_plan plan;

	sim_plan(w->m, &plan);
	assert_int_equal(plan.next, nr);
}

static void what_is_online_in_spite_of_an_error_is_told(void **state)
{
	const struct msg_online_reply *reply;
	struct world *w = *state;

	connect_host(w);
	fail_call(w, SIM_CALL_ONLINE, SIM_NUM_CALLS);
	assert_int_equal(say_grow(w, 5, 0, 2), 0);
	turn(w);
	expect_failed(w, 1);
	reply = &find(w, GUEST_MSG_ONLINE_REPLY)->online_reply;
	assert_int_equal(reply->error, EFAULT);
	assert_int_equal(reply->nr_done, 2);
	assert_int_equal(reply->done[0], BLOCK);
	assert_int_equal(reply->done[1], BLOCK);
	assert_false(agent_lost_track(w->agent));
}

static void what_is_pulled_in_spite_of_an_error_is_told(void **state)
{
	static const enum sim_call calls[] = {
		SIM_CALL_PULL, SIM_CALL_REMOVE,
	};
	const struct msg_pull_progress *last;
	struct world *w = *state;
	unsigned int from;
	uint32_t nr;

	connect_host(w);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		grow(w, 0, 3);
		fail_call(w, calls[i], SIM_NUM_CALLS);
		from = w->nr_inbox;
		assert_int_equal(say_pull(w, 1, 3 * BLOCK, 10000), 0);
		last = finish_pull(w, from, &nr);
		expect_failed(w, 1);
		assert_non_null(last);
		assert_int_equal(last->reason, PULL_REASON_DONE);
		assert_int_equal(nr, 3 * BLOCK);
		assert_int_equal(count_in_use(w), 0);
	}
}

static void who_cannot_know_says_nothing(void **state)
{
	static const enum sim_call calls[] = {
		SIM_CALL_ONLINE, SIM_CALL_PULL, SIM_CALL_REMOVE,
	};
	struct world *w = *state;
	unsigned int from;
	uint32_t nr;

	connect_host(w);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		grow(w, 0, 1);
		from = w->nr_inbox;
		fail_call(w, calls[i], SIM_CALL_STATE);
		if (calls[i] == SIM_CALL_ONLINE)
			assert_int_equal(say_grow(w, 6, 1, 1), 0);
		else
			assert_int_equal(say_pull(w, 6, BLOCK, 10000), 0);
		for (unsigned int n = 0; n < 9 && !agent_lost_track(w->agent);
		     n++)
			turn(w);
		expect_failed(w, 2);
		assert_true(agent_lost_track(w->agent));
		assert_true(agent_turn(w->agent, w->now) == UINT64_MAX);
		/* A new connection, and both know all of it. */
		take_back(w, from, &nr);
		agent_disconnected(w->agent);
		connect_host(w);
		assert_false(agent_lost_track(w->agent));
		from = w->nr_inbox;
		assert_int_equal(say_pull(w, 7, WINDOW, 10000), 0);
		finish_pull(w, from, &nr);
		assert_int_equal(count_in_use(w), 0);
		w->nr_inbox = 0;
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_first_word_is_hello),
		CASE(a_guest_grows_and_gives_all_of_it_back),
		CASE(every_sixth_block_beyond_boot_memory_is_for_the_kernel),
		CASE(an_online_request_may_be_repeated),
		CASE(a_failed_range_is_told_and_the_others_are_done),
		CASE(requests_that_wait_are_done_in_one_turn),
		CASE(a_cancelled_pull_ends_at_once_and_tells_what_it_did),
		CASE(memory_is_cleared_unless_the_host_does_it),
		CASE(a_newer_pull_replaces_the_older),
		CASE(an_online_request_ends_a_pull),
		CASE(a_pull_ends_at_its_deadline),
		CASE(a_pull_stops_at_the_floor),
		CASE(busy_granules_are_tried_again_and_then_told),
		CASE(state_is_what_the_kernel_says),
		CASE(nothing_asked_on_a_lost_connection_is_done_after),
		CASE(a_new_agent_finds_what_the_old_one_left),
		CASE(a_host_that_reads_slowly_loses_nothing),
		CASE(what_breaks_the_protocol_ends_the_connection),
		CASE(garbage_changes_nothing),
		CASE(random_sizes_leave_host_and_guest_agreed),
		CASE(what_is_online_in_spite_of_an_error_is_told),
		CASE(what_is_pulled_in_spite_of_an_error_is_told),
		CASE(who_cannot_know_says_nothing),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
