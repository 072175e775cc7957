/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * frame.c - Messages cut out of a byte stream
 */
#include "frame.h"

#include <errno.h>

static bool payload_len_ok(size_t len)
{
	return len >= 1 && len <= FRAME_PAYLOAD_MAX;
}

void frame_put_header(uint8_t *buf, size_t len)
{
	ASSERT(payload_len_ok(len));
	for (unsigned int i = 0; i < FRAME_HEADER_BYTES; i++)
		buf[i] = (uint8_t)(len >> (8 * i));
}

int frame_peek(const uint8_t *buf, size_t len, size_t *ret_len)
{
	uint32_t untrusted_len = 0;

	if (len < FRAME_HEADER_BYTES)
		return 0;
	for (unsigned int i = 0; i < FRAME_HEADER_BYTES; i++)
		untrusted_len |= (uint32_t)buf[i] << (8 * i);
	/* Refused before the payload arrives: it would never be whole. */
	if (!payload_len_ok(untrusted_len))
		return -EPROTO;
	if (len - FRAME_HEADER_BYTES < untrusted_len)
		return 0;
	*ret_len = untrusted_len;
	return 1;
}
