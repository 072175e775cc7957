/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_codec_reply.c - Replies of control.proto as plain structs
 *
 * A reply comes from memtided, which runs as root, and carries names that
 * others chose: its texts are made fit for a terminal.
 */
#include "control_codec.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "control.pb-c.h"
#include "control_text.h"
#include "pb_arena.h"

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

static struct pb_arena arena;

/* Replies: one object of each kind, of which the body uses one */

union pb_reply_body {
	Memtide__GuestInfo guest;
	Memtide__HostInfo host;
	Memtide__Progress progress;
	Memtide__SetResult set;
	Memtide__AuditFinding finding;
	Memtide__AuditResult audit;
	Memtide__VersionInfo version;
	Memtide__BalanceRow balance_row;
	Memtide__BalanceResult balance;
	Memtide__ExplainEntry explain;
	Memtide__ReserveInfo reserve;
	Memtide__Event event;
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
	pb->auto_ = g->automatic;
	pb->min_kib = g->min_kib;
	pb->max_kib = g->max_kib;
	pb->weight = g->weight;
	pb->headroom_kib = g->headroom_kib;
	pb->live = OUR_TEXT(g->live);
	pb->demand = OUR_TEXT(g->demand);
	pb->stall_permille = g->stall_permille;
}

static void fill_host(Memtide__HostInfo *pb, const struct control_host *h)
{
	memtide__host_info__init(pb);
	pb->total_kib = h->total_kib;
	pb->free_kib = h->free_kib;
	pb->promised_kib = h->promised_kib;
	pb->reserve_kib = h->reserve_kib;
	pb->guests = h->guests;
	pb->reserved_kib = h->reserved_kib;
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

static void fill_balance_row(Memtide__BalanceRow *pb,
			     const struct control_balance_row *b)
{
	memtide__balance_row__init(pb);
	pb->domid = b->domid;
	pb->name = OUR_TEXT(b->name);
	pb->held_kib = b->held_kib;
	pb->target_kib = b->target_kib;
	pb->then_kib = b->then_kib;
	pb->why = OUR_TEXT(b->why);
}

static void fill_balance(Memtide__BalanceResult *pb,
			 const struct control_balance *b)
{
	memtide__balance_result__init(pb);
	pb->guests = b->guests;
	pb->changes = b->changes;
	pb->free_kib = b->free_kib;
	pb->burst_kib = b->burst_kib;
	pb->wanted_kib = b->wanted_kib;
}

static void fill_explain(Memtide__ExplainEntry *pb,
			 const struct control_explain *e)
{
	memtide__explain_entry__init(pb);
	pb->now = e->now;
	pb->ago_ms = e->ago_ms;
	pb->text = OUR_TEXT(e->text);
}

static void fill_reserve(Memtide__ReserveInfo *pb,
			 const struct control_reserve *r)
{
	memtide__reserve_info__init(pb);
	pb->size_kib = r->size_kib;
	pb->held_kib = r->held_kib;
	pb->taken_kib = r->taken_kib;
}

static void fill_event(Memtide__Event *pb, const struct control_event *e)
{
	memtide__event__init(pb);
	pb->nr = e->nr;
	pb->at_ms = e->at_ms;
	pb->kind = OUR_TEXT(e->kind);
	pb->domid = e->domid;
	pb->uuid = OUR_TEXT(e->uuid);
	pb->name = OUR_TEXT(e->name);
	pb->text = OUR_TEXT(e->text);
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
	case CONTROL_BODY_BALANCE_ROW:
		fill_balance_row(&pb->balance_row, &reply->balance_row);
		return MEMTIDE__CONTROL_REPLY__BODY_BALANCE_ROW;
	case CONTROL_BODY_BALANCE:
		fill_balance(&pb->balance, &reply->balance);
		return MEMTIDE__CONTROL_REPLY__BODY_BALANCE;
	case CONTROL_BODY_EXPLAIN:
		fill_explain(&pb->explain, &reply->explain);
		return MEMTIDE__CONTROL_REPLY__BODY_EXPLAIN;
	case CONTROL_BODY_RESERVE:
		fill_reserve(&pb->reserve, &reply->reserve);
		return MEMTIDE__CONTROL_REPLY__BODY_RESERVE;
	case CONTROL_BODY_EVENT:
		fill_event(&pb->event, &reply->event);
		return MEMTIDE__CONTROL_REPLY__BODY_EVENT;
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
	return control_pack(&pb.base, buf);
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
	g->automatic = pb->auto_;
	g->min_kib = pb->min_kib;
	g->max_kib = pb->max_kib;
	g->weight = pb->weight;
	g->headroom_kib = pb->headroom_kib;
	SHOW_TEXT(g->live, pb->live);
	SHOW_TEXT(g->demand, pb->demand);
	g->stall_permille = pb->stall_permille;
}

static void show_host(struct control_host *h, const Memtide__HostInfo *pb)
{
	h->total_kib = pb->total_kib;
	h->free_kib = pb->free_kib;
	h->promised_kib = pb->promised_kib;
	h->reserve_kib = pb->reserve_kib;
	h->guests = pb->guests;
	h->reserved_kib = pb->reserved_kib;
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

static void show_balance_row(struct control_balance_row *b,
			     const Memtide__BalanceRow *pb)
{
	b->domid = pb->domid;
	SHOW_TEXT(b->name, pb->name);
	b->held_kib = pb->held_kib;
	b->target_kib = pb->target_kib;
	b->then_kib = pb->then_kib;
	SHOW_TEXT(b->why, pb->why);
}

static void show_balance(struct control_balance *b,
			 const Memtide__BalanceResult *pb)
{
	b->guests = pb->guests;
	b->changes = pb->changes;
	b->free_kib = pb->free_kib;
	b->burst_kib = pb->burst_kib;
	b->wanted_kib = pb->wanted_kib;
}

static void show_explain(struct control_explain *e,
			 const Memtide__ExplainEntry *pb)
{
	e->now = pb->now;
	e->ago_ms = pb->ago_ms;
	SHOW_TEXT(e->text, pb->text);
}

static void show_reserve(struct control_reserve *r,
			 const Memtide__ReserveInfo *pb)
{
	r->size_kib = pb->size_kib;
	r->held_kib = pb->held_kib;
	r->taken_kib = pb->taken_kib;
}

static void show_event(struct control_event *e, const Memtide__Event *pb)
{
	e->nr = pb->nr;
	e->at_ms = pb->at_ms;
	SHOW_TEXT(e->kind, pb->kind);
	e->domid = pb->domid;
	SHOW_TEXT(e->uuid, pb->uuid);
	SHOW_TEXT(e->name, pb->name);
	SHOW_TEXT(e->text, pb->text);
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
	case MEMTIDE__CONTROL_REPLY__BODY_BALANCE_ROW:
		show_balance_row(&reply->balance_row, pb->balance_row);
		return CONTROL_BODY_BALANCE_ROW;
	case MEMTIDE__CONTROL_REPLY__BODY_BALANCE:
		show_balance(&reply->balance, pb->balance);
		return CONTROL_BODY_BALANCE;
	case MEMTIDE__CONTROL_REPLY__BODY_EXPLAIN:
		show_explain(&reply->explain, pb->explain);
		return CONTROL_BODY_EXPLAIN;
	case MEMTIDE__CONTROL_REPLY__BODY_RESERVE:
		show_reserve(&reply->reserve, pb->reserve);
		return CONTROL_BODY_RESERVE;
	case MEMTIDE__CONTROL_REPLY__BODY_EVENT:
		show_event(&reply->event, pb->event);
		return CONTROL_BODY_EVENT;
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
