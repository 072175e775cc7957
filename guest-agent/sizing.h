/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sizing.h - How much memory a kernel needs: its zones
 */
#ifndef MEMTIDE_SIZING_H
#define MEMTIDE_SIZING_H

#include "window_map.h"

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
