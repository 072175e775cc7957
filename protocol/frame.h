/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * frame.h - Messages cut out of a byte stream
 *
 * A frame is its payload's length as four octets, least significant first,
 * and then the payload, 1 to FRAME_PAYLOAD_MAX octets. A length outside that
 * range ends the connection: there is no way to find the next frame.
 */
#ifndef MEMTIDE_FRAME_H
#define MEMTIDE_FRAME_H

#include "base.h"

#define FRAME_HEADER_BYTES	4u
#define FRAME_PAYLOAD_MAX	16384u
#define FRAME_MAX		(FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX)

/**
 * frame_put_header() - Write the header for a payload
 * @buf:	FRAME_HEADER_BYTES bytes
 * @len:	payload's length, 1..FRAME_PAYLOAD_MAX bytes (ASSERTed)
 */
void frame_put_header(uint8_t *buf, size_t len);

/**
 * frame_peek() - Is there a whole frame at the start of a buffer?
 * @buf:	@len bytes as received
 * @ret_len:	payload's length in bytes; the payload is at
 *		@buf + FRAME_HEADER_BYTES; set with return value 1 only
 *
 * Return: 1 if there is a whole frame, 0 if more bytes are needed, -EPROTO if
 *         the length is out of range
 */
int frame_peek(const uint8_t *buf, size_t len, size_t *ret_len);

#endif
