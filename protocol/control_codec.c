/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_codec.c - Requests of control.proto as plain structs, range-checked
 *
 * A request comes from whoever may open the socket and is refused unless it
 * is right in every field.
 */
#include "control_codec.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "control.pb-c.h"
#include "control_text.h"
#include "pb_arena.h"

#define TIMEOUT_S_MAX	86400u

#define SAME_MODE(ours, theirs)						\
	static_assert((int)(ours) ==					\
		      (int)MEMTIDE__SET_REQUEST__MODE__##theirs,	\
		      "the wire's numbers are ours")
SAME_MODE(CONTROL_SET_TO, ABSOLUTE);
SAME_MODE(CONTROL_SET_ADD, ADD);
SAME_MODE(CONTROL_SET_SUBTRACT, SUBTRACT);

#define SAME_CHANGE(ours, theirs)					\
	static_assert((int)(ours) ==					\
		      (int)MEMTIDE__SETTING_CHANGE__WHAT__##theirs,	\
		      "the wire's numbers are ours")
SAME_CHANGE(CONTROL_KEEP, KEEP);
SAME_CHANGE(CONTROL_CHANGE, SET);
SAME_CHANGE(CONTROL_DEFAULT, DEFAULT);

static struct pb_arena arena;

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

/* The messages that a request may be made of */
struct pb_request {
	Memtide__GuestSelector guest;
	Memtide__SettingChange changes[CONTROL_NUM_SETTINGS];
	union {
		Memtide__ListRequest list;
		Memtide__ShowRequest show;
		Memtide__SetRequest set;
		Memtide__AuditRequest audit;
		Memtide__VersionRequest version;
		Memtide__ReadmitRequest readmit;
		Memtide__LimitsRequest limits;
		Memtide__AutoRequest auto_;
		Memtide__BalanceRequest balance;
		Memtide__ExplainRequest explain;
		Memtide__ReserveRequest reserve;
		Memtide__WatchRequest watch;
	};
};

/* NULL, which stands for "keep", for what is not to change */
static Memtide__SettingChange *fill_change(struct pb_request *pb,
					   const struct control_request *req,
					   enum control_setting which)
{
	const struct control_change *c = &req->changes[which];
	Memtide__SettingChange *to = &pb->changes[which];

	ASSERT((unsigned int)c->what <= CONTROL_DEFAULT);
	if (c->what == CONTROL_KEEP)
		return NULL;
	memtide__setting_change__init(to);
	to->what = (Memtide__SettingChange__What)c->what;
	to->value = c->value;
	return to;
}

static void fill_limits(struct pb_request *pb,
			const struct control_request *req)
{
	Memtide__LimitsRequest *l = &pb->limits;

	memtide__limits_request__init(l);
	l->guest = &pb->guest;
	l->min = fill_change(pb, req, CONTROL_SETTING_MIN);
	l->max = fill_change(pb, req, CONTROL_SETTING_MAX);
	l->weight = fill_change(pb, req, CONTROL_SETTING_WEIGHT);
	l->headroom = fill_change(pb, req, CONTROL_SETTING_HEADROOM);
}

static void fill_reserve(Memtide__ReserveRequest *pb,
			 const struct control_request *req)
{
	ASSERT(req->timeout_s <= TIMEOUT_S_MAX);
	memtide__reserve_request__init(pb);
	pb->size_bytes = req->size_bytes;
	pb->for_ = OUR_TEXT(req->reserve_for);
	pb->timeout_s = req->timeout_s;
}

static void fill_watch(Memtide__WatchRequest *pb,
		       const struct control_request *req)
{
	ASSERT(req->last <= CONTROL_LAST_MAX);
	memtide__watch_request__init(pb);
	pb->last = req->last;
	pb->sizes = req->sizes;
}

/* Each member of the union of @out points to the one of @pb. */
static Memtide__ControlRequest__BodyCase
fill_request(struct pb_request *pb, const struct control_request *req)
{
	switch (req->type) {
	case CONTROL_LIST:
		memtide__list_request__init(&pb->list);
		return MEMTIDE__CONTROL_REQUEST__BODY_LIST;
	case CONTROL_SHOW:
		memtide__show_request__init(&pb->show);
		pb->show.guest = &pb->guest;
		return MEMTIDE__CONTROL_REQUEST__BODY_SHOW;
	case CONTROL_SET:
		memtide__set_request__init(&pb->set);
		fill_set(&pb->set, req);
		pb->set.guest = &pb->guest;
		return MEMTIDE__CONTROL_REQUEST__BODY_SET;
	case CONTROL_AUDIT:
		memtide__audit_request__init(&pb->audit);
		return MEMTIDE__CONTROL_REQUEST__BODY_AUDIT;
	case CONTROL_VERSION:
		memtide__version_request__init(&pb->version);
		return MEMTIDE__CONTROL_REQUEST__BODY_VERSION;
	case CONTROL_READMIT:
		memtide__readmit_request__init(&pb->readmit);
		pb->readmit.guest = &pb->guest;
		return MEMTIDE__CONTROL_REQUEST__BODY_READMIT;
	case CONTROL_LIMITS:
		fill_limits(pb, req);
		return MEMTIDE__CONTROL_REQUEST__BODY_LIMITS;
	case CONTROL_AUTO:
		memtide__auto_request__init(&pb->auto_);
		pb->auto_.guest = &pb->guest;
		pb->auto_.auto_ = fill_change(pb, req, CONTROL_SETTING_AUTO);
		return MEMTIDE__CONTROL_REQUEST__BODY_AUTO;
	case CONTROL_BALANCE:
		memtide__balance_request__init(&pb->balance);
		pb->balance.dry_run = req->dry_run;
		return MEMTIDE__CONTROL_REQUEST__BODY_BALANCE;
	case CONTROL_EXPLAIN:
		memtide__explain_request__init(&pb->explain);
		pb->explain.guest = &pb->guest;
		return MEMTIDE__CONTROL_REQUEST__BODY_EXPLAIN;
	case CONTROL_RESERVE:
		fill_reserve(&pb->reserve, req);
		return MEMTIDE__CONTROL_REQUEST__BODY_RESERVE;
	case CONTROL_WATCH:
		fill_watch(&pb->watch, req);
		return MEMTIDE__CONTROL_REQUEST__BODY_WATCH;
	case CONTROL_NUM_REQUESTS:
		break;
	}
	ASSERT(!"a request has a type");
	return MEMTIDE__CONTROL_REQUEST__BODY__NOT_SET;
}

size_t control_encode_request(const struct control_request *req, uint8_t *buf)
{
	Memtide__ControlRequest pb = MEMTIDE__CONTROL_REQUEST__INIT;
	struct pb_request body;

	fill_selector(&body.guest, &req->guest);
	pb.body_case = fill_request(&body, req);
	/* All members of the union are pointers to messages. */
	pb.list = &body.list;
	return control_pack(&pb.base, buf);
}

static const char *copy_uuid(struct guest_selector *s,
			     const char *untrusted_text)
{
	const char *why = control_take_text(s->text, sizeof(s->text), untrusted_text);

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
	const char *why = control_take_text(s->text, sizeof(s->text), untrusted_text);

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

static const char *copy_change(struct control_request *req,
			       enum control_setting which,
			       const Memtide__SettingChange *pb)
{
	struct control_change *c = &req->changes[which];

	if (!pb)
		return NULL;
	if ((unsigned int)pb->what > CONTROL_DEFAULT)
		return "unknown change of a setting";
	c->what = (enum control_change_what)pb->what;
	c->value = c->what == CONTROL_CHANGE ? pb->value : 0;
	return NULL;
}

static const char *copy_limits(struct control_request *req,
			       const Memtide__LimitsRequest *pb)
{
	const char *why = copy_change(req, CONTROL_SETTING_MIN, pb->min);

	if (!why)
		why = copy_change(req, CONTROL_SETTING_MAX, pb->max);
	if (!why)
		why = copy_change(req, CONTROL_SETTING_WEIGHT, pb->weight);
	if (!why)
		why = copy_change(req, CONTROL_SETTING_HEADROOM, pb->headroom);
	return why ? why : copy_selector(&req->guest, pb->guest);
}

static const char *copy_auto(struct control_request *req,
			     const Memtide__AutoRequest *pb)
{
	const char *why = copy_change(req, CONTROL_SETTING_AUTO, pb->auto_);

	return why ? why : copy_selector(&req->guest, pb->guest);
}

static const char *copy_reserve(struct control_request *req,
				const Memtide__ReserveRequest *pb)
{
	if (pb->timeout_s > TIMEOUT_S_MAX)
		return "timeout too long";
	req->size_bytes = pb->size_bytes;
	req->timeout_s = pb->timeout_s;
	return control_take_text(req->reserve_for, sizeof(req->reserve_for),
				 pb->for_);
}

static const char *copy_watch(struct control_request *req,
			      const Memtide__WatchRequest *pb)
{
	if (pb->last > CONTROL_LAST_MAX)
		return "more events of before than are kept";
	req->last = pb->last;
	req->sizes = pb->sizes;
	return NULL;
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
	case MEMTIDE__CONTROL_REQUEST__BODY_LIMITS:
		req->type = CONTROL_LIMITS;
		return copy_limits(req, pb->limits);
	case MEMTIDE__CONTROL_REQUEST__BODY_AUTO:
		req->type = CONTROL_AUTO;
		return copy_auto(req, pb->auto_);
	case MEMTIDE__CONTROL_REQUEST__BODY_BALANCE:
		req->type = CONTROL_BALANCE;
		req->dry_run = pb->balance->dry_run;
		return NULL;
	case MEMTIDE__CONTROL_REQUEST__BODY_EXPLAIN:
		req->type = CONTROL_EXPLAIN;
		return copy_selector(&req->guest, pb->explain->guest);
	case MEMTIDE__CONTROL_REQUEST__BODY_RESERVE:
		req->type = CONTROL_RESERVE;
		return copy_reserve(req, pb->reserve);
	case MEMTIDE__CONTROL_REQUEST__BODY_WATCH:
		req->type = CONTROL_WATCH;
		return copy_watch(req, pb->watch);
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
