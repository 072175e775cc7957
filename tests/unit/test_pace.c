/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_pace.c - When the agent looks, and when it reports
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "cases.h"
#include "pace.h"

#define INTERVAL	200u
#define KEEPALIVE_S	60u
#define CALM_MS		10000u
#define START		1000000u

static const struct msg_report rest = {
	.mem_total_kib = 262144, .mem_free_kib = 50000,
	.mem_available_kib = 100000, .swap_total_kib = 65536,
	.swap_free_kib = 65536, .time_us = 1, .stall_some_us = 7,
	.refault_pages = 100, .swap_in_pages = 10, .has_pressure = true,
};

/**
 * struct watcher - an agent and its guest
 * @guest:	what is seen when it looks
 */
struct watcher {
	struct pace pace;
	struct msg_report guest, sent;
	uint64_t now;
	unsigned int looks, reports;
};

static void start(struct watcher *w, bool deaf)
{
	struct msg_welcome welcome = {
		.report_interval_ms = INTERVAL, .keepalive_s = KEEPALIVE_S,
	};

	*w = (struct watcher){ .guest = rest, .now = START };
	pace_defaults(&welcome);
	pace_start(&w->pace, &welcome, deaf, w->now);
}

static void look(struct watcher *w)
{
	struct msg_report seen = w->guest;

	w->looks++;
	if (!pace_look(&w->pace, &seen, w->now))
		return;
	w->reports++;
	w->sent = seen;
	pace_sent(&w->pace, &seen, w->now);
}

/* Looks when due, up to @end. */
static void run_until(struct watcher *w, uint64_t end)
{
	for (uint64_t due; (due = pace_due_ms(&w->pace)) <= end;) {
		assert_true(due >= w->now);
		w->now = due;
		look(w);
		assert_true(pace_due_ms(&w->pace) > w->now);
	}
	w->now = end;
}

/* A watcher that has reported and come to rest */
static void start_at_rest(struct watcher *w)
{
	start(w, false);
	run_until(w, START + 30000);
	assert_int_equal(w->reports, 1);
	w->looks = w->reports = 0;
}

static void a_host_is_told_at_once_then_there_is_rest(void **state)
{
	static const uint64_t looks[] = {
		0, 200, 600, 1400, 3000, 6200, 10000, 60000, 120000,
	};
	struct watcher w;

	(void)state;
	start(&w, false);
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++) {
		case_is("look %zu", i);
		case_int_equal(pace_due_ms(&w.pace), START + looks[i]);
		w.now = START + looks[i];
		look(&w);
	}
	assert_int_equal(w.reports, 3);
	assert_false(w.sent.stalled);
}

static void the_hosts_own_thresholds_stand(void **state)
{
	struct msg_welcome w = {
		.stall_us = 1, .stall_window_ms = 10000, .calm_s = 1,
	};
	struct msg_welcome none = { 0 };

	(void)state;
	pace_defaults(&w);
	assert_int_equal(w.stall_us, 1);
	assert_int_equal(w.stall_window_ms, 10000);
	assert_int_equal(w.calm_s, 1);
	pace_defaults(&none);
	assert_int_equal(none.stall_us, PACE_STALL_US);
	assert_int_equal(none.stall_window_ms, PACE_WINDOW_MS);
	assert_int_equal(none.calm_s, PACE_CALM_S);
}

static void what_moves_is_told(void **state)
{
	static const struct {
		const char *what;
		size_t field;
		int64_t by;
		bool told;
	} cases[] = {
#define MOVE(field, by, told) \
	{ #field " by " #by, offsetof(struct msg_report, field), by, told }
		MOVE(mem_total_kib, 2048, true),
		MOVE(mem_total_kib, -2048, true),
		MOVE(mem_free_kib, -50000, false),
		MOVE(mem_available_kib, -8191, false),
		MOVE(mem_available_kib, -8192, true),
		MOVE(mem_available_kib, 8191, false),
		MOVE(mem_available_kib, 8192, true),
		MOVE(swap_total_kib, 1024, true),
		MOVE(swap_free_kib, -2047, false),
		MOVE(swap_free_kib, -2048, true),
		MOVE(refault_pages, 255, false),
		MOVE(refault_pages, 256, true),
		MOVE(swap_in_pages, 255, false),
		MOVE(swap_in_pages, 256, true),
		MOVE(stall_some_us, 19999, false),
		MOVE(stall_some_us, 20000, true),
		MOVE(stall_full_us, 7, false),
		MOVE(time_us, 1000000, false),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct watcher w;

		case_is("%s", cases[i].what);
		start_at_rest(&w);
		*(uint64_t *)((char *)&w.guest + cases[i].field) +=
			(uint64_t)cases[i].by;
		pace_stir(&w.pace, w.now);
		run_until(&w, w.now);
		case_int_equal(w.looks, 1);
		case_int_equal(w.reports, cases[i].told);
	}
}

/* What is little for a guest at ease is much for one that has little left. */
static void who_has_little_tells_of_less(void **state)
{
	struct watcher w;

	(void)state;
	start_at_rest(&w);
	w.guest.mem_available_kib = 24000;
	pace_stir(&w.pace, w.now);
	run_until(&w, w.now);
	assert_int_equal(w.reports, 1);
	w.guest.mem_available_kib -= 3000;
	run_until(&w, w.now + INTERVAL);
	assert_int_equal(w.reports, 2);
	w.guest.mem_available_kib = 3000;
	run_until(&w, w.now + INTERVAL);
	assert_int_equal(w.reports, 3);
	w.guest.mem_available_kib -= 1023;
	run_until(&w, w.now + INTERVAL);
	assert_int_equal(w.reports, 3);
	w.guest.mem_available_kib -= 1;
	run_until(&w, w.now + 2 * INTERVAL);
	assert_int_equal(w.reports, 4);
}

static void a_stall_waits_for_no_interval(void **state)
{
	struct watcher w;

	(void)state;
	start_at_rest(&w);
	pace_stall(&w.pace, w.now);
	assert_int_equal(pace_due_ms(&w.pace), w.now);
	look(&w);
	assert_true(w.sent.stalled);
	/* So soon after a look, and again */
	w.now += 50;
	pace_stall(&w.pace, w.now);
	assert_int_equal(pace_due_ms(&w.pace), w.now);
	look(&w);
	assert_int_equal(w.reports, 2);
	assert_true(w.sent.stalled);
	/* But an early sign does wait. */
	w.now += 50;
	pace_stir(&w.pace, w.now);
	assert_int_equal(pace_due_ms(&w.pace), w.now - 50 + INTERVAL);
	run_until(&w, w.now + INTERVAL);
	assert_int_equal(w.reports, 2);
}

/* Faults alone are no movement: one look each, and no report. */
static void who_takes_memory_is_looked_at_a_moment_later(void **state)
{
	struct watcher w;

	(void)state;
	start_at_rest(&w);
	pace_peek(&w.pace, w.now);
	assert_int_equal(pace_due_ms(&w.pace), w.now + PACE_PEEK_MS);
	run_until(&w, w.now + 20000);
	assert_int_equal(w.looks, 1);
	assert_int_equal(w.reports, 0);
	pace_peek(&w.pace, w.now);
	w.guest.mem_available_kib -= 50000;
	run_until(&w, w.now + PACE_PEEK_MS);
	assert_int_equal(w.reports, 1);
	w.guest.mem_available_kib -= 40000;
	run_until(&w, w.now + INTERVAL);
	assert_int_equal(w.reports, 2);
}

static void a_stall_that_could_not_be_told_is_told_later(void **state)
{
	struct msg_report seen = rest;
	struct watcher w;

	(void)state;
	start_at_rest(&w);
	pace_stall(&w.pace, w.now);
	assert_true(pace_look(&w.pace, &seen, w.now));
	/* There was no room; the kernel goes on waking. */
	pace_stall(&w.pace, w.now);
	assert_int_equal(pace_due_ms(&w.pace), w.now + INTERVAL);
	run_until(&w, w.now + INTERVAL);
	assert_int_equal(w.reports, 1);
	assert_true(w.sent.stalled);
}

static void what_was_not_seen_is_looked_at_again(void **state)
{
	struct watcher w;

	(void)state;
	start(&w, false);
	pace_blind(&w.pace, w.now);
	assert_int_equal(pace_due_ms(&w.pace), START + INTERVAL);
	run_until(&w, START + INTERVAL);
	assert_int_equal(w.reports, 1);
	run_until(&w, START + 59000 + INTERVAL);
	w.now = pace_due_ms(&w.pace);
	pace_blind(&w.pace, w.now);
	assert_int_equal(pace_due_ms(&w.pace), w.now + KEEPALIVE_S * 1000);
}

/* A guest in which everything moves all the time */
static void reports_keep_their_distance(void **state)
{
	struct watcher w;

	(void)state;
	start(&w, false);
	for (unsigned int ms = 0; ms < 60000; ms++) {
		w.guest.mem_available_kib = ms % 2 ? 200000 : 1000;
		w.guest.refault_pages += 1000;
		run_until(&w, START + ms);
		pace_stir(&w.pace, w.now);
	}
	assert_in_range(w.reports, 299, 301);
	assert_int_equal(w.looks, w.reports);
	/* Then nothing any more: six looks, keepalives */
	w.looks = w.reports = 0;
	run_until(&w, w.now + 3600000);
	assert_in_range(w.looks, 60, 60 + 8);
	assert_in_range(w.reports, 59, 62);
}

static void deaf_it_looks_slowly_and_never_ceases(void **state)
{
	struct watcher w;

	(void)state;
	start(&w, true);
	run_until(&w, START + 3600000);
	assert_in_range(w.looks, 350, 420);
	assert_in_range(w.reports, 60, 62);
	w.looks = 0;
	for (unsigned int s = 0; s < 60; s++) {
		w.guest.refault_pages += 1000;
		run_until(&w, w.now + 1000);
	}
	assert_in_range(w.looks, 50, 61);
}

static void deaf_it_knows_a_stall_by_the_count(void **state)
{
	struct watcher w;

	(void)state;
	start(&w, true);
	run_until(&w, START + 1000);
	assert_false(w.sent.stalled);
	w.guest.stall_some_us += 19999;
	run_until(&w, w.now + 12000);
	assert_int_equal(w.reports, 1);
	w.guest.stall_some_us += 20000;
	run_until(&w, w.now + 12000);
	assert_int_equal(w.reports, 2);
	assert_true(w.sent.stalled);
	w.guest.mem_available_kib /= 2;
	run_until(&w, w.now + 12000);
	assert_int_equal(w.reports, 3);
	assert_false(w.sent.stalled);
}

static void without_counts_there_is_no_stall(void **state)
{
	struct watcher w;

	(void)state;
	start(&w, true);
	w.guest.has_pressure = false;
	w.guest.stall_some_us = 0;
	run_until(&w, START + 120000);
	assert_false(w.sent.stalled);
	assert_false(w.sent.has_pressure);
}

/* Any order of events: due is never later than the keepalive, and never but for
 * a stall earlier than the interval allows. */
static void random_events_keep_the_rules(void **state)
{
	struct watcher w;
	uint64_t looked;

	(void)state;
	srandom(3);
	start(&w, false);
	looked = 0;
	for (unsigned int i = 0; i < 200000; i++) {
		uint64_t due = pace_due_ms(&w.pace);
		bool stall = false;

		assert_true(due <= MAX(w.now, looked) + KEEPALIVE_S * 1000);
		switch (random() % 6) {
		case 0:
			stall = true;
			pace_stall(&w.pace, w.now);
			break;
		case 1:
			pace_stir(&w.pace, w.now);
			break;
		case 2:
			w.guest.refault_pages += (uint64_t)random() % 600;
			break;
		case 3:
			w.guest.mem_available_kib =
				(uint64_t)random() % 262144;
			break;
		default:
			w.now += (uint64_t)random() % 100;
			break;
		}
		due = pace_due_ms(&w.pace);
		if (due > w.now)
			continue;
		if (!w.pace.stalled)
			assert_true(!looked || w.now >= looked + INTERVAL);
		assert_true(!stall || w.pace.stalled);
		looked = w.now;
		look(&w);
	}
	assert_true(w.reports > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_told_at_once_then_there_is_rest),
		cmocka_unit_test(the_hosts_own_thresholds_stand),
		cmocka_unit_test(what_moves_is_told),
		cmocka_unit_test(who_has_little_tells_of_less),
		cmocka_unit_test(a_stall_waits_for_no_interval),
		cmocka_unit_test(who_takes_memory_is_looked_at_a_moment_later),
		cmocka_unit_test(a_stall_that_could_not_be_told_is_told_later),
		cmocka_unit_test(what_was_not_seen_is_looked_at_again),
		cmocka_unit_test(reports_keep_their_distance),
		cmocka_unit_test(deaf_it_looks_slowly_and_never_ceases),
		cmocka_unit_test(deaf_it_knows_a_stall_by_the_count),
		cmocka_unit_test(without_counts_there_is_no_stall),
		cmocka_unit_test(random_events_keep_the_rules),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
