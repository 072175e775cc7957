/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_config.c - memtided.conf, and what of it holds for which guest
 */
#include "config_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cases.h"

#define UUID		"0f2a0000-1111-2222-3333-444455556666"
#define UUID_UPPER	"0F2A0000-1111-2222-3333-444455556666"
#define ERRORS_MAX	1024u

struct errors {
	char text[ERRORS_MAX];
	unsigned int nr;
};

static void note(void *ctx, const char *text)
{
	struct errors *e = ctx;
	size_t len = strlen(e->text);

	snprintf(e->text + len, sizeof(e->text) - len, "%s\n", text);
	e->nr++;
}

static int load(const char *text, struct config *c, struct errors *e)
{
	unsigned int line;
	char why[CONFIG_TEXT_MAX], whole[CONFIG_TEXT_MAX + 32];
	int rc;

	*e = (struct errors){ .nr = 0 };
	config_init(c);
	rc = config_file_load(text, strlen(text), "f", c, note, e);
	if (!rc && config_check(c, &line, why)) {
		snprintf(whole, sizeof(whole), "f:%u: %s", line, why);
		note(e, whole);
		rc = -EINVAL;
	}
	return rc;
}

static void an_empty_file_leaves_everything_by_default(void **state)
{
	static const char *const by_default[] = {
		[CONFIG_RESERVE] = "64 MiB", [CONFIG_BURST_RESERVE] = "share",
		[CONFIG_RETRY_MIN_MS] = "1000",
		[CONFIG_RETRY_MAX_MS] = "60000", [CONFIG_LOG_LEVEL] = "info",
		[CONFIG_SOCKET] = "/run/memtide/control.sock",
		[CONFIG_METRICS_PORT] = "none",
	};
	char text[CONFIG_TEXT_MAX];
	struct config c;
	struct errors e;

	(void)state;
	assert_int_equal(load("# nothing\n", &c, &e), 0);
	for (unsigned int i = 0; i < CONFIG_NUM_KEYS; i++)
		assert_string_equal(config_text(&c, (enum config_key)i, text),
				    by_default[i]);
	config_done(&c);
}

static void each_key_is_taken(void **state)
{
	char text[CONFIG_TEXT_MAX];
	struct settings s;
	struct config c;
	struct errors e;

	(void)state;
	if (load("reserve = 512M # of the host\n"
		 "burst-reserve = 1.5G\n"
		 "retry-min-ms=50\nretry-max-ms = \"100\"\n"
		 "log-level = debug\nsocket = /tmp/s\n"
		 "defaults { auto = on headroom = 128M }\n"
		 "guest db1 {\n\tmin = 1G\n\tmax = window\n\tweight = 300\n}\n",
		 &c, &e))
		fail_msg("%s", e.text);
	assert_int_equal(c.numbers[CONFIG_RESERVE], 512 * 1024);
	assert_int_equal(c.numbers[CONFIG_BURST_RESERVE], 1536 * 1024);
	assert_int_equal(c.numbers[CONFIG_RETRY_MIN_MS], 50);
	assert_int_equal(c.numbers[CONFIG_RETRY_MAX_MS], 100);
	assert_string_equal(config_text(&c, CONFIG_LOG_LEVEL, text), "debug");
	assert_string_equal(c.socket, "/tmp/s");
	config_guest(&c, "db1", UUID, &s);
	settings_store_text(&s, text);
	assert_string_equal(text, "auto=1 min=512 max=0 weight=300 headroom=64");
	config_guest(&c, "db2", UUID, &s);
	settings_store_text(&s, text);
	assert_string_equal(text, "auto=1 headroom=64");
	config_done(&c);
}

static const struct {
	const char *text, *errors;
} wrong[] = {
	{ "reserve = 1G\nreserv = 1G\n", "f:2: no such option 'reserv'\n" },
	{ "guest a {\n\tmin = 1G\n\twieght = 5\n}\n",
	  "f:3: no such option 'wieght'\n" },
	{ "defaults { socket = /x }\n", "f:1: no such option 'socket'\n" },
	{ "weight = 5\n", "f:1: no such option 'weight'\n" },
	{ "include(\"/etc/passwd\")\n", "f:1: no such option 'include'\n" },
	{ "\n\nreserve 1G\n",
	  "f:3: missing equal sign after option 'reserve'\n" },
	{ "reserve = { 1G, 2G }\n", "f:1: unexpected token '{'\n" },
	{ "guest {\n}\n", "f:1: missing title for section 'guest'\n" },
	{ "guest a {\n", "f:3: a section is not closed\n" },
	{ "defaults {\n", "f:3: a section is not closed\n" },
	{ "socket = \"/x\n", "f:4: premature end of file\n" },
	{ "socket", "f:2: missing equal sign after option 'socket'\n" },
	{ "}\n", "f:1: unexpected closing brace\n" },
	{ "guest a { }\n\nguest a { }\n", "f:3: found duplicate title 'a'\n" },
	{ "guest " UUID " { }\nguest " UUID_UPPER " { }\n",
	  "f:2: guest \"" UUID "\" has two sections\n" },
	{ "guest 12 { }\n",
	  "f:1: guest \"12\" is a domid, and who has it changes; a name or uuid is needed\n" },
	{ "guest \"\" { }\n",
	  "f:1: a guest's name or uuid, of 1 to 127 characters, is needed\n" },
	{ "defaults { }\ndefaults { }\n",
	  "f:2: a second section of defaults\n" },
	{ "reserve = 1M\n\nreserve = 2M\n",
	  "f:3: reserve is set in line 1 already\n" },
	{ "guest a {\nmin = 1G\nmin = 2G\n}\n",
	  "f:3: min is set in line 2 already\n" },
	{ "retry-min-ms = 100\nretry-max-ms = 50\nreserve = 1M\n",
	  "f:2: retry-max-ms 50 is below retry-min-ms 100\n" },
	{ "retry-min-ms = 60001\n",
	  "f:1: retry-max-ms 60000 is below retry-min-ms 60001\n" },
	{ "defaults {\nmin = 2G\nmax = 1G\n}\n",
	  "f:4: defaults: min is above max\n" },
	{ "defaults { min = 2G }\nguest b { }\nguest a {\nmax = 1G\n}\n",
	  "f:5: guest \"a\": min is above max\n" },
	/* All that is wrong with values, at once */
	{ "reserve = lots\nretry-min-ms = 0\nlog-level = loud\nsocket = \"\"\n"
	  "burst-reserve = -1G\ndefaults {\n\tauto = maybe\n}\n"
	  "guest a {\n\tweight = 0\n\tmax = 99T\n}\n",
	  "f:1: reserve: size \"lots\" is not a number with a unit, such as 1280M or +1G\n"
	  "f:5: burst-reserve: size \"-1G\" must have no sign\n"
	  "f:2: retry-min-ms: \"0\" is not a number from 1 to 3600000\n"
	  "f:3: log-level: \"loud\" is none of error, warning, info, debug\n"
	  "f:4: socket: a path of 1 to 107 characters is needed\n"
	  "f:7: auto: \"maybe\" is neither on nor off\n"
	  "f:11: max: \"99T\" is more than 8 TiB\n"
	  "f:10: weight: \"0\" is not a number from 1 to 1000\n" },
};

static void what_is_wrong_is_told_with_its_line(void **state)
{
	struct config c;
	struct errors e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		case_is("case %zu", i);
		case_int_equal(load(wrong[i].text, &c, &e), -EINVAL);
		case_string_equal(e.text, wrong[i].errors);
		config_done(&c);
	}
}

static void a_uuid_weighs_more_than_a_name(void **state)
{
	char text[SETTINGS_TEXT_MAX];
	struct settings s;
	struct config c;
	struct errors e;

	(void)state;
	if (load("guest " UUID_UPPER " { weight = 3 }\n"
		 "defaults { weight = 1 min = 2M max = 2G }\n"
		 "guest db1 { weight = 2 min = 4M }\n"
		 "guest aaa { weight = 9 }\nguest zzz { weight = 9 }\n"
		 "guest db { weight = 9 }\nguest db10 { weight = 9 }\n",
		 &c, &e))
		fail_msg("%s", e.text);
	config_guest(&c, "db1", UUID, &s);
	settings_store_text(&s, text);
	assert_string_equal(text, "min=2 max=1024 weight=3");
	config_guest(&c, "db1", "ffff0000-1111-2222-3333-444455556666", &s);
	settings_store_text(&s, text);
	assert_string_equal(text, "min=2 max=1024 weight=2");
	config_guest(&c, "", "ffff0000-1111-2222-3333-444455556666", &s);
	settings_store_text(&s, text);
	assert_string_equal(text, "min=1 max=1024 weight=1");
	config_done(&c);
}

static void thousands_of_guests_may_have_a_section(void **state)
{
	char name[16], why[CONFIG_TEXT_MAX];
	struct config_rule *rule;
	struct settings s;
	struct config c;
	unsigned int line;

	(void)state;
	config_init(&c);
	for (unsigned int i = 0; i < CONFIG_RULES_MAX; i++) {
		snprintf(name, sizeof(name), "g%u", i);
		assert_int_equal(config_add_rule(&c, name, &rule, why), 0);
		settings_put(&rule->set, SETTING_MIN, i);
	}
	assert_int_equal(config_add_rule(&c, "x", &rule, why), -ENOSPC);
	assert_non_null(strstr(why, "more than 65536 guests"));
	assert_int_equal(config_check(&c, &line, why), 0);
	for (unsigned int i = 0; i < CONFIG_RULES_MAX; i += 997) {
		snprintf(name, sizeof(name), "g%u", i);
		config_guest(&c, name, UUID, &s);
		assert_int_equal(s.value[SETTING_MIN], i);
	}
	config_done(&c);
}

static void the_command_line_goes_over_the_file(void **state)
{
	const char *options[CONFIG_NUM_KEYS] = {
		[CONFIG_RESERVE] = "1G", [CONFIG_RETRY_MAX_MS] = "70",
	};
	char path[] = "/tmp/memtide-config-XXXXXX";
	int fd = mkstemp(path);
	struct errors e = { .nr = 0 };
	struct config c;

	(void)state;
	assert_true(fd >= 0);
	dprintf(fd, "reserve = 2G\nretry-min-ms = 60\n");
	assert_int_equal(config_file_read(path, false, options, &c, note, &e),
			 0);
	assert_int_equal(c.numbers[CONFIG_RESERVE], 1024 * 1024);
	assert_int_equal(c.numbers[CONFIG_RETRY_MIN_MS], 60);
	assert_int_equal(c.numbers[CONFIG_RETRY_MAX_MS], 70);
	config_done(&c);
	/* What does not fit together is found whoever said it. */
	options[CONFIG_RETRY_MAX_MS] = "50";
	assert_int_equal(config_file_read(path, false, options, &c, note, &e),
			 -EINVAL);
	assert_non_null(strstr(e.text, ":2: retry-max-ms 50 is below"));
	close(fd);
	unlink(path);
}

static void a_file_that_is_not_there_is_an_error_if_it_was_named(void **state)
{
	const char *const options[CONFIG_NUM_KEYS] = { NULL };
	struct errors e = { .nr = 0 };
	struct config c;

	(void)state;
	assert_int_equal(config_file_read("/nonexistent/x", true, options, &c,
					  note, &e), 0);
	assert_int_equal(e.nr, 0);
	config_done(&c);
	assert_int_equal(config_file_read("/nonexistent/x", false, options,
					  &c, note, &e), -ENOENT);
	assert_string_equal(e.text,
			    "/nonexistent/x: No such file or directory\n");
	/* One that is there and cannot be read is never left out. */
	assert_int_equal(config_file_read("/", true, options, &c, note, &e),
			 -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_leaves_everything_by_default),
		cmocka_unit_test(each_key_is_taken),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(a_uuid_weighs_more_than_a_name),
		cmocka_unit_test(thousands_of_guests_may_have_a_section),
		cmocka_unit_test(the_command_line_goes_over_the_file),
		cmocka_unit_test(
			a_file_that_is_not_there_is_an_error_if_it_was_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
