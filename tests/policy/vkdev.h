/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vkdev.h - The driver of a virtual guest: granules in and out of its memory
 *
 * Behind the agent's port. A call takes the guest's time, not the host's: it
 * is done at once, and adds up in @busy_us what it would have taken.
 *
 * Source of the times: docs/results.md, the guest's driver beside virtio-mem:
 * a block added in 2.5 ms, 1 GiB exposed in 15 ms, taken free in 25 ms and full
 * in 1.8 s, 8 blocks removed in 63 ms.
 *
 * Left out: memory in the kernel's zone that does not come back.
 */
#ifndef MEMTIDE_TEST_VKDEV_H
#define MEMTIDE_TEST_VKDEV_H

#include "kdev.h"
#include "vmem.h"

#define VKDEV_ADD_BLOCK_US	2500
#define VKDEV_REMOVE_BLOCK_US	7900
#define VKDEV_ONLINE_US		30	/* a granule */
#define VKDEV_PULL_FREE_US	50
#define VKDEV_PULL_FULL_US	3500

/* How a guest takes to giving memory back; squeezed's tests have these. */
enum vkdev_class {
	VKDEV_IDEAL,
	VKDEV_SLOW,		/* VKDEV_SLOWER times slower */
	VKDEV_STUCK,		/* never gives any */
	VKDEV_SOMETIMES,	/* stuck for VKDEV_TURN_US of each two */
	VKDEV_NUM_CLASSES,
};

#define VKDEV_SLOWER		40
#define VKDEV_TURN_US		20000000

/**
 * struct vkdev
 * @mem:	borrowed; @total is ours to change
 * @blocks:	of the window
 * @in_use:	bitmap
 * @before, @ctx: called before anything is done, so that @mem is up to date
 */
struct vkdev {
	struct kdev kdev;
	struct kdev_info info;
	enum vkdev_class class;
	struct vmem *mem;
	struct window_block *blocks;
	uint64_t *in_use;
	int64_t busy_us;
	int64_t now_us;
	void (*before)(void *ctx);
	void *ctx;
};

/** vkdev_init() - 0 or -ENOMEM; nothing is in use */
int vkdev_init(struct vkdev *k, const struct kdev_info *info,
	       struct vmem *mem);
void vkdev_done(struct vkdev *k);

bool vkdev_uses(const struct vkdev *k, uint32_t granule);

#endif
