/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fuzz_control.c - Any payload as a request to, and a reply from, memtided
 *
 * The same promises as for fuzz_codec_host.c, and what is shown to an operator
 * holds no control character.
 */
#include <string.h>

#include "control_codec.h"
#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t buf[FRAME_PAYLOAD_MAX];

static void check_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	ASSERT(len < size);
	for (size_t i = 0; i < len; i++)
		ASSERT((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
}

static void fuzz_request(const uint8_t *data, size_t size)
{
	struct control_request req, again;
	const char *why = NULL;
	size_t len;

	if (control_decode_request(data, size, &req, &why)) {
		ASSERT(why);
		return;
	}
	check_text(req.guest.text, sizeof(req.guest.text));
	check_text(req.reserve_for, sizeof(req.reserve_for));
	len = control_encode_request(&req, buf);
	ASSERT(len >= 1 && len <= FRAME_PAYLOAD_MAX);
	ASSERT(!control_decode_request(buf, len, &again, &why));
	ASSERT(!memcmp(&req, &again, sizeof(req)));
}

static void fuzz_reply(const uint8_t *data, size_t size)
{
	static struct control_reply reply, again;
	const char *why = NULL;
	size_t len;

	if (control_decode_reply(data, size, &reply, &why)) {
		ASSERT(why);
		return;
	}
	check_text(reply.text, sizeof(reply.text));
	if (reply.body == CONTROL_BODY_GUEST) {
		check_text(reply.guest.name, sizeof(reply.guest.name));
		check_text(reply.guest.kernel, sizeof(reply.guest.kernel));
	}
	if (reply.body == CONTROL_BODY_EVENT) {
		check_text(reply.event.name, sizeof(reply.event.name));
		check_text(reply.event.text, sizeof(reply.event.text));
	}
	len = control_encode_reply(&reply, buf);
	ASSERT(len <= FRAME_PAYLOAD_MAX);
	ASSERT(!control_decode_reply(buf, len, &again, &why));
	ASSERT(!memcmp(&reply, &again, sizeof(reply)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > FRAME_PAYLOAD_MAX)
		return 0;
	fuzz_request(data, size);
	fuzz_reply(data, size);
	return 0;
}
