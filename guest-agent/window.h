/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * window.h - The driver and the map of its window, kept in step
 *
 * Every change of a granule goes through here, so that the map follows what
 * the driver answered. A failure that changes nothing leaves the map alone;
 * one that should not be has the block read again.
 */
#ifndef MEMTIDE_WINDOW_H
#define MEMTIDE_WINDOW_H

#include "kdev.h"

/**
 * struct window - a driver and what is known of it
 * @kdev:	borrowed from the caller
 * @map:	read it, do not write it
 * @unknown:	a call has failed and the driver did not tell what it had done:
 *		the map may be wrong until window_reload() succeeds
 * @pull_as_is:	the host clears what is pulled; set by who talks to it
 */
struct window {
	struct kdev *kdev;
	struct kdev_info info;
	struct window_map map;
	bool unknown;
	bool pull_as_is;
};

/**
 * window_init() - Read the whole window from the driver
 *
 * Return: 0, -ENOMEM, -EIO if the driver's answers contradict each other, or
 *         another negative errno of it
 */
int window_init(struct window *w, struct kdev *k);
void window_done(struct window *w);

/** window_reload() - Read it all again; allocates nothing */
int window_reload(struct window *w);

/*
 * As the operations of struct kdev_ops, for ranges that the map holds. What a
 * call has done that failed is asked of the driver, where the error does not
 * say: @ret_done, and success, are what is true then.
 */
void window_online(struct window *w, struct kdev_range *ranges, uint32_t nr);
void window_pull(struct window *w, struct kdev_range *ranges, uint32_t nr);
int window_remove(struct window *w, uint32_t block);

/**
 * window_state() - Which granules are in use, asked of the driver
 * @first, @nr:	multiples of 64, in the window
 * @ret_words:	@nr / 64
 *
 * A map that turns out to be wrong is read again.
 */
int window_state(struct window *w, uint32_t first, uint32_t nr,
		 uint64_t *ret_words);

#endif
