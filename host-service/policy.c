/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * policy.c - Who should hold how much memory
 */
#include "policy.h"

#include "floor.h"
#include "share.h"

/* Sizes, in granules */
#define STEP_MIN	64u	/* of relief: 128 MiB */
#define HEADROOM_MORE	2u	/* than the agent's floor */
#define FLOOR_ROUNDS	8u
#define CRUMB		4u	/* less is not taken from anyone */
#define GIVE_MIN	8u	/* of what is given slowly */
#define GIVE_SHARE	8u	/* and this part of what is beyond the need */

/* Times */
#define RELIEF_AHEAD_MS	1000u	/* will be used before the next step arrives */
#define NEED_AHEAD_MS	500u
#define CALM_FAST_MS	2000u	/* calm for so long: gives to a guest in need */
#define CALM_SOON_MS	5000u
#define CALM_SLOW_MS	30000u	/* gives to the reserve */
#define GIVE_EVERY_MS	2000u
#define QUIET_MS	500u	/* gave nothing for so long: is not counted on */
#define ASK_AGAIN_MS	60000u	/* who gave too little, for relief */
#define HURT_MS		30000u	/* so soon after it gave, it gave too much */
#define BACKOFF_MIN_MS	60000u	/* who was hurt or gave too little is left out */
#define MARK_CALM_MS	15000u	/* calm for so long: its mark stops no relief */
#define BACKOFF_MAX_MS	(64u * 60000u)
#define NO_GROW_MIN_MS	1000u	/* who could not grow, at first and at last */
#define NO_GROW_MAX_MS	64000u
#define SILENT_MS	10000u	/* demand.c: then it is calm */

static const char *const reason_names[] = {
	[POLICY_KEEP] = "keep",
	[POLICY_NOT_OURS] = "not-automatic",
	[POLICY_WAITS] = "waits",
	[POLICY_RELIEF] = "relief",
	[POLICY_NEED] = "need",
	[POLICY_FLOOR] = "floor",
	[POLICY_CEILING] = "ceiling",
	[POLICY_GIVE_GUEST] = "give-guest",
	[POLICY_GIVE_RESERVATION] = "give-reservation",
	[POLICY_GIVE_RESERVE] = "give-reserve",
	[POLICY_GIVE_SHARE] = "give-share",
	[POLICY_STOPS] = "stops",
	[POLICY_FELL_SHORT] = "fell-short",
};
static_assert(ARRAY_SIZE(reason_names) == POLICY_NUM_REASONS,
	      "a reason without a name");

const char *policy_reason_name(enum policy_reason reason)
{
	return reason_names[reason];
}

struct taking;

/**
 * struct run
 * @pool:	free granules not given to anyone yet
 * @coming:	granules on their way back from guests
 * @plenty:	half of what is free for each guest in distress
 * @lack:	what relief and reservations did not get
 * @other:	the guest that lacks most
 * @how:	how is taken what is lacking; NULL if nothing is
 * @is_short:	not all that is lacking is coming
 */
struct run {
	struct policy_host *host;
	struct policy_guest *guests;
	uint32_t nr;
	uint64_t pool;
	uint64_t coming;
	uint32_t plenty;
	uint64_t lack;
	uint32_t other;
	const struct taking *how;
	bool is_short;
};

static uint32_t less(uint32_t a, uint32_t b)
{
	return a - MIN(a, b);
}

static uint32_t cap_u32(uint64_t n)
{
	return (uint32_t)MIN(n, UINT32_MAX);
}

/* One guest ------------------------------------------------------------- */

/* What a guest that uses so much must have available, or its agent does not
 * give: it stops at the floor of all that it has then. Each round is nearer. */
static uint32_t least_headroom(uint32_t used)
{
	uint64_t floor = 0;

	for (unsigned int i = 0; i < FLOOR_ROUNDS; i++)
		floor = floor_pages((uint64_t)used * GRANULE_PAGES + floor);
	return cap_u32(floor / GRANULE_PAGES + HEADROOM_MORE);
}

static uint32_t find_headroom(const struct policy_guest *g)
{
	return g->set.headroom ? g->set.headroom :
				 MAX(g->used / 8, g->least);
}

/* What it will use in @ms more than now, if it goes on like this. */
static uint32_t ahead(const struct policy_guest *g, uint32_t ms)
{
	uint64_t kib = (uint64_t)g->growth_kib_s * ms / 1000;

	return (uint32_t)MIN(kib / GRANULE_KIB, MAX(g->target, STEP_MIN));
}

static uint32_t within(const struct policy_guest *g, uint64_t size)
{
	return (uint32_t)MAX(MIN(size, g->set.ceiling), g->set.floor);
}

static bool in_pain(const struct policy_guest *g)
{
	return g->level == DEMAND_DISTRESS || g->level == DEMAND_PRESSED;
}

/* It is sure to have enough: what it waits for is not the host's memory. */
static bool has_unused(const struct policy_guest *g)
{
	return !g->starving && g->unused >= g->headroom;
}

/* Next to nothing of what it has is left. */
static bool has_eaten(const struct policy_guest *g)
{
	return less(g->held, g->used) < g->headroom / 2;
}

/* Has what it was to get arrived, and has it said since how it is? If it has
 * eaten that as it came, half of it will do. */
static bool has_goal(const struct policy_guest *g)
{
	if (g->target + CRUMB <= g->mem.goal)
		return false;
	if (g->settled)
		return g->report_ms < g->moved_ms;
	return has_eaten(g) && less(g->target, g->held) <= g->mem.step / 2;
}

/* Less has hurt, not long ago; 0: nothing has. */
static uint32_t mark(const struct policy_guest *g)
{
	return g->mem.mark_ms ? g->mem.mark : 0;
}

static void set_goal(struct policy_guest *g, uint32_t plenty)
{
	struct policy_memory *m = &g->mem;
	uint32_t size = MAX(g->target, g->held);
	uint64_t need = (uint64_t)g->used + g->headroom +
			ahead(g, RELIEF_AHEAD_MS);
	uint32_t step = MAX(size / 4, STEP_MIN);

	if (m->goal && !has_goal(g))
		return;
	if (has_eaten(g))
		step = MAX(step * 2, MIN(plenty, size));
	if (m->goal)
		step = MAX(step, MIN(m->step, size / 2) * 2);
	else if (size < mark(g))
		/* It was well before it gave. */
		step = m->mark - size;
	step = MAX(step, cap_u32(need - MIN(need, size)));
	m->step = step;
	m->goal = within(g, (uint64_t)size + step);
}

/* A little more than it can be given makes no sense, nor does too little. */
static void round_want(struct policy_guest *g)
{
	if (g->want - g->target < g->grain)
		g->want = g->target + g->grain;
	if (g->want > g->set.ceiling)
		g->want = MAX(g->set.ceiling, g->target);
	if (g->want - g->target < g->grain)
		g->want = g->target;
}

/* What it should have, and why; at least its target. @plenty is free for it. */
static void find_want(struct policy_guest *g, uint32_t plenty)
{
	uint64_t need = (uint64_t)g->used + g->headroom +
			ahead(g, NEED_AHEAD_MS);

	g->want = g->target;
	if (g->level != DEMAND_DISTRESS || has_unused(g))
		g->mem.goal = 0;
	else
		set_goal(g, plenty);
	if (g->mem.goal > g->target) {
		g->want = g->mem.goal;
		g->reason = POLICY_RELIEF;
	} else if (g->level != DEMAND_UNKNOWN &&
		   /* A quarter of the headroom may go before that. */
		   need - g->headroom / 4 > g->target &&
		   within(g, need) > g->target) {
		g->want = within(g, need);
		g->reason = POLICY_NEED;
	} else if (g->target < g->set.floor) {
		g->want = g->set.floor;
		g->reason = POLICY_FLOOR;
	}
	if (g->want > g->target)
		round_want(g);
}

static bool can_grow(const struct policy_guest *g)
{
	return !g->mem.no_grow_ms;
}

static uint32_t next_backoff(uint32_t ms)
{
	return MAX(MIN(ms * 2, BACKOFF_MAX_MS), BACKOFF_MIN_MS);
}

/* What is not there will not come, or who knows when: the rest is not promised
 * any longer, and is not asked for again. Who gave half of it may be asked. */
static void end_failed(struct policy_guest *g)
{
	struct policy_memory *m = &g->mem;
	uint32_t missing = less(g->target, g->held);
	bool takes_nothing = missing && g->quiet_ms >= NO_GROW_MIN_MS;

	if (!g->settled && !takes_nothing)
		return;
	m->donor = false;
	if (missing >= g->grain) {
		m->grow_backoff_ms = MAX(MIN(m->grow_backoff_ms * 2,
					     NO_GROW_MAX_MS), NO_GROW_MIN_MS);
		m->no_grow_ms = m->grow_backoff_ms;
	} else if (m->grows) {
		m->grow_backoff_ms = 0;
	}
	m->grows = false;
	if (g->target == g->held)
		return;
	if (less(g->held, g->target) > m->asked / 2) {
		m->give_backoff_ms = next_backoff(m->give_backoff_ms);
		m->no_give_ms = m->give_backoff_ms;
		m->refused_with = less(g->held, g->used);
	} else if (m->asked) {
		m->give_backoff_ms = 0;
	}
	m->asked = 0;
	m->goal = MIN(m->goal, g->held);
	g->target = g->held;
	g->reason = POLICY_FELL_SHORT;
}

/* It gave, and now it hurts: do not do that again too soon. If it uses more than
 * when it gave, that is why it hurts. */
static void remember_pain(struct policy_guest *g)
{
	struct policy_memory *m = &g->mem;

	if (!m->gave_from)
		return;
	if (in_pain(g) && g->used > m->gave_used + g->headroom / 2) {
		m->gave_from = 0;
	} else if (in_pain(g)) {
		m->mark = m->gave_from;
		m->backoff_ms = next_backoff(m->backoff_ms);
		m->mark_ms = m->backoff_ms;
		m->gave_from = 0;
	} else if (m->gave_ms >= HURT_MS) {
		if (g->target < m->mark)
			m->backoff_ms /= 2;
		m->gave_from = 0;
	}
}

static void age(struct policy_guest *g, uint32_t elapsed_ms)
{
	struct policy_memory *m = &g->mem;

	m->mark_ms = less(m->mark_ms, elapsed_ms);
	m->pause_ms = less(m->pause_ms, elapsed_ms);
	m->no_give_ms = less(m->no_give_ms, elapsed_ms);
	m->no_grow_ms = less(m->no_grow_ms, elapsed_ms);
	m->gave_ms = cap_u32((uint64_t)m->gave_ms + elapsed_ms);
	remember_pain(g);
}

/* What is so without regard to others. */
static void look(struct run *r, struct policy_guest *g)
{
	g->from = g->target;
	g->want = g->target;
	g->least = least_headroom(g->used);
	g->headroom = find_headroom(g);
	g->other = 0;
	g->reason = POLICY_KEEP;
	age(g, r->host->elapsed_ms);
	if (g->can == POLICY_CAN_NOTHING) {
		g->reason = POLICY_NOT_OURS;
		g->mem.goal = 0;
		return;
	}
	end_failed(g);
	/* It has more to give than when it did not. */
	if (less(g->held, g->used) >= g->mem.refused_with + g->headroom)
		g->mem.no_give_ms = 0;
	if (in_pain(g) && g->mem.donor && g->target < g->held) {
		g->target = MIN(g->held, g->set.ceiling);
		g->reason = POLICY_STOPS;
	}
	if (g->target > g->set.ceiling && g->can == POLICY_CAN_BOTH &&
	    !g->mem.no_give_ms) {
		g->mem.asked = g->target - g->set.ceiling;
		g->target = g->set.ceiling;
		g->reason = POLICY_CEILING;
	}
	find_want(g, r->plenty);
	g->most = g->want;
}

/* Serving --------------------------------------------------------------- */

static bool asks(const struct policy_guest *g)
{
	return g->want > g->target;
}

/* What it need not be promised: also what it was to give, and still has. */
static uint32_t has(const struct policy_guest *g)
{
	return MAX(g->target, g->held);
}

/* In how long may it be asked again? */
static uint32_t no_give_ms(const struct policy_guest *g, bool relief)
{
	const struct policy_memory *m = &g->mem;
	uint32_t passed_ms = less(m->give_backoff_ms, m->no_give_ms);

	return relief ? MIN(m->no_give_ms, less(ASK_AGAIN_MS, passed_ms)) :
			m->no_give_ms;
}

static bool gives_share(const struct policy_guest *g)
{
	return g->can == POLICY_CAN_BOTH && !no_give_ms(g, true) &&
	       g->level != DEMAND_UNKNOWN;
}

/* What a guest should have at most if all the memory were divided anew. Nobody
 * knows where distress ends; headroom is nothing that others suffer for. */
static uint32_t may_have(const struct policy_guest *g, bool headroom)
{
	if (g->mem.goal)
		return MAX(g->set.ceiling, g->want);
	return headroom ? g->want : g->target;
}

/* Fair shares, with nobody left who has more than it needs. */
static uint32_t share_anew(struct run *r, bool headroom)
{
	struct share *slots = r->host->slots;
	uint64_t total = r->pool;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < r->nr; i++) {
		struct policy_guest *g = &r->guests[i];
		uint32_t lo = gives_share(g) ? MIN(g->set.floor, g->target) :
					       g->target;

		if (!asks(g) && !gives_share(g))
			continue;
		slots[nr++] = (struct share){
			.of = g, .key = g->key, .weight = g->set.weight,
			.lo = lo, .hi = MAX(may_have(g, headroom), lo),
		};
		total += has(g);
	}
	share_out(slots, nr, total);
	return nr;
}

/* While someone is in distress who may have more, it will ask for more: nobody
 * else is served beyond its fair share. */
static void limit_need(struct run *r)
{
	struct share *slots = r->host->slots;
	bool distress = false, need = false;
	uint32_t nr;

	for (uint32_t i = 0; i < r->nr; i++) {
		struct policy_guest *g = &r->guests[i];

		distress |= g->mem.goal && g->target < g->set.ceiling;
		need |= asks(g) && g->reason != POLICY_RELIEF;
	}
	if (!distress || !need)
		return;
	nr = share_anew(r, true);
	for (uint32_t i = 0; i < nr; i++) {
		struct policy_guest *g = slots[i].of;

		if (g->reason == POLICY_NEED)
			g->most = MIN(g->want, MAX(slots[i].got, has(g)));
	}
}

/* It was asked and gives nothing: perhaps it will, but who knows. */
static bool is_quiet(const struct policy_guest *g)
{
	return !g->settled && g->quiet_ms >= QUIET_MS;
}

/* Give from the pool to all who ask for this reason, the poorest first. */
static void serve(struct run *r, bool relief)
{
	struct share *slots = r->host->slots;
	uint64_t total = r->pool, given = 0;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < r->nr; i++) {
		struct policy_guest *g = &r->guests[i];

		if (!asks(g) || (g->reason == POLICY_RELIEF) != relief)
			continue;
		slots[nr++] = (struct share){
			.of = g, .key = g->key,
			.weight = g->set.weight,
			.lo = has(g),
			.hi = can_grow(g) ? MAX(g->most, has(g)) : has(g),
		};
		total += has(g);
	}
	share_out(slots, nr, total);
	for (uint32_t i = 0; i < nr; i++) {
		struct policy_guest *g = slots[i].of;

		given += slots[i].got - slots[i].lo;
		/* What it was to give it keeps first. */
		if (!is_quiet(g))
			r->coming -= less(MIN(g->want, g->held), g->target);
		g->mem.grows |= slots[i].got > slots[i].lo;
		g->target = MIN(g->want, slots[i].got);
	}
	ASSERT(given <= r->pool);
	r->pool -= given;
}

/* What those lack who ask for this reason, and who lacks most. */
static uint64_t unserved(struct run *r, bool relief)
{
	uint32_t most = 0;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->nr; i++) {
		const struct policy_guest *g = &r->guests[i];
		uint32_t lack = less(g->most, g->target);

		if (!asks(g) || !can_grow(g) || !lack ||
		    (g->reason == POLICY_RELIEF) != relief)
			continue;
		sum += lack;
		if (lack > most || (lack == most && g->key < r->other)) {
			most = lack;
			r->other = g->key;
		}
	}
	return sum;
}

/* Taking ---------------------------------------------------------------- */

/* In what need is something taken, and from whom? */
struct taking {
	enum policy_reason reason;
	uint32_t calm_ms;	/* calm for so long */
	uint32_t headrooms;	/* so many are left to it */
	uint32_t part;		/* one of so many of what is beyond */
	uint32_t pause_ms;	/* between two times; 0: needs not settle */
	bool relief;
};

/* The least that it is to keep, but for its low mark. */
static uint32_t keeps(const struct policy_guest *g, const struct taking *t)
{
	uint64_t size = (uint64_t)g->used +
			MAX((uint64_t)g->headroom * t->headrooms,
			    g->least) +
			ahead(g, RELIEF_AHEAD_MS);

	return cap_u32(MAX(size, g->set.floor));
}

/* How long is its low mark yet respected? Distress now is worse than what may
 * hurt: of who has long been calm it is not. */
static uint32_t mark_holds_ms(const struct policy_guest *g,
			      const struct taking *t)
{
	uint32_t calm_ms = less(MARK_CALM_MS, g->calm_ms);

	return t->relief ? MIN(g->mem.mark_ms, calm_ms) : g->mem.mark_ms;
}

static uint32_t spare(const struct policy_guest *g, uint32_t keeps)
{
	uint32_t n = less(g->target, keeps);

	return n < CRUMB ? 0 : n;
}

/* In how long may it give? 0: now; POLICY_NEVER: not by waiting alone. */
static uint32_t gives_in_ms(const struct policy_guest *g,
			    const struct taking *t)
{
	uint32_t ms = 0;

	if (g->can == POLICY_CAN_NOTHING || asks(g) ||
	    g->level == DEMAND_UNKNOWN)
		return POLICY_NEVER;
	if (in_pain(g))
		ms = less(SILENT_MS, g->report_ms) + t->calm_ms;
	else
		ms = less(t->calm_ms, g->calm_ms);
	ms = MAX(ms, no_give_ms(g, t->relief));
	if (t->pause_ms)
		ms = MAX(ms, g->mem.pause_ms);
	/* Its steps end first, and that is told. */
	if (!ms && (g->can != POLICY_CAN_BOTH || (t->pause_ms && !g->settled)))
		return POLICY_NEVER;
	return ms;
}

/* The longer it is calm the more it gives: doubled time, one part more. */
static uint64_t idleness(const struct policy_guest *g)
{
	uint64_t n = 1;

	for (uint32_t ms = g->calm_ms; ms >= 2000; ms /= 2)
		n++;
	return n;
}

static void give(struct policy_guest *g, uint32_t n, enum policy_reason reason,
		 uint32_t other)
{
	struct policy_memory *m = &g->mem;

	m->donor = reason != POLICY_GIVE_SHARE;
	m->gave_from = m->donor ? g->target : 0;
	m->gave_used = g->used;
	m->gave_ms = 0;
	m->asked = n + less(g->held, g->target);
	g->target -= n;
	g->want = g->target;
	g->reason = reason;
	g->other = other;
}

static void give_slots(struct run *r, uint32_t nr, uint64_t n,
		       enum policy_reason reason)
{
	struct share *slots = r->host->slots;

	share_out(slots, nr, n);
	for (uint32_t i = 0; i < nr; i++) {
		struct policy_guest *g = slots[i].of;

		if (!slots[i].got)
			continue;
		r->coming += slots[i].got;
		/* Of what was promised and is not there, nothing comes. */
		r->coming -= MIN(slots[i].got, less(g->target, g->held));
		give(g, slots[i].got, reason,
		     reason == POLICY_GIVE_GUEST ||
				     reason == POLICY_GIVE_SHARE ?
			     r->other :
			     0);
	}
}

/* Take up to @n from donors, by idleness and 1/weight. */
static void take(struct run *r, uint64_t n, const struct taking *t)
{
	struct share *slots = r->host->slots;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < r->nr && n; i++) {
		struct policy_guest *g = &r->guests[i];
		uint32_t low = mark_holds_ms(g, t) ? g->mem.mark : 0;
		uint32_t most = gives_in_ms(g, t) ? 0 :
					spare(g, MAX(keeps(g, t), low));

		if (!most)
			continue;
		slots[nr++] = (struct share){
			.of = g, .key = g->key,
			.weight = most * idleness(g) * POLICY_WEIGHT_MAX /
				  g->set.weight,
			.hi = MIN(most, MAX(most / t->part, GIVE_MIN)),
		};
	}
	give_slots(r, nr, n, t->reason);
	for (uint32_t i = 0; i < nr && t->pause_ms; i++) {
		struct policy_guest *g = slots[i].of;

		g->mem.pause_ms = t->pause_ms;
	}
}

/* What surely helps a guest in distress: more is not taken from others who are
 * in need themselves. */
static uint32_t sure_step(const struct policy_guest *g)
{
	uint32_t size = MAX(g->used + g->headroom, has(g) + STEP_MIN);

	return less(MIN(g->want, size), g->target);
}

/* From those above their share, up to what those in distress lack of theirs. */
static void take_shares(struct run *r)
{
	struct share *slots = r->host->slots;
	uint32_t nr = share_anew(r, false), nr_give = 0;
	uint64_t lack = 0;

	for (uint32_t i = 0; i < nr; i++) {
		struct policy_guest *g = slots[i].of;
		uint32_t excess = less(g->target, slots[i].got);

		if (g->reason == POLICY_RELIEF)
			lack += MIN(less(slots[i].got, g->target),
				    sure_step(g));
		if (!gives_share(g) || excess < CRUMB)
			continue;
		slots[nr_give++] = (struct share){
			.of = g, .key = g->key, .weight = excess, .hi = excess,
		};
	}
	lack -= MIN(lack, r->coming);
	lack = MIN(lack, r->lack);
	if (lack >= CRUMB)
		give_slots(r, nr_give, lack, POLICY_GIVE_SHARE);
}

/* All -------------------------------------------------------------------- */

static const struct taking take_for_relief = {
	POLICY_GIVE_GUEST, CALM_FAST_MS, 1, 1, 0, true
};
static const struct taking take_for_reservation = {
	POLICY_GIVE_RESERVATION, CALM_FAST_MS, 1, 1, 0, false
};
static const struct taking take_for_need = {
	POLICY_GIVE_GUEST, CALM_FAST_MS, 2, 1, 0, false
};
/* Less than half of the burst reserve is there: from those that have plenty. */
static const struct taking take_soon = {
	POLICY_GIVE_RESERVE, CALM_SOON_MS, 4, 2, GIVE_EVERY_MS, false
};
static const struct taking take_for_reserve = {
	POLICY_GIVE_RESERVE, CALM_SLOW_MS, 2, GIVE_SHARE, GIVE_EVERY_MS, false
};

static uint64_t lacking(const struct run *r, uint64_t n)
{
	return n - MIN(n, r->coming);
}

static void look_at_all(struct run *r)
{
	uint32_t nr_distress = 0;

	for (uint32_t i = 0; i < r->nr; i++)
		nr_distress += r->guests[i].level == DEMAND_DISTRESS;
	r->plenty = r->host->free / MAX(nr_distress * 2, 2);
	for (uint32_t i = 0; i < r->nr; i++) {
		struct policy_guest *g = &r->guests[i];
		uint32_t promised = less(g->from, g->held);

		look(r, g);
		r->pool += less(promised, less(g->target, g->held));
		if (!is_quiet(g))
			r->coming += less(g->held, g->target);
	}
}

/* How long until someone may give who cannot now? */
static uint32_t next_gift_ms(const struct run *r, const struct taking *t)
{
	uint32_t next_ms = POLICY_NEVER;

	for (uint32_t i = 0; i < r->nr; i++) {
		const struct policy_guest *g = &r->guests[i];
		uint32_t keep = keeps(g, t), ms = gives_in_ms(g, t);

		if (ms == POLICY_NEVER || !spare(g, keep))
			continue;
		if (!spare(g, MAX(keep, mark(g))))
			ms = MAX(ms, mark_holds_ms(g, t));
		/* Who may give now was asked, or enough is coming. */
		if (ms)
			next_ms = MIN(next_ms, ms);
	}
	return next_ms;
}

static void refill(struct run *r)
{
	uint64_t burst = r->host->burst;

	if (r->pool >= burst)
		return;
	r->how = r->pool < burst / 2 ? &take_soon : &take_for_reserve;
	if (r->pool < burst / 2)
		take(r, lacking(r, burst / 2 - r->pool), &take_soon);
	take(r, lacking(r, burst - r->pool), &take_for_reserve);
	r->is_short = lacking(r, burst - r->pool);
}

static void balance(struct run *r)
{
	struct policy_host *h = r->host;
	uint64_t need, relief;

	serve(r, true);
	h->granted = (uint32_t)MIN(r->pool, h->wanted);
	r->pool -= h->granted;
	limit_need(r);
	serve(r, false);

	need = unserved(r, false);
	relief = unserved(r, true);
	r->lack = relief + h->wanted - h->granted;
	if (need)
		r->how = &take_for_need;
	if (r->lack) {
		r->how = relief ? &take_for_relief : &take_for_reservation;
		take(r, lacking(r, r->lack), r->how);
	}
	if (relief && lacking(r, r->lack))
		take_shares(r);
	if (need)
		take(r, lacking(r, r->lack + need), &take_for_need);
	r->is_short = lacking(r, r->lack + need);
	if (!r->how)
		refill(r);
}

static void conclude(struct run *r)
{
	struct policy_host *h = r->host;

	/* The reserve can wait for those that were asked. */
	bool is_urgent = r->how && !r->how->pause_ms;

	h->lacking = r->how != NULL;
	h->next_ms = r->is_short ? next_gift_ms(r, r->how) : POLICY_NEVER;
	if (r->is_short && r->how == &take_soon)
		h->next_ms = MIN(h->next_ms,
				 next_gift_ms(r, &take_for_reserve));
	h->changes = 0;
	for (uint32_t i = 0; i < r->nr; i++) {
		struct policy_guest *g = &r->guests[i];

		if (is_urgent && g->target < g->held && !is_quiet(g))
			h->next_ms = MIN(h->next_ms, QUIET_MS - g->quiet_ms);
		if (asks(g) && !can_grow(g)) {
			h->next_ms = MIN(h->next_ms, g->mem.no_grow_ms);
			g->reason = POLICY_FELL_SHORT;
		}
		/* It has not grown, it only keeps what it was to give. */
		if (asks(g) && g->from < g->held && g->target == g->held)
			g->reason = g->settled ? POLICY_FELL_SHORT :
						 POLICY_STOPS;
		if (g->target == g->from && g->can != POLICY_CAN_NOTHING)
			g->reason = asks(g) ? POLICY_WAITS : POLICY_KEEP;
		h->changes += g->target != g->from;
	}
}

void policy_run(struct policy_host *host, struct policy_guest *guests,
		uint32_t nr)
{
	struct run r = {
		.host = host, .guests = guests, .nr = nr, .pool = host->free,
	};

	look_at_all(&r);
	balance(&r);
	conclude(&r);
}

bool policy_asks(const struct policy_guest *g)
{
	struct policy_guest copy = *g;

	copy.least = least_headroom(copy.used);
	copy.headroom = find_headroom(&copy);
	copy.reason = POLICY_KEEP;
	if (copy.can != POLICY_CAN_NOTHING)
		find_want(&copy, 0);
	return copy.can != POLICY_CAN_NOTHING && asks(&copy);
}

uint64_t policy_possible(const struct policy_host *host,
			 const struct policy_guest *guests, uint32_t nr)
{
	uint64_t n = host->free;

	for (uint32_t i = 0; i < nr; i++) {
		struct policy_guest g = guests[i];

		g.least = least_headroom(g.used);
		g.headroom = find_headroom(&g);
		n += less(g.held, g.target);
		if (g.can != POLICY_CAN_NOTHING && !policy_asks(&g) &&
		    g.level == DEMAND_CALM && !g.mem.no_give_ms)
			n += spare(&g, MAX(keeps(&g, &take_for_reservation),
					   mark(&g)));
	}
	return n;
}

struct policy_change policy_change(const struct policy_guest *g)
{
	return (struct policy_change){
		.reason = g->reason,
		.from = g->from,
		.to = g->target,
		.want = g->want,
		.held = g->held,
		.used = g->used,
		.headroom = g->headroom,
		.floor = g->set.floor,
		.ceiling = g->set.ceiling,
		.stall_permille = g->stall_permille,
		.refault_kib_s = g->refault_kib_s,
		.swap_in_kib_s = g->swap_in_kib_s,
		.growth_kib_s = g->growth_kib_s,
		.calm_ms = g->calm_ms,
		.other = g->other,
	};
}
