/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_cli.c - What memtide(1) understands and prints
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "cli_args.h"
#include "cli_json.h"
#include "cli_print.h"
#include "cli_print_balance.h"
#include "cli_text.h"

#define WORDS_MAX	9
#define MIB		UINT64_C(1024)
#define UUID		"3f2a0000-1111-2222-3333-444455556666"
#define UUID_UPPER	"3F2A0000-1111-2222-3333-444455556666"

/* One argument a word; as many as there are before NULL. */
static int parse(const char *const *words, const char *env,
		 struct cli_args *ret, char err[CLI_ERROR_MAX])
{
	char *argv[WORDS_MAX + 2] = { NULL };
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	return cli_parse(argc, argv, env, ret, err);
}

static const struct {
	const char *words[WORDS_MAX];
	bool json;
	struct control_request req;
} lines[] = {
	{ { "list" }, false, { .type = CONTROL_LIST } },
	{ { "list", "--json" }, true, { .type = CONTROL_LIST } },
	{ { "--json", "list" }, true, { .type = CONTROL_LIST } },
	{ { "audit" }, false, { .type = CONTROL_AUDIT } },
	{ { "version" }, false, { .type = CONTROL_VERSION } },
	{ { "show", "db1" }, false,
	  { .type = CONTROL_SHOW, .guest = { SELECT_NAME, 0, "db1" } } },
	{ { "show", "7" }, false,
	  { .type = CONTROL_SHOW, .guest = { SELECT_DOMID, 7, "" } } },
	{ { "show", "7db" }, false,
	  { .type = CONTROL_SHOW, .guest = { SELECT_NAME, 0, "7db" } } },
	{ { "show", UUID_UPPER }, false,
	  { .type = CONTROL_SHOW, .guest = { SELECT_UUID, 0, UUID } } },
	{ { "show", UUID "0" }, false,
	  { .type = CONTROL_SHOW, .guest = { SELECT_NAME, 0, UUID "0" } } },
	{ { "show", "--", "--json" }, false,
	  { .type = CONTROL_SHOW, .guest = { SELECT_NAME, 0, "--json" } } },
	{ { "set", "db1", "2G" }, false,
	  { .type = CONTROL_SET, .guest = { SELECT_NAME, 0, "db1" },
	    .set_mode = CONTROL_SET_TO, .size_bytes = 2048 * MIB * 1024 } },
	{ { "readmit", "db1", "--json" }, true,
	  { .type = CONTROL_READMIT, .guest = { SELECT_NAME, 0, "db1" } } },
	{ { "limits", "db1" }, false,
	  { .type = CONTROL_LIMITS, .guest = { SELECT_NAME, 0, "db1" } } },
	{ { "limits", "db1", "--min", "1G", "--max=window", "--weight", "200",
	    "--headroom=default" }, false,
	  { .type = CONTROL_LIMITS, .guest = { SELECT_NAME, 0, "db1" },
	    .changes = {
		[CONTROL_SETTING_MIN] = { CONTROL_CHANGE, 1024 * MIB * 1024 },
		[CONTROL_SETTING_MAX] = { CONTROL_CHANGE, 0 },
		[CONTROL_SETTING_WEIGHT] = { CONTROL_CHANGE, 200 },
		[CONTROL_SETTING_HEADROOM] = { CONTROL_DEFAULT, 0 } } } },
	{ { "auto", "7", "on", "--json" }, true,
	  { .type = CONTROL_AUTO, .guest = { SELECT_DOMID, 7, "" },
	    .changes = { [CONTROL_SETTING_AUTO] = { CONTROL_CHANGE, 1 } } } },
	{ { "auto", "7", "off" }, false,
	  { .type = CONTROL_AUTO, .guest = { SELECT_DOMID, 7, "" },
	    .changes = { [CONTROL_SETTING_AUTO] = { CONTROL_CHANGE, 0 } } } },
	{ { "auto", "7", "default" }, false,
	  { .type = CONTROL_AUTO, .guest = { SELECT_DOMID, 7, "" },
	    .changes = { [CONTROL_SETTING_AUTO] = { CONTROL_DEFAULT, 0 } } } },
	{ { "balance" }, false, { .type = CONTROL_BALANCE } },
	{ { "balance", "--dry-run" }, false,
	  { .type = CONTROL_BALANCE, .dry_run = true } },
	{ { "explain", "db1" }, false,
	  { .type = CONTROL_EXPLAIN, .guest = { SELECT_NAME, 0, "db1" } } },
	{ { "reserve", "1G" }, false,
	  { .type = CONTROL_RESERVE, .size_bytes = 1024 * MIB * 1024 } },
	{ { "reserve", "1G", "--for", "db2", "--timeout", "60" }, false,
	  { .type = CONTROL_RESERVE, .size_bytes = 1024 * MIB * 1024,
	    .reserve_for = "db2", .timeout_s = 60 } },
	{ { "readmit", "12" }, false,
	  { .type = CONTROL_READMIT, .guest = { SELECT_DOMID, 12, "" } } },
	{ { "set", "db1", "-512M" }, false,
	  { .type = CONTROL_SET, .guest = { SELECT_NAME, 0, "db1" },
	    .set_mode = CONTROL_SET_SUBTRACT, .size_bytes = 512 * MIB * 1024 } },
	{ { "set", "--wait", "--", "db1", "-512M" }, false,
	  { .type = CONTROL_SET, .guest = { SELECT_NAME, 0, "db1" },
	    .set_mode = CONTROL_SET_SUBTRACT, .size_bytes = 512 * MIB * 1024,
	    .wait = true } },
	{ { "--timeout=60", "set", "3", "+1G", "--wait" }, false,
	  { .type = CONTROL_SET, .guest = { SELECT_DOMID, 3, "" },
	    .set_mode = CONTROL_SET_ADD, .size_bytes = 1024 * MIB * 1024,
	    .wait = true, .timeout_s = 60 } },
	{ { "set", "3", "+1G", "--wait", "--timeout", "0" }, false,
	  { .type = CONTROL_SET, .guest = { SELECT_DOMID, 3, "" },
	    .set_mode = CONTROL_SET_ADD, .size_bytes = 1024 * MIB * 1024,
	    .wait = true } },
};

static void assert_same_request(const struct control_request *a,
				const struct control_request *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->guest.by, b->guest.by);
	assert_int_equal(a->guest.domid, b->guest.domid);
	assert_string_equal(a->guest.text, b->guest.text);
	assert_int_equal(a->set_mode, b->set_mode);
	assert_int_equal(a->size_bytes, b->size_bytes);
	assert_int_equal(a->wait, b->wait);
	assert_int_equal(a->timeout_s, b->timeout_s);
	assert_memory_equal(a->changes, b->changes, sizeof(a->changes));
	assert_int_equal(a->dry_run, b->dry_run);
	assert_string_equal(a->reserve_for, b->reserve_for);
}

static void what_follows_the_dashes_of_a_reserve_is_a_command(void **state)
{
	static const char *const words[] = { "reserve", "1G", "--for=db2", "--",
					     "xl", "create", "--", "-c", NULL };
	static const char *const other[] = { "show", "--", "--json", NULL };
	char err[CLI_ERROR_MAX];
	struct cli_args args;

	(void)state;
	assert_int_equal(parse(words, NULL, &args, err), 0);
	assert_non_null(args.run);
	assert_string_equal(args.run[0], "xl");
	assert_string_equal(args.run[2], "--");
	assert_string_equal(args.run[3], "-c");
	assert_null(args.run[4]);
	assert_int_equal(parse(other, NULL, &args, err), 0);
	assert_null(args.run);
}

static void command_lines_become_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char err[CLI_ERROR_MAX] = "";
		struct cli_args args;

		if (parse(lines[i].words, NULL, &args, err))
			fail_msg("line %zu: %s", i, err);
		assert_false(args.help);
		assert_int_equal(args.json, lines[i].json);
		assert_string_equal(args.socket, CONTROL_SOCKET_DEFAULT);
		assert_same_request(&args.request, &lines[i].req);
	}
}

static const struct {
	const char *words[WORDS_MAX];
	const char *err;	/* part of it */
} wrong_lines[] = {
	{ { NULL }, "what shall be done" },
	{ { "lsit" }, "unknown command \"lsit\"" },
	{ { "li\x1b[2J" }, "unknown command \"li\\x1b[2J\"" },
	{ { "list", "db1" }, "\"db1\" is one operand too many" },
	{ { "show" }, "usage: memtide show GUEST" },
	{ { "show", "" }, "GUEST is empty" },
	{ { "readmit" }, "usage: memtide readmit GUEST" },
	{ { "readmit", "db1", "2G" }, "\"2G\" is one operand too many" },
	{ { "readmit", "db1", "--wait" }, "does not belong to memtide" },
	{ { "show", "99999999999999999999" }, "is no domid" },
	{ { "show", "4294967296" }, "is no domid" },
	{ { "set", "db1" }, "usage: memtide set GUEST SIZE" },
	{ { "set", "-512M" }, "usage: memtide set GUEST SIZE" },
	{ { "set", "db1", "2G", "3G" }, "\"3G\" is one operand too many" },
	{ { "set", "db1", "2" }, "size \"2\" needs a unit" },
	{ { "set", "db1", "lots" }, "size \"lots\" is not a number" },
	{ { "set", "db1", "2G", "--wiat" }, "unknown option \"--wiat\"" },
	{ { "set", "db1", "2G", "-w" }, "unknown option \"-w\"" },
	{ { "set", "db1", "2G", "--wait=1" }, "--wait takes no value" },
	{ { "set", "db1", "2G", "--timeout" }, "--timeout needs a value" },
	{ { "set", "db1", "2G", "--timeout", "5" }, "with --wait only" },
	{ { "set", "db1", "2G", "--wait", "--timeout", "-5" }, "not a number" },
	{ { "set", "db1", "2G", "--wait", "--timeout", "5s" }, "not a number" },
	{ { "set", "db1", "2G", "--wait", "--timeout=" }, "not a number" },
	{ { "set", "db1", "2G", "--wait", "--timeout=86401" }, "0 to 86400" },
	{ { "limits" }, "usage: memtide limits GUEST" },
	{ { "limits", "db1", "--min", "lots" },
	  "min \"lots\" is not a number with a unit" },
	{ { "limits", "db1", "--min", "1K", "--max", "1K" },
	  "max \"1K\" is less than 2 MiB" },
	{ { "limits", "db1", "--max", "boot" }, "it is not \"window\"" },
	{ { "limits", "db1", "--weight", "0" },
	  "weight \"0\" is not a number from 1 to 1000; \"default\" is" },
	{ { "limits", "db1", "--weight", "1\x1b" }, "\"1\\x1b\"" },
	{ { "show", "db1", "--weight", "5" },
	  "--weight does not belong to memtide show" },
	{ { "auto", "db1" }, "usage: memtide auto GUEST on|off" },
	{ { "auto", "db1", "yes" }, "auto \"yes\" is neither on nor off" },
	{ { "balance", "db1" }, "one operand too many" },
	{ { "set", "db1", "1G", "--dry-run" },
	  "--dry-run does not belong to memtide set" },
	{ { "explain" }, "usage: memtide explain GUEST" },
	{ { "reserve" }, "usage: memtide reserve SIZE" },
	{ { "reserve", "+1G" }, "must have no sign" },
	{ { "reserve", "1" }, "size \"1\" needs a unit" },
	{ { "reserve", "1G", "--for", "" }, "--for needs the name" },
	{ { "reserve", "1G", "--wait" }, "does not belong to memtide reserve" },
	{ { "reserve", "1G", "--" }, "-- stands before a COMMAND" },
	{ { "reserve", "1G", "--json", "--", "true" }, "does not go with" },
	{ { "list", "--wait" }, "does not belong to memtide" },
	{ { "--timeout", "5", "audit" }, "does not belong to memtide" },
};

static void wrong_command_lines_are_refused_with_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong_lines); i++) {
		char err[CLI_ERROR_MAX] = "";
		struct cli_args args = { .socket = "untouched" };
		int rc = parse(wrong_lines[i].words, NULL, &args, err);

		if (rc != -EINVAL || !strstr(err, wrong_lines[i].err))
			fail_msg("line %zu: rc %d, \"%s\"", i, rc, err);
		assert_string_equal(args.socket, "untouched");
	}
}

static void a_name_too_long_is_refused(void **state)
{
	char name[CONTROL_NAME_MAX + 1], err[CLI_ERROR_MAX];
	const char *const words[] = { "show", name, NULL };
	struct cli_args args;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[CONTROL_NAME_MAX] = '\0';
	assert_int_equal(parse(words, NULL, &args, err), -EINVAL);
	name[CONTROL_NAME_MAX - 1] = '\0';
	assert_int_equal(parse(words, NULL, &args, err), 0);
	assert_string_equal(args.request.guest.text, name);
}

static void the_socket_option_beats_the_environment(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *env, *socket;
	} cases[] = {
		{ { "list" }, NULL, CONTROL_SOCKET_DEFAULT },
		{ { "list" }, "", CONTROL_SOCKET_DEFAULT },
		{ { "list" }, "/env", "/env" },
		{ { "list", "--socket", "/opt" }, "/env", "/opt" },
		{ { "--socket=/opt", "list" }, "/env", "/opt" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char err[CLI_ERROR_MAX];
		struct cli_args args;

		assert_int_equal(parse(cases[i].words, cases[i].env, &args,
				       err), 0);
		assert_string_equal(args.socket, cases[i].socket);
	}
}

/* What a printer wrote; freed by the caller. */
struct page {
	FILE *f;
	char *text;
	size_t len;
};

static void page_open(struct page *p)
{
	p->f = open_memstream(&p->text, &p->len);
	assert_non_null(p->f);
}

static void page_check(struct page *p, const char *golden)
{
	fclose(p->f);
	assert_string_equal(p->text, golden);
	free(p->text);
}

static void every_help_names_its_example_and_options(void **state)
{
	static const char *const cases[][3] = {
		{ NULL, "memtide set db1 2G --wait", "7 findings" },
		{ "list", "memtide list\n", "--json" },
		{ "show", "memtide show db1\n", "GUEST is a domid" },
		{ "set", "memtide set db1 +1.5G --wait", "--timeout SECONDS" },
		{ "audit", "memtide audit\n", "--socket PATH" },
		{ "version", "memtide version --json\n", "--help" },
		{ "readmit", "memtide readmit db1\n", "GUEST is a domid" },
		{ "limits", "--weight 200\n", "--headroom SIZE" },
		{ "auto", "memtide auto db1 on\n", "GUEST is a domid" },
		{ "balance", "memtide balance --dry-run\n", "--dry-run" },
		{ "explain", "memtide explain db1\n", "GUEST is a domid" },
		{ "reserve", "-- xl create db2.cfg\n", "--for DOMAIN" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *with[] = { cases[i][0], "--help", NULL };
		char err[CLI_ERROR_MAX];
		struct cli_args args;
		struct page p;

		assert_int_equal(parse(cases[i][0] ? with : with + 1, NULL,
				       &args, err), 0);
		assert_true(args.help);
		page_open(&p);
		cli_print_help(&args, p.f);
		fclose(p.f);
		assert_non_null(strstr(p.text, cases[i][1]));
		assert_non_null(strstr(p.text, cases[i][2]));
		for (char *line = strtok(p.text, "\n"); line;
		     line = strtok(NULL, "\n"))
			assert_in_range(strlen(line), 0, 80);
		free(p.text);
	}
}

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

static const struct control_guest db1 = {
	.domid = 3, .uuid = UUID, .name = "db1", .state = "growing",
	.boot_kib = 256 * MIB, .held_kib = 768 * MIB, .target_kib = 1280 * MIB,
	.online_kib = 512 * MIB, .window_kib = 8192 * MIB,
	.xen_kib = 768 * MIB, .guest_total_kib = 770000,
	.guest_available_kib = 700000, .agent = "0.1.0", .kernel = "6.12.57",
	.mode = "granules",
	.automatic = true, .max_kib = 2048 * MIB, .weight = 200,
	.live = "auto max", .demand = "distress",
};

/* From a memtided that does not tell the mode */
static const struct control_guest web = {
	.domid = 12, .name = "w\x1b[31m", .state = "unmanaged",
	.why = "no agent", .boot_kib = 512 * MIB, .held_kib = 512 * MIB,
	.xen_kib = 512 * MIB,
};

static const struct control_host host = {
	.total_kib = 24576 * MIB, .free_kib = 20480 * MIB,
	.promised_kib = 512 * MIB, .reserve_kib = 256 * MIB, .guests = 2,
};

static void add_end(struct cli_report *r, enum control_status status,
		    const char *text)
{
	struct control_reply reply = { .end = true, .status = status };

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	assert_int_equal(cli_report_add(r, &reply), 0);
}

static void fill_list_report(struct cli_report *r)
{
	struct control_reply reply = { .body = CONTROL_BODY_GUEST };

	*r = (struct cli_report){ .command = CONTROL_LIST };
	reply.guest = web;
	assert_int_equal(cli_report_add(r, &reply), 0);
	reply.guest = db1;
	assert_int_equal(cli_report_add(r, &reply), 0);
	reply.body = CONTROL_BODY_HOST;
	reply.host = host;
	assert_int_equal(cli_report_add(r, &reply), 0);
	add_end(r, CONTROL_STATUS_OK, "");
	assert_null(cli_report_check(r));
}

static void a_list_is_an_aligned_table_in_order_of_domids(void **state)
{
	struct cli_report r;
	struct page p;

	(void)state;
	fill_list_report(&r);
	page_open(&p);
	cli_print_report(&r, p.f);
	page_check(&p,
"host 24576M, free 20480M, promised 512M, reserve 256M; 2 guests\n"
"NAME       DOMID  STATE      HELD  TARGET  ONLINE  AVAILABLE  MODE  DEMAND\n"
"db1            3  growing    768M   1280M    512M       683M  auto  distress\n"
"w\\x1b[31m     12  unmanaged  512M       -       -          -  -     -\n");
	cli_report_done(&r);
}

static void a_list_without_guests_shows_the_host(void **state)
{
	struct cli_report r = { .command = CONTROL_LIST, .has_host = true,
				.host = host };
	struct page p;

	(void)state;
	r.host.guests = 1;
	page_open(&p);
	cli_print_report(&r, p.f);
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
	cli_print_report(&r, p.f);
	r.guests = &guests[1];
	cli_print_report(&r, p.f);
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
"  headroom         an eighth of what it uses, at least 64 MiB\n"
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
	cli_print_report(&r, p.f);
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
	cli_print_report(&r, p.f);
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
	cli_print_report(&r, p.f);
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
	cli_print_report(r, out.f);
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
"\r[..............................] 256M, target 1280M, growing\x1b[K"
"\r[#.............................] 300M, target 1280M, growing\x1b[K"
"\r[###############...............] 768M, target 1280M, growing\x1b[K"
"\r[##############################] 1280M, target 1280M, growing\x1b[K"
"\r[##############################] 1280M, target 1280M, ready\x1b[K\n");
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
		struct cli_progress progress = { "x", true, true, cases[i][0],
						 { 0, 0, 0, "" } };
		struct control_progress now = { cases[i][1], 1, cases[i][2],
						"s" };
		struct page p;

		page_open(&p);
		cli_print_progress(&progress, &now, p.f);
		fclose(p.f);
		assert_int_equal(p.text[1], '[');
		assert_int_equal(strspn(p.text + 2, "#"),
				 30 - strspn(strpbrk(p.text + 2, ".]"), "."));
		assert_int_equal(p.text[32], ']');
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
	cli_print_report(&r, p.f);
	page_check(&p,
"db1 (domid 3)\n"
"  auto             on\n"
"  min              256 MiB, its boot memory\n"
"  max              the end of its window\n"
"  weight           200\n"
"  headroom         96 MiB, changed live\n"
"  demand           distress\n");
}

static const struct control_balance_row rows[] = {
	{ 3, "db1", 768 * MIB, 768 * MIB, 1280 * MIB, "grows: its tasks wait" },
	{ 4, "w\x1b", 512 * MIB, 512 * MIB, 512 * MIB, "keeps 512 MiB" },
};

static void fill_balance_report(struct cli_report *r)
{
	struct control_reply reply = { .body = CONTROL_BODY_BALANCE_ROW };

	*r = (struct cli_report){ .command = CONTROL_BALANCE };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reply.balance_row = rows[i];
		assert_int_equal(cli_report_add(r, &reply), 0);
	}
	reply.body = CONTROL_BODY_BALANCE;
	reply.balance = (struct control_balance){
		2, 1, 2048 * MIB, 1024 * MIB, 64 * MIB,
	};
	assert_int_equal(cli_report_add(r, &reply), 0);
	add_end(r, CONTROL_STATUS_OK, "");
	assert_null(cli_report_check(r));
}

static void a_balance_is_a_table_of_what_changes(void **state)
{
	struct cli_report r;
	struct page p;

	(void)state;
	fill_balance_report(&r);
	page_open(&p);
	cli_print_report(&r, p.f);
	page_check(&p,
"2048M free for guests, 1024M should be for bursts, reservations wait for 64M; 1 of 2 automatic guests changes\n"
"NAME       HELD    TARGET      THEN  WHY\n"
"db1        768M      768M     1280M  grows: its tasks wait\n"
"w\\x1b      512M      512M      same  keeps 512 MiB\n");
	cli_report_done(&r);
}

static const struct control_explain stories[] = {
	{ true, 1500, "keeps 768 MiB" },
	{ false, 1540, "grew\x1b by 512 MiB" },
	{ false, 600000, "gave 256 MiB" },
	{ false, 36000000, "grew" },
};

static void fill_explain_report(struct cli_report *r, size_t nr)
{
	struct control_reply reply = { .body = CONTROL_BODY_GUEST };

	*r = (struct cli_report){ .command = CONTROL_EXPLAIN, .guest = "db1" };
	reply.guest = db1;
	assert_int_equal(cli_report_add(r, &reply), 0);
	reply.body = CONTROL_BODY_EXPLAIN;
	for (size_t i = 0; i < nr; i++) {
		reply.explain = stories[i];
		assert_int_equal(cli_report_add(r, &reply), 0);
	}
	add_end(r, CONTROL_STATUS_OK, "");
	assert_null(cli_report_check(r));
}

static void an_explanation_tells_how_long_ago(void **state)
{
	struct cli_report r;
	struct page p;

	(void)state;
	fill_explain_report(&r, ARRAY_SIZE(stories));
	page_open(&p);
	cli_print_report(&r, p.f);
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
	cli_print_report(&r, p.f);
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

static const struct control_finding findings[] = {
	{ 3, "db1", "granule 7 is online but not backed" },
	{ 0, "", "more promised than there is" },
};

static void fill_audit_report(struct cli_report *r, size_t nr_findings)
{
	struct control_reply reply = { .body = CONTROL_BODY_FINDING };

	*r = (struct cli_report){ .command = CONTROL_AUDIT };
	for (size_t i = 0; i < nr_findings; i++) {
		reply.finding = findings[i];
		assert_int_equal(cli_report_add(r, &reply), 0);
	}
	reply.body = CONTROL_BODY_AUDIT;
	reply.audit = (struct control_audit){ 2, 512 };
	assert_int_equal(cli_report_add(r, &reply), 0);
	add_end(r, CONTROL_STATUS_OK, "");
}

static void an_audit_lists_what_it_found(void **state)
{
	struct cli_report r;
	struct page p;

	(void)state;
	fill_audit_report(&r, 2);
	page_open(&p);
	cli_print_report(&r, p.f);
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

/* The document a report makes, parsed back; put by the caller. */
static struct json_object *json_of(const struct cli_report *r)
{
	struct json_object *o;
	struct page p;

	page_open(&p);
	assert_int_equal(cli_json_report(r, p.f), 0);
	fclose(p.f);
	o = json_tokener_parse(p.text);
	assert_non_null(o);
	free(p.text);
	return o;
}

static struct json_object *get(struct json_object *o, const char *key)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(o, key, &value));
	return value;
}

static void assert_text(struct json_object *o, const char *key,
			const char *text)
{
	assert_string_equal(json_object_get_string(get(o, key)), text);
}

static void assert_number(struct json_object *o, const char *key, uint64_t n)
{
	assert_int_equal(json_object_get_uint64(get(o, key)), n);
}

static void a_list_in_json_reads_back(void **state)
{
	struct json_object *o, *guests;
	struct cli_report r;

	(void)state;
	fill_list_report(&r);
	o = json_of(&r);
	assert_text(o, "status", "done");
	assert_number(get(o, "host"), "free_kib", 20480 * MIB);
	guests = get(o, "guests");
	assert_int_equal(json_object_array_length(guests), 2);
	assert_number(json_object_array_get_idx(guests, 0), "domid", 3);
	assert_number(json_object_array_get_idx(guests, 0), "guest_total_kib",
		      770000);
	assert_text(json_object_array_get_idx(guests, 0), "uuid", UUID);
	assert_text(json_object_array_get_idx(guests, 1), "name", "w\x1b[31m");
	json_object_put(o);
	cli_report_done(&r);
}

static void a_list_of_no_guests_in_json_is_an_empty_array(void **state)
{
	struct cli_report r = { .command = CONTROL_LIST, .has_host = true };
	struct json_object *o = json_of(&r);

	(void)state;
	assert_int_equal(json_object_array_length(get(o, "guests")), 0);
	json_object_put(o);
}

static void numbers_in_json_keep_all_their_bits(void **state)
{
	struct control_guest g = db1;
	struct cli_report r = { .command = CONTROL_SHOW, .nr_guests = 1,
				.guests = &g };
	struct json_object *o;

	(void)state;
	g.held_kib = UINT64_MAX;
	snprintf(g.name, sizeof(g.name), "bad\xff");
	o = json_of(&r);
	assert_number(get(o, "guest"), "held_kib", UINT64_MAX);
	assert_text(get(o, "guest"), "name", "bad\xef\xbf\xbd");
	json_object_put(o);
}

static void a_set_in_json_says_how_it_ended(void **state)
{
	struct cli_report r = { .command = CONTROL_SET, .guest = "db1",
				.has_set = true,
				.set = { 512, 2048, 4096, true } };
	struct json_object *o;

	(void)state;
	add_end(&r, CONTROL_STATUS_PARTLY, "deadline");
	o = json_of(&r);
	assert_text(o, "status", "partly");
	assert_text(o, "text", "deadline");
	assert_text(o, "guest", "db1");
	assert_number(get(o, "set"), "asked_kib", 512);
	assert_number(get(o, "set"), "target_kib", 2048);
	assert_number(get(o, "set"), "held_kib", 4096);
	assert_true(json_object_get_boolean(get(get(o, "set"), "settled")));
	json_object_put(o);
}

static void a_readmit_in_json_shows_the_guest(void **state)
{
	struct control_guest guest = db1;
	struct cli_report r = { .command = CONTROL_READMIT, .guest = "db1",
				.guests = &guest, .nr_guests = 1 };
	struct json_object *o;

	(void)state;
	add_end(&r, CONTROL_STATUS_OK, "");
	o = json_of(&r);
	assert_text(o, "status", "done");
	assert_text(get(o, "guest"), "state", "growing");
	assert_number(get(o, "guest"), "domid", 3);
	json_object_put(o);
}

static void an_audit_in_json_carries_its_findings(void **state)
{
	struct json_object *o, *found;
	struct cli_report r;

	(void)state;
	fill_audit_report(&r, 2);
	o = json_of(&r);
	assert_text(o, "status", "findings");
	assert_number(get(o, "audit"), "granules", 512);
	found = get(o, "findings");
	assert_int_equal(json_object_array_length(found), 2);
	assert_text(json_object_array_get_idx(found, 0), "text",
		    findings[0].text);
	json_object_put(o);
	cli_report_done(&r);
}

static void a_version_in_json_names_both_sides(void **state)
{
	struct cli_report r = { .command = CONTROL_VERSION,
				.has_version = true,
				.version = { "0.9", "sim", 1, 2 } };
	struct json_object *o = json_of(&r);

	(void)state;
	assert_text(o, "client", MEMTIDE_VERSION);
	assert_text(get(o, "daemon"), "version", "0.9");
	assert_text(get(o, "daemon"), "backend", "sim");
	assert_number(get(o, "daemon"), "protocol_minor", 2);
	json_object_put(o);
}

static void settings_and_balancing_in_json_read_back(void **state)
{
	struct cli_report r;
	struct json_object *o, *first;

	(void)state;
	fill_balance_report(&r);
	o = json_of(&r);
	assert_number(get(o, "balance"), "wanted_kib", 64 * MIB);
	first = json_object_array_get_idx(get(o, "guests"), 0);
	assert_number(first, "then_kib", 1280 * MIB);
	assert_text(first, "why", "grows: its tasks wait");
	json_object_put(o);
	cli_report_done(&r);
	fill_explain_report(&r, 2);
	o = json_of(&r);
	assert_number(get(o, "guest"), "weight", 200);
	assert_true(json_object_get_boolean(get(get(o, "guest"), "auto")));
	assert_text(get(o, "guest"), "live", "auto max");
	first = json_object_array_get_idx(get(o, "stories"), 1);
	assert_number(first, "ago_ms", 1540);
	json_object_put(o);
	cli_report_done(&r);
	r = (struct cli_report){ .command = CONTROL_RESERVE,
				 .has_reserve = true, .reserve = { 4, 2, 1 } };
	o = json_of(&r);
	assert_number(get(o, "reserve"), "held_kib", 2);
	json_object_put(o);
}

static void a_failure_in_json_has_status_and_text(void **state)
{
	struct json_object *o;
	struct page p;

	(void)state;
	page_open(&p);
	assert_int_equal(cli_json_failure(CLI_EXIT_NO_DAEMON, "a \"b\"", p.f),
			 0);
	fclose(p.f);
	o = json_tokener_parse(p.text);
	assert_text(o, "status", "no-daemon");
	assert_text(o, "text", "a \"b\"");
	json_object_put(o);
	free(p.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines_become_requests),
		cmocka_unit_test(wrong_command_lines_are_refused_with_a_reason),
		cmocka_unit_test(
			what_follows_the_dashes_of_a_reserve_is_a_command),
		cmocka_unit_test(a_name_too_long_is_refused),
		cmocka_unit_test(limits_are_shown_with_what_they_mean),
		cmocka_unit_test(a_balance_is_a_table_of_what_changes),
		cmocka_unit_test(an_explanation_tells_how_long_ago),
		cmocka_unit_test(a_reservation_is_told_of_step_by_step),
		cmocka_unit_test(settings_and_balancing_in_json_read_back),
		cmocka_unit_test(the_socket_option_beats_the_environment),
		cmocka_unit_test(every_help_names_its_example_and_options),
		cmocka_unit_test(text_of_others_reaches_no_terminal_as_it_is),
		cmocka_unit_test(text_too_long_is_cut),
		cmocka_unit_test(a_list_is_an_aligned_table_in_order_of_domids),
		cmocka_unit_test(a_list_without_guests_shows_the_host),
		cmocka_unit_test(show_prints_all_that_is_known),
		cmocka_unit_test(a_quarantined_guest_is_not_overlooked_in_a_list),
		cmocka_unit_test(a_balloon_that_does_not_answer_is_not_overlooked),
		cmocka_unit_test(show_names_the_way_out_of_quarantine),
		cmocka_unit_test(a_readmit_ends_with_what_became_of_the_guest),
		cmocka_unit_test(a_readmit_in_json_shows_the_guest),
		cmocka_unit_test(a_set_ends_with_what_was_reached_and_why),
		cmocka_unit_test(progress_is_a_line_for_each_milestone),
		cmocka_unit_test(progress_on_a_terminal_is_one_line_redrawn),
		cmocka_unit_test(the_bar_stays_in_its_brackets),
		cmocka_unit_test(an_audit_lists_what_it_found),
		cmocka_unit_test(an_answer_that_lacks_its_body_is_noticed),
		cmocka_unit_test(a_list_in_json_reads_back),
		cmocka_unit_test(a_list_of_no_guests_in_json_is_an_empty_array),
		cmocka_unit_test(numbers_in_json_keep_all_their_bits),
		cmocka_unit_test(a_set_in_json_says_how_it_ended),
		cmocka_unit_test(an_audit_in_json_carries_its_findings),
		cmocka_unit_test(a_version_in_json_names_both_sides),
		cmocka_unit_test(a_failure_in_json_has_status_and_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
