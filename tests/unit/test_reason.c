/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_reason.c - Every reason is a sentence
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cases.h"
#include "reason.h"

static void test_every_reason_is_a_sentence(void **state)
{
	static const char *const sentences[] = {
		[POLICY_KEEP] = "keeps 400 MiB: 100 MiB available of 80 MiB wanted",
		[POLICY_NOT_OURS] = "is not automatic",
		[POLICY_WAITS] =
			"waits at 400 MiB for 200 MiB that the host does not have yet: its tasks waited 84 ms of a second for memory, 100 MiB available of 80 MiB wanted",
		[POLICY_RELIEF] =
			"grew by 100 MiB to 400 MiB: its tasks waited 84 ms of a second for memory, 100 MiB available of 80 MiB wanted",
		[POLICY_NEED] =
			"grew by 100 MiB to 400 MiB: its tasks waited 84 ms of a second for memory, 100 MiB available of 80 MiB wanted",
		[POLICY_FLOOR] = "grew to 400 MiB: its minimum is 420 MiB",
		[POLICY_CEILING] = "gave 100 MiB: its maximum is 440 MiB",
		[POLICY_GIVE_GUEST] =
			"gave 100 MiB, to 400 MiB: in no need for 5 min, 100 MiB available of 80 MiB wanted; guest web needs it",
		[POLICY_GIVE_RESERVATION] =
			"gave 100 MiB, to 400 MiB: in no need for 5 min, 100 MiB available of 80 MiB wanted; a domain is to be built",
		[POLICY_GIVE_RESERVE] =
			"gave 100 MiB, to 400 MiB: in no need for 5 min, 100 MiB available of 80 MiB wanted; the host's burst reserve is low",
		[POLICY_GIVE_SHARE] =
			"gave 100 MiB, to 400 MiB: it had more than its share by weight; guest web needs it, which has less",
		[POLICY_STOPS] =
			"keeps 400 MiB, 100 MiB more than it was to have: its tasks waited 84 ms of a second for memory, it is in need",
		[POLICY_DOUBTED] =
			"keeps 400 MiB, 200 MiB less than it asks for, beyond its share by weight: its tasks waited 84 ms of a second for memory, 100 MiB available of 80 MiB wanted; but none of its tasks waits and it reads nothing again",
		[POLICY_FELL_SHORT] =
			"stays at 400 MiB: it could not give 100 MiB more",
	};
	struct policy_change c = {
		.from = 150, .to = 200, .want = 300, .held = 150, .used = 100,
		.headroom = 40, .floor = 210, .ceiling = 220, .other = 3,
		.stall_permille = 84, .swap_in_kib_s = 4096,
		.calm_ms = 300000,
	};
	char text[REASON_TEXT_MAX];

	(void)state;
	static_assert(ARRAY_SIZE(sentences) == POLICY_NUM_REASONS,
		      "a reason without a sentence");
	for (unsigned int i = 0; i < POLICY_NUM_REASONS; i++) {
		case_is("%s", policy_reason_name(i));
		c.reason = i;
		case_string_equal(reason_text(&c, "web", text), sentences[i]);
	}
}

static void test_what_hurts_most_is_said(void **state)
{
	struct policy_change c = {
		.reason = POLICY_RELIEF, .from = 100, .to = 200,
		.swap_in_kib_s = 4096, .refault_kib_s = 8192,
		.growth_kib_s = 2048,
	};
	char text[REASON_TEXT_MAX];

	(void)state;
	assert_non_null(strstr(reason_text(&c, NULL, text),
			       ": it reads 4 MiB/s from swap, "));
	c.swap_in_kib_s = 0;
	assert_non_null(strstr(reason_text(&c, NULL, text),
			       ": it reads 8 MiB/s again that it had in memory, "));
	c.refault_kib_s = 0;
	assert_non_null(strstr(reason_text(&c, NULL, text),
			       ": it uses 2 MiB/s more, "));
	c.growth_kib_s = 0;
	assert_non_null(strstr(reason_text(&c, NULL, text),
			       "400 MiB: 0 MiB available"));
	c.reason = POLICY_GIVE_GUEST;
	assert_non_null(strstr(reason_text(&c, NULL, text),
			       "guest that is gone needs it"));
}

static void test_who_is_not_believed_is_told_why(void **state)
{
	struct policy_change c = {
		.reason = POLICY_DOUBTED, .from = 200, .to = 200, .want = 300,
		.held = 200, .used = 200, .headroom = 40,
		.stall_permille = 500,
	};
	char text[REASON_TEXT_MAX];

	(void)state;
	assert_string_equal(reason_text(&c, NULL, text),
			    "keeps 400 MiB, 200 MiB less than it asks for, beyond its share by weight: its tasks waited 500 ms of a second for memory, 0 MiB available of 80 MiB wanted; but what it got did not help it");
	c.stall_permille = 0;
	c.calm_ms = 300000;
	assert_string_equal(reason_text(&c, NULL, text),
			    "keeps 400 MiB, 200 MiB less than it asks for, beyond its share by weight: 0 MiB available of 80 MiB wanted; but none of its tasks waits and it reads nothing again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reason_is_a_sentence),
		cmocka_unit_test(test_what_hurts_most_is_said),
		cmocka_unit_test(test_who_is_not_believed_is_told_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
