/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_meminfo.c - /proc/meminfo, whole, cut and broken
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

#include "meminfo.h"
#include "sys.h"

#define GOOD							\
	"MemTotal:         227452 kB\n"				\
	"MemFree:          101000 kB\n"				\
	"MemAvailable:     170000 kB\n"				\
	"Buffers:               0 kB\n"				\
	"SwapCached:           77 kB\n"				\
	"SwapTotal:          2048 kB\n"				\
	"SwapFree:           1024 kB\n"				\
	"HugePages_Total:       0\n"

static const struct {
	const char *name, *text;
	int rc;
} cases[] = {
	{ "a usual file", GOOD, 0 },
	{ "empty", "", -EINVAL },
	{ "no newline at all", "MemTotal: 1 kB", -EINVAL },
	{ "a key missing", "MemTotal: 1 kB\nMemFree: 1 kB\nSwapFree: 0 kB\n",
	  -EINVAL },
	{ "a key twice", GOOD "MemFree: 1 kB\n", -EINVAL },
	{ "no unit", "MemTotal: 1\n" GOOD, -EINVAL },
	{ "another unit", "MemTotal: 1 MB\n" GOOD, -EINVAL },
	{ "no number", "MemTotal: kB\n" GOOD, -EINVAL },
	{ "a sign", "MemTotal: -1 kB\n" GOOD, -EINVAL },
	{ "a number too long", "MemTotal: 18446744073709551617 kB\n" GOOD,
	  -EINVAL },
	{ "more after the unit", "MemTotal: 1 kB \n" GOOD, -EINVAL },
	{ "lines of other form", "\n:\nfoo\n::\nMemTotalX: 1\n" GOOD, 0 },
	{ "no memory", "MemTotal: 0 kB\nMemFree: 0 kB\nMemAvailable: 0 kB\n"
	  "SwapTotal: 0 kB\nSwapFree: 0 kB\n", -EINVAL },
};

static void each_text_is_taken_or_refused_as_a_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct meminfo mi = { .total_kib = 42 };
		int rc = meminfo_parse(cases[i].text, strlen(cases[i].text),
				       &mi);

		if (rc != cases[i].rc)
			fail_msg("%s: %d", cases[i].name, rc);
		assert_int_equal(mi.total_kib, rc ? 42 : 227452);
	}
}

static void the_five_numbers_are_those_of_their_lines(void **state)
{
	struct meminfo mi;

	(void)state;
	assert_int_equal(meminfo_parse(GOOD, strlen(GOOD), &mi), 0);
	assert_int_equal(mi.free_kib, 101000);
	assert_int_equal(mi.available_kib, 170000);
	assert_int_equal(mi.swap_total_kib, 2048);
	assert_int_equal(mi.swap_free_kib, 1024);
}

static void parts_never_exceed_their_whole(void **state)
{
	static const char text[] = "MemTotal: 10 kB\nMemFree: 11 kB\n"
		"MemAvailable: 12 kB\nSwapTotal: 1 kB\nSwapFree: 2 kB\n";
	struct meminfo mi;

	(void)state;
	assert_int_equal(meminfo_parse(text, strlen(text), &mi), 0);
	assert_int_equal(mi.free_kib, 10);
	assert_int_equal(mi.available_kib, 10);
	assert_int_equal(mi.swap_free_kib, 1);
}

/* Copied to the exact size, so that a sanitizer sees one byte too far. */
static int parse_exactly(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	struct meminfo mi;
	int rc;

	assert_non_null(copy);
	memcpy(copy, text, len);
	rc = meminfo_parse(copy, len, &mi);
	free(copy);
	return rc;
}

static void a_text_cut_anywhere_is_refused_until_all_keys_are_in(void **state)
{
	size_t whole = (size_t)(strstr(GOOD, "HugePages") - GOOD);

	(void)state;
	for (size_t len = 0; len <= strlen(GOOD); len++)
		assert_int_equal(parse_exactly(GOOD, len),
				 len < whole ? -EINVAL : 0);
}

static void random_damage_is_survived(void **state)
{
	char text[sizeof(GOOD)];

	(void)state;
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		memcpy(text, GOOD, sizeof(text));
		for (int n = 0; n < 1 + i % 8; n++)
			text[random() % (sizeof(text) - 1)] = (char)random();
		(void)parse_exactly(text, sizeof(text) - 1);
	}
}

static void this_machine_can_be_read_again_and_again(void **state)
{
	int fd = sys_open("/proc/meminfo");
	struct meminfo mi;

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < 3; i++) {
		mi.total_kib = 0;
		assert_int_equal(sys_meminfo(fd, &mi), 0);
		assert_true(mi.total_kib > 0);
	}
	close(fd);
	assert_int_equal(sys_open("/nonexistent"), -ENOENT);
}

static void a_uuid_is_taken_in_its_usual_form_only(void **state)
{
	static const char *const bad[] = {
		"", "-", "00112233-4455-6677-8899-aabbccddeef",
		"00112233-4455-6677-8899-aabbccddeeff0",
		"00112233-4455-6677-8899aabbccddeeff",
		"0011223344556677-8899-aabbccddeeff--",
		"0011223g-4455-6677-8899-aabbccddeeff",
	};
	uint8_t id[SYS_UUID_BYTES] = { 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(sys_uuid_parse(bad[i], id), -EINVAL);
	assert_int_equal(id[0], 7);
	assert_int_equal(sys_uuid_parse(
		"00112233-4455-6677-8899-aabbccddEEff\n", id), 0);
	assert_int_equal(id[1], 0x11);
	assert_int_equal(id[15], 0xff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_text_is_taken_or_refused_as_a_whole),
		cmocka_unit_test(the_five_numbers_are_those_of_their_lines),
		cmocka_unit_test(parts_never_exceed_their_whole),
		cmocka_unit_test(
			a_text_cut_anywhere_is_refused_until_all_keys_are_in),
		cmocka_unit_test(random_damage_is_survived),
		cmocka_unit_test(this_machine_can_be_read_again_and_again),
		cmocka_unit_test(a_uuid_is_taken_in_its_usual_form_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
