/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * codec.h - memtide.proto messages as plain structs, range-checked
 *
 * The only module that sees protobuf objects of memtide.proto. A struct that a
 * decoder returned obeys every limit stated below; whatever does not is
 * refused as a whole. Neither direction allocates from the heap: decoding
 * works in a fixed arena (I6).
 */
#ifndef MEMTIDE_CODEC_H
#define MEMTIDE_CODEC_H

#include "base.h"

#define PROTO_MAJOR		1u
#define PROTO_MINOR		1u
#define PROTO_RANGES_MAX	64u
#define PROTO_STATE_GRANULES	32768u	/* largest nr of a StateRequest */
#define PROTO_TEXT_MAX		64u	/* with the final 0 */
#define PROTO_BOOT_ID_BYTES	16u
#define PROTO_DEADLINE_MS_MAX	600000u
#define PROTO_WINDOW_MS_MIN	500u	/* of a stall: what Linux takes */
#define PROTO_WINDOW_MS_MAX	10000u
#define PROTO_CALM_S_MAX	3600u
#define PROTO_SIZE_KIB_MAX	(1ull << 54)	/* all that 52 bits of gfn reach */
#define PROTO_COUNT_MAX		(1ull << 56)	/* 2,283 years in us */

enum pull_reason {
	PULL_REASON_DONE,
	PULL_REASON_FLOOR,
	PULL_REASON_BUSY,
	PULL_REASON_NO_ROOM,
	PULL_REASON_DEADLINE,
	PULL_REASON_CANCELLED,
	PULL_REASON_NOTHING,
	PULL_REASON_FAULT,
	PULL_NUM_REASONS,
};

/**
 * pull_reason_text() - A phrase an operator understands, e.g. "pages that
 * cannot be moved"; never NULL
 */
const char *pull_reason_text(enum pull_reason reason);

/* Welcome: the host clears what a guest gives up before another has it. */
#define PROTO_HOST_CLEARS	(UINT64_C(1) << 0)

/* The fields and units are those of memtide.proto. */
struct msg_hello {
	uint32_t major, minor;
	uint64_t capabilities;
	uint32_t block_granules;	/* power of two, 1..BLOCK_GRANULES_MAX */
	uint32_t memmap_granules;	/* 0..block_granules - 1 */
	uint64_t window_gfn;		/* >= 4 GiB, block aligned, no wrap */
	uint32_t window_granules;	/* whole blocks, 64..WINDOW_GRANULES_MAX,
					 * a multiple of 64 */
	uint8_t boot_id[PROTO_BOOT_ID_BYTES];
	char agent_version[PROTO_TEXT_MAX];	/* printable ASCII */
	char kernel_release[PROTO_TEXT_MAX];
};

struct msg_welcome {
	uint32_t major, minor;
	uint64_t capabilities;
	uint32_t report_interval_ms;	/* 1..3600000 */
	uint32_t keepalive_s;		/* 1..86400 */
	uint32_t stall_us;		/* 0, or at most the window */
	uint32_t stall_window_ms;	/* 0 if @stall_us is, else
					 * PROTO_WINDOW_MS_MIN..MAX */
	uint32_t calm_s;		/* 0..PROTO_CALM_S_MAX */
};

struct msg_online_request {
	uint32_t id;
	uint32_t nr_ranges;		/* 1..PROTO_RANGES_MAX */
	struct granules ranges[PROTO_RANGES_MAX]; /* nr 1..BLOCK_GRANULES_MAX */
};

struct msg_online_reply {
	uint32_t id;
	uint32_t nr_done;		/* 1..PROTO_RANGES_MAX */
	uint32_t done[PROTO_RANGES_MAX];	/* 0..BLOCK_GRANULES_MAX */
	uint32_t error;			/* 0..4095 */
};

struct msg_pull_request {
	uint32_t id;
	uint32_t nr;			/* 1..WINDOW_GRANULES_MAX */
	uint32_t deadline_ms;		/* 1..PROTO_DEADLINE_MS_MAX */
};

struct msg_pull_cancel {
	uint32_t id;
};

struct msg_pull_progress {
	uint32_t id;
	uint32_t nr_ranges;		/* 0..PROTO_RANGES_MAX */
	struct granules ranges[PROTO_RANGES_MAX]; /* within the largest window */
	bool last;
	enum pull_reason reason;	/* PULL_REASON_DONE unless @last */
};

struct msg_state_request {
	uint32_t id;
	uint32_t first;			/* multiple of 64 */
	uint32_t nr;			/* multiple of 64, 64..PROTO_STATE_GRANULES */
};

struct msg_state_reply {
	uint32_t id;
	uint32_t first;
	uint32_t nr;
	uint64_t in_use[PROTO_STATE_GRANULES / 64];	/* nr / 64 words */
};

/* No sum of two of these numbers, and no product of one with 128, overflows.
 * A count may be less than in the report before: only its boot begins it anew,
 * but a guest may say anything. */
struct msg_report {
	uint64_t mem_total_kib;		/* <= PROTO_SIZE_KIB_MAX */
	uint64_t mem_free_kib;		/* <= mem_total_kib */
	uint64_t mem_available_kib;	/* <= mem_total_kib */
	uint64_t swap_total_kib;	/* <= PROTO_SIZE_KIB_MAX */
	uint64_t swap_free_kib;		/* <= swap_total_kib */
	uint64_t time_us;		/* <= PROTO_COUNT_MAX */
	uint64_t stall_some_us;		/* likewise; 0 unless @has_pressure */
	uint64_t stall_full_us;		/* <= stall_some_us */
	uint64_t refault_pages;		/* <= PROTO_COUNT_MAX */
	uint64_t swap_in_pages;		/* <= PROTO_COUNT_MAX */
	bool has_pressure;
	bool stalled;			/* false unless @has_pressure */
	bool starving;
};

struct msg_unsupported {
	uint32_t id;
};

enum host_msg_type {
	HOST_MSG_UNKNOWN,	/* decoded: a body this version does not know */
	HOST_MSG_WELCOME,
	HOST_MSG_ONLINE_REQUEST,
	HOST_MSG_PULL_REQUEST,
	HOST_MSG_PULL_CANCEL,
	HOST_MSG_STATE_REQUEST,
};

struct host_msg {
	enum host_msg_type type;
	union {
		struct msg_welcome welcome;
		struct msg_online_request online_request;
		struct msg_pull_request pull_request;
		struct msg_pull_cancel pull_cancel;
		struct msg_state_request state_request;
	};
};

enum guest_msg_type {
	GUEST_MSG_UNKNOWN,
	GUEST_MSG_HELLO,
	GUEST_MSG_ONLINE_REPLY,
	GUEST_MSG_PULL_PROGRESS,
	GUEST_MSG_STATE_REPLY,
	GUEST_MSG_REPORT,
	GUEST_MSG_UNSUPPORTED,
};

struct guest_msg {
	enum guest_msg_type type;
	union {
		struct msg_hello hello;
		struct msg_online_reply online_reply;
		struct msg_pull_progress pull_progress;
		struct msg_state_reply state_reply;
		struct msg_report report;
		struct msg_unsupported unsupported;
	};
};

/**
 * codec_encode_host(), codec_encode_guest() - Message to payload of one frame
 * @msg:	obeys the limits above (ASSERTed: it is ours)
 * @buf:	at least FRAME_PAYLOAD_MAX bytes; no message is larger
 *
 * Return: the payload's length in bytes
 */
size_t codec_encode_host(const struct host_msg *msg, uint8_t *buf);
size_t codec_encode_guest(const struct guest_msg *msg, uint8_t *buf);

/**
 * codec_decode_host(), codec_decode_guest() - Payload of one frame to message
 * @buf:	@len bytes from an untrusted peer
 * @ret:	the message; untouched on failure
 * @ret_why:	on failure a constant string naming what was wrong
 *
 * Return: 0, or -EPROTO if the payload breaks the format or a limit
 */
int codec_decode_host(const uint8_t *buf, size_t len, struct host_msg *ret,
		      const char **ret_why);
int codec_decode_guest(const uint8_t *buf, size_t len, struct guest_msg *ret,
		       const char **ret_why);

#endif
