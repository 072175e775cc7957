/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * window_map.c - What the agent knows of its window: blocks and granules
 */
#include "window_map.h"

#include <errno.h>

bool window_geometry_valid(const struct window_geometry *geo)
{
	uint32_t block = geo->block_granules;

	if (block < 1 || block > BLOCK_GRANULES_MAX || (block & (block - 1)))
		return false;
	if (geo->memmap_granules >= block)
		return false;
	return geo->window_granules >= 64 &&
	       geo->window_granules <= WINDOW_GRANULES_MAX &&
	       geo->window_granules % 64 == 0 &&
	       geo->window_granules % block == 0;
}

int window_map_init(struct window_map *m, const struct window_geometry *geo)
{
	ASSERT(window_geometry_valid(geo));
	*m = (struct window_map){
		.geo = *geo,
		.nr_blocks = geo->window_granules / geo->block_granules,
	};
	m->present[BLOCK_ABSENT] = m->nr_blocks;
	m->blocks = calloc(m->nr_blocks, sizeof(*m->blocks));
	m->in_use = calloc(geo->window_granules / 64, sizeof(*m->in_use));
	if (!m->blocks || !m->in_use) {
		window_map_done(m);
		return -ENOMEM;
	}
	return 0;
}

void window_map_done(struct window_map *m)
{
	free(m->blocks);
	free(m->in_use);
	*m = (struct window_map){ 0 };
}

uint32_t window_map_block_of(const struct window_map *m, uint32_t granule)
{
	return granule / m->geo.block_granules;
}

struct granules window_map_usable(const struct window_map *m, uint32_t block)
{
	return (struct granules){
		block * m->geo.block_granules + m->geo.memmap_granules,
		m->geo.block_granules - m->geo.memmap_granules,
	};
}

struct granules window_map_memmap(const struct window_map *m, uint32_t block)
{
	return (struct granules){
		block * m->geo.block_granules, m->geo.memmap_granules,
	};
}

bool window_map_holds(const struct window_map *m, struct granules r)
{
	return r.nr >= 1 && r.first < m->geo.window_granules &&
	       r.nr <= m->geo.block_granules -
			       r.first % m->geo.block_granules;
}

bool window_map_in_use(const struct window_map *m, uint32_t granule)
{
	return m->in_use[granule / 64] >> (granule % 64) & 1;
}

static void set_bit(struct window_map *m, uint32_t granule, bool in_use)
{
	uint64_t bit = UINT64_C(1) << (granule % 64);

	if (in_use)
		m->in_use[granule / 64] |= bit;
	else
		m->in_use[granule / 64] &= ~bit;
}

void window_map_set_zone(struct window_map *m, uint32_t block,
			 enum block_zone zone)
{
	struct window_block *b = &m->blocks[block];
	struct granules memmap = window_map_memmap(m, block);

	ASSERT(block < m->nr_blocks);
	ASSERT(b->online == 0 || b->zone == zone);
	m->present[b->zone]--;
	m->present[zone]++;
	b->zone = zone;
	for (uint32_t i = 0; i < memmap.nr; i++)
		set_bit(m, memmap.first + i, zone != BLOCK_ABSENT);
}

void window_map_set_online(struct window_map *m, struct granules r,
			   bool online)
{
	uint32_t block = window_map_block_of(m, r.first);
	struct window_block *b = &m->blocks[block];
	struct granules usable = window_map_usable(m, block);
	uint32_t change = 0;

	ASSERT(window_map_holds(m, r) && b->zone != BLOCK_ABSENT);
	for (uint32_t g = MAX(r.first, usable.first); g < r.first + r.nr; g++) {
		change += window_map_in_use(m, g) != online;
		set_bit(m, g, online);
	}
	if (!online)
		change = -change;	/* modulo 2^32, as the sums below */
	b->online += change;
	m->online += change;
	if (b->zone == BLOCK_KERNEL)
		m->kernel_online += change;
}
