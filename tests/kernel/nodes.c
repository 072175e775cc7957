/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * nodes.c - Guests of other shapes: two memory nodes, large memory blocks
 */

#include "nodes.h"

#include <string.h>

#include "world.h"
#include "zones.h"

/* Return: -1, or 0 with each of the blocks in its node and zone */
static int check_blocks(uint32_t first, uint32_t nr, int node, uint32_t zone)
{
	struct memtide_block block;

	for (uint32_t b = first; b < first + nr; b++) {
		CHECK(block_node(b) == node, "block %u in node %d, expected %d",
		      b, block_node(b), node);
		CHECK(!block_info(b, &block) && block.zone == zone,
		      "block %u in zone %u", b, block.zone);
	}
	return 0;
}

/*
 * The machine's firmware says that the first 8 blocks of the window are near to
 * node 0, and what follows to node 1, which had no memory at boot (see run).
 */
int test_blocks_join_their_nodes(void)
{
	const uint32_t far = 8;

	for (uint32_t b = 6; b < 10; b++)
		CHECK(!online(b * 64, 10 + b, MEMTIDE_ZONE_MOVABLE), "online");
	TRY(check_blocks(6, 2, 0, MEMTIDE_ZONE_MOVABLE));
	TRY(check_blocks(far, 2, 1, MEMTIDE_ZONE_MOVABLE));
	TRY(check_world());
	TRY(zones_check());

	CHECK(!online(10 * 64, 64, MEMTIDE_ZONE_KERNEL), "online in kernel zone");
	TRY(check_blocks(10, 1, 1, MEMTIDE_ZONE_KERNEL));
	TRY(check_world());
	TRY(zones_check());

	for (uint32_t b = 6; b < 10; b++) {
		TRY(pull_patiently(b * 64 + 3, 5));
		TRY(zones_check());
		CHECK(!set_state(b, "offline") &&
		      !set_state(b, "online_movable"), "sysfs cycle");
		TRY(zones_check());
		TRY(pull_patiently(b * 64 + 1, 63));
		CHECK(!remove_block(b), "removal of block %u", b);
		TRY(zones_check());
	}
	return check_world();
}

int test_info_of_large_blocks(void)
{
	const struct memtide_info *info = &world.info;

	CHECK(info->block_granules == 1024 && info->memmap_granules == 16,
	      "blocks of %u granules, %u for memmap", info->block_granules,
	      info->memmap_granules);
	return 0;
}

/* A block at a time, and all of it in one call */
int test_large_blocks_are_exact(void)
{
	const uint32_t size = world.per_block;

	CHECK(online(0, 15, MEMTIDE_ZONE_MOVABLE) < 0, "added without memmap");
	CHECK(!online(0, 16, MEMTIDE_ZONE_MOVABLE), "add");
	TRY(check_world());
	CHECK(!online(100, 700, MEMTIDE_ZONE_MOVABLE), "online 700");
	TRY(check_world());
	TRY(zones_check());
	CHECK(!online(size, size, MEMTIDE_ZONE_MOVABLE), "online a whole one");
	TRY(check_world());
	TRY(zones_check());

	CHECK(!set_state(0, "offline") && !set_state(0, "online_movable"),
	      "sysfs cycle");
	TRY(check_world());
	TRY(pull_patiently(150, 100));
	TRY(pull_patiently(size + 16, size - 16));
	TRY(check_world());
	TRY(zones_check());
	CHECK(!remove_block(1), "removal");
	TRY(remove_all());
	return zones_check();
}
