/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_savers.c - Who saves a domain, told from the processes there are
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "savers.h"

#define HELPER	"/usr/lib/xen-4.17/bin/libxl-save-helper\0"

/* Of domain 9, "db1". Literals end in one 0 more than their size() less 1. */
static const struct {
	const char *name;
	const char *line;
	size_t len;
	bool any, ours;
} cases[] = {
#define LINE(text) text, sizeof(text)
	{ "the helper", LINE(HELPER "--save-domain\0" "15\0" "11\0" "9\0" "1"),
	  true, true },
	{ "a helper of another", LINE(HELPER "--save-domain\0" "9\0" "9\0" "19\0"
	  "9"), true, false },
	{ "a helper that restores", LINE(HELPER "--restore-domain\0" "11\0"
	  "20\0" "9"), false, false },
	{ "a helper cut short", LINE(HELPER "--save-domain\0" "15"), false,
	  false },
	{ "xl save by name", LINE("xl\0save\0db1\0/srv/db1"), true, true },
	{ "xl save by number", LINE("/usr/sbin/xl\0save\0-c\0" "9\0/srv/db1"),
	  true, true },
	{ "xl migrate with options", LINE("xl\0-vvv\0migrate\0--live\0db1\0h2"),
	  true, true },
	{ "xl save of another", LINE("xl\0save\0db11\0/srv/db11"), true, false },
	{ "xl of other kinds", LINE("xl\0console\0db1"), false, false },
	{ "xl alone", LINE("xl"), false, false },
	{ "xl with options only", LINE("xl\0-v"), false, false },
	{ "the receiver of a migration", LINE("xl\0migrate-receive\0db1"), false,
	  false },
	{ "another program", LINE("vi\0save\0db1"), false, false },
	{ "a kernel thread", "", 0, false, false },
	{ "a last argument without an end", "xl\0save\0db1", 11, false, false },
	{ "nothing but an end", LINE(""), false, false },
#undef LINE
};

static void each_command_line_is_known_for_what_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool any = false, ours;

		ours = savers_match(cases[i].line, cases[i].len, 9, "db1",
				    &any);
		if (any != cases[i].any || ours != cases[i].ours)
			fail_msg("%s: any %d, ours %d", cases[i].name, any,
				 ours);
	}
}

static void a_domain_without_a_name_is_no_empty_argument(void **state)
{
	static const char line[] = "xl\0migrate\0-s\0\0db1\0h2";
	bool any = false;

	(void)state;
	assert_false(savers_match(line, sizeof(line), 9, "", &any));
	assert_true(any);
}

/* A directory in place of /proc */
static char proc[64];

static void put(const char *path, const char *text, size_t len)
{
	char whole[128];
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", proc, path);
	f = fopen(whole, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void process(unsigned int pid, const char *line, size_t len)
{
	char path[128], avg[64];

	snprintf(path, sizeof(path), "%s/%u", proc, pid);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%u/cmdline", pid);
	put(path, line, len);
	put("loadavg", avg, (size_t)snprintf(avg, sizeof(avg),
					     "0.02 0.01 0.00 1/93 %u\n", pid));
}

static int make_proc(void **state)
{
	(void)state;
	strcpy(proc, "/tmp/test_savers.XXXXXX");
	return mkdtemp(proc) ? 0 : -1;
}

static int remove_proc(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", proc);
	return system(command);
}

static void a_saver_is_seen_when_it_comes_and_when_it_goes(void **state)
{
	static const char save[] = "xl\0save\0db1\0/srv/db1", sh[] = "-sh";
	struct savers s = { 0 };

	(void)state;
	process(1, "init", 5);
	assert_false(savers_busy(&s, proc, 9, "db1"));
	process(50, save, sizeof(save));
	assert_true(savers_busy(&s, proc, 9, "db1"));
	assert_false(savers_busy(&s, proc, 8, "db2"));
	assert_true(savers_busy(&s, proc, 9, "db1"));
	/* It ends, and no process is new. */
	process(50, sh, sizeof(sh));
	assert_false(savers_busy(&s, proc, 9, "db1"));
	/* Pids begin anew */
	process(2, save, sizeof(save));
	assert_true(savers_busy(&s, proc, 9, "db1"));
}

static void without_processes_to_look_at_nothing_is_ruled_out(void **state)
{
	struct savers s = { 0 };

	(void)state;
	assert_true(savers_busy(&s, "/nowhere", 9, "db1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_command_line_is_known_for_what_it_is),
		cmocka_unit_test(a_domain_without_a_name_is_no_empty_argument),
		cmocka_unit_test_setup_teardown(
			a_saver_is_seen_when_it_comes_and_when_it_goes,
			make_proc, remove_proc),
		cmocka_unit_test(
			without_processes_to_look_at_nothing_is_ruled_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
