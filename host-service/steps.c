/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * steps.c - Taking the steps that plan.h derives, and their answers
 */
#include "steps.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <string.h>

#include "log.h"
#include "session.h"

#define STEPS_PULL_DEADLINE_MS	20000u
/* Of a bitmap: a step's range may begin anywhere in the first. */
#define DOUBT_WORDS		2u
static_assert(PLAN_POPULATE_MAX <= 64 && PLAN_GIVE_BACK_MAX <= 64,
	      "a step's range lies in two words");

static void count_time(struct guest *g, enum operation op, int64_t since_us)
{
	histogram_add(&g->env->counters->took[op], guest_now_us() - since_us);
}

static void count_error(struct guest *g, enum host_call call, int rc)
{
	if (rc)
		g->env->counters->host_errors[call][host_error_of(rc)]++;
}

static uint64_t expected_pages(const struct guest *g)
{
	return g->boot_pages + (uint64_t)g->ledger.nr_backed * GRANULE_PAGES;
}

int steps_drift(struct guest *g, int64_t *ret_pages)
{
	struct backend *b = g->env->backend;
	int rc = b->ops->domain(b, &g->domain.id, &g->domain);

	if (!rc)
		*ret_pages = (int64_t)(g->domain.pages - expected_pages(g));
	return rc;
}

/* I2: a failed populate can leave pages behind, and must not hide it. */
static int check_pages(struct guest *g)
{
	int64_t drift = 0;
	int rc = steps_drift(g, &drift);

	if (rc || drift == g->drift_pages)
		return rc;
	guest_log(LOG_LEVEL_WARN, g,
		  "Xen counts %+" PRId64 " pages against the ledger, before %+"
		  PRId64 ", see memtide audit", drift, g->drift_pages);
	g->drift_pages = drift;
	return 0;
}

/* I3: the maximum is what is held, and for a step what it may add. */
static int set_max(struct guest *g, uint32_t more_granules)
{
	struct backend *b = g->env->backend;
	uint64_t pages = expected_pages(g);

	pages += (uint64_t)more_granules * GRANULE_PAGES;
	if (g->drift_pages > 0)
		pages += (uint64_t)g->drift_pages;
	return b->ops->set_max(b, &g->domain.id, pages);
}

/* What is promised to the guest is not to be had by a domain that is built
 * meanwhile, where the hypervisor can see to that (I4). */
static void claim(struct guest *g, uint32_t granules)
{
	struct backend *b = g->env->backend;
	uint64_t pages = 0;
	int rc;

	if (granules > g->ledger.nr_backed)
		pages = expected_pages(g) +
			(uint64_t)(granules - g->ledger.nr_backed) *
				GRANULE_PAGES;
	g->claimed = 0;
	rc = b->ops->claim(b, &g->domain.id, pages);
	if (!rc && pages)
		g->claimed = granules;
	else if (rc && rc != -EOPNOTSUPP)
		guest_log(LOG_LEVEL_DEBUG, g, "cannot claim %u granules: %s",
			  granules, strerror(-rc));
}

/* The one place that decides what a backend's error means: the guest is gone,
 * or this kind of step is held off until the next retry. */
static void dispose(struct guest *g, const char *what, struct granules r,
		    int rc, bool *hold)
{
	if (rc == -ESRCH) {
		g->env->ops->gone(g);
		return;
	}
	guest_log_range(rc == -ENOMEM || rc == -EAGAIN ? LOG_LEVEL_INFO :
							 LOG_LEVEL_ERR,
			g, r, "cannot %s granules %u+%u: %s", what, r.first,
			r.nr, strerror(-rc));
	if (rc == -ENOMEM)
		guest_set_why(g, "the host ran out of memory");
	else if (rc == -EAGAIN)
		guest_set_why(g, "it is being saved, or has shut down");
	else
		guest_set_why(g, "cannot %s granules %u+%u: %s", what, r.first,
			      r.nr, strerror(-rc));
	*hold = true;
	guest_kick(g);
}

/* What must be done yet, whether a step is held off or not. */
static void retry_later(struct guest *g, const char *what, int rc)
{
	if (event_pending(g->retry_event, EV_TIMEOUT, NULL))
		return;
	guest_log(LOG_LEVEL_WARN, g, "%s: %s, retrying in %u ms", what,
		  strerror(-rc), g->retry_ms);
	guest_retry_later(g);
}

/* What a failed step has done, Xen tells: the error alone does not, and a
 * granule that is backed must not be backed again, or lost. */
static int resolve(struct guest *g)
{
	struct backend *b = g->env->backend;
	struct granules r = g->doubt;
	uint32_t base = r.first / 64 * 64;
	uint64_t bits[DOUBT_WORDS] = { 0 };
	int rc;

	if (!r.nr)
		return 0;
	rc = b->ops->backed(b, &g->domain.id, guest_gfn(g, base),
			    (r.first + r.nr - base + 63) / 64 * 64, bits);
	for (uint32_t i = 0; !rc && i < r.nr; i++) {
		struct granules one = { r.first + i, 1 };
		uint32_t bit = one.first - base;

		if (bits[bit / 64] >> bit % 64 & 1)
			ledger_set_backed(&g->ledger, one);
		else
			ledger_clear_backed(&g->ledger, one);
	}
	count_error(g, HOST_CALL_READ_BACKED, rc);
	if (!rc)
		g->doubt = (struct granules){ 0, 0 };
	return rc;
}

/* Until it is known no step can be derived. */
static bool is_known(struct guest *g)
{
	int rc = resolve(g);

	if (rc == -ESRCH)
		g->env->ops->gone(g);
	else if (rc)
		retry_later(g, "cannot read what is backed", rc);
	return !rc;
}

/* Once a resize, for all that it will need. */
static int make_tables(struct guest *g, uint32_t granules)
{
	struct backend *b = g->env->backend;
	int rc;

	if (granules <= g->tables)
		return 0;
	granules = MAX(granules, g->target);
	rc = b->ops->set_tables(b, &g->domain.id, granules);
	if (!rc)
		g->tables = granules;
	return rc;
}

/* After each step: Xen's count and maximum are those of the ledger. */
static void check_step(struct guest *g, struct granules r, int rc)
{
	if (rc == -ESRCH)
		return;
	if (rc)
		g->doubt = r;
	if (!resolve(g) && !check_pages(g))
		set_max(g, 0);
}

static int store_target(struct guest *g, uint32_t target)
{
	struct backend *b = g->env->backend;
	char text[BACKEND_VALUE_MAX];
	int rc;

	snprintf(text, sizeof(text), "%u", target);
	rc = b->ops->store_write(b, &g->domain.id, "target-granules", text);
	/* After a reboot an automatic guest needs what it then needs. */
	if (!rc && !g->set.automatic)
		rc = b->ops->remember(b, &g->domain.id,
				      guest_least_kib(g) +
				      (uint64_t)target * GRANULE_KIB);
	g->unstored = rc != 0;
	return rc;
}

int steps_store_target(struct guest *g, uint32_t target)
{
	int rc = store_target(g, target);

	/* It may be there all the same. */
	if (rc && rc != -ESRCH)
		steps_retell(g);
	return rc;
}

static int tell(struct guest *g, uint32_t granules)
{
	struct backend *b = g->env->backend;
	int rc;

	/* If it fails, what is there may be ours and not what was told last. */
	g->has_told = false;
	rc = b->ops->publish(b, &g->domain.id, granules);
	if (rc)
		return rc;
	g->told = granules;
	g->has_told = true;
	return 0;
}

/* Everyone is told the same story (I5). */
static int tell_all(struct guest *g)
{
	struct backend *b = g->env->backend;
	uint32_t held = g->ledger.nr_backed;
	int rc;

	rc = g->unstored ? store_target(g, g->target) : 0;
	if (!rc)
		rc = check_pages(g);
	if (!rc)
		rc = set_max(g, 0);
	if (!rc)
		rc = b->ops->set_tables(b, &g->domain.id, held);
	if (rc)
		return rc;
	g->tables = held;
	return tell(g, held);
}

/*
 * A guest that is saved while it grows is restored as large as the toolstack was
 * told before, and what is more would be refused: so it is told of all that is
 * to come. Not before the guest has used the first of it: from then on, and no
 * sooner, its balloon driver leaves targets to memtide.
 */
static void tell_ahead(struct guest *g)
{
	if (!g->used || g->target <= g->ledger.nr_backed ||
	    (g->has_told && g->told >= g->target))
		return;
	/* First what is so: from that the backend knows the boot size. */
	if (!g->has_told && tell(g, g->ledger.nr_backed))
		return;
	(void)tell(g, g->target);
}

static void do_populate(struct guest *g, struct granules r)
{
	struct backend *b = g->env->backend;
	uint32_t done = 0;
	int64_t since_us;
	int rc;

	tell_ahead(g);
	since_us = guest_now_us();
	rc = make_tables(g, g->ledger.nr_backed + r.nr);
	if (!rc)
		rc = set_max(g, r.nr);
	if (!rc)
		rc = b->ops->populate(b, &g->domain.id, guest_gfn(g, r.first),
				      r.nr, &done);
	count_time(g, OPERATION_POPULATE, since_us);
	count_error(g, HOST_CALL_POPULATE, rc);
	g->env->counters->populated += done;
	if (done)
		ledger_set_backed(&g->ledger,
				  (struct granules){ r.first, done });
	guest_log_range(LOG_LEVEL_DEBUG, g, r, "backed %u+%u of %u", r.first,
			done, r.nr);
	check_step(g, r, rc);
	if (rc)
		dispose(g, "back", r, rc, &g->flight.hold_grow);
	else
		guest_kick(g);
}

static void do_give_back(struct guest *g, struct granules r)
{
	struct backend *b = g->env->backend;
	int64_t since_us = guest_now_us();
	uint32_t done = 0;
	int rc;

	rc = b->ops->give_back(b, &g->domain.id, guest_gfn(g, r.first), r.nr,
			       &done);
	count_time(g, OPERATION_GIVE_BACK, since_us);
	count_error(g, HOST_CALL_GIVE_BACK, rc);
	g->env->counters->given_back += done;
	if (done)
		ledger_clear_backed(&g->ledger,
				    (struct granules){ r.first, done });
	guest_log_range(LOG_LEVEL_DEBUG, g, r, "took back %u+%u of %u", r.first,
			done, r.nr);
	check_step(g, r, rc);
	guest_tell_watchers(g);
	if (rc)
		dispose(g, "take back", r, rc, &g->flight.hold_give);
	else
		guest_kick(g);
}

static struct guest_online *find_online(struct guest *g, uint32_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(g->onlines); i++) {
		if (g->onlines[i].id == id)
			return &g->onlines[i];
	}
	return NULL;
}

static uint32_t next_id(struct guest *g)
{
	if (!++g->last_id)
		g->last_id = 1;		/* 0 marks a free entry */
	return g->last_id;
}

static void do_online(struct guest *g, struct granules r)
{
	struct host_msg msg = { .type = HOST_MSG_ONLINE_REQUEST };
	struct guest_online *o = find_online(g, 0);

	ASSERT(o);
	*o = (struct guest_online){ next_id(g), r, guest_now_us() };
	g->flight.onlines++;
	msg.online_request.id = o->id;
	msg.online_request.nr_ranges = 1;
	msg.online_request.ranges[0] = r;
	/* Before it leaves: from here on the guest may use it. */
	ledger_set_exposed(&g->ledger, r);
	if (!session_send(g, &msg))
		guest_kick(g);
}

static void do_pull(struct guest *g, uint32_t nr)
{
	struct host_msg msg = { .type = HOST_MSG_PULL_REQUEST };

	g->pull = (struct guest_pull){ next_id(g), nr, 0, guest_now_us() };
	g->flight.pull_left = nr;
	g->flight.pull_cancelled = false;
	msg.pull_request.id = g->pull.id;
	msg.pull_request.nr = nr;
	msg.pull_request.deadline_ms = STEPS_PULL_DEADLINE_MS;
	session_send(g, &msg);
}

static void do_cancel(struct guest *g)
{
	struct host_msg msg = { .type = HOST_MSG_PULL_CANCEL };

	g->flight.pull_cancelled = true;
	msg.pull_cancel.id = g->pull.id;
	if (!session_send(g, &msg))
		guest_kick(g);
}

static void settle(struct guest *g)
{
	int rc;

	claim(g, 0);
	rc = tell_all(g);
	count_error(g, HOST_CALL_TELL, rc);
	g->untold = rc && rc != -ESRCH;
	if (guest_arrived(g)) {
		if (!g->untold)
			g->retry_ms = g->env->conf.retry_min_ms;
		guest_set_why(g, "%s", "");
	} else if (g->flight.hold_grow || g->flight.hold_pull ||
		   g->flight.hold_give) {
		guest_retry_later(g);
	} else {
		guest_set_why(g, "the window has no room for a whole block, or the rest is too small to open one");
	}
	if (g->untold)
		retry_later(g, "cannot tell Xen and the toolstack", rc);
	g->settled = true;
	guest_set_state(g, GUEST_READY);
	guest_tell_watchers(g);
}

static void mark_busy(struct guest *g)
{
	if (g->sync_audit) {
		/* What it would compare is moving. */
		g->sync_audit = false;
		guest_tell_watchers(g);
	}
	guest_set_state(g, g->ledger.nr_backed > g->target ? GUEST_SHRINKING :
							     GUEST_GROWING);
}

void steps_run(struct guest *g)
{
	struct granules r = { 0, 0 };
	enum plan_step step;
	uint32_t nr = 0;

	if (!guest_connected(g) || !is_known(g))
		return;
	step = plan_next(&g->ledger, g->target, &g->flight, &r, &nr);
	if (step != PLAN_SETTLED) {
		g->settled = false;
		mark_busy(g);
	}
	switch (step) {
	case PLAN_SETTLED:
		if (guest_busy(g) || !g->settled || g->untold)
			settle(g);
		break;
	case PLAN_WAIT:
		break;
	case PLAN_POPULATE:
		do_populate(g, r);
		break;
	case PLAN_ONLINE:
		do_online(g, r);
		break;
	case PLAN_PULL:
		do_pull(g, nr);
		break;
	case PLAN_CANCEL_PULL:
		do_cancel(g);
		break;
	case PLAN_GIVE_BACK:
		do_give_back(g, r);
		break;
	}
}

static void lift_holds(struct guest *g)
{
	g->flight.hold_grow = false;
	g->flight.hold_pull = false;
	g->flight.hold_give = false;
	event_del(g->retry_event);
	guest_kick(g);
}

void steps_retarget(struct guest *g)
{
	lift_holds(g);
	g->retry_ms = g->env->conf.retry_min_ms;
	g->settled = false;
	claim(g, g->target);
}

void steps_retell(struct guest *g)
{
	g->untold = true;
	guest_kick(g);
}

void steps_retry(struct guest *g)
{
	lift_holds(g);
}

/* As docs/protocol.md has it; what strerror() says fits none of these. */
static const char *online_error_text(uint32_t error)
{
	switch (error) {
	case EPERM:
		return "its administrator has taken the memory block offline";
	case EHWPOISON:
		return "it knows the memory to be broken";
	case ENOMEM:
		return "it has no memory left to add a memory block";
	case ECANCELED:
		return "its kernel does not accept the memory block";
	case EBUSY:
		return "it is about to hibernate";
	case EIO:
		return "its driver has given up, its kernel log says why";
	default:
		return strerror((int)error);
	}
}

void steps_online_reply(struct guest *g, const struct msg_online_reply *reply)
{
	struct guest_online *o = reply->id ? find_online(g, reply->id) : NULL;
	struct granules rest;

	if (!o || reply->nr_done != 1 || reply->done[0] > o->range.nr) {
		guest_log(LOG_LEVEL_WARN, g,
			  "answer %u to nothing that was asked, ignoring",
			  reply->id);
		return;
	}
	rest = (struct granules){ o->range.first + reply->done[0],
				  o->range.nr - reply->done[0] };
	guest_log_range(LOG_LEVEL_DEBUG, g, o->range, "online %u+%u of %u",
			o->range.first, reply->done[0], o->range.nr);
	count_time(g, OPERATION_ONLINE, o->sent_us);
	o->id = 0;
	g->flight.onlines--;
	if (rest.nr) {
		g->env->counters->online_refused[online_error_of(reply->error)]++;
		ledger_clear_exposed(&g->ledger, rest);
		g->flight.hold_grow = true;
		guest_set_why(g, "the guest's kernel refused %u granules: %s",
			      rest.nr, online_error_text(reply->error));
	} else {
		g->used = true;
		tell_ahead(g);
	}
	guest_tell_watchers(g);
	guest_kick(g);
}

static void pull_ended(struct guest *g, enum pull_reason reason)
{
	bool cancelled = g->flight.pull_cancelled;

	if (g->pull.id)
		count_time(g, OPERATION_PULL, g->pull.sent_us);
	if (reason != PULL_REASON_DONE)
		g->env->counters->pull_short[reason]++;
	if (reason != PULL_REASON_DONE && !cancelled)
		guest_set_why(g, "the guest gave %u of %u MiB: %s",
			      g->pull.got * 2, g->pull.asked * 2,
			      pull_reason_text(reason));
	/* Time alone is no reason to stop while it gives something. */
	if (!cancelled && reason != PULL_REASON_DONE &&
	    (reason != PULL_REASON_DEADLINE || !g->pull.got))
		g->flight.hold_pull = true;
	/* "Done" with too little would have us ask for ever. */
	if (reason == PULL_REASON_DONE && !g->pull.got)
		g->flight.hold_pull = true;
	g->flight.pull_left = 0;
	g->flight.pull_cancelled = false;
	g->pull = (struct guest_pull){ 0 };
}

static bool take_range(struct guest *g, struct granules r)
{
	if (!ledger_contains(&g->ledger, r) ||
	    !ledger_is_exposed(&g->ledger, r)) {
		session_quarantine(g,
				 "it gave up granules %u+%u, which it does not have",
				 r.first, r.nr);
		return false;
	}
	ledger_clear_exposed(&g->ledger, r);
	guest_log_range(LOG_LEVEL_DEBUG, g, r, "pulled %u+%u", r.first, r.nr);
	g->pull.got += r.nr;
	g->flight.pull_left -= MIN(g->flight.pull_left, r.nr);
	return true;
}

void steps_pull_progress(struct guest *g,
			 const struct msg_pull_progress *progress)
{
	if (!guest_connected(g))
		return;
	for (uint32_t i = 0; i < progress->nr_ranges; i++) {
		if (!take_range(g, progress->ranges[i]))
			return;
	}
	if (progress->last && progress->id == g->pull.id)
		pull_ended(g, progress->reason);
	guest_tell_watchers(g);
	guest_kick(g);
}
