/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cases.h - Which row of a table of cases did a test fail in?
 *
 * Include after cmocka.h.
 */
#ifndef MEMTIDE_TEST_CASES_H
#define MEMTIDE_TEST_CASES_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char case_name[96];

/* From here on failures are about this case. */
__attribute__((format(printf, 1, 2)))
static inline void case_is(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(case_name, sizeof(case_name), fmt, ap);
	va_end(ap);
}

#define case_int_equal(got, wanted)					\
	do {								\
		long long got_ = (long long)(got);			\
		long long wanted_ = (long long)(wanted);		\
									\
		if (got_ != wanted_)					\
			fail_msg("%s: %lld instead of %lld", case_name,	\
				 got_, wanted_);			\
	} while (0)

#define case_string_equal(got, wanted)					\
	do {								\
		if (strcmp(got, wanted))				\
			fail_msg("%s: \"%s\" instead of \"%s\"",	\
				 case_name, got, wanted);		\
	} while (0)

#define case_memory_equal(got, wanted, len)				\
	do {								\
		if (memcmp(got, wanted, len))				\
			fail_msg("%s: other contents", case_name);	\
	} while (0)

#endif
