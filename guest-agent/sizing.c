/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sizing.c - How much memory a kernel needs: its zones
 */
#include "sizing.h"

/*
 * Linux's own policy is 3 (auto_movable_ratio of its memory_hotplug module),
 * with memmap, the largest need of kernel memory that grows with a guest, taken
 * from the kernel's share. Our blocks bring their memmap along.
 */
#define MOVABLE_PER_KERNEL	5u

enum block_zone zone_choose(uint64_t kernel_pages, uint64_t movable_pages,
			    uint64_t block_pages)
{
	if (movable_pages + block_pages <= MOVABLE_PER_KERNEL * kernel_pages)
		return BLOCK_MOVABLE;
	return BLOCK_KERNEL;
}
