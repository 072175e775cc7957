/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_codec.h - control.proto messages as plain structs, range-checked
 *
 * The only module that sees protobuf objects of control.proto.
 */
#ifndef MEMTIDE_CONTROL_CODEC_H
#define MEMTIDE_CONTROL_CODEC_H

#include "base.h"

#define CONTROL_SOCKET_DEFAULT	"/run/memtide/control.sock"
#define CONTROL_NAME_MAX	128u	/* guest name, with the final 0 */
#define CONTROL_UUID_MAX	37u
#define CONTROL_WORD_MAX	64u
#define CONTROL_TEXT_MAX	512u
#define CONTROL_REASON_MAX	640u
#define CONTROL_LAST_MAX	128u	/* events of before */

enum control_status {
	CONTROL_STATUS_OK,
	CONTROL_STATUS_PARTLY,
	CONTROL_STATUS_REFUSED,
	CONTROL_STATUS_NO_GUEST,
	CONTROL_STATUS_BAD_REQUEST,
	CONTROL_NUM_STATUSES,
};

enum selector_by { SELECT_DOMID, SELECT_UUID, SELECT_NAME };

struct guest_selector {
	enum selector_by by;
	uint32_t domid;
	char text[CONTROL_NAME_MAX];	/* uuid in lower case, or name */
};

enum control_set_mode { CONTROL_SET_TO, CONTROL_SET_ADD, CONTROL_SET_SUBTRACT };

enum control_request_type {
	CONTROL_LIST,
	CONTROL_SHOW,
	CONTROL_SET,
	CONTROL_AUDIT,
	CONTROL_VERSION,
	CONTROL_READMIT,
	CONTROL_LIMITS,
	CONTROL_AUTO,
	CONTROL_BALANCE,
	CONTROL_EXPLAIN,
	CONTROL_RESERVE,
	CONTROL_WATCH,
	CONTROL_NUM_REQUESTS,
};

/* The settings of a guest, in the order of settings.h */
enum control_setting {
	CONTROL_SETTING_AUTO,
	CONTROL_SETTING_MIN,
	CONTROL_SETTING_MAX,
	CONTROL_SETTING_WEIGHT,
	CONTROL_SETTING_HEADROOM,
	CONTROL_NUM_SETTINGS,
};

enum control_change_what { CONTROL_KEEP, CONTROL_CHANGE, CONTROL_DEFAULT };

struct control_change {
	enum control_change_what what;
	uint64_t value;			/* with CONTROL_CHANGE; sizes in bytes */
};

struct control_request {
	enum control_request_type type;
	struct guest_selector guest;	/* all but LIST .. VERSION, BALANCE,
					 * RESERVE and WATCH */
	enum control_set_mode set_mode;	/* SET */
	uint64_t size_bytes;		/* SET, RESERVE */
	bool wait;			/* SET */
	uint32_t timeout_s;		/* SET, RESERVE; 0..86400 */
	struct control_change changes[CONTROL_NUM_SETTINGS];	/* LIMITS, AUTO */
	bool dry_run;			/* BALANCE */
	char reserve_for[CONTROL_NAME_MAX];	/* RESERVE; may be empty */
	uint32_t last;			/* WATCH; 0..CONTROL_LAST_MAX */
	bool sizes;			/* WATCH */
};

/* The fields and units are those of control.proto. */
struct control_guest {
	uint32_t domid;
	char uuid[CONTROL_UUID_MAX];
	char name[CONTROL_NAME_MAX];
	char state[CONTROL_WORD_MAX];
	char why[CONTROL_TEXT_MAX];
	uint64_t boot_kib, held_kib, online_kib, target_kib, window_kib;
	uint64_t xen_kib, guest_total_kib, guest_available_kib;
	char agent[CONTROL_WORD_MAX];
	char kernel[CONTROL_WORD_MAX];
	char mode[CONTROL_WORD_MAX];
	bool automatic;
	uint64_t min_kib, max_kib, headroom_kib;
	uint32_t weight;
	char live[CONTROL_WORD_MAX];
	char demand[CONTROL_WORD_MAX];
	uint32_t stall_permille;
};

struct control_host {
	uint64_t total_kib, free_kib, promised_kib, reserve_kib;
	uint32_t guests;
	uint64_t reserved_kib;
};

struct control_progress {
	uint64_t held_kib, online_kib, target_kib;
	char state[CONTROL_WORD_MAX];
};

struct control_set_result {
	uint64_t asked_kib, target_kib, held_kib;
	bool settled;
};

struct control_finding {
	uint32_t domid;
	char name[CONTROL_NAME_MAX];
	char text[CONTROL_TEXT_MAX];
};

struct control_audit {
	uint32_t guests;
	uint64_t granules;
};

struct control_balance_row {
	uint32_t domid;
	char name[CONTROL_NAME_MAX];
	uint64_t held_kib, target_kib, then_kib;
	char why[CONTROL_REASON_MAX];
};

struct control_balance {
	uint32_t guests, changes;
	uint64_t free_kib, burst_kib, wanted_kib;
};

struct control_explain {
	bool now;
	uint64_t ago_ms;
	char text[CONTROL_REASON_MAX];
};

struct control_reserve {
	uint64_t size_kib, held_kib, taken_kib;
};

struct control_event {
	uint64_t nr, at_ms;
	char kind[CONTROL_WORD_MAX];
	uint32_t domid;
	char uuid[CONTROL_UUID_MAX];
	char name[CONTROL_NAME_MAX];
	char text[CONTROL_REASON_MAX];
};

struct control_version {
	char version[CONTROL_WORD_MAX];
	char backend[CONTROL_WORD_MAX];
	uint32_t protocol_major, protocol_minor;
};

enum control_body {
	CONTROL_BODY_NONE,
	CONTROL_BODY_GUEST,
	CONTROL_BODY_HOST,
	CONTROL_BODY_PROGRESS,
	CONTROL_BODY_SET,
	CONTROL_BODY_FINDING,
	CONTROL_BODY_AUDIT,
	CONTROL_BODY_VERSION,
	CONTROL_BODY_BALANCE_ROW,
	CONTROL_BODY_BALANCE,
	CONTROL_BODY_EXPLAIN,
	CONTROL_BODY_RESERVE,
	CONTROL_BODY_EVENT,
};

struct control_reply {
	bool end;
	enum control_status status;
	char text[CONTROL_TEXT_MAX];
	enum control_body body;
	union {
		struct control_guest guest;
		struct control_host host;
		struct control_progress progress;
		struct control_set_result set;
		struct control_finding finding;
		struct control_audit audit;
		struct control_version version;
		struct control_balance_row balance_row;
		struct control_balance balance;
		struct control_explain explain;
		struct control_reserve reserve;
		struct control_event event;
	};
};

/**
 * control_encode_request(), control_encode_reply() - Message to payload
 * @buf:	at least FRAME_PAYLOAD_MAX bytes
 *
 * Return: the payload's length in bytes
 */
size_t control_encode_request(const struct control_request *req, uint8_t *buf);
size_t control_encode_reply(const struct control_reply *reply, uint8_t *buf);

/**
 * control_decode_request(), control_decode_reply() - Payload to message
 * @ret:	untouched on failure
 * @ret_why:	on failure a constant string naming what was wrong
 *
 * Strings hold no control characters: they are an error in a request and
 * become '?' in a reply. A uuid is 36 characters of hex and dashes in the usual
 * form. Text too long for its field is an error in a request and cut in a
 * reply.
 *
 * Return: 0 or -EPROTO
 */
int control_decode_request(const uint8_t *buf, size_t len,
			   struct control_request *ret, const char **ret_why);
int control_decode_reply(const uint8_t *buf, size_t len,
			 struct control_reply *ret, const char **ret_why);

#endif
