/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_xen_words.c - Xen's own command line
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cases.h"
#include "xen_words.h"

static void the_last_word_counts(void **state)
{
	static const struct {
		const char *line;
		bool on, on_by_default;
	} cases[] = {
		{ "", false, true },
		{ "console=com1 dom0_mem=1G", false, true },
		{ "scrub-domheap", true, true },
		{ "console=com1 scrub-domheap loglvl=all", true, true },
		{ "scrub-domheap=1", true, true },
		{ "scrub-domheap=yes", true, true },
		{ "scrub-domheap=on  ", true, true },
		{ "scrub-domheap=enable", true, true },
		{ "no-scrub-domheap", false, false },
		{ "scrub-domheap=0", false, false },
		{ "scrub-domheap=off", false, false },
		{ "scrub-domheap=false x", false, false },
		{ "scrub-domheap scrub-domheap=no", false, false },
		{ "no-scrub-domheap scrub-domheap", true, true },
		{ "scrub-domheap=maybe", false, true },
		{ "scrub-domheap=", false, true },
		{ "scrub-domheaps", false, true },
		{ "xscrub-domheap", false, true },
		{ "bootscrub=1", false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("\"%s\"", cases[i].line);
		case_int_equal(xen_word_is_on(cases[i].line, "scrub-domheap",
					      false), cases[i].on);
		case_int_equal(xen_word_is_on(cases[i].line, "scrub-domheap",
					      true), cases[i].on_by_default);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_word_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
