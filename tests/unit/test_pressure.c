/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_pressure.c - /proc/pressure/memory and /proc/vmstat, whole and broken
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "pressure.h"
#include "sys.h"

#define SOME	"some avg10=1.39 avg60=0.41 avg300=0.09 total=283224\n"
#define FULL	"full avg10=0.09 avg60=0.02 avg300=0.00 total=27514\n"
#define VMSTAT								\
	"nr_free_pages 3529000\n"					\
	"workingset_refault_anon 40\n"					\
	"workingset_refault_file 2\n"					\
	"workingset_activate_anon 7\n"					\
	"pswpin 11\n"							\
	"pswpout 13\n"

typedef int parser(const char *text, size_t len, struct pressure *p);

static const struct {
	const char *name;
	parser *parse;
	const char *text;
	int rc;
	uint64_t some, full, refault, swap_in;
} cases[] = {
	{ "usual", pressure_parse_stall, SOME FULL, 0, 283224, 27514, 0, 0 },
	{ "the other order", pressure_parse_stall, FULL SOME, 0,
	  283224, 27514, 0, 0 },
	{ "more lines and more of them", pressure_parse_stall,
	  "all is=well\n" "some new=1 total=5\n" "full total=5\n", 0,
	  5, 5, 0, 0 },
	{ "counted on between the lines", pressure_parse_stall,
	  "some a=1 total=5\nfull a=1 total=6\n", 0, 5, 5, 0, 0 },
	{ "no full", pressure_parse_stall, SOME, -EINVAL, 0, 0, 0, 0 },
	{ "no some", pressure_parse_stall, FULL, -EINVAL, 0, 0, 0, 0 },
	{ "empty", pressure_parse_stall, "", -EINVAL, 0, 0, 0, 0 },
	{ "some twice", pressure_parse_stall, SOME SOME FULL, -EINVAL,
	  0, 0, 0, 0 },
	{ "no total", pressure_parse_stall, "some avg10=0.00\n" FULL, -EINVAL,
	  0, 0, 0, 0 },
	{ "no number", pressure_parse_stall, "some avg10=0.00 total=\n" FULL,
	  -EINVAL, 0, 0, 0, 0 },
	{ "a sign", pressure_parse_stall, "some avg10=0.00 total=-1\n" FULL,
	  -EINVAL, 0, 0, 0, 0 },
	{ "more behind it", pressure_parse_stall, "some a=1 total=1 b=2\n" FULL,
	  -EINVAL, 0, 0, 0, 0 },
	{ "too long", pressure_parse_stall,
	  "some a=1 total=10000000000000000\n" FULL, -EINVAL, 0, 0, 0, 0 },
	{ "as long as may be", pressure_parse_stall,
	  "some a=1 total=9999999999999999\n" FULL, 0,
	  9999999999999999ull, 27514, 0, 0 },
	{ "usual", pressure_parse_vmstat, VMSTAT, 0, 0, 0, 42, 11 },
	{ "before 5.9", pressure_parse_vmstat, "workingset_refault 9\n", 0,
	  0, 0, 9, 0 },
	{ "nothing of it counted", pressure_parse_vmstat, "nr_foo 1\n", 0,
	  0, 0, 0, 0 },
	{ "empty", pressure_parse_vmstat, "", 0, 0, 0, 0, 0 },
	{ "twice", pressure_parse_vmstat, VMSTAT "pswpin 1\n", -EINVAL,
	  0, 0, 0, 0 },
	{ "cut", pressure_parse_vmstat, VMSTAT "pgfault 1", -EINVAL,
	  0, 0, 0, 0 },
	{ "no number", pressure_parse_vmstat, "pswpin \n", -EINVAL,
	  0, 0, 0, 0 },
	{ "two numbers", pressure_parse_vmstat, "pswpin 1 2\n", -EINVAL,
	  0, 0, 0, 0 },
	{ "other lines of any form", pressure_parse_vmstat,
	  "\n \n x\npswpinx 1\npswpi 1\nfoo -1\n" VMSTAT, 0, 0, 0, 42, 11 },
};

static void each_text_is_taken_or_refused_as_a_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pressure p = { .time_us = 42 };
		bool stall = cases[i].parse == pressure_parse_stall;

		case_is("%s of %s", cases[i].name, stall ? "stall" : "vmstat");
		case_int_equal(cases[i].parse(cases[i].text,
					      strlen(cases[i].text), &p),
			       cases[i].rc);
		case_int_equal(p.time_us, 42);
		case_int_equal(p.has_stall, stall && !cases[i].rc);
		case_int_equal(p.stall_some_us, cases[i].some);
		case_int_equal(p.stall_full_us, cases[i].full);
		case_int_equal(p.refault_pages, cases[i].refault);
		case_int_equal(p.swap_in_pages, cases[i].swap_in);
	}
}

/* Copied to the exact size, so that a sanitizer sees one byte too far. */
static int parse_exactly(parser *parse, const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	struct pressure p = { 0 };
	int rc;

	assert_non_null(copy);
	memcpy(copy, text, len);
	rc = parse(copy, len, &p);
	free(copy);
	return rc;
}

static void a_text_cut_anywhere_but_at_a_line_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < strlen(SOME FULL); len++)
		assert_int_equal(parse_exactly(pressure_parse_stall, SOME FULL,
					       len), -EINVAL);
	for (size_t len = 1; len <= strlen(VMSTAT); len++)
		assert_int_equal(parse_exactly(pressure_parse_vmstat, VMSTAT,
					       len),
				 VMSTAT[len - 1] == '\n' ? 0 : -EINVAL);
}

static void random_damage_is_survived(void **state)
{
	static const char good[] = SOME FULL VMSTAT;
	char text[sizeof(good)];

	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		memcpy(text, good, sizeof(text));
		for (int n = 0; n < 1 + i % 8; n++)
			text[random() % (sizeof(text) - 1)] = (char)random();
		(void)parse_exactly(pressure_parse_stall, text,
				    sizeof(text) - 1);
		(void)parse_exactly(pressure_parse_vmstat, text,
				    sizeof(text) - 1);
	}
}

static void this_machine_can_be_read_again_and_again(void **state)
{
	int stall = sys_open("/proc/pressure/memory");
	int vmstat = sys_open("/proc/vmstat");
	struct pressure p = { 0 };
	uint64_t before = 0;

	(void)state;
	assert_true(vmstat >= 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sys_vmstat(vmstat, &p), 0);
		/* Of a kernel without it, or with it switched off */
		if (stall < 0 || sys_stall(stall, &p))
			assert_false(p.has_stall);
		assert_true(p.stall_some_us >= before);
		before = p.stall_some_us;
	}
	close(vmstat);
	if (stall >= 0)
		close(stall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_text_is_taken_or_refused_as_a_whole),
		cmocka_unit_test(a_text_cut_anywhere_but_at_a_line_is_refused),
		cmocka_unit_test(random_damage_is_survived),
		cmocka_unit_test(this_machine_can_be_read_again_and_again),
	};

	return cmocka_run_group_tests_name("pressure", tests, NULL, NULL);
}
