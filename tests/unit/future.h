/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * future.h - A message as a peer of another minor version would say it
 *
 * Of the next one: the same message with fields that this version does not
 * know, in all of its parts, and with that version where one is told. Of the
 * first one: without what came later.
 */
#ifndef MEMTIDE_TEST_FUTURE_H
#define MEMTIDE_TEST_FUTURE_H

#include "wire.h"

#define FUTURE_MESSAGE	99u	/* a message that this version does not know */

enum future_side { FUTURE_HOST, FUTURE_GUEST };

/* Fields of HostMessage and GuestMessage, as in memtide.proto */
#define FUTURE_GREETING	1u	/* Welcome, Hello */
#define FUTURE_MINOR	2u	/* in both of them */
#define FUTURE_CAPS	3u
#define FUTURE_RANGES	2u	/* in OnlineRequest, PullProgress */

static inline uint64_t future_varint(const uint8_t **at, const uint8_t *end)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; ; shift += 7) {
		ASSERT(*at < end && shift < 64);
		value |= (uint64_t)(**at & 0x7f) << shift;
		if (!(*(*at)++ & 0x80))
			return value;
	}
}

static inline void future_unknown(struct wire *w)
{
	wire_number(w, 1000, UINT64_MAX);
	wire_text(w, 1001, "from the future");
}

static inline bool future_has_ranges(enum future_side side, uint32_t body)
{
	return body == (side == FUTURE_HOST ? 2u : 3u);
}

/* What is in a message: fields of numbers and of octets only. */
static inline void future_body(struct wire *w, const uint8_t *at, size_t len,
			       bool has_ranges)
{
	static struct wire range;
	const uint8_t *end = at + len;

	while (at < end) {
		uint64_t key = future_varint(&at, end), value;
		uint32_t field = (uint32_t)(key >> 3);

		value = future_varint(&at, end);
		if ((key & 7) == WIRE_VARINT) {
			wire_number(w, field, value);
			continue;
		}
		ASSERT((key & 7) == WIRE_BYTES);
		ASSERT(value <= (size_t)(end - at));
		range.len = 0;
		memcpy(range.buf, at, value);
		range.len = value;
		if (has_ranges && field == FUTURE_RANGES)
			future_unknown(&range);
		wire_bytes(w, field, range.buf, range.len);
		at += value;
	}
	future_unknown(w);
}

/**
 * future_message() - The payload @buf, of a known message, to come
 * @minor:	the version that a greeting tells
 */
static inline void future_message(struct wire *ret, enum future_side side,
				  const uint8_t *buf, size_t len,
				  uint32_t minor)
{
	const uint8_t *at = buf, *end = buf + len;
	static struct wire body;
	uint32_t field;
	uint64_t inner;

	field = (uint32_t)(future_varint(&at, end) >> 3);
	inner = future_varint(&at, end);
	ASSERT(inner == (size_t)(end - at));
	body.len = 0;
	future_body(&body, at, inner, future_has_ranges(side, field));
	/* Of a number that is there twice the last counts. */
	if (field == FUTURE_GREETING) {
		wire_number(&body, FUTURE_MINOR, minor);
		wire_number(&body, FUTURE_CAPS, UINT64_MAX);
	}
	ret->len = 0;
	wire_message(ret, field, &body);
	future_unknown(ret);
}

/* Version 0 of a Welcome or a Report ends before this field. */
#define PAST_FIELDS	6u
#define PAST_REPORT	5u	/* in GuestMessage */

/** past_message() - The payload @buf, as version 0 had it */
static inline void past_message(struct wire *ret, enum future_side side,
				const uint8_t *buf, size_t len)
{
	const uint8_t *at = buf, *end = buf + len;
	static struct wire body;
	uint32_t message = (uint32_t)(future_varint(&at, end) >> 3);
	bool cut = message == (side == FUTURE_HOST ? FUTURE_GREETING :
						     PAST_REPORT);

	(void)future_varint(&at, end);
	body.len = 0;
	while (at < end) {
		uint64_t key = future_varint(&at, end);
		uint64_t value = future_varint(&at, end);
		uint32_t field = (uint32_t)(key >> 3);

		if ((key & 7) == WIRE_BYTES) {
			wire_bytes(&body, field, at, value);
			at += value;
		} else if (!cut || field < PAST_FIELDS) {
			wire_number(&body, field, value);
		}
	}
	if (message == FUTURE_GREETING)
		wire_number(&body, FUTURE_MINOR, 0);
	ret->len = 0;
	wire_message(ret, message, &body);
}

/** future_unheard() - A payload with a message that this version never heard */
static inline void future_unheard(struct wire *ret)
{
	static struct wire body;

	body.len = ret->len = 0;
	wire_number(&body, 1, 42);
	future_unknown(&body);
	wire_message(ret, FUTURE_MESSAGE, &body);
}

#endif
