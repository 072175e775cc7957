/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_frame.c - What frame.h promises
 */
#include "frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cases.h"

#define HEADER(len) { (len) & 0xff, (len) >> 8 & 0xff, (len) >> 16 & 0xff, \
		      (len) >> 24 & 0xff }

static const struct peek_case {
	const char *what;
	uint8_t header[FRAME_HEADER_BYTES];
	size_t len;
	int rc;
	size_t payload;
} peek_cases[] = {
	{ "nothing", HEADER(0u), 0, 0, 0 },
	{ "three octets of a header", HEADER(1u), 3, 0, 0 },
	{ "a bad header not yet whole", HEADER(0u), 3, 0, 0 },
	{ "a header alone", HEADER(1u), 4, 0, 0 },
	{ "the shortest frame", HEADER(1u), 5, 1, 1 },
	{ "a frame and more", HEADER(1u), 6, 1, 1 },
	{ "one octet short", HEADER(0x102u), 4 + 0x101, 0, 0 },
	{ "octets in the order of the header", HEADER(0x102u), 4 + 0x102, 1,
	  0x102 },
	{ "the longest frame less one octet", HEADER(FRAME_PAYLOAD_MAX),
	  FRAME_MAX - 1, 0, 0 },
	{ "the longest frame", HEADER(FRAME_PAYLOAD_MAX), FRAME_MAX, 1,
	  FRAME_PAYLOAD_MAX },
	{ "an empty payload", HEADER(0u), 4, -EPROTO, 0 },
	{ "one octet too long", HEADER(FRAME_PAYLOAD_MAX + 1u), 4, -EPROTO, 0 },
	{ "the sign bit", HEADER(0x80000001u), 4, -EPROTO, 0 },
	{ "the largest number", HEADER(0xffffffffu), FRAME_MAX, -EPROTO, 0 },
};

static void peek_finds_whole_frames_and_refuses_bad_lengths(void **state)
{
	static uint8_t buf[FRAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(peek_cases); i++) {
		const struct peek_case *c = &peek_cases[i];
		size_t payload = 0;

		case_is("%s", c->what);
		memcpy(buf, c->header, sizeof(c->header));
		case_int_equal(frame_peek(buf, c->len, &payload), c->rc);
		case_int_equal(payload, c->payload);
	}
}

static void peek_reads_what_put_header_wrote(void **state)
{
	static const size_t lens[] = { 1, 2, 255, 256, 257, 4096, 16383,
				       FRAME_PAYLOAD_MAX };
	static uint8_t buf[FRAME_MAX];
	size_t payload;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		frame_put_header(buf, lens[i]);
		assert_int_equal(frame_peek(buf, FRAME_MAX, &payload), 1);
		assert_int_equal(payload, lens[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			peek_finds_whole_frames_and_refuses_bad_lengths),
		cmocka_unit_test(peek_reads_what_put_header_wrote),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
