/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * wire.h - protobuf payloads by hand, for tests of decoders
 *
 * Says also what our encoders refuse to say. Source: the protobuf encoding
 * guide; a key is the field's number << 3 and the wire type.
 */
#ifndef MEMTIDE_TEST_WIRE_H
#define MEMTIDE_TEST_WIRE_H

#include <string.h>

#include "base.h"

#define WIRE_VARINT	0u
#define WIRE_BYTES	2u
#define WIRE_MAX	65536u

struct wire {
	size_t len;
	uint8_t buf[WIRE_MAX];
};

static inline void wire_varint(struct wire *w, uint64_t value)
{
	ASSERT(w->len + 10 <= WIRE_MAX);
	for (; value >= 0x80; value >>= 7)
		w->buf[w->len++] = (uint8_t)(value | 0x80);
	w->buf[w->len++] = (uint8_t)value;
}

static inline void wire_number(struct wire *w, uint32_t field, uint64_t value)
{
	wire_varint(w, field << 3 | WIRE_VARINT);
	wire_varint(w, value);
}

static inline void wire_bytes(struct wire *w, uint32_t field, const void *data,
			      size_t len)
{
	wire_varint(w, field << 3 | WIRE_BYTES);
	wire_varint(w, len);
	ASSERT(w->len + len <= WIRE_MAX);
	if (len)
		memcpy(w->buf + w->len, data, len);
	w->len += len;
}

static inline void wire_text(struct wire *w, uint32_t field, const char *text)
{
	wire_bytes(w, field, text, strlen(text));
}

static inline void wire_message(struct wire *w, uint32_t field,
				const struct wire *body)
{
	wire_bytes(w, field, body->buf, body->len);
}

#endif
