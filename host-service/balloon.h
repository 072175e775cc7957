/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * balloon.h - Guests whose size their own balloon driver keeps
 *
 * Takes the steps that balloon_plan.h derives. A guest comes into this mode
 * when an operator sets it to less than it was built with while no agent of it
 * has greeted, never by itself, and leaves it when it is back at what it was
 * built with: then nothing of memtided is left on it, and its agent, if there
 * is one, is listened to.
 *
 * Kept with the domain, as "balloon": what it was built with, the slack, the
 * target that goes with it and the granules to do without, in one text, so that
 * it is whole or not there.
 */
#ifndef MEMTIDE_BALLOON_H
#define MEMTIDE_BALLOON_H

#include "guest.h"

/**
 * balloon_stored() - Go on with what our predecessor was told
 *
 * Return: 0, or -EIO if it cannot be read
 */
int balloon_stored(struct guest *g);

/**
 * balloon_learn() - What was the guest built with? Of an unmanaged guest
 *
 * It may hold less at the moment: the toolstack set it, or built it so. Changes
 * nothing outside @g, and there only the sizes in @balloon.
 *
 * Return: 0, or -ENOTCONN (it is another's: @why says whose), -ESRCH, -EIO
 */
int balloon_learn(struct guest *g, char *why, size_t size);

/**
 * balloon_set() - Have the guest do without @less granules
 *
 * The host has what it may take more for that. 0 of a guest that is not in
 * balloon mode and holds what it was built with changes nothing.
 *
 * Return: 0 or a negative errno, then nothing has changed
 */
int balloon_set(struct guest *g, uint32_t less);

/** balloon_run() - Take the next step; called from the event loop only */
void balloon_run(struct guest *g);

/** balloon_retry() - Ask it again */
void balloon_retry(struct guest *g);

/** balloon_retarget() - Ask at once: the target is not what we told */
void balloon_retarget(struct guest *g);

/**
 * balloon_look() - Ask Xen what it holds, and lower its maximum to that
 *
 * Return: 0 or a negative errno
 */
int balloon_look(struct guest *g);

/**
 * balloon_wanted() - What the toolstack's target says
 * @ret_kib:	without odd pages, as balloon_most_kib(); less than 0 if absurd
 *
 * Return: 0, -EALREADY if it says what we told, or another negative errno
 */
int balloon_wanted(struct guest *g, int64_t *ret_kib);

#endif
