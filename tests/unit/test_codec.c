/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_codec.c - memtide.proto: what goes in comes out, and nothing else
 */
#include "codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cases.h"
#include "frame.h"
#include "future.h"
#include "wire.h"

#define GFN_4G		0x100000ull
#define GFN_END		(1ull << 52)
#define LAST_GRANULE	(WINDOW_GRANULES_MAX - 1)
#define KIB_MAX		PROTO_SIZE_KIB_MAX
#define COUNT_MAX	PROTO_COUNT_MAX

/* Body numbers of HostMessage and GuestMessage */
enum { WELCOME = 1, ONLINE_REQUEST, PULL_REQUEST, PULL_CANCEL, STATE_REQUEST };
enum { HELLO = 1, ONLINE_REPLY, PULL_PROGRESS, STATE_REPLY, REPORT,
       UNSUPPORTED };

static struct host_msg host_out;
static struct guest_msg guest_out;

static int decode_host(const struct wire *w, const char **why)
{
	memset(&host_out, 0xa5, sizeof(host_out));
	return codec_decode_host(w->buf, w->len, &host_out, why);
}

static int decode_guest(const struct wire *w, const char **why)
{
	memset(&guest_out, 0xa5, sizeof(guest_out));
	return codec_decode_guest(w->buf, w->len, &guest_out, why);
}

static bool is_untouched(const void *p, size_t len)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		if (b[i] != 0xa5)
			return false;
	return true;
}

/* Round trips */

static const struct host_msg host_msgs[] = {
	{ .type = HOST_MSG_WELCOME,
	  .welcome = { 1, 2, UINT64_MAX, 3600000, 86400, 10000000, 10000,
		       3600 } },
	{ .type = HOST_MSG_WELCOME, .welcome = { 0, 0, 0, 1, 1, 0, 0, 0 } },
	{ .type = HOST_MSG_WELCOME,
	  .welcome = { 0, 0, 0, 1, 1, 1, 500, 1 } },
	{ .type = HOST_MSG_ONLINE_REQUEST,
	  .online_request = { 7, 1, { { 0, 1 } } } },
	{ .type = HOST_MSG_ONLINE_REQUEST,
	  .online_request = { UINT32_MAX, 3, { { 64, 64 }, { 0, 1 },
					       { LAST_GRANULE, 1 } } } },
	{ .type = HOST_MSG_PULL_REQUEST,
	  .pull_request = { 9, WINDOW_GRANULES_MAX, PROTO_DEADLINE_MS_MAX } },
	{ .type = HOST_MSG_PULL_CANCEL, .pull_cancel = { UINT32_MAX } },
	{ .type = HOST_MSG_PULL_CANCEL, .pull_cancel = { 0 } },
	{ .type = HOST_MSG_STATE_REQUEST, .state_request = { 3, 128, 64 } },
};

static void every_host_message_survives_a_round_trip(void **state)
{
	static uint8_t buf[FRAME_PAYLOAD_MAX];
	struct host_msg out;
	const char *why;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(host_msgs); i++) {
		len = codec_encode_host(&host_msgs[i], buf);
		assert_in_range(len, 1, FRAME_PAYLOAD_MAX);
		assert_int_equal(codec_decode_host(buf, len, &out, &why), 0);
		assert_memory_equal(&out, &host_msgs[i], sizeof(out));
	}
}

static const struct guest_msg guest_msgs[] = {
	{ .type = GUEST_MSG_HELLO,
	  .hello = { 1, 0, 5, 64, 1, GFN_4G, 4096,
		     { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255 },
		     "0.1.0", "6.12.57 ~!" } },
	{ .type = GUEST_MSG_HELLO,
	  .hello = { UINT32_MAX, UINT32_MAX, UINT64_MAX, 1024, 1023,
		     GFN_END - 1024 * 512, 1024, { 0 }, "", "" } },
	{ .type = GUEST_MSG_ONLINE_REPLY,
	  .online_reply = { 7, 3, { 0, BLOCK_GRANULES_MAX, 1 }, 12 } },
	{ .type = GUEST_MSG_PULL_PROGRESS, .pull_progress = { .id = 1 } },
	{ .type = GUEST_MSG_PULL_PROGRESS,
	  .pull_progress = { 1, 2, { { 0, WINDOW_GRANULES_MAX },
				     { LAST_GRANULE, 1 } },
			     true, PULL_REASON_FAULT } },
	{ .type = GUEST_MSG_STATE_REPLY,
	  .state_reply = { 1, 64, 128, { 0x8000000000000001ull, 0xfedcull } } },
	{ .type = GUEST_MSG_REPORT, .report = { 0 } },
	{ .type = GUEST_MSG_REPORT,
	  .report = { KIB_MAX, KIB_MAX, KIB_MAX, KIB_MAX, KIB_MAX, COUNT_MAX,
		      COUNT_MAX, COUNT_MAX, COUNT_MAX, COUNT_MAX, true,
		      true } },
	{ .type = GUEST_MSG_REPORT,
	  .report = { 1, 0, 0, 3, 2, 4, 8, 5, 6, 7, true, false } },
	{ .type = GUEST_MSG_UNSUPPORTED, .unsupported = { 77 } },
};

static void every_guest_message_survives_a_round_trip(void **state)
{
	static uint8_t buf[FRAME_PAYLOAD_MAX];
	static struct guest_msg out;
	const char *why;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(guest_msgs); i++) {
		len = codec_encode_guest(&guest_msgs[i], buf);
		assert_in_range(len, 1, FRAME_PAYLOAD_MAX);
		assert_int_equal(codec_decode_guest(buf, len, &out, &why), 0);
		assert_memory_equal(&out, &guest_msgs[i], sizeof(out));
	}
}

static void the_largest_messages_fit_into_a_frame(void **state)
{
	static uint8_t buf[FRAME_PAYLOAD_MAX];
	static struct guest_msg in, out;
	const char *why;
	size_t len;

	(void)state;
	in.type = GUEST_MSG_STATE_REPLY;
	in.state_reply.id = UINT32_MAX;
	in.state_reply.first = WINDOW_GRANULES_MAX - PROTO_STATE_GRANULES;
	in.state_reply.nr = PROTO_STATE_GRANULES;
	memset(in.state_reply.in_use, 0xff, sizeof(in.state_reply.in_use));
	len = codec_encode_guest(&in, buf);
	assert_int_equal(codec_decode_guest(buf, len, &out, &why), 0);
	assert_memory_equal(&out, &in, sizeof(in));

	memset(&in, 0, sizeof(in));
	in.type = GUEST_MSG_PULL_PROGRESS;
	in.pull_progress.id = UINT32_MAX;
	in.pull_progress.nr_ranges = PROTO_RANGES_MAX;
	in.pull_progress.last = true;
	in.pull_progress.reason = PULL_REASON_BUSY;
	for (uint32_t i = 0; i < PROTO_RANGES_MAX; i++)
		in.pull_progress.ranges[i] =
			(struct granules){ LAST_GRANULE - i, 1 };
	len = codec_encode_guest(&in, buf);
	assert_int_equal(codec_decode_guest(buf, len, &out, &why), 0);
	assert_memory_equal(&out, &in, sizeof(in));
}

/* Limits of numbers: a right message in which one or two fields differ */

struct field {
	uint32_t number;
	uint64_t value;
};

static const struct field hello_fields[] = {
	{ 1, 1 }, { 2, 0 }, { 4, GRANULE_PAGES }, { 5, 64 }, { 6, 1 },
	{ 7, GFN_4G }, { 8, 4096 }, { 0, 0 },
};
static const struct field welcome_fields[] = {
	{ 1, 1 }, { 4, 1000 }, { 5, 60 }, { 6, 0 }, { 7, 0 }, { 8, 0 },
	{ 0, 0 },
};
static const struct field pull_fields[] = {
	{ 1, 5 }, { 2, 10 }, { 3, 1000 }, { 0, 0 },
};
static const struct field state_fields[] = {
	{ 1, 5 }, { 2, 0 }, { 3, 64 }, { 0, 0 },
};
static const struct field report_fields[] = {
	{ 1, 100 }, { 2, 50 }, { 3, 60 }, { 4, 10 }, { 5, 10 }, { 6, 9 },
	{ 7, 8 }, { 8, 7 }, { 9, 6 }, { 10, 5 }, { 11, 1 }, { 12, 1 },
	{ 0, 0 },
};
static const struct field old_report_fields[] = {
	{ 1, 100 }, { 2, 50 }, { 3, 60 }, { 4, 10 }, { 5, 10 }, { 6, 0 },
	{ 7, 0 }, { 12, 0 }, { 0, 0 },
};
static const struct field progress_fields[] = {
	{ 1, 5 }, { 3, 1 }, { 4, 0 }, { 0, 0 },
};

struct limit_case {
	const char *what;
	uint32_t body;
	const struct field *fields;
	struct field change[3];
	bool ok;
};

static const struct limit_case host_limits[] = {
	{ "interval 0", WELCOME, welcome_fields, { { 4, 0 } }, false },
	{ "interval 1", WELCOME, welcome_fields, { { 4, 1 } }, true },
	{ "interval max", WELCOME, welcome_fields, { { 4, 3600000 } }, true },
	{ "interval max + 1", WELCOME, welcome_fields, { { 4, 3600001 } },
	  false },
	{ "keepalive 0", WELCOME, welcome_fields, { { 5, 0 } }, false },
	{ "keepalive 1", WELCOME, welcome_fields, { { 5, 1 } }, true },
	{ "keepalive max", WELCOME, welcome_fields, { { 5, 86400 } }, true },
	{ "keepalive max + 1", WELCOME, welcome_fields, { { 5, 86401 } },
	  false },
	{ "stall without a window", WELCOME, welcome_fields, { { 6, 1 } },
	  false },
	{ "window without a stall", WELCOME, welcome_fields, { { 7, 500 } },
	  false },
	{ "window min - 1", WELCOME, welcome_fields, { { 6, 1 }, { 7, 499 } },
	  false },
	{ "window min, all of it", WELCOME, welcome_fields,
	  { { 6, 500000 }, { 7, 500 } }, true },
	{ "a stall longer than the window", WELCOME, welcome_fields,
	  { { 6, 500001 }, { 7, 500 } }, false },
	{ "window max", WELCOME, welcome_fields, { { 6, 1 }, { 7, 10000 } },
	  true },
	{ "window max + 1", WELCOME, welcome_fields,
	  { { 6, 1 }, { 7, 10001 } }, false },
	{ "window whose us do not fit", WELCOME, welcome_fields,
	  { { 6, 1 }, { 7, UINT32_MAX } }, false },
	{ "calm max", WELCOME, welcome_fields, { { 8, 3600 } }, true },
	{ "calm max + 1", WELCOME, welcome_fields, { { 8, 3601 } }, false },
	{ "pull 0", PULL_REQUEST, pull_fields, { { 2, 0 } }, false },
	{ "pull 1", PULL_REQUEST, pull_fields, { { 2, 1 } }, true },
	{ "pull max", PULL_REQUEST, pull_fields,
	  { { 2, WINDOW_GRANULES_MAX } }, true },
	{ "pull max + 1", PULL_REQUEST, pull_fields,
	  { { 2, WINDOW_GRANULES_MAX + 1 } }, false },
	{ "deadline 0", PULL_REQUEST, pull_fields, { { 3, 0 } }, false },
	{ "deadline 1", PULL_REQUEST, pull_fields, { { 3, 1 } }, true },
	{ "deadline max", PULL_REQUEST, pull_fields,
	  { { 3, PROTO_DEADLINE_MS_MAX } }, true },
	{ "deadline max + 1", PULL_REQUEST, pull_fields,
	  { { 3, PROTO_DEADLINE_MS_MAX + 1 } }, false },
	{ "state first 1", STATE_REQUEST, state_fields, { { 2, 1 } }, false },
	{ "state first 63", STATE_REQUEST, state_fields, { { 2, 63 } }, false },
	{ "state first 64", STATE_REQUEST, state_fields, { { 2, 64 } }, true },
	{ "state nr 0", STATE_REQUEST, state_fields, { { 3, 0 } }, false },
	{ "state nr 63", STATE_REQUEST, state_fields, { { 3, 63 } }, false },
	{ "state nr 64", STATE_REQUEST, state_fields, { { 3, 64 } }, true },
	{ "state nr 65", STATE_REQUEST, state_fields, { { 3, 65 } }, false },
	{ "state nr max", STATE_REQUEST, state_fields,
	  { { 3, PROTO_STATE_GRANULES } }, true },
	{ "state nr max + 64", STATE_REQUEST, state_fields,
	  { { 3, PROTO_STATE_GRANULES + 64 } }, false },
	{ "state at the end", STATE_REQUEST, state_fields,
	  { { 2, WINDOW_GRANULES_MAX - 64 } }, true },
	{ "state over the end", STATE_REQUEST, state_fields,
	  { { 2, WINDOW_GRANULES_MAX } }, false },
	{ "state that wraps", STATE_REQUEST, state_fields,
	  { { 2, 0xffffffc0 } }, false },
};

static const struct limit_case guest_limits[] = {
	{ "granule 511", HELLO, hello_fields, { { 4, 511 } }, false },
	{ "granule 512", HELLO, hello_fields, { { 4, 512 } }, true },
	{ "granule 513", HELLO, hello_fields, { { 4, 513 } }, false },
	{ "block 0", HELLO, hello_fields, { { 5, 0 } }, false },
	{ "block 1, no memmap", HELLO, hello_fields, { { 5, 1 }, { 6, 0 } },
	  true },
	{ "block 63", HELLO, hello_fields, { { 5, 63 } }, false },
	{ "block max", HELLO, hello_fields, { { 5, 1024 } }, true },
	{ "block max * 2", HELLO, hello_fields, { { 5, 2048 } }, false },
	{ "memmap 0", HELLO, hello_fields, { { 6, 0 } }, true },
	{ "memmap block - 1", HELLO, hello_fields, { { 6, 63 } }, true },
	{ "memmap block", HELLO, hello_fields, { { 6, 64 } }, false },
	{ "window 4 GiB - 1 block", HELLO, hello_fields,
	  { { 7, GFN_4G - 64 * 512 } }, false },
	{ "window 4 GiB - 1", HELLO, hello_fields, { { 7, GFN_4G - 1 } },
	  false },
	{ "window 4 GiB + 1 page", HELLO, hello_fields, { { 7, GFN_4G + 1 } },
	  false },
	{ "window 4 GiB + half a block", HELLO, hello_fields,
	  { { 7, GFN_4G + 32 * 512 } }, false },
	{ "window 4 GiB + 1 block", HELLO, hello_fields,
	  { { 7, GFN_4G + 64 * 512 } }, true },
	{ "window to the end", HELLO, hello_fields,
	  { { 7, GFN_END - 4096 * 512 } }, true },
	{ "window one block over the end", HELLO, hello_fields,
	  { { 7, GFN_END - 4096 * 512 + 64 * 512 } }, false },
	{ "window that wraps", HELLO, hello_fields,
	  { { 7, UINT64_MAX - 64 * 512 + 1 } }, false },
	{ "window size 0", HELLO, hello_fields, { { 8, 0 } }, false },
	{ "window size 64", HELLO, hello_fields, { { 8, 64 } }, true },
	{ "window size 96", HELLO, hello_fields, { { 8, 96 }, { 5, 32 } },
	  false },
	{ "window of half blocks", HELLO, hello_fields,
	  { { 8, 64 }, { 5, 128 } }, false },
	{ "window size max", HELLO, hello_fields,
	  { { 8, WINDOW_GRANULES_MAX } }, true },
	{ "window size max + 1 block", HELLO, hello_fields,
	  { { 8, WINDOW_GRANULES_MAX + 64 } }, false },
	{ "free = total", REPORT, report_fields, { { 2, 100 } }, true },
	{ "free > total", REPORT, report_fields, { { 2, 101 } }, false },
	{ "available = total", REPORT, report_fields, { { 3, 100 } }, true },
	{ "available > total", REPORT, report_fields, { { 3, 101 } }, false },
	{ "swap free = total", REPORT, report_fields, { { 5, 10 } }, true },
	{ "swap free > total", REPORT, report_fields, { { 5, 11 } }, false },
	{ "total max", REPORT, report_fields, { { 1, KIB_MAX } }, true },
	{ "total max + 1", REPORT, report_fields, { { 1, KIB_MAX + 1 } },
	  false },
	{ "swap max", REPORT, report_fields, { { 4, KIB_MAX } }, true },
	{ "swap max + 1", REPORT, report_fields, { { 4, KIB_MAX + 1 } },
	  false },
	{ "time max", REPORT, report_fields, { { 6, COUNT_MAX } }, true },
	{ "time max + 1", REPORT, report_fields, { { 6, COUNT_MAX + 1 } },
	  false },
	{ "stall max", REPORT, report_fields,
	  { { 7, COUNT_MAX }, { 8, COUNT_MAX } }, true },
	{ "stall max + 1", REPORT, report_fields, { { 7, COUNT_MAX + 1 } },
	  false },
	{ "full stall > some", REPORT, report_fields, { { 8, 9 } }, false },
	{ "full stall = some", REPORT, report_fields, { { 8, 8 } }, true },
	{ "refaults max", REPORT, report_fields, { { 9, COUNT_MAX } }, true },
	{ "refaults max + 1", REPORT, report_fields, { { 9, COUNT_MAX + 1 } },
	  false },
	{ "swap in max", REPORT, report_fields, { { 10, COUNT_MAX } }, true },
	{ "swap in max + 1", REPORT, report_fields,
	  { { 10, COUNT_MAX + 1 } }, false },
	{ "no stall", REPORT, report_fields, { { 12, 0 } }, true },
	{ "all but pressure", REPORT, report_fields, { { 11, 0 } }, false },
	{ "stalled without pressure", REPORT, report_fields,
	  { { 7, 0 }, { 8, 0 }, { 11, 0 } }, false },
	{ "of version 0", REPORT, old_report_fields, { { 0, 0 } }, true },
	{ "without pressure", REPORT, old_report_fields, { { 6, 9 } }, true },
	{ "stall of no pressure", REPORT, old_report_fields, { { 7, 1 } },
	  false },
	{ "starving without pressure", REPORT, old_report_fields,
	  { { 13, 1 } }, true },
	{ "a stall of no pressure", REPORT, old_report_fields,
	  { { 12, 1 } }, false },
	{ "last reason", PULL_PROGRESS, progress_fields,
	  { { 4, PULL_NUM_REASONS - 1 } }, true },
	{ "reason after the last", PULL_PROGRESS, progress_fields,
	  { { 4, PULL_NUM_REASONS } }, false },
	{ "reason -1", PULL_PROGRESS, progress_fields, { { 4, UINT64_MAX } },
	  false },
	{ "a reason before the end", PULL_PROGRESS, progress_fields,
	  { { 3, 0 }, { 4, 1 } }, false },
	{ "no reason before the end", PULL_PROGRESS, progress_fields,
	  { { 3, 0 }, { 4, 0 } }, true },
};

static void build_limit(const struct limit_case *c, struct wire *w)
{
	static struct wire body;

	body.len = 0;
	for (const struct field *f = c->fields; f->number; f++) {
		uint64_t value = f->value;

		for (size_t i = 0; i < ARRAY_SIZE(c->change); i++)
			if (c->change[i].number == f->number)
				value = c->change[i].value;
		wire_number(&body, f->number, value);
	}
	if (c->fields == hello_fields)
		wire_bytes(&body, 9, "0123456789abcdef", 16);
	w->len = 0;
	wire_message(w, c->body, &body);
}

static void each_limit_of_a_host_message_holds_on_both_sides(void **state)
{
	static struct wire w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(host_limits); i++) {
		const char *why = NULL;
		bool ok;

		case_is("%s", host_limits[i].what);
		build_limit(&host_limits[i], &w);
		ok = !decode_host(&w, &why);
		case_int_equal(ok, host_limits[i].ok);
		case_int_equal(why == NULL, ok);
		case_int_equal(is_untouched(&host_out, sizeof(host_out)),
			       !ok);
	}
}

static void each_limit_of_a_guest_message_holds_on_both_sides(void **state)
{
	static struct wire w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(guest_limits); i++) {
		const char *why = NULL;
		bool ok;

		case_is("%s", guest_limits[i].what);
		build_limit(&guest_limits[i], &w);
		ok = !decode_guest(&w, &why);
		case_int_equal(ok, guest_limits[i].ok);
		case_int_equal(why == NULL, ok);
		case_int_equal(is_untouched(&guest_out, sizeof(guest_out)),
			       !ok);
	}
}

/* Limits of arrays */

static const struct range_case {
	uint32_t nr_ranges;
	uint64_t first, nr;
	bool host_ok, guest_ok;
} range_cases[] = {
	{ 0, 0, 1, false, true },
	{ 1, 0, 1, true, true },
	{ PROTO_RANGES_MAX, 0, 1, true, true },
	{ PROTO_RANGES_MAX + 1, 0, 1, false, false },
	{ 1, 0, 0, false, false },
	{ 1, 0, BLOCK_GRANULES_MAX, true, true },
	{ 1, 0, BLOCK_GRANULES_MAX + 1, false, true },
	{ 1, 0, WINDOW_GRANULES_MAX, false, true },
	{ 1, 0, WINDOW_GRANULES_MAX + 1, false, false },
	{ 1, LAST_GRANULE, 1, true, true },
	{ 1, LAST_GRANULE, 2, false, false },
	{ 1, UINT32_MAX, 1, false, false },
	{ 1, 1, UINT32_MAX, false, false },
};

static void ranges_stay_within_their_number_and_any_window(void **state)
{
	static struct wire range, body, w;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(range_cases); i++) {
		const struct range_case *c = &range_cases[i];

		case_is("case %zu", i);
		range.len = body.len = w.len = 0;
		wire_number(&range, 1, c->first);
		wire_number(&range, 2, c->nr);
		wire_number(&body, 1, 3);
		for (uint32_t r = 0; r < c->nr_ranges; r++)
			wire_message(&body, 2, &range);
		wire_message(&w, ONLINE_REQUEST, &body);
		case_int_equal(!decode_host(&w, &why), c->host_ok);
		w.len = 0;
		wire_message(&w, PULL_PROGRESS, &body);
		case_int_equal(!decode_guest(&w, &why), c->guest_ok);
	}
}

static const struct done_case {
	uint32_t nr;
	uint64_t done, error;
	bool ok;
} done_cases[] = {
	{ 0, 0, 0, false },
	{ 1, 0, 0, true },
	{ PROTO_RANGES_MAX, 0, 0, true },
	{ PROTO_RANGES_MAX + 1, 0, 0, false },
	{ 1, BLOCK_GRANULES_MAX, 0, true },
	{ 1, BLOCK_GRANULES_MAX + 1, 0, false },
	{ 1, 0, 4095, true },
	{ 1, 0, 4096, false },
};

static void build_done(const struct done_case *c, bool packed, struct wire *w)
{
	static struct wire body, array;

	body.len = array.len = w->len = 0;
	for (uint32_t r = 0; r < c->nr; r++) {
		if (packed)
			wire_varint(&array, c->done);
		else
			wire_number(&body, 2, c->done);
	}
	if (packed && c->nr)
		wire_message(&body, 2, &array);
	wire_number(&body, 3, c->error);
	wire_message(w, ONLINE_REPLY, &body);
}

static void results_stay_within_their_limits_packed_or_not(void **state)
{
	static struct wire w;
	const char *why;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(done_cases); i++) {
		const struct done_case *c = &done_cases[i / 2];

		case_is("case %zu", i);
		build_done(c, i % 2, &w);
		case_int_equal(!decode_guest(&w, &why), c->ok);
	}
}

static void a_state_has_just_as_many_bits_as_it_says(void **state)
{
	static const struct {
		uint64_t nr;
		size_t octets;
		bool ok;
	} cases[] = {
		{ 64, 7, false }, { 64, 8, true }, { 64, 9, false },
		{ 0, 0, false }, { 63, 7, false },
		{ PROTO_STATE_GRANULES, PROTO_STATE_GRANULES / 8, true },
		{ PROTO_STATE_GRANULES + 64, PROTO_STATE_GRANULES / 8 + 8,
		  false },
		{ UINT32_MAX, 8, false },
	};
	static uint8_t octets[PROTO_STATE_GRANULES / 8 + 8];
	static struct wire body, w;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("case %zu", i);
		body.len = w.len = 0;
		wire_number(&body, 3, cases[i].nr);
		wire_bytes(&body, 4, octets, cases[i].octets);
		wire_message(&w, STATE_REPLY, &body);
		case_int_equal(!decode_guest(&w, &why), cases[i].ok);
	}
}

static void bit_i_of_a_state_is_granule_i(void **state)
{
	static const uint8_t octets[8] = { 0x01, 0, 0, 0, 0, 0, 0, 0x80 };
	static struct wire body, w;
	const char *why;

	(void)state;
	body.len = w.len = 0;
	wire_number(&body, 3, 64);
	wire_bytes(&body, 4, octets, sizeof(octets));
	wire_message(&w, STATE_REPLY, &body);
	assert_int_equal(decode_guest(&w, &why), 0);
	assert_true(guest_out.state_reply.in_use[0] == (1ull << 63 | 1));
}

/* Limits of texts and of the boot id */

#define SIXTY "123456789012345678901234567890123456789012345678901234567890"

static const struct text_case {
	const char *text;
	size_t text_len, boot_id_len;
	bool ok;
} text_cases[] = {
	{ "", 0, 16, true },
	{ "", 0, 0, false },
	{ "", 0, 15, false },
	{ "", 0, 17, false },
	{ SIXTY "123", 63, 16, true },
	{ SIXTY "1234", 64, 16, false },
	{ "a\x1f", 2, 16, false },
	{ "a ", 2, 16, true },
	{ "a~", 2, 16, true },
	{ "a\x7f", 2, 16, false },
	{ "a\x80", 2, 16, false },
	{ "a\xff", 2, 16, false },
	{ "a\0", 2, 16, false },
	{ "a\0b", 3, 16, false },
	{ "\0", 1, 16, false },
};

static void texts_are_short_printable_ascii_and_a_boot_id_has_16_octets(
	void **state)
{
	static struct wire body, w;
	const char *why;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(text_cases); i++) {
		const struct text_case *c = &text_cases[i / 2];

		case_is("case %zu", i);
		body.len = w.len = 0;
		for (const struct field *f = hello_fields; f->number; f++)
			wire_number(&body, f->number, f->value);
		wire_bytes(&body, 9, "0123456789abcdefg", c->boot_id_len);
		wire_bytes(&body, 10 + i % 2, c->text, c->text_len);
		wire_message(&w, HELLO, &body);
		case_int_equal(!decode_guest(&w, &why), c->ok);
	}
}

/* Format */

static void what_this_version_does_not_know_is_ignored_or_unknown(void **state)
{
	static struct wire body, w;
	const char *why;

	(void)state;
	body.len = w.len = 0;
	wire_number(&body, 1, 42);
	wire_number(&body, 1000, 1);
	wire_text(&body, 1001, "from the future");
	wire_message(&w, PULL_CANCEL, &body);
	wire_text(&w, 1002, "from the future");
	assert_int_equal(decode_host(&w, &why), 0);
	assert_int_equal(host_out.type, HOST_MSG_PULL_CANCEL);
	assert_int_equal(host_out.pull_cancel.id, 42);

	w.len = 0;
	wire_message(&w, 99, &body);
	assert_int_equal(decode_host(&w, &why), 0);
	assert_int_equal(host_out.type, HOST_MSG_UNKNOWN);
	assert_int_equal(decode_guest(&w, &why), 0);
	assert_int_equal(guest_out.type, GUEST_MSG_UNKNOWN);
}

static void what_a_newer_peer_says_is_understood(void **state)
{
	uint8_t buf[FRAME_PAYLOAD_MAX];
	static struct wire w;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(host_msgs); i++) {
		struct host_msg msg = host_msgs[i];
		size_t len = codec_encode_host(&msg, buf);

		case_is("host message %zu", i);
		future_message(&w, FUTURE_HOST, buf, len, PROTO_MINOR + 1);
		case_int_equal(decode_host(&w, &why), 0);
		if (msg.type == HOST_MSG_WELCOME) {
			msg.welcome.minor = PROTO_MINOR + 1;
			msg.welcome.capabilities = UINT64_MAX;
		}
		case_memory_equal(&host_out, &msg, sizeof(msg));
	}
	for (size_t i = 0; i < ARRAY_SIZE(guest_msgs); i++) {
		static struct guest_msg msg;
		size_t len;

		msg = guest_msgs[i];
		len = codec_encode_guest(&msg, buf);
		case_is("guest message %zu", i);
		future_message(&w, FUTURE_GUEST, buf, len, PROTO_MINOR + 1);
		case_int_equal(decode_guest(&w, &why), 0);
		if (msg.type == GUEST_MSG_HELLO) {
			msg.hello.minor = PROTO_MINOR + 1;
			msg.hello.capabilities = UINT64_MAX;
		}
		case_memory_equal(&guest_out, &msg, sizeof(msg));
	}
}

static void what_the_first_version_says_is_understood(void **state)
{
	static const struct guest_msg report = {
		.type = GUEST_MSG_REPORT,
		.report = { 100, 50, 60, 10, 9, 8, 7, 6, 5, 4, true, true },
	};
	static const struct host_msg welcome = {
		.type = HOST_MSG_WELCOME,
		.welcome = { 1, 1, 0, 200, 60, 20000, 500, 10 },
	};
	static const struct msg_report first_report = {
		.mem_total_kib = 100, .mem_free_kib = 50,
		.mem_available_kib = 60, .swap_total_kib = 10,
		.swap_free_kib = 9,
	};
	static const struct msg_welcome first_welcome = {
		.major = 1, .report_interval_ms = 200, .keepalive_s = 60,
	};
	uint8_t buf[FRAME_PAYLOAD_MAX];
	static struct wire w;
	const char *why;

	(void)state;
	past_message(&w, FUTURE_GUEST, buf, codec_encode_guest(&report, buf));
	assert_int_equal(decode_guest(&w, &why), 0);
	assert_memory_equal(&guest_out.report, &first_report,
			    sizeof(first_report));
	past_message(&w, FUTURE_HOST, buf, codec_encode_host(&welcome, buf));
	assert_int_equal(decode_host(&w, &why), 0);
	assert_memory_equal(&host_out.welcome, &first_welcome,
			    sizeof(first_welcome));
}

static void an_empty_payload_is_an_unknown_message(void **state)
{
	static const struct wire w;
	const char *why;

	(void)state;
	assert_int_equal(decode_host(&w, &why), 0);
	assert_int_equal(host_out.type, HOST_MSG_UNKNOWN);
}

static void of_two_bodies_the_last_counts(void **state)
{
	static struct wire body, w;
	const char *why;

	(void)state;
	body.len = w.len = 0;
	wire_number(&body, 1, 42);
	wire_message(&w, REPORT, &body);
	wire_message(&w, UNSUPPORTED, &body);
	assert_int_equal(decode_guest(&w, &why), 0);
	assert_int_equal(guest_out.type, GUEST_MSG_UNSUPPORTED);
	assert_int_equal(guest_out.unsupported.id, 42);
}

static void garbage_is_refused(void **state)
{
	static const struct {
		uint8_t octets[8];
		size_t len;
	} cases[] = {
		{ { 0x0a }, 1 },		/* no length */
		{ { 0x0a, 0x05, 0x08 }, 3 },	/* shorter than it says */
		{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8 },
		{ { 0x0a, 0x02, 0x08, 0xff }, 4 },	/* endless varint */
		{ { 0x0b, 0x0c }, 2 },		/* group */
		{ { 0x00, 0x00 }, 2 },		/* field 0 */
		{ { 0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f }, 6 },	/* 4 GiB */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = NULL;

		case_is("case %zu", i);
		memset(&host_out, 0xa5, sizeof(host_out));
		case_int_equal(codec_decode_host(cases[i].octets,
						 cases[i].len, &host_out,
						 &why), -EPROTO);
		case_string_equal(why, "not a message");
		assert_true(is_untouched(&host_out, sizeof(host_out)));
	}
}

static void a_payload_of_thousands_of_fields_is_too_large(void **state)
{
	static struct wire body, w;
	const char *why = NULL;

	(void)state;
	body.len = w.len = 0;
	while (body.len < FRAME_PAYLOAD_MAX - 10)
		wire_number(&body, 15, 0);
	wire_message(&w, PULL_CANCEL, &body);
	assert_in_range(w.len, 1, FRAME_PAYLOAD_MAX);
	assert_int_equal(decode_host(&w, &why), -EPROTO);
	assert_string_equal(why, "too large");

	/* The arena is as good as new for the next one. */
	body.len = w.len = 0;
	wire_message(&w, PULL_CANCEL, &body);
	assert_int_equal(decode_host(&w, &why), 0);
}

static void every_reason_has_its_own_text(void **state)
{
	(void)state;
	for (int i = 0; i <= PULL_NUM_REASONS; i++) {
		const char *text = pull_reason_text((enum pull_reason)i);

		assert_non_null(text);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
				text, pull_reason_text((enum pull_reason)k));
	}
	assert_non_null(pull_reason_text((enum pull_reason)-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_host_message_survives_a_round_trip),
		cmocka_unit_test(every_guest_message_survives_a_round_trip),
		cmocka_unit_test(the_largest_messages_fit_into_a_frame),
		cmocka_unit_test(
			each_limit_of_a_host_message_holds_on_both_sides),
		cmocka_unit_test(
			each_limit_of_a_guest_message_holds_on_both_sides),
		cmocka_unit_test(
			ranges_stay_within_their_number_and_any_window),
		cmocka_unit_test(
			results_stay_within_their_limits_packed_or_not),
		cmocka_unit_test(a_state_has_just_as_many_bits_as_it_says),
		cmocka_unit_test(bit_i_of_a_state_is_granule_i),
		cmocka_unit_test(
	texts_are_short_printable_ascii_and_a_boot_id_has_16_octets),
		cmocka_unit_test(
			what_this_version_does_not_know_is_ignored_or_unknown),
		cmocka_unit_test(what_a_newer_peer_says_is_understood),
		cmocka_unit_test(what_the_first_version_says_is_understood),
		cmocka_unit_test(an_empty_payload_is_an_unknown_message),
		cmocka_unit_test(of_two_bodies_the_last_counts),
		cmocka_unit_test(garbage_is_refused),
		cmocka_unit_test(a_payload_of_thousands_of_fields_is_too_large),
		cmocka_unit_test(every_reason_has_its_own_text),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
