/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * window_map.h - What the agent knows of its window: blocks and granules
 *
 * A cache of the driver's state. The device has one user at a time, so what
 * was read at the start and moved along with each answer stays true; after a
 * failure that should not be, it is read again.
 */
#ifndef MEMTIDE_WINDOW_MAP_H
#define MEMTIDE_WINDOW_MAP_H

#include "base.h"

/* The values are those of enum memtide_zone. */
enum block_zone {
	BLOCK_ABSENT = 0,
	BLOCK_KERNEL = 1,
	BLOCK_MOVABLE = 2,
};

/**
 * struct window_geometry - constant shape of a window
 * @block_granules:	a power of two, 1..BLOCK_GRANULES_MAX
 * @memmap_granules:	leading granules of each block with its memmap, less
 *			than @block_granules
 * @window_granules:	whole blocks, 64..WINDOW_GRANULES_MAX, multiple of 64
 */
struct window_geometry {
	uint32_t block_granules;
	uint32_t memmap_granules;
	uint32_t window_granules;
};

/**
 * struct window_block - one memory block
 * @zone:	BLOCK_ABSENT if the kernel does not have it
 * @online:	granules online, without those that carry memmap
 */
struct window_block {
	enum block_zone zone;
	uint32_t online;
};

/**
 * struct window_map - the blocks and granules of one window
 * @geo:	shape
 * @nr_blocks:	length of @blocks
 * @blocks:	written by window_map_set_zone() and window_map_set_online()
 * @in_use:	bit per granule, online or memmap of a present block
 * @online:	sum of the blocks' online [granules]
 * @present:	present blocks by zone; [BLOCK_ABSENT] counts the absent ones
 * @kernel_online: part of @online that lies in kernel-zone blocks [granules]
 */
struct window_map {
	struct window_geometry geo;
	uint32_t nr_blocks;
	struct window_block *blocks;
	uint64_t *in_use;
	uint32_t online;
	uint32_t kernel_online;
	uint32_t present[3];
};

/** window_geometry_valid() - Does it obey the limits stated above? */
bool window_geometry_valid(const struct window_geometry *geo);

/**
 * window_map_init() - An empty map: every block absent
 * @geo:	valid (ASSERTed)
 *
 * Return: 0, -ENOMEM
 */
int window_map_init(struct window_map *m, const struct window_geometry *geo);
void window_map_done(struct window_map *m);

/** window_map_block_of() - Number of the block a granule lies in */
uint32_t window_map_block_of(const struct window_map *m, uint32_t granule);

/** window_map_usable() - The granules of a block that do not carry memmap */
struct granules window_map_usable(const struct window_map *m, uint32_t block);

/** window_map_memmap() - The granules that do; nr is 0 if there are none */
struct granules window_map_memmap(const struct window_map *m, uint32_t block);

/** window_map_holds() - Is the range, of at least 1, all in one block? */
bool window_map_holds(const struct window_map *m, struct granules r);

bool window_map_in_use(const struct window_map *m, uint32_t granule);

/**
 * window_map_set_zone() - A block was added or removed; moves its memmap along
 *
 * A block to be removed has nothing online (ASSERTed).
 */
void window_map_set_zone(struct window_map *m, uint32_t block,
			 enum block_zone zone);

/**
 * window_map_set_online() - Granules went online or were pulled
 * @r:		in one present block; its memmap granules are left as they are
 */
void window_map_set_online(struct window_map *m, struct granules r,
			   bool online);

#endif
