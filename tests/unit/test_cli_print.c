/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_cli_print.c - What memtide(1) prints for people
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli_print.h"
#include "cli_print_balance.h"
#include "cli_reports.h"

static const struct cli_look plain;
#include "cli_text.h"

static void text_of_others_reaches_no_terminal_as_it_is(void **state)
{
	static const struct {
		const char *text, *escaped, *utf8;
	} cases[] = {
		{ "", "", "" },
		{ "db-1.example", "db-1.example", "db-1.example" },
		{ "a\x1b[2Jb\n", "a\\x1b[2Jb\\x0a", "a\x1b[2Jb\n" },
		{ "\\x41", "\\\\x41", "\\x41" },
		{ "\x7f\x9b", "\\x7f\\x9b", "\x7f\xef\xbf\xbd" },
		{ "\xc3\xa4", "\\xc3\\xa4", "\xc3\xa4" },
		{ "\xe2\x82", "\\xe2\\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
		/* too long a form, a surrogate, above the last code point */
		{ "\xc0\xaf", "\\xc0\\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80",
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf0\x9f\x8c\x8a", "\\xf0\\x9f\\x8c\\x8a",
		  "\xf0\x9f\x8c\x8a" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80",
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};
	struct text_buf buf;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_string_equal(text_escape(cases[i].text, &buf),
				    cases[i].escaped);
		assert_string_equal(text_to_utf8(cases[i].text, &buf),
				    cases[i].utf8);
	}
}

static void text_too_long_is_cut(void **state)
{
	char text[TEXT_IN_MAX + 100];
	struct text_buf buf;

	(void)state;
	memset(text, 0xff, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(strlen(text_escape(text, &buf)), 4 * TEXT_IN_MAX);
	assert_int_equal(strlen(text_to_utf8(text, &buf)), 3 * TEXT_IN_MAX);
	/* a sequence that the cut would halve */
	memset(text, 'x', sizeof(text));
	text[TEXT_IN_MAX - 1] = '\xc3';
	text[TEXT_IN_MAX] = '\xa4';
	assert_string_equal(text_to_utf8(text, &buf) + TEXT_IN_MAX - 1,
			    "\xef\xbf\xbd");
}

static void a_list_is_an_aligned_table_in_order_of_domids(void **state)
{
	struct cli_report r;
	struct page p;

	(void)state;
	fill_list_report(&r);
	page_open(&p);
	cli_print_report(&r, &plain, p.f);
	page_check(&p,
"host 24576M, free 20480M, promised 512M, reserve 256M; 2 guests\n"
"NAME       DOMID  STATE      HELD  TARGET  ONLINE  AVAILABLE  MODE  DEMAND\n"
"db1            3  growing    768M   1280M    512M       683M  auto  distress\n"
"w\\x1b[31m     12  unmanaged  512M       -       -          -  -     -\n");
	cli_report_done(&r);
}

/* What @columns of a terminal show, after the host's line */
static char *list_on(unsigned int columns, bool colour)
{
	const struct cli_look look = { columns, colour };
	struct cli_report r;
	struct page p;
	char *table;

	fill_list_report(&r);
	strcpy(r.guests[0].name, "a-guest-with-quite-a-long-name");
	strcpy(r.guests[1].state, "quarantined");
	page_open(&p);
	cli_print_report(&r, &look, p.f);
	fclose(p.f);
	cli_report_done(&r);
	table = strdup(strchr(p.text, '\n') + 1);
	free(p.text);
	return table;
}

static void a_list_fits_its_terminal(void **state)
{
	static const struct {
		unsigned int columns;
		const char *table;
	} cases[] = {
		{ 80,
"NAME         DOMID  STATE        HELD  TARGET  ONLINE  AVAILABLE  MODE  DEMAND\n"
"a-guest-wi~      3  growing      768M   1280M    512M       683M  auto  distress\n" },
		{ 200,
"NAME                            DOMID  STATE        HELD  TARGET  ONLINE  AVAILABLE  MODE  DEMAND    MIN    MAX  WEIGHT  AGENT  WHY\n"
"a-guest-with-quite-a-long-name      3  growing      768M   1280M    512M       683M  auto  distress    -  2048M     200  0.1.0  -\n" },
		{ 60,
"NAME              DOMID  STATE        HELD  TARGET  DEMAND\n"
"a-guest-with-qu~      3  growing      768M   1280M  distress\n" },
		{ 30, "NAME" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *table = list_on(cases[i].columns, false);

		if (strncmp(table, cases[i].table, strlen(cases[i].table)))
			fail_msg("%u columns: \"%s\"", cases[i].columns, table);
		free(table);
	}
}

static void a_list_has_colours_where_they_will_do(void **state)
{
	char *table = list_on(80, true);

	(void)state;
	assert_non_null(strstr(table, "\x1b[1mNAME\x1b[0m         \x1b[1m"));
	assert_non_null(strstr(table, "  \x1b[36mgrowing\x1b[0m      768M"));
	assert_non_null(strstr(table, "\x1b[31mdistress\x1b[0m\n"));
	assert_non_null(strstr(table, "\x1b[31mquarantined\x1b[0m  512M"));
	assert_non_null(strstr(table, "left alone\x1b[0m: no agent"));
	free(table);
}

static void a_list_without_guests_shows_the_host(void **state)
{
	struct cli_report r = { .command = CONTROL_LIST, .has_host = true,
				.host = host };
	struct page p;

	(void)state;
	r.host.guests = 1;
	page_open(&p);
	cli_print_report(&r, &plain, p.f);
	page_check(&p, "host 24576M, free 20480M, promised 512M, reserve 256M; 1 guest\n");
}

static void show_prints_all_that_is_known(void **state)
{
	struct control_guest guests[] = { db1, web };
	struct cli_report r = { .command = CONTROL_SHOW, .nr_guests = 1 };
	struct page p;

	(void)state;
	r.guests = &guests[0];
	page_open(&p);
	cli_print_report(&r, &plain, p.f);
	r.guests = &guests[1];
	cli_print_report(&r, &plain, p.f);
	page_check(&p,
"db1 (domid 3)\n"
"  uuid             " UUID "\n"
"  state            growing\n"
"  mode             granules\n"
"  boot memory      256 MiB\n"
"  held             768 MiB\n"
"  target           1280 MiB\n"
"  online           512 MiB\n"
"  window           8192 MiB\n"
"  Xen counts       768 MiB\n"
"  guest total      770000 KiB\n"
"  guest available  700000 KiB\n"
"  auto             on, changed live\n"
"  min              256 MiB, its boot memory\n"
"  max              2048 MiB, changed live\n"
"  weight           200\n"
"  headroom         an eighth of what it uses, or the floor of its agent\n"
"  demand           distress\n"
"  agent            0.1.0\n"
"  kernel           6.12.57\n"
"w\\x1b[31m (domid 12)\n"
"  state            unmanaged\n"
"  why              no agent\n"
"  boot memory      512 MiB\n"
"  held             512 MiB\n"
"  target           0 MiB\n"
"  online           0 MiB\n"
"  window           0 MiB\n"
"  Xen counts       512 MiB\n");
}

static const struct control_guest caught = {
	.domid = 7, .name = "w\x1b[31m", .state = "quarantined",
	.why = "it gave up granules 9+1, which it does not have",
	.boot_kib = 512 * MIB, .held_kib = 512 * MIB, .xen_kib = 512 * MIB,
	.mode = "none",
};

static void a_balloon_that_does_not_answer_is_not_overlooked(void **state)
{
	struct control_guest guests[] = { db1, {
		.domid = 8, .name = "s1", .state = "ready", .mode = "balloon",
		.why = "its balloon does not answer: it holds 768 MiB",
		.held_kib = 768 * MIB, .target_kib = 512 * MIB,
	} };
	struct cli_report r = { .command = CONTROL_LIST, .has_host = true,
				.host = host, .guests = guests,
				.nr_guests = 2 };
	struct page p;

	(void)state;
	page_open(&p);
	cli_print_report(&r, &plain, p.f);
	page_check(&p,
"host 24576M, free 20480M, promised 512M, reserve 256M; 2 guests\n"
"NAME  DOMID  STATE    HELD  TARGET  ONLINE  AVAILABLE  MODE     DEMAND\n"
"db1       3  growing  768M   1280M    512M       683M  auto     distress\n"
"s1        8  ready    768M    512M       -          -  balloon  -\n"
"s1: its balloon does not answer: it holds 768 MiB\n");
}

static void a_quarantined_guest_is_not_overlooked_in_a_list(void **state)
{
	struct control_guest guests[] = { db1, caught };
	struct cli_report r = { .command = CONTROL_LIST, .has_host = true,
				.host = host, .guests = guests,
				.nr_guests = 2 };
	struct page p;

	(void)state;
	page_open(&p);
	cli_print_report(&r, &plain, p.f);
	page_check(&p,
"host 24576M, free 20480M, promised 512M, reserve 256M; 2 guests\n"
"NAME       DOMID  STATE        HELD  TARGET  ONLINE  AVAILABLE  MODE  DEMAND\n"
"db1            3  growing      768M   1280M    512M       683M  auto  distress\n"
"w\\x1b[31m      7  quarantined  512M       -       -          -  none  -\n"
"w\\x1b[31m is quarantined and left alone: it gave up granules 9+1, which it does not have\n"
"  when that is mended: memtide readmit 7\n");
}

static void show_names_the_way_out_of_quarantine(void **state)
{
	struct control_guest guest = caught;
	struct cli_report r = { .command = CONTROL_SHOW, .nr_guests = 1,
				.guests = &guest };
	struct page p;

	(void)state;
	page_open(&p);
	cli_print_report(&r, &plain, p.f);
	page_check(&p,
"w\\x1b[31m (domid 7)\n"
"  state            quarantined\n"
"  why              it gave up granules 9+1, which it does not have\n"
"  so               nothing is sent, given or taken; when the cause is mended:\n"
"                   memtide readmit 7\n"
"  mode             none\n"
"  boot memory      512 MiB\n"
"  held             512 MiB\n"
"  target           0 MiB\n"
"  online           0 MiB\n"
"  window           0 MiB\n"
"  Xen counts       512 MiB\n");
}

static void check_report(const struct cli_report *r, const char *on_out,
			 const char *on_err, enum cli_exit code)
{
	struct page out, err;

	page_open(&out);
	page_open(&err);
	cli_print_report(r, &plain, out.f);
	cli_print_problem(r, err.f);
	page_check(&out, on_out);
	page_check(&err, on_err);
	assert_int_equal(cli_report_exit(r), code);
}

static const struct {
	enum control_status status;
	const char *text;
	bool guest;
	const char *out, *err;
	enum cli_exit code;
} readmit_cases[] = {
	{ CONTROL_STATUS_OK, "", true,
	  "db1: out of quarantine, growing, holds 768 MiB, target 1280 MiB\n",
	  "", CLI_EXIT_DONE },
	{ CONTROL_STATUS_PARTLY, "its agent has not answered", true, "",
	  "memtide: readmit: guest \"db1\": its agent has not answered\n",
	  CLI_EXIT_PARTLY },
	{ CONTROL_STATUS_REFUSED, "guest \"db1\": it is quarantined again: x",
	  false, "",
	  "memtide: readmit: guest \"db1\": it is quarantined again: x\n",
	  CLI_EXIT_REFUSED },
	{ CONTROL_STATUS_NO_GUEST, "no guest \"db1\"", false, "",
	  "memtide: readmit: no guest \"db1\"; see memtide list\n",
	  CLI_EXIT_NO_GUEST },
};

static void a_readmit_ends_with_what_became_of_the_guest(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readmit_cases); i++) {
		struct control_guest guest = db1;
		struct cli_report r = {
			.command = CONTROL_READMIT, .guest = "db1",
			.guests = &guest, .nr_guests = readmit_cases[i].guest,
		};

		add_end(&r, readmit_cases[i].status, readmit_cases[i].text);
		assert_null(cli_report_check(&r));
		check_report(&r, readmit_cases[i].out, readmit_cases[i].err,
			     readmit_cases[i].code);
	}
}

static const struct {
	enum control_status status;
	const char *text;
	struct control_set_result set;
	const char *out, *err;
	enum cli_exit code;
} set_cases[] = {
	{ CONTROL_STATUS_OK, "", { 1280 * MIB, 1280 * MIB, 256 * MIB, false },
	  "db1: target 1280 MiB accepted, holds 256 MiB now\n", "",
	  CLI_EXIT_DONE },
	{ CONTROL_STATUS_OK, "", { 1281 * MIB, 1282 * MIB, 1282 * MIB, true },
	  "db1: rounded up from 1281 MiB to 1282 MiB (granules of 2 MiB)\n"
	  "db1: holds 1282 MiB\n", "", CLI_EXIT_DONE },
	{ CONTROL_STATUS_OK, "", { 262147, 256 * MIB, 256 * MIB, true },
	  "db1: rounded down from 262147 KiB to 256 MiB (granules of 2 MiB)\n"
	  "db1: holds 256 MiB\n", "", CLI_EXIT_DONE },
	{ CONTROL_STATUS_PARTLY, "pages that cannot be moved",
	  { 256 * MIB, 256 * MIB, 300 * MIB, true }, "",
	  "memtide: set: guest \"db1\": holds 300 MiB, target 256 MiB: pages that cannot be moved\n",
	  CLI_EXIT_PARTLY },
	{ CONTROL_STATUS_REFUSED, "guest \"db1\": below its boot memory of 256 MiB",
	  { 0, 0, 0, false }, "",
	  "memtide: set: guest \"db1\": below its boot memory of 256 MiB\n",
	  CLI_EXIT_REFUSED },
	{ CONTROL_STATUS_REFUSED, "", { 0, 0, 0, false }, "",
	  "memtide: set: guest \"db1\": refused\n", CLI_EXIT_REFUSED },
	{ CONTROL_STATUS_NO_GUEST, "", { 0, 0, 0, false }, "",
	  "memtide: set: guest \"db1\": there is no such guest; see memtide list\n",
	  CLI_EXIT_NO_GUEST },
	{ CONTROL_STATUS_NO_GUEST, "no guest \"db1\"", { 0, 0, 0, false }, "",
	  "memtide: set: no guest \"db1\"; see memtide list\n",
	  CLI_EXIT_NO_GUEST },
	{ CONTROL_STATUS_BAD_REQUEST, "\x1b]0;x\a", { 0, 0, 0, false }, "",
	  "memtide: set: guest \"db1\": \\x1b]0;x\\x07\n", CLI_EXIT_FAILURE },
};

static void a_set_ends_with_what_was_reached_and_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(set_cases); i++) {
		struct cli_report r = { .command = CONTROL_SET,
					.guest = "db1", .has_set = true,
					.set = set_cases[i].set };

		add_end(&r, set_cases[i].status, set_cases[i].text);
		check_report(&r, set_cases[i].out, set_cases[i].err,
			     set_cases[i].code);
	}
}

static const struct control_progress steps[] = {
	{ 256 * MIB, 0, 1280 * MIB, "growing" },
	{ 256 * MIB, 0, 1280 * MIB, "growing" },	/* nothing new */
	{ 300 * MIB, 0, 1280 * MIB, "growing" },	/* less than 1/20 */
	{ 768 * MIB, 256 * MIB, 1280 * MIB, "growing" },
	{ 1280 * MIB, 1024 * MIB, 1280 * MIB, "growing" },
	{ 1280 * MIB, 1024 * MIB, 1280 * MIB, "ready" },
};

static void print_steps(bool redraw, struct page *p)
{
	struct cli_progress progress = { .guest = "db1", .redraw = redraw };

	page_open(p);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		cli_print_progress(&progress, &steps[i], p->f);
	cli_print_progress_end(&progress, p->f);
}

static void progress_is_a_line_for_each_milestone(void **state)
{
	struct page p;

	(void)state;
	print_steps(false, &p);
	page_check(&p,
"db1: growing, holds 256 MiB, target 1280 MiB, 0 MiB online\n"
"db1: growing, holds 768 MiB, target 1280 MiB, 256 MiB online\n"
"db1: growing, holds 1280 MiB, target 1280 MiB, 1024 MiB online\n"
"db1: ready, holds 1280 MiB, target 1280 MiB, 1024 MiB online\n");
}

static void progress_on_a_terminal_is_one_line_redrawn(void **state)
{
	struct page p;

	(void)state;
	print_steps(true, &p);
	page_check(&p,
"\r[........................] 256M, target 1280M, growing\x1b[K"
"\r[#.......................] 300M, target 1280M, growing\x1b[K"
"\r[############............] 768M, target 1280M, growing\x1b[K"
"\r[########################] 1280M, target 1280M, growing\x1b[K"
"\r[########################] 1280M, target 1280M, ready\x1b[K\n");
}

static void who_waits_is_told_the_time(void **state)
{
	struct cli_progress p = { .guest = "db1", .redraw = true };
	struct cli_progress file = { .guest = "db1" };
	struct control_progress now = { 256 * MIB, 0, 512 * MIB, "growing" };
	struct page page;

	(void)state;
	page_open(&page);
	cli_print_progress_tick(&p, "set", 1, page.f);
	cli_print_progress_clear(&p, page.f);
	cli_print_progress(&p, &now, page.f);
	cli_print_progress_tick(&p, "set", 2, page.f);
	cli_print_progress_clear(&p, page.f);
	cli_print_progress_end(&p, page.f);
	cli_print_progress_tick(&file, "set", 3, page.f);
	page_check(&page,
"\rset: waiting, 1 s\x1b[K\r\x1b[K"
"\r[........................] 256M, target 512M, growing, 1 s\x1b[K"
"\r[........................] 256M, target 512M, growing, 2 s\x1b[K\n");
}

static void the_bar_stays_in_its_brackets(void **state)
{
	/* a shrink; a target moved beyond the start; huge and equal sizes */
	static const uint64_t cases[][3] = {
		{ 1280, 900, 256 }, { 1280, 1300, 256 }, { 0, 0, 0 },
		{ UINT64_MAX, 0, UINT64_MAX }, { 0, UINT64_MAX, UINT64_MAX },
		{ 0, UINT64_MAX / 2, UINT64_MAX }, { 5, 6, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cli_progress progress = {
			.guest = "x", .redraw = true, .started = true,
			.start_kib = cases[i][0],
		};
		struct control_progress now = { cases[i][1], 1, cases[i][2],
						"s" };
		struct page p;

		page_open(&p);
		cli_print_progress(&progress, &now, p.f);
		fclose(p.f);
		assert_int_equal(p.text[1], '[');
		assert_int_equal(strspn(p.text + 2, "#"),
				 24 - strspn(strpbrk(p.text + 2, ".]"), "."));
		assert_int_equal(p.text[26], ']');
		free(p.text);
	}
}

static void limits_are_shown_with_what_they_mean(void **state)
{
	struct control_guest g = db1;
	struct cli_report r = { .command = CONTROL_LIMITS, .nr_guests = 1,
				.guests = &g };
	struct page p;

	(void)state;
	/* Nothing is known of its window; "max" is no part of "maximum". */
	g.window_kib = g.max_kib = 0;
	snprintf(g.live, sizeof(g.live), "maximum headroom");
	g.headroom_kib = 96 * MIB;
	page_open(&p);
	cli_print_report(&r, &plain, p.f);
	page_check(&p,
"db1 (domid 3)\n"
"  auto             on\n"
"  min              256 MiB, its boot memory\n"
"  max              the end of its window\n"
"  weight           200\n"
"  headroom         96 MiB, changed live\n"
"  demand           distress\n");
}

static void a_balance_is_a_table_of_what_changes(void **state)
{
	struct cli_report r;
	struct page p;

	(void)state;
	fill_balance_report(&r);
	page_open(&p);
	cli_print_report(&r, &plain, p.f);
	page_check(&p,
"2048M free for guests, 1024M should be for bursts, reservations wait for 64M; 1 of 2 automatic guests changes\n"
"NAME       HELD    TARGET      THEN  WHY\n"
"db1        768M      768M     1280M  grows: its tasks wait\n"
"w\\x1b      512M      512M      same  keeps 512 MiB\n");
	cli_report_done(&r);
}

static void an_explanation_tells_how_long_ago(void **state)
{
	struct cli_report r;
	struct page p;

	(void)state;
	fill_explain_report(&r, ARRAY_SIZE(stories));
	page_open(&p);
	cli_print_report(&r, &plain, p.f);
	page_check(&p,
"db1 (domid 3) holds 768 MiB, target 1280 MiB\n"
"  now          keeps 768 MiB\n"
"  1.5 s ago    grew\\x1b by 512 MiB\n"
"  10 min ago   gave 256 MiB\n"
"  10 h ago     grew\n");
	cli_report_done(&r);
	fill_explain_report(&r, 0);
	r.guests[0].automatic = false;
	page_open(&p);
	cli_print_report(&r, &plain, p.f);
	page_check(&p,
"db1 (domid 3) holds 768 MiB, target 1280 MiB\n"
"  now          it is not automatic: it has the size it was set to\n");
	cli_report_done(&r);
}

static void a_reservation_is_told_of_step_by_step(void **state)
{
	static const struct control_reserve said[] = {
		{ 1024 * MIB, 0, 0 }, { 1024 * MIB, 0, 0 },
		{ 1024 * MIB, 512 * MIB, 0 }, { 1024 * MIB, 1024 * MIB, 0 },
		{ 1024 * MIB, 1024 * MIB, 512 * MIB },
	};
	struct cli_report r = { .command = CONTROL_RESERVE };
	struct control_reply reply = { .body = CONTROL_BODY_RESERVE };
	struct control_reserve shown = { 0, 0, 0 };
	struct page p;

	(void)state;
	page_open(&p);
	for (size_t i = 0; i < ARRAY_SIZE(said); i++)
		cli_print_reserve_step(&shown, &said[i], p.f);
	page_check(&p,
"1024 MiB are being made free\n"
"512 MiB of 1024 MiB are held, waiting for more\n"
"1024 MiB are held\n");
	reply.reserve = (struct control_reserve){ 1024 * MIB, 1024 * MIB,
						  1024 * MIB };
	assert_int_equal(cli_report_add(&r, &reply), 0);
	add_end(&r, CONTROL_STATUS_OK, "");
	check_report(&r, "1024 MiB were taken, nothing is held any more\n", "",
		     CLI_EXIT_DONE);
	add_end(&r, CONTROL_STATUS_PARTLY, "the time is over");
	check_report(&r, "", "memtide: reserve: the time is over\n",
		     CLI_EXIT_PARTLY);
	add_end(&r, CONTROL_STATUS_REFUSED, "90 MiB are possible");
	check_report(&r, "", "memtide: reserve: 90 MiB are possible\n",
		     CLI_EXIT_REFUSED);
}

static void an_audit_lists_what_it_found(void **state)
{
	struct cli_report r;
	struct page p;

	(void)state;
	fill_audit_report(&r, 2);
	page_open(&p);
	cli_print_report(&r, &plain, p.f);
	page_check(&p,
"guest 3/db1: granule 7 is online but not backed\n"
"host: more promised than there is\n"
"2 findings; 2 guests and 512 backed granules looked at\n");
	assert_int_equal(cli_report_exit(&r), CLI_EXIT_FINDINGS);
	cli_report_done(&r);
	fill_audit_report(&r, 0);
	assert_int_equal(cli_report_exit(&r), CLI_EXIT_DONE);
	cli_report_done(&r);
}

static void an_answer_that_lacks_its_body_is_noticed(void **state)
{
	(void)state;
	for (int type = CONTROL_LIST; type < CONTROL_NUM_REQUESTS; type++) {
		struct cli_report r = {
			.command = (enum control_request_type)type,
		};

		add_end(&r, CONTROL_STATUS_OK, "");
		assert_non_null(cli_report_check(&r));
		add_end(&r, CONTROL_STATUS_REFUSED, "no");
		assert_null(cli_report_check(&r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_shown_with_what_they_mean),
		cmocka_unit_test(a_balance_is_a_table_of_what_changes),
		cmocka_unit_test(an_explanation_tells_how_long_ago),
		cmocka_unit_test(a_reservation_is_told_of_step_by_step),
		cmocka_unit_test(text_of_others_reaches_no_terminal_as_it_is),
		cmocka_unit_test(text_too_long_is_cut),
		cmocka_unit_test(a_list_is_an_aligned_table_in_order_of_domids),
		cmocka_unit_test(a_list_fits_its_terminal),
		cmocka_unit_test(a_list_has_colours_where_they_will_do),
		cmocka_unit_test(a_list_without_guests_shows_the_host),
		cmocka_unit_test(show_prints_all_that_is_known),
		cmocka_unit_test(
			a_quarantined_guest_is_not_overlooked_in_a_list),
		cmocka_unit_test(
			a_balloon_that_does_not_answer_is_not_overlooked),
		cmocka_unit_test(show_names_the_way_out_of_quarantine),
		cmocka_unit_test(a_readmit_ends_with_what_became_of_the_guest),
		cmocka_unit_test(a_set_ends_with_what_was_reached_and_why),
		cmocka_unit_test(progress_is_a_line_for_each_milestone),
		cmocka_unit_test(progress_on_a_terminal_is_one_line_redrawn),
		cmocka_unit_test(who_waits_is_told_the_time),
		cmocka_unit_test(the_bar_stays_in_its_brackets),
		cmocka_unit_test(an_audit_lists_what_it_found),
		cmocka_unit_test(an_answer_that_lacks_its_body_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
