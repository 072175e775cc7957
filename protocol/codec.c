/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * codec.c - memtide.proto messages as plain structs, range-checked
 *
 * Theory of operation
 *
 * Each message has one check: the limits of codec.h as code, which returns
 * NULL or the name of what is wrong. Encoding asserts it on what we say
 * ourselves; decoding copies from the protobuf object into a local struct,
 * runs the same check, and only then hands the struct out. What must hold for
 * the copy itself (array lengths) is checked before it.
 */
#include "codec.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "frame.h"
#include "memtide.pb-c.h"
#include "pb_arena.h"

#define FIRST_WINDOW_GFN	0x100000u	/* 4 GiB */
#define GFN_LIMIT		(1ull << 52)	/* 16 EiB: end of 64-bit gpa */
#define BITMAP_WORD		64u		/* granules in a word */
#define ERRNO_MAX		4095u		/* MAX_ERRNO of Linux */
#define REPORT_INTERVAL_MS_MAX	3600000u
#define KEEPALIVE_S_MAX		86400u

static const char *const pull_reason_texts[] = {
	[PULL_REASON_DONE] = "all that was asked",
	[PULL_REASON_FLOOR] = "the guest needs what it has left",
	[PULL_REASON_BUSY] = "pages that cannot be moved",
	[PULL_REASON_NO_ROOM] = "no room in the guest to move pages to",
	[PULL_REASON_DEADLINE] = "the guest ran out of time",
	[PULL_REASON_CANCELLED] = "cancelled",
	[PULL_REASON_NOTHING] = "the guest uses nothing that was given to it",
	[PULL_REASON_FAULT] = "the guest's driver failed",
};

static_assert(ARRAY_SIZE(pull_reason_texts) == PULL_NUM_REASONS,
	      "a text for each reason");

#define SAME_REASON(name)						\
	static_assert((int)PULL_REASON_##name ==			\
		      (int)MEMTIDE__PULL_REASON__PULL_##name,		\
		      "the wire's numbers are ours")
SAME_REASON(DONE);
SAME_REASON(FLOOR);
SAME_REASON(BUSY);
SAME_REASON(NO_ROOM);
SAME_REASON(DEADLINE);
SAME_REASON(CANCELLED);
SAME_REASON(NOTHING);
SAME_REASON(FAULT);
static_assert((int)PULL_NUM_REASONS ==
	      (int)MEMTIDE__PULL_REASON__PULL_FAULT + 1,
	      "no reason of the wire is missing here");

static struct pb_arena arena;

const char *pull_reason_text(enum pull_reason reason)
{
	if ((unsigned int)reason >= PULL_NUM_REASONS)
		return "unknown reason";
	return pull_reason_texts[reason];
}

/* Limits */

static bool in_limits(uint64_t value, uint64_t min, uint64_t max)
{
	return value >= min && value <= max;
}

static const char *check_ranges(const struct granules *ranges, uint32_t nr,
				uint32_t granules_max)
{
	for (uint32_t i = 0; i < nr; i++) {
		if (!in_limits(ranges[i].nr, 1, granules_max))
			return "length of a range";
		if (ranges[i].first > WINDOW_GRANULES_MAX - ranges[i].nr)
			return "a range beyond any window";
	}
	return NULL;
}

static const char *check_state_range(uint32_t first, uint32_t nr)
{
	if (first % BITMAP_WORD || nr % BITMAP_WORD)
		return "state range not in whole words";
	if (!in_limits(nr, BITMAP_WORD, PROTO_STATE_GRANULES))
		return "length of a state range";
	if (first > WINDOW_GRANULES_MAX - nr)
		return "a state range beyond any window";
	return NULL;
}

static const char *check_text(const char *text)
{
	size_t len = strnlen(text, PROTO_TEXT_MAX);

	if (len == PROTO_TEXT_MAX)
		return "a text too long";
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return "a text that is not printable ASCII";
	return NULL;
}

static const char *check_window(const struct msg_hello *m)
{
	uint64_t pages = (uint64_t)m->window_granules * GRANULE_PAGES;

	if (!in_limits(m->window_granules, BITMAP_WORD, WINDOW_GRANULES_MAX) ||
	    m->window_granules % BITMAP_WORD ||
	    m->window_granules % m->block_granules)
		return "size of the window";
	if (m->window_gfn < FIRST_WINDOW_GFN)
		return "a window below 4 GiB";
	if (m->window_gfn % ((uint64_t)m->block_granules * GRANULE_PAGES))
		return "alignment of the window";
	if (m->window_gfn > GFN_LIMIT - pages)
		return "a window beyond the address space";
	return NULL;
}

static const char *check_hello(const struct msg_hello *m)
{
	const char *why;

	if (!in_limits(m->block_granules, 1, BLOCK_GRANULES_MAX) ||
	    m->block_granules & (m->block_granules - 1))
		return "size of a block";
	if (m->memmap_granules >= m->block_granules)
		return "memmap of a block";
	why = check_window(m);
	if (!why)
		why = check_text(m->agent_version);
	if (!why)
		why = check_text(m->kernel_release);
	return why;
}

static const char *check_stall(const struct msg_welcome *m)
{
	if (m->calm_s > PROTO_CALM_S_MAX)
		return "time until calm";
	if (!m->stall_us && !m->stall_window_ms)
		return NULL;
	if (!in_limits(m->stall_window_ms, PROTO_WINDOW_MS_MIN,
		       PROTO_WINDOW_MS_MAX))
		return "window of a stall";
	if (!in_limits(m->stall_us, 1, m->stall_window_ms * 1000ull))
		return "length of a stall";
	return NULL;
}

static const char *check_welcome(const struct msg_welcome *m)
{
	if (!in_limits(m->report_interval_ms, 1, REPORT_INTERVAL_MS_MAX))
		return "report interval";
	if (!in_limits(m->keepalive_s, 1, KEEPALIVE_S_MAX))
		return "keepalive";
	return check_stall(m);
}

static const char *check_online_request(const struct msg_online_request *m)
{
	if (!in_limits(m->nr_ranges, 1, PROTO_RANGES_MAX))
		return "number of ranges";
	return check_ranges(m->ranges, m->nr_ranges, BLOCK_GRANULES_MAX);
}

static const char *check_online_reply(const struct msg_online_reply *m)
{
	if (!in_limits(m->nr_done, 1, PROTO_RANGES_MAX))
		return "number of results";
	for (uint32_t i = 0; i < m->nr_done; i++)
		if (m->done[i] > BLOCK_GRANULES_MAX)
			return "granules done";
	return m->error > ERRNO_MAX ? "error number" : NULL;
}

static const char *check_pull_request(const struct msg_pull_request *m)
{
	if (!in_limits(m->nr, 1, WINDOW_GRANULES_MAX))
		return "granules to pull";
	if (!in_limits(m->deadline_ms, 1, PROTO_DEADLINE_MS_MAX))
		return "deadline";
	return NULL;
}

static const char *check_pull_progress(const struct msg_pull_progress *m)
{
	if (m->nr_ranges > PROTO_RANGES_MAX)
		return "number of ranges";
	if ((unsigned int)m->reason >= PULL_NUM_REASONS)
		return "unknown reason";
	if (!m->last && m->reason != PULL_REASON_DONE)
		return "a reason before the end";
	return check_ranges(m->ranges, m->nr_ranges, WINDOW_GRANULES_MAX);
}

static const char *check_counts(const struct msg_report *m)
{
	if (m->time_us > PROTO_COUNT_MAX)
		return "time of a report";
	if (m->refault_pages > PROTO_COUNT_MAX ||
	    m->swap_in_pages > PROTO_COUNT_MAX)
		return "pages read back";
	if (m->stall_some_us > PROTO_COUNT_MAX)
		return "time stalled";
	if (m->stall_full_us > m->stall_some_us)
		return "more tasks stalled than some";
	if (!m->has_pressure && (m->stall_some_us || m->stalled))
		return "a stall that the kernel does not count";
	return NULL;
}

static const char *check_report(const struct msg_report *m)
{
	if (m->mem_total_kib > PROTO_SIZE_KIB_MAX ||
	    m->swap_total_kib > PROTO_SIZE_KIB_MAX)
		return "memory beyond the address space";
	if (m->mem_free_kib > m->mem_total_kib)
		return "more memory free than there is";
	if (m->mem_available_kib > m->mem_total_kib)
		return "more memory available than there is";
	if (m->swap_free_kib > m->swap_total_kib)
		return "more swap free than there is";
	return check_counts(m);
}

static const char *check_host_msg(const struct host_msg *m)
{
	switch (m->type) {
	case HOST_MSG_WELCOME:
		return check_welcome(&m->welcome);
	case HOST_MSG_ONLINE_REQUEST:
		return check_online_request(&m->online_request);
	case HOST_MSG_PULL_REQUEST:
		return check_pull_request(&m->pull_request);
	case HOST_MSG_STATE_REQUEST:
		return check_state_range(m->state_request.first,
					 m->state_request.nr);
	case HOST_MSG_PULL_CANCEL:
	case HOST_MSG_UNKNOWN:
		break;
	}
	return NULL;
}

static const char *check_guest_msg(const struct guest_msg *m)
{
	switch (m->type) {
	case GUEST_MSG_HELLO:
		return check_hello(&m->hello);
	case GUEST_MSG_ONLINE_REPLY:
		return check_online_reply(&m->online_reply);
	case GUEST_MSG_PULL_PROGRESS:
		return check_pull_progress(&m->pull_progress);
	case GUEST_MSG_STATE_REPLY:
		return check_state_range(m->state_reply.first,
					 m->state_reply.nr);
	case GUEST_MSG_REPORT:
		return check_report(&m->report);
	case GUEST_MSG_UNSUPPORTED:
	case GUEST_MSG_UNKNOWN:
		break;
	}
	return NULL;
}

/* Encoding */

/* The protobuf objects of a repeated Range; lives as long as the packing. */
struct pb_ranges {
	Memtide__Range obj[PROTO_RANGES_MAX];
	Memtide__Range *ptr[PROTO_RANGES_MAX];
};

static void pb_ranges_fill(struct pb_ranges *pb, const struct granules *ranges,
			   uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		memtide__range__init(&pb->obj[i]);
		pb->obj[i].first = ranges[i].first;
		pb->obj[i].nr = ranges[i].nr;
		pb->ptr[i] = &pb->obj[i];
	}
}

static size_t pack(const ProtobufCMessage *pb, uint8_t *buf)
{
	ASSERT(protobuf_c_message_get_packed_size(pb) <= FRAME_PAYLOAD_MAX);
	return protobuf_c_message_pack(pb, buf);
}

static size_t pack_host(Memtide__HostMessage *pb, int body, void *msg,
			uint8_t *buf)
{
	pb->body_case = (Memtide__HostMessage__BodyCase)body;
	/* All members of the union are pointers to messages. */
	pb->welcome = msg;
	return pack(&pb->base, buf);
}

static size_t encode_welcome(Memtide__HostMessage *pb,
			     const struct msg_welcome *m, uint8_t *buf)
{
	Memtide__Welcome w = MEMTIDE__WELCOME__INIT;

	w.major = m->major;
	w.minor = m->minor;
	w.capabilities = m->capabilities;
	w.report_interval_ms = m->report_interval_ms;
	w.keepalive_s = m->keepalive_s;
	w.stall_us = m->stall_us;
	w.stall_window_ms = m->stall_window_ms;
	w.calm_s = m->calm_s;
	return pack_host(pb, MEMTIDE__HOST_MESSAGE__BODY_WELCOME, &w, buf);
}

static size_t encode_online_request(Memtide__HostMessage *pb,
				    const struct msg_online_request *m,
				    uint8_t *buf)
{
	Memtide__OnlineRequest r = MEMTIDE__ONLINE_REQUEST__INIT;
	struct pb_ranges ranges;

	pb_ranges_fill(&ranges, m->ranges, m->nr_ranges);
	r.id = m->id;
	r.n_ranges = m->nr_ranges;
	r.ranges = ranges.ptr;
	return pack_host(pb, MEMTIDE__HOST_MESSAGE__BODY_ONLINE_REQUEST, &r,
			 buf);
}

static size_t encode_pull_request(Memtide__HostMessage *pb,
				  const struct msg_pull_request *m,
				  uint8_t *buf)
{
	Memtide__PullRequest r = MEMTIDE__PULL_REQUEST__INIT;

	r.id = m->id;
	r.nr = m->nr;
	r.deadline_ms = m->deadline_ms;
	return pack_host(pb, MEMTIDE__HOST_MESSAGE__BODY_PULL_REQUEST, &r,
			 buf);
}

static size_t encode_pull_cancel(Memtide__HostMessage *pb,
				 const struct msg_pull_cancel *m, uint8_t *buf)
{
	Memtide__PullCancel c = MEMTIDE__PULL_CANCEL__INIT;

	c.id = m->id;
	return pack_host(pb, MEMTIDE__HOST_MESSAGE__BODY_PULL_CANCEL, &c, buf);
}

static size_t encode_state_request(Memtide__HostMessage *pb,
				   const struct msg_state_request *m,
				   uint8_t *buf)
{
	Memtide__StateRequest r = MEMTIDE__STATE_REQUEST__INIT;

	r.id = m->id;
	r.first = m->first;
	r.nr = m->nr;
	return pack_host(pb, MEMTIDE__HOST_MESSAGE__BODY_STATE_REQUEST, &r,
			 buf);
}

size_t codec_encode_host(const struct host_msg *msg, uint8_t *buf)
{
	Memtide__HostMessage pb = MEMTIDE__HOST_MESSAGE__INIT;

	ASSERT(!check_host_msg(msg));
	switch (msg->type) {
	case HOST_MSG_WELCOME:
		return encode_welcome(&pb, &msg->welcome, buf);
	case HOST_MSG_ONLINE_REQUEST:
		return encode_online_request(&pb, &msg->online_request, buf);
	case HOST_MSG_PULL_REQUEST:
		return encode_pull_request(&pb, &msg->pull_request, buf);
	case HOST_MSG_PULL_CANCEL:
		return encode_pull_cancel(&pb, &msg->pull_cancel, buf);
	case HOST_MSG_STATE_REQUEST:
		return encode_state_request(&pb, &msg->state_request, buf);
	case HOST_MSG_UNKNOWN:
		break;
	}
	ASSERT(!"a message to send has a type");
	return 0;
}

static size_t pack_guest(Memtide__GuestMessage *pb, int body, void *msg,
			 uint8_t *buf)
{
	pb->body_case = (Memtide__GuestMessage__BodyCase)body;
	/* All members of the union are pointers to messages. */
	pb->hello = msg;
	return pack(&pb->base, buf);
}

static size_t encode_hello(Memtide__GuestMessage *pb,
			   const struct msg_hello *m, uint8_t *buf)
{
	Memtide__Hello h = MEMTIDE__HELLO__INIT;

	h.major = m->major;
	h.minor = m->minor;
	h.capabilities = m->capabilities;
	h.granule_pages = GRANULE_PAGES;
	h.block_granules = m->block_granules;
	h.memmap_granules = m->memmap_granules;
	h.window_gfn = m->window_gfn;
	h.window_granules = m->window_granules;
	h.boot_id.data = (uint8_t *)m->boot_id;
	h.boot_id.len = PROTO_BOOT_ID_BYTES;
	h.agent_version = (char *)m->agent_version;
	h.kernel_release = (char *)m->kernel_release;
	return pack_guest(pb, MEMTIDE__GUEST_MESSAGE__BODY_HELLO, &h, buf);
}

static size_t encode_online_reply(Memtide__GuestMessage *pb,
				  const struct msg_online_reply *m,
				  uint8_t *buf)
{
	Memtide__OnlineReply r = MEMTIDE__ONLINE_REPLY__INIT;

	r.id = m->id;
	r.n_done = m->nr_done;
	r.done = (uint32_t *)m->done;
	r.error = m->error;
	return pack_guest(pb, MEMTIDE__GUEST_MESSAGE__BODY_ONLINE_REPLY, &r,
			  buf);
}

static size_t encode_pull_progress(Memtide__GuestMessage *pb,
				   const struct msg_pull_progress *m,
				   uint8_t *buf)
{
	Memtide__PullProgress p = MEMTIDE__PULL_PROGRESS__INIT;
	struct pb_ranges ranges;

	pb_ranges_fill(&ranges, m->ranges, m->nr_ranges);
	p.id = m->id;
	p.n_ranges = m->nr_ranges;
	p.ranges = ranges.ptr;
	p.last = m->last;
	p.reason = (Memtide__PullReason)m->reason;
	return pack_guest(pb, MEMTIDE__GUEST_MESSAGE__BODY_PULL_PROGRESS, &p,
			  buf);
}

static size_t encode_state_reply(Memtide__GuestMessage *pb,
				 const struct msg_state_reply *m, uint8_t *buf)
{
	Memtide__StateReply r = MEMTIDE__STATE_REPLY__INIT;
	uint8_t octets[PROTO_STATE_GRANULES / 8];

	for (uint32_t i = 0; i < m->nr / 8; i++)
		octets[i] = (uint8_t)(m->in_use[i / 8] >> (i % 8 * 8));
	r.id = m->id;
	r.first = m->first;
	r.nr = m->nr;
	r.in_use.data = octets;
	r.in_use.len = m->nr / 8;
	return pack_guest(pb, MEMTIDE__GUEST_MESSAGE__BODY_STATE_REPLY, &r,
			  buf);
}

static size_t encode_report(Memtide__GuestMessage *pb,
			    const struct msg_report *m, uint8_t *buf)
{
	Memtide__Report r = MEMTIDE__REPORT__INIT;

	r.mem_total_kib = m->mem_total_kib;
	r.mem_free_kib = m->mem_free_kib;
	r.mem_available_kib = m->mem_available_kib;
	r.swap_total_kib = m->swap_total_kib;
	r.swap_free_kib = m->swap_free_kib;
	r.time_us = m->time_us;
	r.stall_some_us = m->stall_some_us;
	r.stall_full_us = m->stall_full_us;
	r.refault_pages = m->refault_pages;
	r.swap_in_pages = m->swap_in_pages;
	r.has_pressure = m->has_pressure;
	r.stalled = m->stalled;
	r.starving = m->starving;
	return pack_guest(pb, MEMTIDE__GUEST_MESSAGE__BODY_REPORT, &r, buf);
}

static size_t encode_unsupported(Memtide__GuestMessage *pb,
				 const struct msg_unsupported *m, uint8_t *buf)
{
	Memtide__Unsupported u = MEMTIDE__UNSUPPORTED__INIT;

	u.id = m->id;
	return pack_guest(pb, MEMTIDE__GUEST_MESSAGE__BODY_UNSUPPORTED, &u,
			  buf);
}

size_t codec_encode_guest(const struct guest_msg *msg, uint8_t *buf)
{
	Memtide__GuestMessage pb = MEMTIDE__GUEST_MESSAGE__INIT;

	ASSERT(!check_guest_msg(msg));
	switch (msg->type) {
	case GUEST_MSG_HELLO:
		return encode_hello(&pb, &msg->hello, buf);
	case GUEST_MSG_ONLINE_REPLY:
		return encode_online_reply(&pb, &msg->online_reply, buf);
	case GUEST_MSG_PULL_PROGRESS:
		return encode_pull_progress(&pb, &msg->pull_progress, buf);
	case GUEST_MSG_STATE_REPLY:
		return encode_state_reply(&pb, &msg->state_reply, buf);
	case GUEST_MSG_REPORT:
		return encode_report(&pb, &msg->report, buf);
	case GUEST_MSG_UNSUPPORTED:
		return encode_unsupported(&pb, &msg->unsupported, buf);
	case GUEST_MSG_UNKNOWN:
		break;
	}
	ASSERT(!"a message to send has a type");
	return 0;
}

/* Decoding: copies only; the checks above decide. */

static void copy_ranges(struct granules *ranges, Memtide__Range **untrusted,
			size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		ranges[i].first = untrusted[i]->first;
		ranges[i].nr = untrusted[i]->nr;
	}
}

/* A text with a zero octet inside must not pass as a shorter one. */
static const char *copy_text(char *text, const char *untrusted_text)
{
	size_t len = pb_arena_text_len(untrusted_text);

	if (len >= PROTO_TEXT_MAX)
		return "a text too long";
	if (strlen(untrusted_text) != len)
		return "a text that is not printable ASCII";
	memcpy(text, untrusted_text, len + 1);
	return NULL;
}

static const char *copy_hello(struct msg_hello *m, const Memtide__Hello *pb)
{
	const char *why;

	if (pb->granule_pages != GRANULE_PAGES)
		return "size of a granule";
	if (pb->boot_id.len != PROTO_BOOT_ID_BYTES)
		return "length of the boot id";
	m->major = pb->major;
	m->minor = pb->minor;
	m->capabilities = pb->capabilities;
	m->block_granules = pb->block_granules;
	m->memmap_granules = pb->memmap_granules;
	m->window_gfn = pb->window_gfn;
	m->window_granules = pb->window_granules;
	memcpy(m->boot_id, pb->boot_id.data, PROTO_BOOT_ID_BYTES);
	why = copy_text(m->agent_version, pb->agent_version);
	if (!why)
		why = copy_text(m->kernel_release, pb->kernel_release);
	return why;
}

static void copy_welcome(struct msg_welcome *m, const Memtide__Welcome *pb)
{
	m->major = pb->major;
	m->minor = pb->minor;
	m->capabilities = pb->capabilities;
	m->report_interval_ms = pb->report_interval_ms;
	m->keepalive_s = pb->keepalive_s;
	m->stall_us = pb->stall_us;
	m->stall_window_ms = pb->stall_window_ms;
	m->calm_s = pb->calm_s;
}

static const char *copy_online_request(struct msg_online_request *m,
				       const Memtide__OnlineRequest *pb)
{
	if (pb->n_ranges > PROTO_RANGES_MAX)
		return "number of ranges";
	m->id = pb->id;
	m->nr_ranges = (uint32_t)pb->n_ranges;
	copy_ranges(m->ranges, pb->ranges, pb->n_ranges);
	return NULL;
}

static const char *copy_online_reply(struct msg_online_reply *m,
				     const Memtide__OnlineReply *pb)
{
	if (pb->n_done > PROTO_RANGES_MAX)
		return "number of results";
	m->id = pb->id;
	m->nr_done = (uint32_t)pb->n_done;
	for (size_t i = 0; i < pb->n_done; i++)
		m->done[i] = pb->done[i];
	m->error = pb->error;
	return NULL;
}

static const char *copy_pull_progress(struct msg_pull_progress *m,
				      const Memtide__PullProgress *pb)
{
	if (pb->n_ranges > PROTO_RANGES_MAX)
		return "number of ranges";
	m->id = pb->id;
	m->nr_ranges = (uint32_t)pb->n_ranges;
	copy_ranges(m->ranges, pb->ranges, pb->n_ranges);
	m->last = pb->last;
	m->reason = (enum pull_reason)pb->reason;
	return NULL;
}

static const char *copy_state_reply(struct msg_state_reply *m,
				    const Memtide__StateReply *pb)
{
	if (pb->nr > PROTO_STATE_GRANULES)
		return "length of a state range";
	if (pb->in_use.len != pb->nr / 8)
		return "length of the state";
	m->id = pb->id;
	m->first = pb->first;
	m->nr = pb->nr;
	for (uint32_t i = 0; i < pb->nr / 8; i++)
		m->in_use[i / 8] |= (uint64_t)pb->in_use.data[i] << (i % 8 * 8);
	return NULL;
}

static void copy_report(struct msg_report *m, const Memtide__Report *pb)
{
	m->mem_total_kib = pb->mem_total_kib;
	m->mem_free_kib = pb->mem_free_kib;
	m->mem_available_kib = pb->mem_available_kib;
	m->swap_total_kib = pb->swap_total_kib;
	m->swap_free_kib = pb->swap_free_kib;
	m->time_us = pb->time_us;
	m->stall_some_us = pb->stall_some_us;
	m->stall_full_us = pb->stall_full_us;
	m->refault_pages = pb->refault_pages;
	m->swap_in_pages = pb->swap_in_pages;
	m->has_pressure = pb->has_pressure;
	m->stalled = pb->stalled;
	m->starving = pb->starving;
}

static const char *copy_host_msg(struct host_msg *m,
				 const Memtide__HostMessage *pb)
{
	switch (pb->body_case) {
	case MEMTIDE__HOST_MESSAGE__BODY_WELCOME:
		m->type = HOST_MSG_WELCOME;
		copy_welcome(&m->welcome, pb->welcome);
		return NULL;
	case MEMTIDE__HOST_MESSAGE__BODY_ONLINE_REQUEST:
		m->type = HOST_MSG_ONLINE_REQUEST;
		return copy_online_request(&m->online_request,
					   pb->online_request);
	case MEMTIDE__HOST_MESSAGE__BODY_PULL_REQUEST:
		m->type = HOST_MSG_PULL_REQUEST;
		m->pull_request.id = pb->pull_request->id;
		m->pull_request.nr = pb->pull_request->nr;
		m->pull_request.deadline_ms = pb->pull_request->deadline_ms;
		return NULL;
	case MEMTIDE__HOST_MESSAGE__BODY_PULL_CANCEL:
		m->type = HOST_MSG_PULL_CANCEL;
		m->pull_cancel.id = pb->pull_cancel->id;
		return NULL;
	case MEMTIDE__HOST_MESSAGE__BODY_STATE_REQUEST:
		m->type = HOST_MSG_STATE_REQUEST;
		m->state_request.id = pb->state_request->id;
		m->state_request.first = pb->state_request->first;
		m->state_request.nr = pb->state_request->nr;
		return NULL;
	case MEMTIDE__HOST_MESSAGE__BODY__NOT_SET:
	case _MEMTIDE__HOST_MESSAGE__BODY__CASE_IS_INT_SIZE:
		break;
	}
	m->type = HOST_MSG_UNKNOWN;
	return NULL;
}

static const char *copy_guest_msg(struct guest_msg *m,
				  const Memtide__GuestMessage *pb)
{
	switch (pb->body_case) {
	case MEMTIDE__GUEST_MESSAGE__BODY_HELLO:
		m->type = GUEST_MSG_HELLO;
		return copy_hello(&m->hello, pb->hello);
	case MEMTIDE__GUEST_MESSAGE__BODY_ONLINE_REPLY:
		m->type = GUEST_MSG_ONLINE_REPLY;
		return copy_online_reply(&m->online_reply, pb->online_reply);
	case MEMTIDE__GUEST_MESSAGE__BODY_PULL_PROGRESS:
		m->type = GUEST_MSG_PULL_PROGRESS;
		return copy_pull_progress(&m->pull_progress,
					  pb->pull_progress);
	case MEMTIDE__GUEST_MESSAGE__BODY_STATE_REPLY:
		m->type = GUEST_MSG_STATE_REPLY;
		return copy_state_reply(&m->state_reply, pb->state_reply);
	case MEMTIDE__GUEST_MESSAGE__BODY_REPORT:
		m->type = GUEST_MSG_REPORT;
		copy_report(&m->report, pb->report);
		return NULL;
	case MEMTIDE__GUEST_MESSAGE__BODY_UNSUPPORTED:
		m->type = GUEST_MSG_UNSUPPORTED;
		m->unsupported.id = pb->unsupported->id;
		return NULL;
	case MEMTIDE__GUEST_MESSAGE__BODY__NOT_SET:
	case _MEMTIDE__GUEST_MESSAGE__BODY__CASE_IS_INT_SIZE:
		break;
	}
	m->type = GUEST_MSG_UNKNOWN;
	return NULL;
}

int codec_decode_host(const uint8_t *buf, size_t len, struct host_msg *ret,
		      const char **ret_why)
{
	const Memtide__HostMessage *pb;
	struct host_msg msg;
	const char *why;

	pb = pb_arena_unpack(&arena, &memtide__host_message__descriptor, buf,
			     len, ret_why);
	if (!pb)
		return -EPROTO;
	memset(&msg, 0, sizeof(msg));
	why = copy_host_msg(&msg, pb);
	if (!why)
		why = check_host_msg(&msg);
	if (why) {
		*ret_why = why;
		return -EPROTO;
	}
	*ret = msg;
	return 0;
}

int codec_decode_guest(const uint8_t *buf, size_t len, struct guest_msg *ret,
		       const char **ret_why)
{
	const Memtide__GuestMessage *pb;
	struct guest_msg msg;
	const char *why;

	pb = pb_arena_unpack(&arena, &memtide__guest_message__descriptor, buf,
			     len, ret_why);
	if (!pb)
		return -EPROTO;
	memset(&msg, 0, sizeof(msg));
	why = copy_guest_msg(&msg, pb);
	if (!why)
		why = check_guest_msg(&msg);
	if (why) {
		*ret_why = why;
		return -EPROTO;
	}
	*ret = msg;
	return 0;
}
