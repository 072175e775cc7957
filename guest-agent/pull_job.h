/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pull_job.h - One request to pull, from its arrival to its last PullProgress
 *
 * DOC: Theory of operation
 *
 * A turn makes at most one call to the driver. What a call released is added
 * to the pending message, which is due once it holds a block's worth, is full,
 * is PULL_JOB_FLUSH_MS old, or is the last. A pass over the window that ends
 * short is followed, after a pause, by another: what holds a page in place is
 * often gone a moment later. The reason of a job that ends short is what first
 * failed in its last pass; the floor outranks it, and at the floor there is no
 * other pass.
 *
 * The job knows no clock and no connection: time is an argument [ms], and the
 * owner sends the message. Dropping a job (pull_job_drop()) is always safe.
 */
#ifndef MEMTIDE_PULL_JOB_H
#define MEMTIDE_PULL_JOB_H

#include "codec.h"
#include "pull_plan.h"
#include "window.h"

#define PULL_JOB_FLUSH_MS	100u
#define PULL_JOB_PASSES		3u
#define PULL_JOB_PAUSE_MS	100u

enum pull_job_state {
	PULL_JOB_IDLE,		/* no job; nothing pending */
	PULL_JOB_WORKING,	/* turns make calls */
	PULL_JOB_PAUSING,	/* turns wait until resume_ms */
	PULL_JOB_ENDED,		/* turns do nothing; the last message is due */
};

/**
 * struct pull_job - at most one job
 * @window:	borrowed from the caller
 * @fixed_floor_pages: 0: computed from the guest's size
 * @boot_pages:	MemTotal without the window, to compute it
 * @remaining:	granules still to be given back
 * @deadline_ms, @resume_ms: points in time
 * @short_of:	why this pass ends short if it does; DONE: nothing failed yet
 * @pending:	what was released and not yet told
 * @pending_granules: number of granules in @pending
 * @pending_ms:	when @pending got its first range
 */
struct pull_job {
	struct window *window;
	struct pull_plan plan;
	uint64_t fixed_floor_pages;
	uint64_t boot_pages;

	enum pull_job_state state;
	uint32_t remaining;
	uint64_t deadline_ms;
	uint64_t resume_ms;
	unsigned int pass;
	enum pull_reason short_of;

	struct msg_pull_progress pending;
	uint32_t pending_granules;
	uint64_t pending_ms;
};

/** pull_job_init() - Return: 0, -ENOMEM */
int pull_job_init(struct pull_job *j, struct window *w,
		  uint64_t fixed_floor_pages);
void pull_job_done(struct pull_job *j);

/**
 * pull_job_start() - Begin; the job is idle (ASSERTed)
 * @boot_pages:	MemTotal of the guest less what is online of the window
 */
void pull_job_start(struct pull_job *j, const struct msg_pull_request *req,
		    uint64_t boot_pages, uint64_t now_ms);

/** pull_job_cancel() - End with PULL_REASON_CANCELLED, if not at its end */
void pull_job_cancel(struct pull_job *j);

/** pull_job_drop() - End without a word */
void pull_job_drop(struct pull_job *j);

/**
 * pull_job_turn() - One call to the driver, if one is to be made now
 *
 * Return: 0, or the negative errno of a call that ended the job with
 *         PULL_REASON_FAULT
 */
int pull_job_turn(struct pull_job *j, uint64_t now_ms);

/** pull_job_due() - Should the pending message be sent now? */
bool pull_job_due(const struct pull_job *j, uint64_t now_ms);

/** pull_job_sent() - It was sent; the job is idle after the last one */
void pull_job_sent(struct pull_job *j);

/** pull_job_wake_ms() - When the next turn is wanted; UINT64_MAX: never */
uint64_t pull_job_wake_ms(const struct pull_job *j);

#endif
