/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_size.c - Sizes as an operator writes and reads them
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "size.h"

#define KI	UINT64_C(1024)
#define MI	(1024 * KI)
#define GI	(1024 * MI)
#define TI	(1024 * GI)

static const struct {
	const char *text;
	enum size_mode mode;
	uint64_t bytes;
} good[] = {
	{ "1280M", SIZE_TO, 1280 * MI },
	{ "4K", SIZE_TO, 4 * KI },
	{ "6G", SIZE_TO, 6 * GI },
	{ "1T", SIZE_TO, TI },
	{ "0M", SIZE_TO, 0 },
	{ "007M", SIZE_TO, 7 * MI },
	{ "4KiB", SIZE_TO, 4 * KI },
	{ "3MiB", SIZE_TO, 3 * MI },
	{ "2GiB", SIZE_TO, 2 * GI },
	{ "1TiB", SIZE_TO, TI },
	{ "2g", SIZE_TO, 2 * GI },
	{ "2gib", SIZE_TO, 2 * GI },
	{ "+1G", SIZE_ADD, GI },
	{ "-512M", SIZE_SUBTRACT, 512 * MI },
	{ "-0.5GiB", SIZE_SUBTRACT, 512 * MI },
	{ "1.5G", SIZE_TO, 1536 * MI },
	{ "1.50000000000000000000000G", SIZE_TO, 1536 * MI },
	{ "0.0009765625G", SIZE_TO, MI },
	{ "16777215.9990234375T", SIZE_TO, UINT64_MAX - (GI - 1) },
	{ "18014398509481983K", SIZE_TO, UINT64_MAX - (KI - 1) },
};

static const struct {
	const char *text;
	int error;
	const char *why;	/* part of it */
} bad[] = {
	{ "", -EINVAL, "not a number" },
	{ "+", -EINVAL, "not a number" },
	{ "-", -EINVAL, "not a number" },
	{ "--1G", -EINVAL, "not a number" },
	{ "+-1G", -EINVAL, "not a number" },
	{ "G", -EINVAL, "not a number" },
	{ " 1G", -EINVAL, "not a number" },
	{ ".5G", -EINVAL, "not a number" },
	{ "nonsense", -EINVAL, "not a number" },
	{ "1024", -EINVAL, "needs a unit" },
	{ "+0", -EINVAL, "needs a unit" },
	{ "1.5", -EINVAL, "needs a unit" },
	{ "1 G", -EINVAL, "unknown unit" },
	{ "1G ", -EINVAL, "unknown unit" },
	{ "1GB", -EINVAL, "unknown unit" },
	{ "1Gi", -EINVAL, "unknown unit" },
	{ "1P", -EINVAL, "unknown unit" },
	{ "0x10M", -EINVAL, "unknown unit" },
	{ "1e3M", -EINVAL, "unknown unit" },
	{ "1.5.5G", -EINVAL, "unknown unit" },
	{ "1.G", -EINVAL, "after the point" },
	{ "1.-5G", -EINVAL, "after the point" },
	{ "0.1K", -EINVAL, "whole number of bytes" },
	{ "1.3G", -EINVAL, "whole number of bytes" },
	{ "0.0000000000000000001T", -EINVAL, "whole number of bytes" },
	{ "16777216T", -ERANGE, "too large" },
	{ "18014398509481984K", -ERANGE, "too large" },
	{ "18446744073709551616K", -ERANGE, "too large" },
	{ "99999999999999999999999999999G", -ERANGE, "too large" },
};

static void good_sizes_become_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct size_arg size;
		const char *why;
		int rc = size_parse(good[i].text, &size, &why);

		if (rc || size.mode != good[i].mode ||
		    size.bytes != good[i].bytes)
			fail_msg("\"%s\": rc %d mode %d bytes %" PRIu64,
				 good[i].text, rc, (int)size.mode, size.bytes);
	}
}

static void bad_sizes_are_refused_with_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct size_arg size = { SIZE_ADD, 4711 };
		const char *why = "";
		int rc = size_parse(bad[i].text, &size, &why);

		if (rc != bad[i].error || !strstr(why, bad[i].why))
			fail_msg("\"%s\": rc %d, \"%s\"", bad[i].text, rc, why);
		assert_int_equal(size.mode, SIZE_ADD);
		assert_int_equal(size.bytes, 4711);
	}
}

static const struct {
	uint64_t kib;
	const char *in_table;
	const char *in_words;
} shown[] = {
	{ 0, "0M", "0 MiB" },
	{ 1, "0M", "1 KiB" },
	{ 1023, "0M", "1023 KiB" },
	{ 1024, "1M", "1 MiB" },
	{ 262144, "256M", "256 MiB" },
	{ 1019336, "995M", "1019336 KiB" },
	{ 6 * MI, "6144M", "6144 MiB" },
	{ UINT64_MAX, "18014398509481983M", "18446744073709551615 KiB" },
};

static void sizes_are_shown_in_words_without_loss(void **state)
{
	char buf[SIZE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		assert_string_equal(size_short(shown[i].kib, buf),
				    shown[i].in_table);
		assert_string_equal(size_words(shown[i].kib, buf),
				    shown[i].in_words);
	}
}

static void what_a_table_shows_can_be_typed_in_again(void **state)
{
	(void)state;
	for (uint64_t kib = 0; kib < 64 * MI; kib = kib * 3 + 1) {
		char buf[SIZE_TEXT_MAX];
		struct size_arg size;
		const char *why;

		assert_int_equal(size_parse(size_short(kib, buf), &size, &why),
				 0);
		assert_int_equal(size.mode, SIZE_TO);
		assert_int_equal(size.bytes, kib / 1024 * MI);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_sizes_become_bytes),
		cmocka_unit_test(bad_sizes_are_refused_with_a_reason),
		cmocka_unit_test(sizes_are_shown_in_words_without_loss),
		cmocka_unit_test(what_a_table_shows_can_be_typed_in_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
