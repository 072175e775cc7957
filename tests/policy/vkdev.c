/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vkdev.c - The driver of a virtual guest
 */
#include "vkdev.h"

#include <errno.h>
#include <string.h>

static struct vkdev *of(struct kdev *k)
{
	return (struct vkdev *)k;
}

bool vkdev_uses(const struct vkdev *k, uint32_t granule)
{
	return k->in_use[granule / 64] >> granule % 64 & 1;
}

static void use(struct vkdev *k, uint32_t granule, bool on)
{
	if (on)
		k->in_use[granule / 64] |= UINT64_C(1) << granule % 64;
	else
		k->in_use[granule / 64] &= ~(UINT64_C(1) << granule % 64);
}

static void vkdev_info(struct kdev *k, struct kdev_info *ret)
{
	*ret = of(k)->info;
}

static bool is_memmap(const struct vkdev *k, uint32_t granule)
{
	return granule % k->info.geo.block_granules <
	       k->info.geo.memmap_granules;
}

static int add_block(struct vkdev *k, const struct kdev_range *r)
{
	uint32_t per_block = k->info.geo.block_granules;
	struct window_block *b = &k->blocks[r->r.first / per_block];

	if (b->zone != BLOCK_ABSENT)
		return 0;
	if (r->r.first % per_block || r->r.nr < k->info.geo.memmap_granules)
		return -ENXIO;
	b->zone = r->zone;
	k->busy_us += VKDEV_ADD_BLOCK_US;
	return 0;
}

static int online_one(struct vkdev *k, struct kdev_range *r)
{
	uint32_t per_block = k->info.geo.block_granules;
	int rc = add_block(k, r);

	if (rc)
		return rc;
	for (uint32_t g = r->r.first; g < r->r.first + r->r.nr; g++) {
		if (!is_memmap(k, g) && !vkdev_uses(k, g)) {
			k->mem->total += GRANULE_KIB;
			k->blocks[g / per_block].online++;
		}
		use(k, g, true);
	}
	k->busy_us += (int64_t)r->r.nr * VKDEV_ONLINE_US;
	r->ret_done = r->r.nr;
	return 0;
}

static void vkdev_online(struct kdev *kdev, struct kdev_range *ranges,
			 uint32_t nr)
{
	struct vkdev *k = of(kdev);

	k->before(k->ctx);
	for (uint32_t i = 0; i < nr; i++) {
		ranges[i].ret_done = 0;
		ranges[i].ret_rc = online_one(k, &ranges[i]);
	}
}

static bool is_stuck(const struct vkdev *k)
{
	return k->class == VKDEV_STUCK ||
	       (k->class == VKDEV_SOMETIMES &&
		k->now_us / VKDEV_TURN_US % 2);
}

static uint32_t count_online(const struct vkdev *k, struct granules r)
{
	uint32_t nr = 0;

	for (uint32_t g = r.first; g < r.first + r.nr; g++)
		nr += vkdev_uses(k, g) && !is_memmap(k, g);
	return nr;
}

static int pull_one(struct vkdev *k, const struct kdev_range *r)
{
	uint32_t nr = count_online(k, r->r);
	int64_t kib = (int64_t)nr * GRANULE_KIB, moved;
	int64_t floor = (int64_t)r->floor_pages * PAGE_KIB;

	if (is_stuck(k))
		return -EBUSY;
	if (vmem_available(k->mem) - kib < floor)
		return -ENOSPC;
	moved = vmem_shrink(k->mem, kib);
	if (moved < 0)
		return -ENOMEM;
	for (uint32_t g = r->r.first; g < r->r.first + r->r.nr; g++) {
		if (vkdev_uses(k, g) && !is_memmap(k, g)) {
			use(k, g, false);
			k->blocks[g / k->info.geo.block_granules].online--;
		}
	}
	moved = nr * VKDEV_PULL_FREE_US +
		moved * VKDEV_PULL_FULL_US / GRANULE_KIB;
	k->busy_us += k->class == VKDEV_SLOW ? moved * VKDEV_SLOWER : moved;
	return 0;
}

static void vkdev_pull(struct kdev *kdev, struct kdev_range *ranges,
		       uint32_t nr, bool as_is)
{
	struct vkdev *k = of(kdev);
	int64_t end_us = k->busy_us + KDEV_BUDGET_MS * 1000;
	int rc = 0;

	(void)as_is;
	k->before(k->ctx);
	for (uint32_t i = 0; i < nr; i++) {
		if (kdev_ends_batch(rc) || k->busy_us > end_us) {
			ranges[i].ret_rc = -EAGAIN;
			continue;
		}
		rc = pull_one(k, &ranges[i]);
		ranges[i].ret_rc = rc;
	}
}

static int vkdev_block(struct kdev *k, uint32_t index,
		       struct window_block *ret)
{
	*ret = of(k)->blocks[index];
	return 0;
}

static int vkdev_remove(struct kdev *kdev, uint32_t index)
{
	struct vkdev *k = of(kdev);
	uint32_t first = index * k->info.geo.block_granules;

	if (k->blocks[index].online)
		return -ENOTEMPTY;
	for (uint32_t i = 0; i < k->info.geo.memmap_granules; i++)
		use(k, first + i, false);
	k->blocks[index].zone = BLOCK_ABSENT;
	k->busy_us += VKDEV_REMOVE_BLOCK_US;
	return 0;
}

static int vkdev_state(struct kdev *k, uint32_t first, uint32_t nr,
		       uint64_t *bitmap)
{
	memcpy(bitmap, of(k)->in_use + first / 64, nr / 8);
	return 0;
}

static void vkdev_close(struct kdev *k)
{
	(void)k;
}

static const struct kdev_ops vkdev_ops = {
	.info = vkdev_info,
	.online = vkdev_online,
	.pull = vkdev_pull,
	.block = vkdev_block,
	.remove = vkdev_remove,
	.state = vkdev_state,
	.close = vkdev_close,
};

int vkdev_init(struct vkdev *k, const struct kdev_info *info,
	       struct vmem *mem)
{
	const struct window_geometry *geo = &info->geo;

	*k = (struct vkdev){
		.kdev.ops = &vkdev_ops, .info = *info, .mem = mem,
	};
	k->blocks = calloc(geo->window_granules / geo->block_granules,
			   sizeof(*k->blocks));
	k->in_use = calloc(geo->window_granules / 64, sizeof(*k->in_use));
	if (k->blocks && k->in_use)
		return 0;
	vkdev_done(k);
	return -ENOMEM;
}

void vkdev_done(struct vkdev *k)
{
	free(k->blocks);
	free(k->in_use);
}
