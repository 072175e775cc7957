/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sizing.c - How much memory a kernel needs: its floor, and its zones
 */
#include "sizing.h"

#define MIB_PAGES	256u

/*
 * Linux's own policy is 3 (auto_movable_ratio of its memory_hotplug module),
 * with memmap, the largest need of kernel memory that grows with a guest, taken
 * from the kernel's share. Our blocks bring their memmap along.
 */
#define MOVABLE_PER_KERNEL	5u

/* From this MemTotal on [MiB]: base [MiB] and a part of it, as a shift. */
static const struct {
	uint64_t from_mib, base_mib;
	unsigned int shift;
} floor_pieces[] = {
	{ 8192, 488, 5 },
	{ 2048, 232, 4 },
	{ 512, 104, 3 },
	{ 128, 40, 2 },
	{ 0, 8, 1 },
};

uint64_t floor_pages(uint64_t total_pages)
{
	size_t i = 0;

	while (total_pages < floor_pieces[i].from_mib * MIB_PAGES)
		i++;
	return floor_pieces[i].base_mib * MIB_PAGES +
	       (total_pages >> floor_pieces[i].shift);
}

enum block_zone zone_choose(uint64_t kernel_pages, uint64_t movable_pages,
			    uint64_t block_pages)
{
	if (movable_pages + block_pages <= MOVABLE_PER_KERNEL * kernel_pages)
		return BLOCK_MOVABLE;
	return BLOCK_KERNEL;
}
