/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * steps.h - Taking the steps that plan.h derives, and their answers
 *
 * The only module that gives memory to a guest and takes it back. After each
 * step the hypervisor's count is compared with the ledger (I2) and the
 * domain's maximum is what it holds (I3).
 */
#ifndef MEMTIDE_STEPS_H
#define MEMTIDE_STEPS_H

#include "guest.h"

/** steps_run() - Take the next step; called from the event loop only */
void steps_run(struct guest *g);

/** steps_retarget() - Target or ledger is new: forget what failed before */
void steps_retarget(struct guest *g);

/** steps_retell() - What was told to Xen and the toolstack may not be there */
void steps_retell(struct guest *g);

/**
 * steps_store_target() - Keep @target with the domain, for our successor
 *
 * Return: 0, or a negative errno; then the old target is kept, at once or at
 *         the next retry
 */
int steps_store_target(struct guest *g, uint32_t target);

/** steps_retry() - Try again what was held off */
void steps_retry(struct guest *g);

void steps_online_reply(struct guest *g, const struct msg_online_reply *reply);
void steps_pull_progress(struct guest *g,
			 const struct msg_pull_progress *progress);

/**
 * steps_drift() - Pages Xen counts for the domain beyond I2's prediction
 * @ret_pages:	positive: stray pages; negative: the guest's own balloon has
 *		given boot memory back; untouched on failure
 *
 * Return: 0 or a negative errno
 */
int steps_drift(struct guest *g, int64_t *ret_pages);

#endif
