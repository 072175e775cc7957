/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_codec.c - control.proto messages as plain structs, range-checked
 *
 * A request comes from whoever may open the socket and is refused unless it
 * is right in every field. A reply comes from memtided, which runs as root,
 * and carries names that others chose: its texts are made fit for a terminal.
 */
#include "control_codec.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "control.pb-c.h"
#include "frame.h"
#include "pb_arena.h"

#define TIMEOUT_S_MAX	86400u

#define SAME_STATUS(name)						\
	static_assert((int)CONTROL_STATUS_##name ==			\
		      (int)MEMTIDE__CONTROL_STATUS__CONTROL_##name,	\
		      "the wire's numbers are ours")
SAME_STATUS(OK);
SAME_STATUS(PARTLY);
SAME_STATUS(REFUSED);
SAME_STATUS(NO_GUEST);
SAME_STATUS(BAD_REQUEST);
static_assert((int)CONTROL_NUM_STATUSES ==
	      (int)MEMTIDE__CONTROL_STATUS__CONTROL_BAD_REQUEST + 1,
	      "no status of the wire is missing here");

#define SAME_MODE(ours, theirs)						\
	static_assert((int)(ours) ==					\
		      (int)MEMTIDE__SET_REQUEST__MODE__##theirs,	\
		      "the wire's numbers are ours")
SAME_MODE(CONTROL_SET_TO, ABSOLUTE);
SAME_MODE(CONTROL_SET_ADD, ADD);
SAME_MODE(CONTROL_SET_SUBTRACT, SUBTRACT);

static struct pb_arena arena;

/* Texts */

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* For a request: all of it, or the reason why not */
static const char *take_text(char *text, size_t size,
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

/* For a reply: what there is room for, without control characters */
static void show_text(char *text, size_t size, const char *untrusted_text)
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

#define SHOW_TEXT(to, from)	show_text((to), sizeof(to), (from))

/* What we encode ends within its field. */
#define OUR_TEXT(field)		our_text((field), sizeof(field))

static char *our_text(const char *text, size_t size)
{
	ASSERT(strnlen(text, size) < size);
	return (char *)text;
}

static bool is_dash_place(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static bool is_uuid(const char *text)
{
	if (strlen(text) != CONTROL_UUID_MAX - 1)
		return false;
	for (size_t i = 0; i < CONTROL_UUID_MAX - 1; i++)
		if (is_dash_place(i) ? text[i] != '-' :
				       !isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

static void to_lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* Requests */

static size_t pack(const ProtobufCMessage *pb, uint8_t *buf)
{
	ASSERT(protobuf_c_message_get_packed_size(pb) <= FRAME_PAYLOAD_MAX);
	return protobuf_c_message_pack(pb, buf);
}

static void fill_selector(Memtide__GuestSelector *pb,
			  const struct guest_selector *s)
{
	memtide__guest_selector__init(pb);
	switch (s->by) {
	case SELECT_DOMID:
		pb->by_case = MEMTIDE__GUEST_SELECTOR__BY_DOMID;
		pb->domid = s->domid;
		return;
	case SELECT_UUID:
		pb->by_case = MEMTIDE__GUEST_SELECTOR__BY_UUID;
		pb->uuid = OUR_TEXT(s->text);
		return;
	case SELECT_NAME:
		pb->by_case = MEMTIDE__GUEST_SELECTOR__BY_NAME;
		pb->name = OUR_TEXT(s->text);
		return;
	}
	ASSERT(!"a guest is selected by something");
}

static void fill_set(Memtide__SetRequest *pb, const struct control_request *req)
{
	ASSERT((unsigned int)req->set_mode <= CONTROL_SET_SUBTRACT);
	ASSERT(req->timeout_s <= TIMEOUT_S_MAX);
	pb->mode = (Memtide__SetRequest__Mode)req->set_mode;
	pb->size_bytes = req->size_bytes;
	pb->wait = req->wait;
	pb->timeout_s = req->timeout_s;
}

size_t control_encode_request(const struct control_request *req, uint8_t *buf)
{
	Memtide__ControlRequest pb = MEMTIDE__CONTROL_REQUEST__INIT;
	Memtide__VersionRequest version = MEMTIDE__VERSION_REQUEST__INIT;
	Memtide__AuditRequest audit = MEMTIDE__AUDIT_REQUEST__INIT;
	Memtide__ListRequest list = MEMTIDE__LIST_REQUEST__INIT;
	Memtide__ReadmitRequest readmit = MEMTIDE__READMIT_REQUEST__INIT;
	Memtide__ShowRequest show = MEMTIDE__SHOW_REQUEST__INIT;
	Memtide__SetRequest set = MEMTIDE__SET_REQUEST__INIT;
	Memtide__GuestSelector guest;

	switch (req->type) {
	case CONTROL_LIST:
		pb.body_case = MEMTIDE__CONTROL_REQUEST__BODY_LIST;
		pb.list = &list;
		return pack(&pb.base, buf);
	case CONTROL_SHOW:
		fill_selector(&guest, &req->guest);
		show.guest = &guest;
		pb.body_case = MEMTIDE__CONTROL_REQUEST__BODY_SHOW;
		pb.show = &show;
		return pack(&pb.base, buf);
	case CONTROL_SET:
		fill_selector(&guest, &req->guest);
		fill_set(&set, req);
		set.guest = &guest;
		pb.body_case = MEMTIDE__CONTROL_REQUEST__BODY_SET;
		pb.set = &set;
		return pack(&pb.base, buf);
	case CONTROL_AUDIT:
		pb.body_case = MEMTIDE__CONTROL_REQUEST__BODY_AUDIT;
		pb.audit = &audit;
		return pack(&pb.base, buf);
	case CONTROL_VERSION:
		pb.body_case = MEMTIDE__CONTROL_REQUEST__BODY_VERSION;
		pb.version = &version;
		return pack(&pb.base, buf);
	case CONTROL_READMIT:
		fill_selector(&guest, &req->guest);
		readmit.guest = &guest;
		pb.body_case = MEMTIDE__CONTROL_REQUEST__BODY_READMIT;
		pb.readmit = &readmit;
		return pack(&pb.base, buf);
	case CONTROL_NUM_REQUESTS:
		break;
	}
	ASSERT(!"a request has a type");
	return 0;
}

static const char *copy_uuid(struct guest_selector *s,
			     const char *untrusted_text)
{
	const char *why = take_text(s->text, sizeof(s->text), untrusted_text);

	if (why)
		return why;
	if (!is_uuid(s->text))
		return "not a uuid";
	s->by = SELECT_UUID;
	to_lower(s->text);
	return NULL;
}

static const char *copy_name(struct guest_selector *s,
			     const char *untrusted_text)
{
	const char *why = take_text(s->text, sizeof(s->text), untrusted_text);

	if (why)
		return why;
	if (!s->text[0])
		return "an empty name";
	s->by = SELECT_NAME;
	return NULL;
}

static const char *copy_selector(struct guest_selector *s,
				 const Memtide__GuestSelector *pb)
{
	if (!pb)
		return "no guest";
	switch (pb->by_case) {
	case MEMTIDE__GUEST_SELECTOR__BY_DOMID:
		s->by = SELECT_DOMID;
		s->domid = pb->domid;
		return NULL;
	case MEMTIDE__GUEST_SELECTOR__BY_UUID:
		return copy_uuid(s, pb->uuid);
	case MEMTIDE__GUEST_SELECTOR__BY_NAME:
		return copy_name(s, pb->name);
	case MEMTIDE__GUEST_SELECTOR__BY__NOT_SET:
	case _MEMTIDE__GUEST_SELECTOR__BY__CASE_IS_INT_SIZE:
		break;
	}
	return "no guest";
}

static const char *copy_set(struct control_request *req,
			    const Memtide__SetRequest *pb)
{
	if ((unsigned int)pb->mode > CONTROL_SET_SUBTRACT)
		return "unknown mode";
	if (pb->timeout_s > TIMEOUT_S_MAX)
		return "timeout too long";
	req->set_mode = (enum control_set_mode)pb->mode;
	req->size_bytes = pb->size_bytes;
	req->wait = pb->wait;
	req->timeout_s = pb->timeout_s;
	return copy_selector(&req->guest, pb->guest);
}

static const char *copy_request(struct control_request *req,
				const Memtide__ControlRequest *pb)
{
	switch (pb->body_case) {
	case MEMTIDE__CONTROL_REQUEST__BODY_LIST:
		req->type = CONTROL_LIST;
		return NULL;
	case MEMTIDE__CONTROL_REQUEST__BODY_SHOW:
		req->type = CONTROL_SHOW;
		return copy_selector(&req->guest, pb->show->guest);
	case MEMTIDE__CONTROL_REQUEST__BODY_SET:
		req->type = CONTROL_SET;
		return copy_set(req, pb->set);
	case MEMTIDE__CONTROL_REQUEST__BODY_AUDIT:
		req->type = CONTROL_AUDIT;
		return NULL;
	case MEMTIDE__CONTROL_REQUEST__BODY_VERSION:
		req->type = CONTROL_VERSION;
		return NULL;
	case MEMTIDE__CONTROL_REQUEST__BODY_READMIT:
		req->type = CONTROL_READMIT;
		return copy_selector(&req->guest, pb->readmit->guest);
	case MEMTIDE__CONTROL_REQUEST__BODY__NOT_SET:
	case _MEMTIDE__CONTROL_REQUEST__BODY__CASE_IS_INT_SIZE:
		break;
	}
	return "unknown request";
}

int control_decode_request(const uint8_t *buf, size_t len,
			   struct control_request *ret, const char **ret_why)
{
	const Memtide__ControlRequest *pb;
	struct control_request req;
	const char *why;

	pb = pb_arena_unpack(&arena, &memtide__control_request__descriptor,
			     buf, len, ret_why);
	if (!pb)
		return -EPROTO;
	memset(&req, 0, sizeof(req));
	why = copy_request(&req, pb);
	if (why) {
		*ret_why = why;
		return -EPROTO;
	}
	*ret = req;
	return 0;
}

/* Replies: one object of each kind, of which the body uses one */

union pb_reply_body {
	Memtide__GuestInfo guest;
	Memtide__HostInfo host;
	Memtide__Progress progress;
	Memtide__SetResult set;
	Memtide__AuditFinding finding;
	Memtide__AuditResult audit;
	Memtide__VersionInfo version;
};

static void fill_guest(Memtide__GuestInfo *pb, const struct control_guest *g)
{
	memtide__guest_info__init(pb);
	pb->domid = g->domid;
	pb->uuid = OUR_TEXT(g->uuid);
	pb->name = OUR_TEXT(g->name);
	pb->state = OUR_TEXT(g->state);
	pb->why = OUR_TEXT(g->why);
	pb->boot_kib = g->boot_kib;
	pb->held_kib = g->held_kib;
	pb->online_kib = g->online_kib;
	pb->target_kib = g->target_kib;
	pb->window_kib = g->window_kib;
	pb->xen_kib = g->xen_kib;
	pb->guest_total_kib = g->guest_total_kib;
	pb->guest_available_kib = g->guest_available_kib;
	pb->agent = OUR_TEXT(g->agent);
	pb->kernel = OUR_TEXT(g->kernel);
	pb->mode = OUR_TEXT(g->mode);
}

static void fill_host(Memtide__HostInfo *pb, const struct control_host *h)
{
	memtide__host_info__init(pb);
	pb->total_kib = h->total_kib;
	pb->free_kib = h->free_kib;
	pb->promised_kib = h->promised_kib;
	pb->reserve_kib = h->reserve_kib;
	pb->guests = h->guests;
}

static void fill_progress(Memtide__Progress *pb,
			  const struct control_progress *p)
{
	memtide__progress__init(pb);
	pb->held_kib = p->held_kib;
	pb->online_kib = p->online_kib;
	pb->target_kib = p->target_kib;
	pb->state = OUR_TEXT(p->state);
}

static void fill_set_result(Memtide__SetResult *pb,
			    const struct control_set_result *s)
{
	memtide__set_result__init(pb);
	pb->asked_kib = s->asked_kib;
	pb->target_kib = s->target_kib;
	pb->held_kib = s->held_kib;
	pb->settled = s->settled;
}

static void fill_finding(Memtide__AuditFinding *pb,
			 const struct control_finding *f)
{
	memtide__audit_finding__init(pb);
	pb->domid = f->domid;
	pb->name = OUR_TEXT(f->name);
	pb->text = OUR_TEXT(f->text);
}

static void fill_audit(Memtide__AuditResult *pb, const struct control_audit *a)
{
	memtide__audit_result__init(pb);
	pb->guests = a->guests;
	pb->granules = a->granules;
}

static void fill_version(Memtide__VersionInfo *pb,
			 const struct control_version *v)
{
	memtide__version_info__init(pb);
	pb->version = OUR_TEXT(v->version);
	pb->backend = OUR_TEXT(v->backend);
	pb->protocol_major = v->protocol_major;
	pb->protocol_minor = v->protocol_minor;
}

static Memtide__ControlReply__BodyCase
fill_body(union pb_reply_body *pb, const struct control_reply *reply)
{
	switch (reply->body) {
	case CONTROL_BODY_NONE:
		return MEMTIDE__CONTROL_REPLY__BODY__NOT_SET;
	case CONTROL_BODY_GUEST:
		fill_guest(&pb->guest, &reply->guest);
		return MEMTIDE__CONTROL_REPLY__BODY_GUEST;
	case CONTROL_BODY_HOST:
		fill_host(&pb->host, &reply->host);
		return MEMTIDE__CONTROL_REPLY__BODY_HOST;
	case CONTROL_BODY_PROGRESS:
		fill_progress(&pb->progress, &reply->progress);
		return MEMTIDE__CONTROL_REPLY__BODY_PROGRESS;
	case CONTROL_BODY_SET:
		fill_set_result(&pb->set, &reply->set);
		return MEMTIDE__CONTROL_REPLY__BODY_SET;
	case CONTROL_BODY_FINDING:
		fill_finding(&pb->finding, &reply->finding);
		return MEMTIDE__CONTROL_REPLY__BODY_FINDING;
	case CONTROL_BODY_AUDIT:
		fill_audit(&pb->audit, &reply->audit);
		return MEMTIDE__CONTROL_REPLY__BODY_AUDIT;
	case CONTROL_BODY_VERSION:
		fill_version(&pb->version, &reply->version);
		return MEMTIDE__CONTROL_REPLY__BODY_VERSION;
	}
	ASSERT(!"a reply has a body of a known kind");
	return MEMTIDE__CONTROL_REPLY__BODY__NOT_SET;
}

size_t control_encode_reply(const struct control_reply *reply, uint8_t *buf)
{
	Memtide__ControlReply pb = MEMTIDE__CONTROL_REPLY__INIT;
	union pb_reply_body body;

	ASSERT((unsigned int)reply->status < CONTROL_NUM_STATUSES);
	pb.end = reply->end;
	pb.status = (Memtide__ControlStatus)reply->status;
	pb.text = OUR_TEXT(reply->text);
	pb.body_case = fill_body(&body, reply);
	/* All members of the union are pointers to messages. */
	pb.guest = &body.guest;
	return pack(&pb.base, buf);
}

static void show_guest(struct control_guest *g, const Memtide__GuestInfo *pb)
{
	g->domid = pb->domid;
	SHOW_TEXT(g->uuid, pb->uuid);
	SHOW_TEXT(g->name, pb->name);
	SHOW_TEXT(g->state, pb->state);
	SHOW_TEXT(g->why, pb->why);
	g->boot_kib = pb->boot_kib;
	g->held_kib = pb->held_kib;
	g->online_kib = pb->online_kib;
	g->target_kib = pb->target_kib;
	g->window_kib = pb->window_kib;
	g->xen_kib = pb->xen_kib;
	g->guest_total_kib = pb->guest_total_kib;
	g->guest_available_kib = pb->guest_available_kib;
	SHOW_TEXT(g->agent, pb->agent);
	SHOW_TEXT(g->kernel, pb->kernel);
	SHOW_TEXT(g->mode, pb->mode);
}

static void show_host(struct control_host *h, const Memtide__HostInfo *pb)
{
	h->total_kib = pb->total_kib;
	h->free_kib = pb->free_kib;
	h->promised_kib = pb->promised_kib;
	h->reserve_kib = pb->reserve_kib;
	h->guests = pb->guests;
}

static void show_progress(struct control_progress *p,
			  const Memtide__Progress *pb)
{
	p->held_kib = pb->held_kib;
	p->online_kib = pb->online_kib;
	p->target_kib = pb->target_kib;
	SHOW_TEXT(p->state, pb->state);
}

static void show_set_result(struct control_set_result *s,
			    const Memtide__SetResult *pb)
{
	s->asked_kib = pb->asked_kib;
	s->target_kib = pb->target_kib;
	s->held_kib = pb->held_kib;
	s->settled = pb->settled;
}

static void show_finding(struct control_finding *f,
			 const Memtide__AuditFinding *pb)
{
	f->domid = pb->domid;
	SHOW_TEXT(f->name, pb->name);
	SHOW_TEXT(f->text, pb->text);
}

static void show_version(struct control_version *v,
			 const Memtide__VersionInfo *pb)
{
	SHOW_TEXT(v->version, pb->version);
	SHOW_TEXT(v->backend, pb->backend);
	v->protocol_major = pb->protocol_major;
	v->protocol_minor = pb->protocol_minor;
}

static enum control_body show_body(struct control_reply *reply,
				   const Memtide__ControlReply *pb)
{
	switch (pb->body_case) {
	case MEMTIDE__CONTROL_REPLY__BODY_GUEST:
		show_guest(&reply->guest, pb->guest);
		return CONTROL_BODY_GUEST;
	case MEMTIDE__CONTROL_REPLY__BODY_HOST:
		show_host(&reply->host, pb->host);
		return CONTROL_BODY_HOST;
	case MEMTIDE__CONTROL_REPLY__BODY_PROGRESS:
		show_progress(&reply->progress, pb->progress);
		return CONTROL_BODY_PROGRESS;
	case MEMTIDE__CONTROL_REPLY__BODY_SET:
		show_set_result(&reply->set, pb->set);
		return CONTROL_BODY_SET;
	case MEMTIDE__CONTROL_REPLY__BODY_FINDING:
		show_finding(&reply->finding, pb->finding);
		return CONTROL_BODY_FINDING;
	case MEMTIDE__CONTROL_REPLY__BODY_AUDIT:
		reply->audit.guests = pb->audit->guests;
		reply->audit.granules = pb->audit->granules;
		return CONTROL_BODY_AUDIT;
	case MEMTIDE__CONTROL_REPLY__BODY_VERSION:
		show_version(&reply->version, pb->version);
		return CONTROL_BODY_VERSION;
	case MEMTIDE__CONTROL_REPLY__BODY__NOT_SET:
	case _MEMTIDE__CONTROL_REPLY__BODY__CASE_IS_INT_SIZE:
		break;
	}
	return CONTROL_BODY_NONE;
}

int control_decode_reply(const uint8_t *buf, size_t len,
			 struct control_reply *ret, const char **ret_why)
{
	const Memtide__ControlReply *pb;
	struct control_reply reply;

	pb = pb_arena_unpack(&arena, &memtide__control_reply__descriptor, buf,
			     len, ret_why);
	if (!pb)
		return -EPROTO;
	if ((unsigned int)pb->status >= CONTROL_NUM_STATUSES) {
		*ret_why = "unknown status";
		return -EPROTO;
	}
	memset(&reply, 0, sizeof(reply));
	reply.end = pb->end;
	reply.status = (enum control_status)pb->status;
	SHOW_TEXT(reply.text, pb->text);
	reply.body = show_body(&reply, pb);
	*ret = reply;
	return 0;
}
