/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pull_job.c - One request to pull, from its arrival to its last PullProgress
 */
#include "pull_job.h"

#include <assert.h>
#include <errno.h>

#include "floor.h"

static_assert(PULL_STEP_RUNS_MAX + 1 < PROTO_RANGES_MAX,
	      "one batch always fits into an empty message");
static_assert(PULL_STEP_RUNS_MAX <= KDEV_BATCH_MAX, "and into a call");

int pull_job_init(struct pull_job *j, struct window *w,
		  uint64_t fixed_floor_pages)
{
	*j = (struct pull_job){
		.window = w, .fixed_floor_pages = fixed_floor_pages,
	};
	return pull_plan_init(&j->plan, &w->map);
}

void pull_job_done(struct pull_job *j)
{
	pull_plan_done(&j->plan);
}

void pull_job_start(struct pull_job *j, const struct msg_pull_request *req,
		    uint64_t boot_pages, uint64_t now_ms)
{
	ASSERT(j->state == PULL_JOB_IDLE);
	j->state = PULL_JOB_WORKING;
	j->boot_pages = boot_pages;
	j->remaining = req->nr;
	j->deadline_ms = now_ms + req->deadline_ms;
	j->pass = 1;
	j->short_of = PULL_REASON_DONE;
	j->pending = (struct msg_pull_progress){ .id = req->id };
	j->pending_granules = 0;
	pull_plan_start(&j->plan, true);
}

static void end(struct pull_job *j, enum pull_reason reason)
{
	j->state = PULL_JOB_ENDED;
	j->pending.last = true;
	j->pending.reason = reason;
}

static bool running(const struct pull_job *j)
{
	return j->state == PULL_JOB_WORKING || j->state == PULL_JOB_PAUSING;
}

void pull_job_cancel(struct pull_job *j)
{
	if (running(j))
		end(j, PULL_REASON_CANCELLED);
}

void pull_job_drop(struct pull_job *j)
{
	j->state = PULL_JOB_IDLE;
}

/* Steps go down a block, so a run often ends where the last one began. */
static void add_pending(struct pull_job *j, struct granules r, uint64_t now_ms)
{
	struct msg_pull_progress *p = &j->pending;
	struct granules *prev = &p->ranges[p->nr_ranges - (p->nr_ranges > 0)];

	if (!p->nr_ranges)
		j->pending_ms = now_ms;
	j->pending_granules += r.nr;
	if (p->nr_ranges && r.first + r.nr == prev->first) {
		prev->first = r.first;
		prev->nr += r.nr;
	} else {
		ASSERT(p->nr_ranges < PROTO_RANGES_MAX);
		p->ranges[p->nr_ranges++] = r;
	}
}

/* Runs in use within a step's range, highest first: as many as the step has. */
static uint32_t runs_in_use(const struct window_map *m, struct granules range,
			    struct granules *runs)
{
	uint32_t nr = 0;

	for (uint32_t g = range.first + range.nr; g-- > range.first;) {
		if (!window_map_in_use(m, g))
			continue;
		if (nr && runs[nr - 1].first == g + 1) {
			runs[nr - 1].first = g;
			runs[nr - 1].nr++;
		} else {
			ASSERT(nr < PULL_STEP_RUNS_MAX);
			runs[nr++] = (struct granules){ g, 1 };
		}
	}
	return nr;
}

/* The floor is that of the guest as it will be after the step. */
static uint64_t step_floor(const struct pull_job *j,
			   const struct pull_step *step)
{
	uint64_t online = j->window->map.online - step->nr;

	if (j->fixed_floor_pages)
		return j->fixed_floor_pages;
	return floor_pages(j->boot_pages + online * GRANULE_PAGES);
}

static enum pull_reason reason_of(int rc)
{
	switch (rc) {
	case -ENOSPC:
		return PULL_REASON_FLOOR;
	case -EBUSY:
	case -ENOTEMPTY:
		return PULL_REASON_BUSY;
	case -ENOMEM:
		return PULL_REASON_NO_ROOM;
	default:
		return PULL_REASON_FAULT;
	}
}

/* What a failed step means for the job. */
static int take_failure(struct pull_job *j, const struct pull_step *step,
			int rc)
{
	enum pull_reason reason = reason_of(rc);

	/* Not begun, or the loop handles the signal: then again. */
	if (rc == -EAGAIN || rc == -EINTR)
		return 0;
	if (reason == PULL_REASON_FAULT) {
		end(j, reason);
		return rc;
	}
	if (reason != PULL_REASON_FLOOR && j->short_of == PULL_REASON_DONE)
		j->short_of = reason;
	pull_plan_learn(&j->plan, step, rc);
	return 0;
}

static void take_success(struct pull_job *j, const struct pull_step *step)
{
	pull_plan_learn(&j->plan, step, 0);
	j->remaining -= step->nr;
}

static int do_remove(struct pull_job *j, const struct pull_step *step,
		     uint64_t now_ms)
{
	int rc = window_remove(j->window, step->block);

	if (rc)
		return take_failure(j, step, rc);
	if (step->range.nr)
		add_pending(j, step->range, now_ms);
	take_success(j, step);
	return 0;
}

/* The ranges of the steps, and the runs in use in them before the call. */
static void prepare(const struct pull_job *j, const struct pull_step *steps,
		    uint32_t nr, struct kdev_range *ranges,
		    struct granules *runs)
{
	for (uint32_t i = 0; i < nr; i++) {
		ranges[i] = (struct kdev_range){
			.r = steps[i].range,
			.floor_pages = step_floor(j, &steps[i]),
		};
		runs += runs_in_use(&j->window->map, steps[i].range, runs);
	}
}

/*
 * The floor of a range takes none of the others for granted. So at the floor
 * only the first one has learned something: the next turn begins with what was
 * refused.
 */
static int take_failures(struct pull_job *j, const struct pull_step *steps,
			 uint32_t nr, const struct kdev_range *ranges)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < nr; i++) {
		if (ranges[i].ret_rc && !(i && ranges[i].ret_rc == -ENOSPC))
			rc = take_failure(j, &steps[i], ranges[i].ret_rc);
	}
	return rc;
}

static int do_pull(struct pull_job *j, const struct pull_step *steps,
		   uint32_t nr, uint64_t now_ms)
{
	struct kdev_range ranges[PULL_STEP_RUNS_MAX];
	struct granules runs[PULL_STEP_RUNS_MAX], *run = runs;

	prepare(j, steps, nr, ranges, runs);
	window_pull(j->window, ranges, nr);
	for (uint32_t i = 0; i < nr; run += steps[i++].runs) {
		if (ranges[i].ret_rc)
			continue;
		for (uint32_t n = 0; n < steps[i].runs; n++)
			add_pending(j, run[n], now_ms);
		take_success(j, &steps[i]);
	}
	return take_failures(j, steps, nr, ranges);
}

/*
 * The plan has nothing left. If even a single granule was below the floor,
 * that is why; without a failure there is nothing in use that fits.
 */
static void end_pass(struct pull_job *j, uint64_t now_ms)
{
	if (j->plan.floor_limit == 0) {
		end(j, PULL_REASON_FLOOR);
	} else if (j->short_of == PULL_REASON_DONE) {
		end(j, PULL_REASON_NOTHING);
	} else if (j->pass == PULL_JOB_PASSES ||
		   now_ms + PULL_JOB_PAUSE_MS >= j->deadline_ms) {
		end(j, j->short_of);
	} else {
		j->state = PULL_JOB_PAUSING;
		j->resume_ms = now_ms + PULL_JOB_PAUSE_MS;
	}
}

static void next_pass(struct pull_job *j)
{
	j->state = PULL_JOB_WORKING;
	j->pass++;
	j->short_of = PULL_REASON_DONE;
	pull_plan_start(&j->plan, false);
}

int pull_job_turn(struct pull_job *j, uint64_t now_ms)
{
	struct pull_step steps[PULL_STEP_RUNS_MAX];
	uint32_t nr;

	if (j->state == PULL_JOB_PAUSING && now_ms >= j->resume_ms)
		next_pass(j);
	if (j->state != PULL_JOB_WORKING)
		return 0;
	if (!j->remaining) {
		end(j, PULL_REASON_DONE);
		return 0;
	}
	if (now_ms >= j->deadline_ms) {
		end(j, PULL_REASON_DEADLINE);
		return 0;
	}
	nr = pull_plan_next(&j->plan, j->remaining, steps);
	switch (steps[0].type) {
	case PULL_STEP_PULL:
		return do_pull(j, steps, nr, now_ms);
	case PULL_STEP_REMOVE:
		return do_remove(j, &steps[0], now_ms);
	case PULL_STEP_END:
	default:
		end_pass(j, now_ms);
		return 0;
	}
}

bool pull_job_due(const struct pull_job *j, uint64_t now_ms)
{
	const struct msg_pull_progress *p = &j->pending;

	if (j->state == PULL_JOB_ENDED)
		return true;
	if (j->state == PULL_JOB_IDLE || !p->nr_ranges)
		return false;
	return j->state == PULL_JOB_PAUSING ||
	       j->pending_granules >= j->window->map.geo.block_granules ||
	       p->nr_ranges + PULL_STEP_RUNS_MAX >= PROTO_RANGES_MAX ||
	       now_ms >= j->pending_ms + PULL_JOB_FLUSH_MS;
}

void pull_job_sent(struct pull_job *j)
{
	if (j->state == PULL_JOB_ENDED)
		j->state = PULL_JOB_IDLE;
	j->pending.nr_ranges = 0;
	j->pending_granules = 0;
}

uint64_t pull_job_wake_ms(const struct pull_job *j)
{
	if (j->state == PULL_JOB_IDLE)
		return UINT64_MAX;
	if (j->state == PULL_JOB_PAUSING && !j->pending.nr_ranges)
		return j->resume_ms;
	return 0;
}
