/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_agent_reports.c - What the agent tells the host of the guest
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

static unsigned int count_reports(const struct world *w)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < w->nr_inbox; i++)
		n += w->inbox[i].type == GUEST_MSG_REPORT;
	return n;
}

/* Turns, as an event loop gives them, up to @end. Return: how many */
static unsigned int run_until(struct world *w, uint64_t end)
{
	unsigned int turns = 0;
	uint64_t wake = agent_turn(w->agent, w->now);

	while (wake <= end) {
		assert_true(wake > w->now);
		w->now = wake;
		wake = agent_turn(w->agent, w->now);
		turns++;
	}
	w->now = end;
	return turns;
}

static void an_idle_agent_wakes_for_its_keepalive_only(void **state)
{
	struct world *w = *state;
	uint64_t start = w->now;

	connect_host(w);
	run_until(w, start + 11000);
	assert_int_equal(count_reports(w), 1);
	assert_int_equal(run_until(w, start + 59999), 0);
	assert_int_equal(count_reports(w), 1);
	assert_int_equal(run_until(w, start + 60000), 1);
	assert_int_equal(count_reports(w), 2);
	/* An hour of rest */
	assert_int_equal(run_until(w, start + 3660000), 60);
	assert_int_equal(count_reports(w), 62);
}

static const struct msg_report *last_report(struct world *w)
{
	return &find(w, GUEST_MSG_REPORT)->report;
}

static void a_stall_is_told_at_once(void **state)
{
	struct world *w = *state;
	uint64_t start = w->now;

	w->pressure = (struct pressure){
		.time_us = 5, .has_stall = true, .stall_some_us = 4,
		.stall_full_us = 3, .refault_pages = 2, .swap_in_pages = 1,
	};
	connect_host(w);
	assert_int_equal(w->watched.stall_us, 20000);
	assert_int_equal(w->watched.stall_window_ms, 500);
	run_until(w, start + 30000);
	assert_int_equal(count_reports(w), 1);
	assert_false(last_report(w)->stalled);
	agent_stalled(w->agent, w->now);
	assert_int_equal(agent_turn(w->agent, w->now), w->now + 1000);
	assert_int_equal(count_reports(w), 2);
	assert_int_equal(last_report(w)->time_us, 5);
	assert_int_equal(last_report(w)->stall_some_us, 4);
	assert_int_equal(last_report(w)->stall_full_us, 3);
	assert_int_equal(last_report(w)->refault_pages, 2);
	assert_int_equal(last_report(w)->swap_in_pages, 1);
	assert_true(last_report(w)->has_pressure);
	assert_true(last_report(w)->stalled);
	/* An early sign is looked at, and there is nothing to tell. */
	run_until(w, start + 50000);
	assert_int_equal(count_reports(w), 2);
	agent_stirred(w->agent, w->now);
	assert_int_equal(agent_turn(w->agent, w->now), w->now + 1000);
	assert_int_equal(count_reports(w), 2);
	w->pressure.stall_some_us += 20000;
	run_until(w, w->now + 1000);
	assert_int_equal(count_reports(w), 3);
	assert_false(last_report(w)->stalled);
}

static void who_starves_says_so_at_once_and_reads_nothing(void **state)
{
	struct world *w = *state;
	uint32_t zone, online;

	agent_starves(w->agent, BLOCK_KERNEL, w->now);
	connect_host(w);
	run_until(w, w->now + 2000);
	assert_false(last_report(w)->starving);
	w->looks = 0;
	w->looks_starving = 1;
	agent_starves(w->agent, BLOCK_KERNEL, w->now);
	agent_turn(w->agent, w->now);
	assert_int_equal(w->looks_starving, 0);
	grow(w, 3, 2);
	/* The first of the blocks is what helps, the rest as always. */
	assert_int_equal(sim_block(w->m, w->domid, 3, &zone, &online), 0);
	assert_int_equal(zone, BLOCK_KERNEL);
	assert_int_equal(sim_block(w->m, w->domid, 4, &zone, &online), 0);
	assert_int_equal(zone, BLOCK_MOVABLE);
	run_until(w, w->now + 2000);
	assert_false(last_report(w)->starving);
}

static void a_stall_before_or_after_a_host_is_nobodys(void **state)
{
	struct world *w = *state;

	agent_stalled(w->agent, w->now);
	connect_host(w);
	agent_turn(w->agent, w->now);
	agent_disconnected(w->agent);
	agent_stalled(w->agent, w->now);
	agent_stirred(w->agent, w->now);
	assert_int_equal(agent_turn(w->agent, w->now), UINT64_MAX);
	connect_host(w);
	agent_turn(w->agent, w->now);
	assert_false(last_report(w)->stalled);
}

static void who_has_grown_says_how_much_of_it_is_the_kernels(void **state)
{
	struct world *w = *state;

	connect_host(w);
	assert_int_equal(w->boot_kib, BOOT_PAGES * 4);
	assert_int_equal(w->all_kib, BOOT_PAGES * 4);
	assert_int_equal(w->kernel_kib, BOOT_PAGES * 4);
	grow(w, 0, 4);
	assert_int_equal(w->boot_kib, BOOT_PAGES * 4);
	assert_int_equal(w->all_kib, BOOT_PAGES * 4 + 4 * 63 * 2048);
	assert_in_range(w->kernel_kib, w->boot_kib, w->all_kib - 63 * 2048);
	/* A new agent knows from its first host on. */
	stop_agent(w);
	start_agent(w, 1);
	w->all_kib = 0;
	connect_host(w);
	assert_int_equal(w->boot_kib, BOOT_PAGES * 4);
	assert_int_equal(w->all_kib, BOOT_PAGES * 4 + 4 * 63 * 2048);
}

static void a_deaf_agent_looks_by_itself(void **state)
{
	struct world *w = *state;
	uint64_t start = w->now;

	w->deaf = true;
	connect_host(w);
	assert_in_range(run_until(w, start + 59999), 6, 12);
	assert_int_equal(count_reports(w), 1);
	assert_false(last_report(w)->has_pressure);
	assert_int_equal(sim_domain_set_used(w->m, w->domid, BOOT_PAGES / 2), 0);
	run_until(w, start + 59999 + 10000);
	assert_int_equal(last_report(w)->mem_available_kib, BOOT_PAGES * 2);
}

static void reports_keep_their_distance(void **state)
{
	struct world *w = *state;
	uint64_t start = w->now;

	connect_host(w);
	assert_true(agent_turn(w->agent, w->now) > w->now);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(say_grow(w, i, i, 1), 0);
		agent_turn(w->agent, w->now);
	}
	assert_int_equal(count_reports(w), 1);
	assert_int_equal(agent_turn(w->agent, w->now), start + 1000);
	agent_turn(w->agent, start + 1000);
	assert_int_equal(count_reports(w), 2);
	assert_int_equal(find(w, GUEST_MSG_REPORT)->report.mem_total_kib,
			 BOOT_PAGES * 4 + 4 * 63 * 2048);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_idle_agent_wakes_for_its_keepalive_only),
		CASE(a_stall_is_told_at_once),
		CASE(who_starves_says_so_at_once_and_reads_nothing),
		CASE(a_stall_before_or_after_a_host_is_nobodys),
		CASE(who_has_grown_says_how_much_of_it_is_the_kernels),
		CASE(a_deaf_agent_looks_by_itself),
		CASE(reports_keep_their_distance),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
