/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kdev.h - What the agent may ask of the memtide driver
 *
 * A port, in granules: kdev_ioctl.c asks the driver, kdev_sim.c a simulated
 * kernel. Semantics and errors of each operation are those of the ioctl of
 * the same name in uapi/memtide.h. No operation allocates or logs.
 *
 * A call that fails as a whole fails in each of its ranges, with @ret_done 0
 * whatever it has done: who must know asks state().
 */
#ifndef MEMTIDE_KDEV_H
#define MEMTIDE_KDEV_H

#include <errno.h>

#include "window_map.h"

struct kdev;

/**
 * struct kdev_info - constant for the life of the agent
 * @window_gfn:	first guest frame of the window [frames of 4 KiB]
 * @geo:	its shape, valid
 */
struct kdev_info {
	uint64_t window_gfn;
	struct window_geometry geo;
};

/* Ranges in one call. Source: MEMTIDE_RANGES_MAX. */
#define KDEV_BATCH_MAX	64u

/* No range is begun later than this after the first of its batch: that is how
 * long the agent does not listen to the host, and then the last range. */
#define KDEV_BUDGET_MS	50u

/**
 * struct kdev_range - one range of a batch, and what became of it
 * @r:		in one block
 * @zone:	online: for the block if it is absent
 * @floor_pages: pull: what must stay available [pages of 4 KiB]
 * @ret_rc:	0 if all of it is done; -EAGAIN: not begun
 * @ret_done:	online: leading granules in use now, set on failure too
 */
struct kdev_range {
	struct granules r;
	enum block_zone zone;
	uint64_t floor_pages;
	int ret_rc;
	uint32_t ret_done;
};

struct kdev_ops {
	void (*info)(struct kdev *k, struct kdev_info *ret);

	/**
	 * @online: Put granules in use; the host has backed all of them
	 * @nr:		1..KDEV_BATCH_MAX
	 *
	 * @ret_rc of a range: -ENXIO if the block is absent and the range does
	 * not begin with its memmap, -ENOMEM, -EPERM if the administrator has
	 * taken the block offline, -EHWPOISON, -ECANCELED, -EBUSY, -EIO,
	 * -EINTR
	 */
	void (*online)(struct kdev *k, struct kdev_range *ranges, uint32_t nr);

	/**
	 * @pull: Take each range out of use, all of it or nothing
	 * @nr:		1..KDEV_BATCH_MAX
	 * @as_is:	the host clears it; otherwise the driver does
	 *
	 * @ret_rc of a range: -ENOSPC at the floor, -EBUSY, -ENOMEM, -EIO,
	 * -EINTR
	 */
	void (*pull)(struct kdev *k, struct kdev_range *ranges, uint32_t nr,
		     bool as_is);

	/** @block: Return: 0 or a negative errno with *@ret untouched */
	int (*block)(struct kdev *k, uint32_t index, struct window_block *ret);

	/** @remove: Return: 0, also if it is absent, -ENOTEMPTY if granules of
	 * it are online, -EBUSY or another negative errno */
	int (*remove)(struct kdev *k, uint32_t index);

	/**
	 * @state: Which granules are in use, @first and @nr multiples of 64
	 * @bitmap: @nr / 64 words, least significant bit first
	 */
	int (*state)(struct kdev *k, uint32_t first, uint32_t nr,
		     uint64_t *bitmap);

	/**
	 * @need_fd: Readable when the kernel is about to kill for want of
	 * memory; -1 if it never says so
	 */
	int (*need_fd)(struct kdev *k);

	/**
	 * @need: Take that, and from the first call on be told of it
	 * @ret:	granules of this zone would help; untouched on failure
	 *
	 * Return: 0, or -EAGAIN if nobody is in need
	 */
	int (*need)(struct kdev *k, enum block_zone *ret);

	/** @close: Changes no granule; NULL is accepted by kdev_close() */
	void (*close)(struct kdev *k);
};

/** kdev_ends_batch() - Does a range's failure keep the next from being begun? */
static inline bool kdev_ends_batch(int rc)
{
	switch (rc) {
	case 0:
	case -EBUSY:
	case -EPERM:
	case -ENXIO:
	case -EHWPOISON:
	case -ECANCELED:
		return false;
	default:
		return true;
	}
}

/* Embedded first in each implementation's struct. */
struct kdev {
	const struct kdev_ops *ops;
};

static inline void kdev_close(struct kdev *k)
{
	if (k)
		k->ops->close(k);
}

#endif
