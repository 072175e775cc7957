/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_control_codec.c - control.proto: requests are refused, replies shown
 */
#include "control_codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cases.h"
#include "frame.h"
#include "future.h"
#include "wire.h"

#define UUID	"01234567-89ab-cdef-0123-456789abcdef"

/* Body numbers of ControlRequest and ControlReply */
enum { REQ_SHOW = 2, REQ_SET };
enum { REPLY_FINDING = 8 };

static const struct control_request requests[] = {
	{ .type = CONTROL_LIST },
	{ .type = CONTROL_WATCH },
	{ .type = CONTROL_WATCH, .last = CONTROL_LAST_MAX, .sizes = true },
	{ .type = CONTROL_AUDIT },
	{ .type = CONTROL_VERSION },
	{ .type = CONTROL_SHOW, .guest = { .by = SELECT_DOMID, .domid = 0 } },
	{ .type = CONTROL_SHOW,
	  .guest = { .by = SELECT_DOMID, .domid = UINT32_MAX } },
	{ .type = CONTROL_SHOW, .guest = { .by = SELECT_UUID, .text = UUID } },
	{ .type = CONTROL_SHOW, .guest = { .by = SELECT_NAME, .text = "db1" } },
	{ .type = CONTROL_READMIT,
	  .guest = { .by = SELECT_DOMID, .domid = 7 } },
	{ .type = CONTROL_READMIT,
	  .guest = { .by = SELECT_NAME, .text = "db1" } },
	{ .type = CONTROL_SET, .guest = { .by = SELECT_NAME, .text = "d b" },
	  .set_mode = CONTROL_SET_TO, .size_bytes = UINT64_MAX, .wait = true,
	  .timeout_s = 86400 },
	{ .type = CONTROL_SET, .guest = { .by = SELECT_DOMID, .domid = 3 },
	  .set_mode = CONTROL_SET_SUBTRACT, .size_bytes = 0 },
	{ .type = CONTROL_LIMITS, .guest = { .by = SELECT_NAME, .text = "a" } },
	{ .type = CONTROL_LIMITS, .guest = { .by = SELECT_DOMID, .domid = 3 },
	  .changes = {
		[CONTROL_SETTING_MIN] = { CONTROL_CHANGE, UINT64_MAX },
		[CONTROL_SETTING_MAX] = { CONTROL_CHANGE, 0 },
		[CONTROL_SETTING_WEIGHT] = { CONTROL_DEFAULT, 0 },
		[CONTROL_SETTING_HEADROOM] = { CONTROL_CHANGE, 1 } } },
	{ .type = CONTROL_AUTO, .guest = { .by = SELECT_UUID, .text = UUID },
	  .changes = { [CONTROL_SETTING_AUTO] = { CONTROL_CHANGE, 1 } } },
	{ .type = CONTROL_BALANCE },
	{ .type = CONTROL_BALANCE, .dry_run = true },
	{ .type = CONTROL_EXPLAIN,
	  .guest = { .by = SELECT_NAME, .text = "db1" } },
	{ .type = CONTROL_RESERVE, .size_bytes = UINT64_MAX },
	{ .type = CONTROL_RESERVE, .size_bytes = 1, .timeout_s = 86400,
	  .reserve_for = "db2" },
};

static void every_request_survives_a_round_trip(void **state)
{
	uint8_t buf[FRAME_PAYLOAD_MAX];
	struct control_request out;
	const char *why;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		case_is("case %zu", i);
		len = control_encode_request(&requests[i], buf);
		assert_in_range(len, 1, FRAME_PAYLOAD_MAX);
		case_int_equal(control_decode_request(buf, len, &out, &why),
			       0);
		case_memory_equal(&out, &requests[i], sizeof(out));
	}
}

static const struct control_reply replies[] = {
	{ .end = true, .status = CONTROL_STATUS_BAD_REQUEST, .text = "no" },
	{ .body = CONTROL_BODY_GUEST,
	  .guest = { 1, UUID, "db1", "growing", "the host is full", 1, 2, 3, 4,
		     5, 6, 7, UINT64_MAX, "0.1.0", "6.12", "granules", true, 8, 9,
		     UINT64_MAX, 1000, "auto min", "distress", 1000 } },
	{ .body = CONTROL_BODY_EVENT,
	  .event = { UINT64_MAX, 2, "target", 3, UUID, "db1", "it grows" } },
	{ .body = CONTROL_BODY_HOST, .host = { 1, 2, 3, UINT64_MAX, 5, 6 } },
	{ .body = CONTROL_BODY_BALANCE_ROW,
	  .balance_row = { 1, "db1", 2, 3, UINT64_MAX, "it grows" } },
	{ .body = CONTROL_BODY_BALANCE, .balance = { 1, 2, 3, 4, UINT64_MAX } },
	{ .body = CONTROL_BODY_EXPLAIN, .explain = { true, UINT64_MAX, "so" } },
	{ .body = CONTROL_BODY_RESERVE, .reserve = { 1, 2, UINT64_MAX } },
	{ .body = CONTROL_BODY_PROGRESS, .progress = { 1, 2, 3, "ready" } },
	{ .body = CONTROL_BODY_SET, .set = { 1, 2, 3, true }, .end = true },
	{ .body = CONTROL_BODY_FINDING, .finding = { 0, "", "text" } },
	{ .body = CONTROL_BODY_AUDIT, .audit = { 3, UINT64_MAX } },
	{ .body = CONTROL_BODY_VERSION, .version = { "0.1.0", "sim", 1, 0 } },
};

static void every_reply_survives_a_round_trip(void **state)
{
	uint8_t buf[FRAME_PAYLOAD_MAX];
	struct control_reply out;
	const char *why;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		case_is("case %zu", i);
		len = control_encode_reply(&replies[i], buf);
		assert_in_range(len, 1, FRAME_PAYLOAD_MAX);
		case_int_equal(control_decode_reply(buf, len, &out, &why), 0);
		case_memory_equal(&out, &replies[i], sizeof(out));
	}
}

#define FULL(field)	memset((field), 'x', sizeof(field) - 1)

static void the_largest_reply_fits_into_a_frame(void **state)
{
	static struct control_reply in, out;
	uint8_t buf[FRAME_PAYLOAD_MAX];
	const char *why;
	size_t len;

	(void)state;
	in.body = CONTROL_BODY_GUEST;
	FULL(in.text);
	FULL(in.guest.uuid);
	FULL(in.guest.name);
	FULL(in.guest.state);
	FULL(in.guest.why);
	FULL(in.guest.agent);
	FULL(in.guest.kernel);
	FULL(in.guest.mode);
	in.guest.xen_kib = UINT64_MAX;
	len = control_encode_reply(&in, buf);
	assert_int_equal(control_decode_reply(buf, len, &out, &why), 0);
	assert_memory_equal(&out, &in, sizeof(in));
}

/* Requests: each text on both sides of each limit */

#define X16	"xxxxxxxxxxxxxxxx"
#define X15	"xxxxxxxxxxxxxxx"
#define X63	X16 X16 X16 X15
#define X64	X16 X16 X16 X16

static const struct selector_case {
	const char *what;
	uint32_t by;		/* field of GuestSelector: 2 uuid, 3 name */
	const char *text;
	size_t len;
	const char *got;	/* NULL: refused */
} selector_cases[] = {
#define S(text) text, sizeof(text) - 1
	{ "a uuid", 2, S(UUID), UUID },
	{ "a uuid in capitals", 2, S("01234567-89AB-CDEF-0123-456789ABCDEF"),
	  UUID },
	{ "a uuid one short", 2, S("01234567-89ab-cdef-0123-456789abcde"),
	  NULL },
	{ "a uuid one long", 2, S(UUID "0"), NULL },
	{ "a uuid with a g", 2, S("g1234567-89ab-cdef-0123-456789abcdef"),
	  NULL },
	{ "a uuid with misplaced dashes", 2,
	  S("0123456789ab--cdef-0123-456789abcdef"), NULL },
	{ "a uuid that ends early", 2, S(UUID "\0"), NULL },
	{ "no uuid", 2, S(""), NULL },
	{ "a name of one letter", 3, S("x"), "x" },
	{ "no name", 3, S(""), NULL },
	{ "the longest name", 3, S(X64 X63), X64 X63 },
	{ "a name too long", 3, S(X64 X64), NULL },
	{ "a name of the largest text", 3, S(X64 X64 X64 X64 X64), NULL },
	{ "a space", 3, S("a b"), "a b" },
	{ "the last control character", 3, S("a\x1f"), NULL },
	{ "a line's end", 3, S("a\n"), NULL },
	{ "delete", 3, S("a\x7f"), NULL },
	{ "a name in UTF-8", 3, S("b\xc3\xa4r"), "b\xc3\xa4r" },
	{ "a zero inside", 3, S("a\0b"), NULL },
};

static void a_guest_is_selected_by_what_can_be_one(void **state)
{
	static struct wire sel, show, w;
	struct control_request req;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(selector_cases); i++) {
		const struct selector_case *c = &selector_cases[i];

		case_is("%s", c->what);
		sel.len = show.len = w.len = 0;
		wire_bytes(&sel, c->by, c->text, c->len);
		wire_message(&show, 1, &sel);
		wire_message(&w, REQ_SHOW, &show);
		why = NULL;
		case_int_equal(control_decode_request(w.buf, w.len, &req,
						      &why),
			       c->got ? 0 : -EPROTO);
		if (c->got)
			case_string_equal(req.guest.text, c->got);
		else
			assert_non_null(why);
	}
}

static const struct set_case {
	const char *what;
	bool guest;
	uint64_t mode, timeout_s;
	bool ok;
} set_cases[] = {
	{ "first mode", true, 0, 0, true },
	{ "last mode", true, 2, 0, true },
	{ "a mode too many", true, 3, 0, false },
	{ "mode -1", true, UINT64_MAX, 0, false },
	{ "a day", true, 0, 86400, true },
	{ "a day and a second", true, 0, 86401, false },
	{ "no guest", false, 0, 0, false },
};

static void a_set_request_stays_within_its_limits(void **state)
{
	static struct wire sel, set, w;
	struct control_request req;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(set_cases); i++) {
		const struct set_case *c = &set_cases[i];

		case_is("%s", c->what);
		sel.len = set.len = w.len = 0;
		wire_number(&sel, 1, 5);
		if (c->guest)
			wire_message(&set, 1, &sel);
		wire_number(&set, 2, c->mode);
		wire_number(&set, 5, c->timeout_s);
		wire_message(&w, REQ_SET, &set);
		case_int_equal(!control_decode_request(w.buf, w.len, &req,
						       &why), c->ok);
	}
}

static const struct {
	const char *what;
	unsigned int body, field;
	uint64_t change;
	bool guest, ok;
} change_cases[] = {
	{ "keep", 7, 2, 0, true, true },
	{ "set", 7, 3, 1, true, true },
	{ "default", 7, 5, 2, true, true },
	{ "a change too many", 7, 4, 3, true, false },
	{ "change -1", 7, 2, UINT64_MAX, true, false },
	{ "auto", 8, 2, 1, true, true },
	{ "auto, a change too many", 8, 2, 3, true, false },
	{ "limits of nobody", 7, 2, 1, false, false },
	{ "auto of nobody", 8, 2, 1, false, false },
};

static void a_change_of_settings_stays_within_its_limits(void **state)
{
	static struct wire sel, change, limits, w;
	struct control_request req;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(change_cases); i++) {
		case_is("%s", change_cases[i].what);
		sel.len = change.len = limits.len = w.len = 0;
		wire_number(&sel, 1, 5);
		wire_number(&change, 1, change_cases[i].change);
		wire_number(&change, 2, 7);
		if (change_cases[i].guest)
			wire_message(&limits, 1, &sel);
		wire_message(&limits, change_cases[i].field, &change);
		wire_message(&w, change_cases[i].body, &limits);
		case_int_equal(!control_decode_request(w.buf, w.len, &req,
						       &why),
			       change_cases[i].ok);
	}
}

static void a_reservation_stays_within_its_limits(void **state)
{
	static const struct {
		const char *what;
		uint64_t timeout_s;
		const char *name;
		size_t len;
		bool ok;
	} cases[] = {
		{ "for nobody", 86400, S(""), true },
		{ "too long", 86401, S(""), false },
		{ "the longest name", 0, S(X64 X63), true },
		{ "a name too long", 0, S(X64 X64), false },
		{ "an escape", 0, S("a\x1b"), false },
	};
	static struct wire reserve, w;
	struct control_request req;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("%s", cases[i].what);
		reserve.len = w.len = 0;
		wire_number(&reserve, 1, 4096);
		wire_bytes(&reserve, 2, cases[i].name, cases[i].len);
		wire_number(&reserve, 3, cases[i].timeout_s);
		wire_message(&w, 11, &reserve);
		case_int_equal(!control_decode_request(w.buf, w.len, &req,
						       &why), cases[i].ok);
	}
}

static void a_request_that_is_none_is_refused_and_changes_nothing(void **state)
{
	static const struct {
		uint8_t octets[8];
		size_t len;
		const char *why;
	} cases[] = {
		{ { 0 }, 0, "unknown request" },
		{ { 0x7a, 0x00 }, 2, "unknown request" },	/* body 15 */
		{ { 0x3a, 0x00 }, 2, "no guest" },	/* limits of nobody */
		{ { 0x32, 0x00 }, 2, "no guest" },	/* readmit nobody */
		{ { 0x12, 0x00 }, 2, "no guest" },
		{ { 0x12, 0x02, 0x0a, 0x00 }, 4, "no guest" },
		{ { 0x12, 0x05 }, 2, "not a message" },
		{ { 0xde, 0xad, 0xbe, 0xef }, 4, "not a message" },
	};
	struct control_request req, before;
	const char *why;

	(void)state;
	memset(&before, 0xa5, sizeof(before));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("case %zu", i);
		memcpy(&req, &before, sizeof(req));
		case_int_equal(control_decode_request(cases[i].octets,
						      cases[i].len, &req,
						      &why), -EPROTO);
		case_string_equal(why, cases[i].why);
		case_memory_equal(&req, &before, sizeof(req));
	}
}

static void a_request_of_thousands_of_fields_is_too_large(void **state)
{
	struct control_request req;
	static struct wire w;
	const char *why;

	(void)state;
	while (w.len < FRAME_PAYLOAD_MAX - 2)
		wire_number(&w, 15, 0);
	assert_int_equal(control_decode_request(w.buf, w.len, &req, &why),
			 -EPROTO);
	assert_string_equal(why, "too large");
}

/* Replies: texts are made to fit */

static const struct show_case {
	const char *what;
	const char *text;
	size_t len;
	const char *got;
} show_cases[] = {
	{ "as it is", S("db1"), "db1" },
	{ "the longest name", S(X64 X63), X64 X63 },
	{ "one octet too long", S(X64 X64), X64 X63 },
	{ "far too long", S(X64 X64 X64), X64 X63 },
	{ "a whole character cut off", S(X64 X63 "\xc3\xa4"), X64 X63 },
	{ "a character cut in two",
	  S(X63 X63 "\xe2\x82\xac"), X63 X63 },
	{ "a terminal's escape", S("a\x1b[2J"), "a?[2J" },
	{ "delete and zero", S("a\x7f\0b"), "a??b" },
};

static void texts_of_a_reply_are_cut_and_made_harmless(void **state)
{
	static struct wire body, w;
	struct control_reply reply;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(show_cases); i++) {
		const struct show_case *c = &show_cases[i];

		case_is("%s", c->what);
		body.len = w.len = 0;
		wire_bytes(&body, 2, c->text, c->len);
		wire_message(&w, REPLY_FINDING, &body);
		case_int_equal(control_decode_reply(w.buf, w.len, &reply,
						    &why), 0);
		case_int_equal(reply.body, CONTROL_BODY_FINDING);
		case_string_equal(reply.finding.name, c->got);
	}
}

static void a_reply_of_unknown_status_is_refused(void **state)
{
	struct control_reply reply;
	static struct wire w;
	const char *why;

	(void)state;
	wire_number(&w, 2, CONTROL_NUM_STATUSES - 1);
	assert_int_equal(control_decode_reply(w.buf, w.len, &reply, &why), 0);
	assert_int_equal(reply.body, CONTROL_BODY_NONE);
	w.len = 0;
	wire_number(&w, 2, CONTROL_NUM_STATUSES);
	assert_int_equal(control_decode_reply(w.buf, w.len, &reply, &why),
			 -EPROTO);
}

static void an_unknown_body_of_a_reply_is_no_body(void **state)
{
	static struct wire empty, w;
	struct control_reply reply;
	const char *why;

	(void)state;
	wire_number(&w, 1, 1);
	wire_message(&w, 20, &empty);
	assert_int_equal(control_decode_reply(w.buf, w.len, &reply, &why), 0);
	assert_true(reply.end);
	assert_int_equal(reply.body, CONTROL_BODY_NONE);
}

static void what_a_newer_tool_or_daemon_says_is_understood(void **state)
{
	static struct control_reply reply;
	uint8_t buf[FRAME_PAYLOAD_MAX];
	struct control_request req;
	static struct wire w;
	const char *why;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		case_is("request %zu", i);
		len = control_encode_request(&requests[i], buf);
		future_message(&w, FUTURE_HOST, buf, len, 1);
		case_int_equal(control_decode_request(w.buf, w.len, &req, &why),
			       0);
		case_memory_equal(&req, &requests[i], sizeof(req));
	}
	for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
		case_is("reply %zu", i);
		w.len = control_encode_reply(&replies[i], w.buf);
		future_unknown(&w);
		case_int_equal(control_decode_reply(w.buf, w.len, &reply, &why),
			       0);
		case_memory_equal(&reply, &replies[i], sizeof(reply));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_survives_a_round_trip),
		cmocka_unit_test(every_reply_survives_a_round_trip),
		cmocka_unit_test(the_largest_reply_fits_into_a_frame),
		cmocka_unit_test(a_guest_is_selected_by_what_can_be_one),
		cmocka_unit_test(a_set_request_stays_within_its_limits),
		cmocka_unit_test(a_change_of_settings_stays_within_its_limits),
		cmocka_unit_test(a_reservation_stays_within_its_limits),
		cmocka_unit_test(
		a_request_that_is_none_is_refused_and_changes_nothing),
		cmocka_unit_test(a_request_of_thousands_of_fields_is_too_large),
		cmocka_unit_test(texts_of_a_reply_are_cut_and_made_harmless),
		cmocka_unit_test(a_reply_of_unknown_status_is_refused),
		cmocka_unit_test(an_unknown_body_of_a_reply_is_no_body),
		cmocka_unit_test(what_a_newer_tool_or_daemon_says_is_understood),
	};

	return cmocka_run_group_tests_name("control_codec", tests, NULL, NULL);
}
