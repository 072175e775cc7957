/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sizing.h - How much memory a kernel needs: its floor, and its zones
 */
#ifndef MEMTIDE_SIZING_H
#define MEMTIDE_SIZING_H

#include "window_map.h"

/**
 * floor_pages() - Available memory below which a guest is not shrunk (I9)
 * @total_pages:	MemTotal [pages of 4 KiB]
 *
 * Generous for small guests, a thirty-second for large ones.
 * Source: compute_balloon_floor() of the Linux drivers/hv/hv_balloon.c.
 *
 * Return: pages of 4 KiB
 */
uint64_t floor_pages(uint64_t total_pages);

/**
 * zone_choose() - Which zone a block about to be added goes to
 * @kernel_pages:	boot memory and what is in kernel-zone blocks [pages]
 * @movable_pages:	what movable blocks can hold [pages]
 * @block_pages:	the new block [pages]
 *
 * Movable memory can be given back and is preferred, as long as the kernel
 * keeps a sixth of all memory for what cannot move.
 */
enum block_zone zone_choose(uint64_t kernel_pages, uint64_t movable_pages,
			    uint64_t block_pages);

#endif
