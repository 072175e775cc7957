/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_cli_args.c - What memtide(1) understands, and its help
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli_args.h"
#include "cli_reports.h"

#define WORDS_MAX	9
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
	{ { "watch" }, false, { .type = CONTROL_WATCH } },
	{ { "watch", "db1", "--last", "128", "--json" }, true,
	  { .type = CONTROL_WATCH, .last = 128 } },
	{ { "watch", "--timeout=5", "7" }, false,
	  { .type = CONTROL_WATCH } },
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
	assert_int_equal(a->last, b->last);
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
	{ { "lsit" }, "unknown command \"lsit\"; is it \"list\"? See" },
	{ { "explian", "db1" }, "is it \"explain\"?" },
	{ { "auot", "db1", "on" }, "is it \"auto\"?" },
	{ { "grow" }, "unknown command \"grow\"; see memtide --help" },
	{ { "x" }, "unknown command \"x\"; see memtide --help" },
	{ { "help", "gorw" }, "unknown command \"gorw\"" },
	{ { "help", "set", "db1" }, "\"db1\" is one operand too many" },
	{ { "watch", "--last" }, "--last needs a value: --last N" },
	{ { "watch", "--last", "129" }, "not a number of events from 0 to 128" },
	{ { "watch", "--last", "-1" }, "not a number of events" },
	{ { "watch", "db1", "" }, "GUEST is empty" },
	{ { "list", "--last", "5" }, "--last does not belong to memtide list" },
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
		{ "watch", "memtide watch db1 web --last 10\n", "--last N" },
		{ "help", "memtide help set\n", "--help" },
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

static void guests_to_watch_are_kept_in_order(void **state)
{
	static const char *const words[] = { "watch", "db1", "--json", "7",
					     UUID_UPPER, "--timeout=5", NULL };
	char err[CLI_ERROR_MAX];
	struct cli_args args;

	(void)state;
	assert_int_equal(parse(words, NULL, &args, err), 0);
	assert_int_equal(args.command, CONTROL_WATCH);
	assert_int_equal(args.timeout_s, 5);
	assert_int_equal(args.nr_guests, 3);
	assert_int_equal(args.guests[0].by, SELECT_NAME);
	assert_string_equal(args.guests[0].text, "db1");
	assert_int_equal(args.guests[1].domid, 7);
	assert_string_equal(args.guests[2].text, UUID);
}

static void help_is_a_command_as_well(void **state)
{
	static const char *const alone[] = { "help", NULL };
	static const char *const of_set[] = { "help", "set", NULL };
	static const char *const of_help[] = { "help", "--help", NULL };
	char err[CLI_ERROR_MAX];
	struct cli_args args;

	(void)state;
	assert_int_equal(parse(alone, NULL, &args, err), 0);
	assert_true(args.help && !args.has_command);
	assert_int_equal(parse(of_set, NULL, &args, err), 0);
	assert_true(args.help && args.has_command);
	assert_int_equal(args.command, CONTROL_SET);
	assert_int_equal(parse(of_help, NULL, &args, err), 0);
	assert_true(args.help && args.has_command);
	assert_int_equal(args.command, CLI_HELP);
}

static void the_version_is_told_without_a_command(void **state)
{
	static const char *const alone[] = { "--version", NULL };
	static const char *const with[] = { "list", "--version", NULL };
	char err[CLI_ERROR_MAX];
	struct cli_args args;

	(void)state;
	assert_int_equal(parse(alone, NULL, &args, err), 0);
	assert_true(args.version);
	assert_int_equal(parse(with, NULL, &args, err), 0);
	assert_true(args.version);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines_become_requests),
		cmocka_unit_test(wrong_command_lines_are_refused_with_a_reason),
		cmocka_unit_test(
			what_follows_the_dashes_of_a_reserve_is_a_command),
		cmocka_unit_test(a_name_too_long_is_refused),
		cmocka_unit_test(the_socket_option_beats_the_environment),
		cmocka_unit_test(guests_to_watch_are_kept_in_order),
		cmocka_unit_test(help_is_a_command_as_well),
		cmocka_unit_test(the_version_is_told_without_a_command),
		cmocka_unit_test(every_help_names_its_example_and_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
