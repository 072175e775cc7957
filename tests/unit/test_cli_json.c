/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_cli_json.c - What memtide(1) prints for programs
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "cli_json.h"
#include "cli_reports.h"

/* The document a report makes, parsed back; put by the caller. */
static struct json_object *json_of(const struct cli_report *r)
{
	struct json_object *o;
	struct page p;

	page_open(&p);
	assert_int_equal(cli_json_report(r, p.f), 0);
	fclose(p.f);
	o = json_tokener_parse(p.text);
	assert_non_null(o);
	free(p.text);
	return o;
}

static struct json_object *get(struct json_object *o, const char *key)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(o, key, &value));
	return value;
}

static void assert_text(struct json_object *o, const char *key,
			const char *text)
{
	assert_string_equal(json_object_get_string(get(o, key)), text);
}

static void assert_number(struct json_object *o, const char *key, uint64_t n)
{
	assert_int_equal(json_object_get_uint64(get(o, key)), n);
}

static void a_list_in_json_reads_back(void **state)
{
	struct json_object *o, *guests;
	struct cli_report r;

	(void)state;
	fill_list_report(&r);
	o = json_of(&r);
	assert_text(o, "status", "done");
	assert_number(get(o, "host"), "free_kib", 20480 * MIB);
	guests = get(o, "guests");
	assert_int_equal(json_object_array_length(guests), 2);
	assert_number(json_object_array_get_idx(guests, 0), "domid", 3);
	assert_number(json_object_array_get_idx(guests, 0), "guest_total_kib",
		      770000);
	assert_text(json_object_array_get_idx(guests, 0), "uuid", UUID);
	assert_text(json_object_array_get_idx(guests, 1), "name", "w\x1b[31m");
	json_object_put(o);
	cli_report_done(&r);
}

static void a_list_of_no_guests_in_json_is_an_empty_array(void **state)
{
	struct cli_report r = { .command = CONTROL_LIST, .has_host = true };
	struct json_object *o = json_of(&r);

	(void)state;
	assert_int_equal(json_object_array_length(get(o, "guests")), 0);
	json_object_put(o);
}

static void numbers_in_json_keep_all_their_bits(void **state)
{
	struct control_guest g = db1;
	struct cli_report r = { .command = CONTROL_SHOW, .nr_guests = 1,
				.guests = &g };
	struct json_object *o;

	(void)state;
	g.held_kib = UINT64_MAX;
	snprintf(g.name, sizeof(g.name), "bad\xff");
	o = json_of(&r);
	assert_number(get(o, "guest"), "held_kib", UINT64_MAX);
	assert_text(get(o, "guest"), "name", "bad\xef\xbf\xbd");
	json_object_put(o);
}

static void a_set_in_json_says_how_it_ended(void **state)
{
	struct cli_report r = { .command = CONTROL_SET, .guest = "db1",
				.has_set = true,
				.set = { 512, 2048, 4096, true } };
	struct json_object *o;

	(void)state;
	add_end(&r, CONTROL_STATUS_PARTLY, "deadline");
	o = json_of(&r);
	assert_text(o, "status", "partly");
	assert_text(o, "text", "deadline");
	assert_text(o, "guest", "db1");
	assert_number(get(o, "set"), "asked_kib", 512);
	assert_number(get(o, "set"), "target_kib", 2048);
	assert_number(get(o, "set"), "held_kib", 4096);
	assert_true(json_object_get_boolean(get(get(o, "set"), "settled")));
	json_object_put(o);
}

static void a_readmit_in_json_shows_the_guest(void **state)
{
	struct control_guest guest = db1;
	struct cli_report r = { .command = CONTROL_READMIT, .guest = "db1",
				.guests = &guest, .nr_guests = 1 };
	struct json_object *o;

	(void)state;
	add_end(&r, CONTROL_STATUS_OK, "");
	o = json_of(&r);
	assert_text(o, "status", "done");
	assert_text(get(o, "guest"), "state", "growing");
	assert_number(get(o, "guest"), "domid", 3);
	json_object_put(o);
}

static void an_audit_in_json_carries_its_findings(void **state)
{
	struct json_object *o, *found;
	struct cli_report r;

	(void)state;
	fill_audit_report(&r, 2);
	o = json_of(&r);
	assert_text(o, "status", "findings");
	assert_number(get(o, "audit"), "granules", 512);
	found = get(o, "findings");
	assert_int_equal(json_object_array_length(found), 2);
	assert_text(json_object_array_get_idx(found, 0), "text",
		    findings[0].text);
	json_object_put(o);
	cli_report_done(&r);
}

static void a_version_in_json_names_both_sides(void **state)
{
	struct cli_report r = { .command = CONTROL_VERSION,
				.has_version = true,
				.version = { "0.9", "sim", 1, 2 } };
	struct json_object *o = json_of(&r);

	(void)state;
	assert_text(o, "client", MEMTIDE_VERSION);
	assert_text(get(o, "daemon"), "version", "0.9");
	assert_text(get(o, "daemon"), "backend", "sim");
	assert_number(get(o, "daemon"), "protocol_minor", 2);
	json_object_put(o);
}

static void settings_and_balancing_in_json_read_back(void **state)
{
	struct cli_report r;
	struct json_object *o, *first;

	(void)state;
	fill_balance_report(&r);
	o = json_of(&r);
	assert_number(get(o, "balance"), "wanted_kib", 64 * MIB);
	first = json_object_array_get_idx(get(o, "guests"), 0);
	assert_number(first, "then_kib", 1280 * MIB);
	assert_text(first, "why", "grows: its tasks wait");
	json_object_put(o);
	cli_report_done(&r);
	fill_explain_report(&r, 2);
	o = json_of(&r);
	assert_number(get(o, "guest"), "weight", 200);
	assert_true(json_object_get_boolean(get(get(o, "guest"), "auto")));
	assert_text(get(o, "guest"), "live", "auto max");
	first = json_object_array_get_idx(get(o, "stories"), 1);
	assert_number(first, "ago_ms", 1540);
	json_object_put(o);
	cli_report_done(&r);
	r = (struct cli_report){ .command = CONTROL_RESERVE,
				 .has_reserve = true, .reserve = { 4, 2, 1 } };
	o = json_of(&r);
	assert_number(get(o, "reserve"), "held_kib", 2);
	json_object_put(o);
}

static void a_failure_in_json_has_status_and_text(void **state)
{
	struct json_object *o;
	struct page p;

	(void)state;
	page_open(&p);
	assert_int_equal(cli_json_failure(CLI_EXIT_NO_DAEMON, "a \"b\"", p.f),
			 0);
	fclose(p.f);
	o = json_tokener_parse(p.text);
	assert_text(o, "status", "no-daemon");
	assert_text(o, "text", "a \"b\"");
	json_object_put(o);
	free(p.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_and_balancing_in_json_read_back),
		cmocka_unit_test(a_readmit_in_json_shows_the_guest),
		cmocka_unit_test(a_list_in_json_reads_back),
		cmocka_unit_test(a_list_of_no_guests_in_json_is_an_empty_array),
		cmocka_unit_test(numbers_in_json_keep_all_their_bits),
		cmocka_unit_test(a_set_in_json_says_how_it_ended),
		cmocka_unit_test(an_audit_in_json_carries_its_findings),
		cmocka_unit_test(a_version_in_json_names_both_sides),
		cmocka_unit_test(a_failure_in_json_has_status_and_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
