/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_text.h - Texts of control.proto, to and from the wire
 *
 * Private to the codec of requests and the codec of replies.
 */
#ifndef MEMTIDE_CONTROL_TEXT_H
#define MEMTIDE_CONTROL_TEXT_H

#include <protobuf-c/protobuf-c.h>

#include "base.h"

/**
 * control_take_text() - Of a request: all of it, or the reason why not
 * @untrusted_text: as pb_arena.h decodes it
 *
 * Return: NULL, or a constant string
 */
const char *control_take_text(char *text, size_t size,
			      const char *untrusted_text);

/** control_show_text() - Of a reply: what there is room for, without control
 * characters */
void control_show_text(char *text, size_t size, const char *untrusted_text);

#define SHOW_TEXT(to, from)	control_show_text((to), sizeof(to), (from))

/** control_our_text() - What we encode: it ends within its field */
char *control_our_text(const char *text, size_t size);

#define OUR_TEXT(field)		control_our_text((field), sizeof(field))

/** control_pack() - Encode into FRAME_PAYLOAD_MAX bytes; Return: how many */
size_t control_pack(const ProtobufCMessage *pb, uint8_t *buf);

#endif
