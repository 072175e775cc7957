/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kdev.h - What the agent may ask of the memtide driver
 *
 * A port, in granules: kdev_ioctl.c asks the driver, kdev_sim.c a simulated
 * kernel. Semantics and errors of each operation are those of the ioctl of
 * the same name in uapi/memtide.h. No operation allocates or logs.
 */
#ifndef MEMTIDE_KDEV_H
#define MEMTIDE_KDEV_H

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

struct kdev_ops {
	void (*info)(struct kdev *k, struct kdev_info *ret);

	/**
	 * @online: Put granules in use; the host has backed all of @r
	 * @zone:	for the block if it is absent
	 * @ret_done:	leading granules in use now, set on failure too
	 *
	 * Return: 0, -ENXIO if the block is absent and @r does not begin with
	 * its memmap, -ENOMEM, -EIO or another negative errno
	 */
	int (*online)(struct kdev *k, struct granules r, enum block_zone zone,
		      uint32_t *ret_done);

	/**
	 * @pull: Take all of @r out of use, or nothing
	 * @floor_pages: what must stay available [pages of 4 KiB]
	 *
	 * Return: 0, -ENOSPC at the floor, -EBUSY, -ENOMEM, -EINTR or another
	 * negative errno
	 */
	int (*pull)(struct kdev *k, struct granules r, uint64_t floor_pages);

	/** @block: Return: 0 or a negative errno with *@ret untouched */
	int (*block)(struct kdev *k, uint32_t index, struct window_block *ret);

	/** @remove: Return: 0, also if it is absent, -EBUSY or another */
	int (*remove)(struct kdev *k, uint32_t index);

	/**
	 * @state: Which granules are in use, @first and @nr multiples of 64
	 * @bitmap: @nr / 64 words, least significant bit first
	 */
	int (*state)(struct kdev *k, uint32_t first, uint32_t nr,
		     uint64_t *bitmap);

	/** @close: Changes no granule; NULL is accepted by kdev_close() */
	void (*close)(struct kdev *k);
};

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
