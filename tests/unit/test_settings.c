/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_settings.c - Settings of a guest as text, as numbers, on top of another
 */
#include "settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cases.h"

#define NOTHING	{ { false }, { 0 } }

static const struct {
	enum setting which;
	const char *text;
	bool good;
	uint32_t value;
	const char *back;	/* or the reason why not */
} texts[] = {
	{ SETTING_AUTO, "on", true, 1, "on" },
	{ SETTING_AUTO, "off", true, 0, "off" },
	{ SETTING_AUTO, "1", false, 0, "neither on nor off" },
	{ SETTING_AUTO, "", false, 0, "neither on nor off" },
	{ SETTING_WEIGHT, "1", true, 1, "1" },
	{ SETTING_WEIGHT, "1000", true, 1000, "1000" },
	{ SETTING_WEIGHT, "0", false, 0, "from 1 to 1000" },
	{ SETTING_WEIGHT, "1001", false, 0, "from 1 to 1000" },
	{ SETTING_WEIGHT, "+5", false, 0, "from 1 to 1000" },
	{ SETTING_WEIGHT, " 5", false, 0, "from 1 to 1000" },
	{ SETTING_WEIGHT, "5 ", false, 0, "from 1 to 1000" },
	{ SETTING_WEIGHT, "", false, 0, "from 1 to 1000" },
	{ SETTING_WEIGHT, "18446744073709551617", false, 0, "from 1 to 1000" },
	{ SETTING_MIN, "boot", true, 0, "boot" },
	{ SETTING_MIN, "2M", true, 1, "2 MiB" },
	{ SETTING_MIN, "1K", true, 1, "2 MiB" },
	{ SETTING_MIN, "3M", true, 2, "4 MiB" },
	{ SETTING_MIN, "0M", false, 0, "less than 2 MiB; write \"boot\"" },
	{ SETTING_MIN, "window", false, 0, "is not \"boot\"" },
	{ SETTING_MIN, "512", false, 0, "needs a unit" },
	{ SETTING_MIN, "+1G", false, 0, "must have no sign" },
	{ SETTING_MAX, "window", true, 0, "window" },
	{ SETTING_MAX, "3M", true, 1, "2 MiB" },
	{ SETTING_MAX, "2047K", false, 0, "less than 2 MiB; write \"window\"" },
	{ SETTING_MAX, "8T", true, SETTING_GRANULES_MAX, "8388608 MiB" },
	{ SETTING_MAX, "8200G", false, 0, "more than 8 TiB" },
	{ SETTING_HEADROOM, "share", true, 0, "share" },
	{ SETTING_HEADROOM, "64M", true, 32, "64 MiB" },
	{ SETTING_HEADROOM, "99999999T", false, 0, "too large" },
};

static void what_an_operator_writes_is_read_and_written_back(void **state)
{
	char why[SETTINGS_WHY_MAX], back[SETTINGS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint32_t value = 4711;
		int rc = setting_parse(texts[i].which, texts[i].text, &value,
				       why);

		case_is("%s \"%s\"", setting_name(texts[i].which),
			texts[i].text);
		case_int_equal(rc, texts[i].good ? 0 : -EINVAL);
		case_int_equal(value, texts[i].good ? texts[i].value : 4711);
		if (texts[i].good)
			case_string_equal(setting_text(texts[i].which, value,
						       back), texts[i].back);
		else if (!strstr(why, texts[i].back))
			fail_msg("%s: %s", case_name, why);
	}
}

static void what_is_not_set_is_as_by_default(void **state)
{
	struct settings none = NOTHING;
	struct policy_settings p = settings_policy(&none);

	(void)state;
	assert_false(p.automatic);
	assert_int_equal(p.floor, 0);
	assert_int_equal(p.ceiling, 0);
	assert_int_equal(p.weight, POLICY_WEIGHT_DEFAULT);
	assert_int_equal(p.headroom, 0);
}

static void what_is_set_later_lies_over_what_was_before(void **state)
{
	struct settings all = NOTHING, more = NOTHING;
	struct policy_settings p;

	(void)state;
	for (unsigned int i = 0; i < SETTING_NUM; i++)
		settings_put(&all, (enum setting)i, 1);
	settings_put(&more, SETTING_AUTO, 0);
	settings_put(&more, SETTING_MIN, 7);
	settings_put(&more, SETTING_WEIGHT, 200);
	settings_add(&all, &more);
	p = settings_policy(&all);
	assert_false(p.automatic);
	assert_int_equal(p.floor, 7);
	assert_int_equal(p.ceiling, 1);
	assert_int_equal(p.weight, 200);
	assert_int_equal(p.headroom, 1);
	for (unsigned int i = 0; i < SETTING_NUM; i++)
		assert_int_equal(settings_value(&p, (enum setting)i),
				 all.value[i]);
	settings_clear(&all, SETTING_WEIGHT);
	assert_int_equal(settings_policy(&all).weight, POLICY_WEIGHT_DEFAULT);
}

static void what_is_kept_comes_back(void **state)
{
	static const uint32_t most[] = {
		1, SETTING_GRANULES_MAX, SETTING_GRANULES_MAX,
		POLICY_WEIGHT_MAX, SETTING_GRANULES_MAX,
	};
	char text[SETTINGS_TEXT_MAX];

	(void)state;
	/* Each set of them, with the longest values. */
	for (unsigned int bits = 0; bits < 1u << SETTING_NUM; bits++) {
		struct settings s = NOTHING, back;

		case_is("set %x", bits);
		for (unsigned int i = 0; i < SETTING_NUM; i++) {
			if (bits >> i & 1)
				settings_put(&s, (enum setting)i, most[i]);
		}
		settings_store_text(&s, text);
		memset(&back, 0xa5, sizeof(back));
		case_int_equal(settings_load_text(text, &back), 0);
		case_memory_equal(&back, &s, sizeof(s));
	}
}

static void text_that_is_no_settings_changes_nothing(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "weight=200", true },
		{ "weight=200 later=9", true },	/* of a later version */
		{ "later=nine", true },
		{ "weight", false },
		{ "weight=", false },
		{ "weight=0", false },
		{ "weight=1001", false },
		{ "weight=2x", false },
		{ "weight=-1", false },
		{ "auto=2", false },
		{ "min=4194305", false },
		{ "garbage", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings s, before;

		case_is("\"%s\"", cases[i].text);
		memset(&s, 0xa5, sizeof(s));
		before = s;
		case_int_equal(settings_load_text(cases[i].text, &s),
			       cases[i].good ? 0 : -EINVAL);
		if (!cases[i].good)
			case_memory_equal(&s, &before, sizeof(s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_an_operator_writes_is_read_and_written_back),
		cmocka_unit_test(what_is_not_set_is_as_by_default),
		cmocka_unit_test(what_is_set_later_lies_over_what_was_before),
		cmocka_unit_test(what_is_kept_comes_back),
		cmocka_unit_test(text_that_is_no_settings_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
