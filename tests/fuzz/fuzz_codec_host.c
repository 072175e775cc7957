/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fuzz_codec_host.c - Any payload as a message from the host
 *
 * What decodes obeys the limits, so it can be encoded, and then decodes to
 * the same. What does not decode leaves the result untouched and says why.
 */
#include <string.h>

#include "codec.h"
#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct host_msg *msg)
{
	static uint8_t buf[FRAME_PAYLOAD_MAX];
	static struct host_msg again;
	const char *why;
	size_t len;

	len = codec_encode_host(msg, buf);
	ASSERT(len >= 1 && len <= FRAME_PAYLOAD_MAX);
	ASSERT(!codec_decode_host(buf, len, &again, &why));
	ASSERT(!memcmp(msg, &again, sizeof(again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct host_msg msg, before;
	const char *why = NULL;

	if (size > FRAME_PAYLOAD_MAX)
		return 0;
	memset(&before, 0xa5, sizeof(before));
	memset(&msg, 0xa5, sizeof(msg));
	if (!codec_decode_host(data, size, &msg, &why)) {
		if (msg.type != HOST_MSG_UNKNOWN)
			check_round_trip(&msg);
		return 0;
	}
	ASSERT(why);
	ASSERT(!memcmp(&msg, &before, sizeof(msg)));
	return 0;
}
