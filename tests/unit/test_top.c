/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_top.c - What memtide top makes of what it is told
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cases.h"
#include "cli_reports.h"
#include "top_draw.h"

static struct top top;

static int setup(void **state)
{
	(void)state;
	top = (struct top){ .version = "0.1.0" };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	top_done(&top);
	return 0;
}

static void add_guest(const struct control_guest *g)
{
	struct control_reply r = { .body = CONTROL_BODY_GUEST, .guest = *g };

	assert_int_equal(top_reply(&top, &r), 0);
}

static void add_host(uint64_t free_kib)
{
	struct control_reply r = { .body = CONTROL_BODY_HOST, .host = host };

	r.host.free_kib = free_kib;
	assert_int_equal(top_reply(&top, &r), 0);
}

static void add_event(const char *kind, uint32_t domid, const char *uuid,
		      const char *text)
{
	struct control_reply r = { .body = CONTROL_BODY_EVENT };

	r.event.at_ms = 1000;
	r.event.domid = domid;
	strcpy(r.event.kind, kind);
	strcpy(r.event.uuid, uuid);
	strcpy(r.event.name, "db1");
	strcpy(r.event.text, text);
	assert_int_equal(top_reply(&top, &r), 0);
}

/* A page of its own, a row each, with what they should be. */
static void expect_page(unsigned int height, unsigned int width,
			const char *const *wanted, size_t nr)
{
	struct screen s;

	assert_int_equal(screen_init(&s, height, width), 0);
	assert_int_equal(top_draw(&top, "12:00:00", &s), 0);
	for (unsigned int r = 0; r < height; r++) {
		char *text = screen_text(&s, r);
		const char *row = r < nr && wanted[r] ? wanted[r] : "";

		case_is("row %u", r);
		assert_non_null(text);
		case_string_equal(text, row);
		free(text);
	}
	screen_done(&s);
}

static void fill(void)
{
	add_guest(&db1);
	add_guest(&web);
	add_host(20480 * MIB);
	for (unsigned int i = 0; i < 4; i++) {
		top.guests[0].now.held_kib += 128 * MIB;
		top.guests[0].now.stall_permille = 125;
		top_sample(&top);
	}
	add_event("ready", 12, "", "is ready");
	add_event("target", 3, UUID, "was set to 1280 MiB, holds 768 MiB");
}

static void a_page_of_24_rows_and_80_columns(void **state)
{
	static const char *const page[24] = {
		"memtide 0.1.0   2 guests: 1 growing, 1 in distress                      12:00:00",
		"host [xxxxxx#####=.....................................................r] 24576M",
		"  x other 2304M  # guests 1792M  = promised 512M  . free 19712M  r reserve 256M",
		NULL,
		"NAME         DOMID STATE          HELD  TARGET   AVAIL DEMAND    PRESS MEMORY",
		"db1              3 growing       1280M   1280M    683M distress  12.5%      +*%#",
		"w\\x1b[31m       12 unmanaged      512M      0M       - -             -      ####",
		[21] = "00:00:01 db1 ready: is ready",
		[22] = "00:00:01 db1 target: was set to 1280 MiB, holds 768 MiB",
		[23] = "q quit  sort by: n name d domid m held t target a avail p press  r reverse",
	};

	(void)state;
	fill();
	expect_page(24, 80, page, 24);
}

static void a_wide_page_in_unicode(void **state)
{
	struct screen s;
	char *text;

	(void)state;
	fill();
	top.unicode = true;
	assert_int_equal(screen_init(&s, 10, 200), 0);
	assert_int_equal(top_draw(&top, "12:00:00", &s), 0);
	text = screen_text(&s, 4);
	assert_non_null(strstr(text, " MEMORY "));
	assert_non_null(strstr(text, " PRESSURE "));
	assert_non_null(strstr(text, " WHY"));
	free(text);
	text = screen_text(&s, 5);
	assert_non_null(strstr(text, " \u2585\u2586\u2587\u2588 "));
	assert_non_null(strstr(text, " \u2581\u2581\u2581\u2581"));
	free(text);
	text = screen_text(&s, 6);
	assert_non_null(strstr(text, " no agent"));
	free(text);
	screen_done(&s);
}

/* Whatever the terminal and whatever is told: the sanitizer looks on. */
static void a_page_of_any_size(void **state)
{
	struct control_guest g = web;

	(void)state;
	fill();
	memset(g.name, 'n', sizeof(g.name) - 1);
	memset(g.why, 0xff, sizeof(g.why) - 1);
	g.domid = UINT32_MAX;
	g.held_kib = g.target_kib = g.guest_total_kib = UINT64_MAX;
	g.guest_available_kib = UINT64_MAX;
	g.stall_permille = UINT32_MAX;
	add_guest(&g);
	top_sample(&top);
	add_host(UINT64_MAX);
	memset(top.message, 'm', sizeof(top.message) - 1);
	for (unsigned int height = 0; height < 30; height++) {
		for (unsigned int width = 0; width < 260; width += 1 + width / 9) {
			struct screen s;

			top.first = width;
			assert_int_equal(screen_init(&s, height, width), 0);
			assert_int_equal(top_draw(&top, "12:00:00", &s), 0);
			screen_done(&s);
		}
	}
}

/* Guests ------------------------------------------------------------------- */

static void add_three(void)
{
	struct control_guest g;

	g = (struct control_guest){
		.domid = 5, .name = "b", .held_kib = 3 * MIB,
		.target_kib = 1 * MIB, .guest_available_kib = 2 * MIB,
		.stall_permille = 5,
	};
	add_guest(&g);
	g = (struct control_guest){
		.domid = 6, .name = "c", .held_kib = 1 * MIB,
		.target_kib = 3 * MIB, .guest_available_kib = 3 * MIB,
		.stall_permille = 1,
	};
	add_guest(&g);
	g = (struct control_guest){
		.domid = 4, .name = "a", .held_kib = 2 * MIB,
		.target_kib = 3 * MIB, .guest_available_kib = 1 * MIB,
		.stall_permille = 9,
	};
	add_guest(&g);
}

static void keys_sort(void **state)
{
	static const struct {
		const char *keys, *order;
	} cases[] = {
		{ "", "abc" }, { "r", "cba" }, { "rr", "abc" }, { "n", "abc" },
		{ "nr", "cba" }, { "m", "bac" }, { "mr", "cab" },
		{ "t", "acb" }, { "tr", "bac" }, { "a", "cba" },
		{ "p", "abc" }, { "pr", "cba" }, { "nrd", "abc" },
		{ "mx", "bac" },
	};
	const struct top_guest *order[3];

	(void)state;
	add_three();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char got[4] = "";

		case_is("keys %s", cases[i].keys);
		top.sort = TOP_BY_DOMID;
		top.reverse = false;
		for (const char *key = cases[i].keys; *key; key++)
			assert_true(top_key(&top, *key, 10));
		top_order(&top, order);
		for (unsigned int k = 0; k < 3; k++)
			got[k] = order[k]->now.name[0];
		case_string_equal(got, cases[i].order);
	}
	assert_false(top_key(&top, 'q', 10));
}

static void keys_scroll_within_the_guests(void **state)
{
	(void)state;
	add_three();
	assert_true(top_key(&top, SCREEN_UP, 2));
	assert_int_equal(top.first, 0);
	assert_true(top_key(&top, SCREEN_DOWN, 2));
	assert_true(top_key(&top, SCREEN_DOWN, 2));
	assert_int_equal(top.first, 1);
	assert_true(top_key(&top, SCREEN_HOME, 2));
	assert_int_equal(top.first, 0);
	assert_true(top_key(&top, SCREEN_END, 2));
	assert_int_equal(top.first, 1);
	assert_true(top_key(&top, SCREEN_PAGE_UP, 2));
	assert_int_equal(top.first, 0);
	assert_true(top_key(&top, SCREEN_PAGE_DOWN, 1));
	assert_int_equal(top.first, 1);
	assert_true(top_key(&top, SCREEN_END, 10));
	assert_int_equal(top.first, 0);
	assert_true(top_key(&top, SCREEN_OTHER, 0));
}

static void a_guest_goes_with_its_event_or_is_not_listed(void **state)
{
	(void)state;
	add_three();
	add_event("gone", 5, "", "is gone");
	assert_int_equal(top.nr_guests, 2);
	/* Of another with that domid */
	add_event("gone", 6, UUID, "is gone");
	add_event("lost", 6, "", "its agent is gone");
	assert_int_equal(top.nr_guests, 2);
	top_begin_list(&top);
	add_guest(&top.guests[0].now);
	top_end_list(&top);
	assert_int_equal(top.nr_guests, 1);
	top_begin_list(&top);
	top_end_list(&top);
	assert_int_equal(top.nr_guests, 0);
}

static void a_domid_used_again_is_another_guest(void **state)
{
	struct control_guest g = db1;

	(void)state;
	add_guest(&g);
	top_sample(&top);
	g.held_kib = 1;
	add_guest(&g);
	assert_int_equal(top.nr_guests, 1);
	assert_int_equal(top.guests[0].now.held_kib, 1);
	assert_int_equal(top.guests[0].nr_samples, 1);
	g.uuid[0] = '0';
	add_guest(&g);
	assert_int_equal(top.nr_guests, 2);
	assert_int_equal(top.guests[1].nr_samples, 0);
}

static void pictures_are_rings(void **state)
{
	static const char row[] =
		"db1              3 growing       2000M   1280M    683M distress   0.0% .:::::::#";
	struct control_guest g = db1;
	struct screen s;
	char *text;

	(void)state;
	for (unsigned int i = 0; i < 2 * TOP_SAMPLES; i++) {
		g.held_kib = i == 0 ? 4000 * MIB :
			     i + 1 == 2 * TOP_SAMPLES ? 2000 * MIB :
			     i + 9 == 2 * TOP_SAMPLES ? 0 : 300 * MIB;
		add_guest(&g);
		top_sample(&top);
	}
	assert_int_equal(screen_init(&s, 24, 80), 0);
	assert_int_equal(top_draw(&top, "", &s), 0);
	text = screen_text(&s, 5);
	assert_string_equal(text, row);
	free(text);
	screen_done(&s);
}

#define TOP_CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOP_CASE(a_page_of_24_rows_and_80_columns),
		TOP_CASE(a_wide_page_in_unicode),
		TOP_CASE(a_page_of_any_size),
		TOP_CASE(keys_sort),
		TOP_CASE(keys_scroll_within_the_guests),
		TOP_CASE(a_guest_goes_with_its_event_or_is_not_listed),
		TOP_CASE(a_domid_used_again_is_another_guest),
		TOP_CASE(pictures_are_rings),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
