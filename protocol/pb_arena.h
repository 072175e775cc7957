/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pb_arena.h - Where protobuf-c puts what it decodes
 *
 * Private to the codecs. Decoding takes memory from a fixed arena and never
 * gives any back; the next decode starts it afresh. A message that does not
 * fit is refused, so a peer can cost us neither heap nor more time than one
 * frame's worth. Each block remembers its size: this is how a text with a
 * zero octet inside is told from one that ends there.
 */
#ifndef MEMTIDE_PB_ARENA_H
#define MEMTIDE_PB_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdalign.h>
#include <string.h>

#include "base.h"

#define PB_ARENA_BYTES	65536u
#define PB_ARENA_ALIGN	alignof(max_align_t)

/**
 * struct pb_arena - memory for one decoded message
 * @allocator:	to be handed to protobuf-c
 * @used:	bytes of @mem taken, a multiple of PB_ARENA_ALIGN
 * @full:	something did not fit since the last reset
 */
struct pb_arena {
	ProtobufCAllocator allocator;
	size_t used;
	bool full;
	alignas(max_align_t) uint8_t mem[PB_ARENA_BYTES];
};

/* Before each block: its size in bytes, padded to keep the alignment. */
union pb_arena_head {
	size_t size;
	max_align_t align;
};

static inline void *pb_arena_alloc(void *data, size_t size)
{
	struct pb_arena *a = data;
	union pb_arena_head *head;
	size_t room = PB_ARENA_BYTES - a->used;

	if (room < sizeof(*head) || size > room - sizeof(*head)) {
		a->full = true;
		return NULL;
	}
	head = (void *)(a->mem + a->used);
	head->size = size;
	size = (size + PB_ARENA_ALIGN - 1) / PB_ARENA_ALIGN * PB_ARENA_ALIGN;
	a->used += sizeof(*head) + size;
	return head + 1;
}

static inline void pb_arena_free(void *data, void *ptr)
{
	(void)data;
	(void)ptr;
}

static inline void *pb_arena_unpack(struct pb_arena *a,
				    const ProtobufCMessageDescriptor *type,
				    const uint8_t *buf, size_t len,
				    const char **ret_why)
{
	void *msg;

	a->allocator.alloc = pb_arena_alloc;
	a->allocator.free = pb_arena_free;
	a->allocator.allocator_data = a;
	a->used = 0;
	a->full = false;
	msg = protobuf_c_message_unpack(type, &a->allocator, len, buf);
	if (!msg)
		*ret_why = a->full ? "too large" : "not a message";
	return msg;
}

/* Length of a decoded string, zero octets inside included. */
static inline size_t pb_arena_text_len(const char *untrusted_text)
{
	const union pb_arena_head *head = (const void *)untrusted_text;

	/* protobuf-c's shared empty string is not in the arena. */
	return untrusted_text[0] == '\0' &&
	       untrusted_text == (const char *)protobuf_c_empty_string ?
	       0 : head[-1].size - 1;
}

#endif
