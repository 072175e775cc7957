/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_text.c - Texts of control.proto, to and from the wire
 */
#include "control_text.h"

#include <string.h>

#include "frame.h"
#include "pb_arena.h"

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

const char *control_take_text(char *text, size_t size,
			      const char *untrusted_text)
{
	size_t len = pb_arena_text_len(untrusted_text);

	if (len >= size)
		return "a text too long";
	for (size_t i = 0; i < len; i++)
		if (is_control(untrusted_text[i]))
			return "a text with control characters";
	memcpy(text, untrusted_text, len + 1);
	return NULL;
}

/* Is @text cut off within a UTF-8 character at @len? */
static bool is_continuation(const char *text, size_t len)
{
	return ((unsigned char)text[len] & 0xc0) == 0x80;
}

void control_show_text(char *text, size_t size, const char *untrusted_text)
{
	size_t full = pb_arena_text_len(untrusted_text);
	size_t len = MIN(full, size - 1);

	while (len < full && len > 0 && is_continuation(untrusted_text, len))
		len--;
	for (size_t i = 0; i < len; i++)
		text[i] = is_control(untrusted_text[i]) ? '?' :
							  untrusted_text[i];
	text[len] = '\0';
}

char *control_our_text(const char *text, size_t size)
{
	ASSERT(strnlen(text, size) < size);
	return (char *)text;
}

size_t control_pack(const ProtobufCMessage *pb, uint8_t *buf)
{
	ASSERT(protobuf_c_message_get_packed_size(pb) <= FRAME_PAYLOAD_MAX);
	return protobuf_c_message_pack(pb, buf);
}
