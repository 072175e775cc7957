/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * floor.h - How little memory a guest can live with (I9)
 */
#ifndef MEMTIDE_FLOOR_H
#define MEMTIDE_FLOOR_H

#include "base.h"

/**
 * floor_pages() - Memory below which a guest is not shrunk
 * @total_pages:	all that it has [pages of 4 KiB]
 *
 * Generous for small guests, a thirty-second for large ones.
 * Source: compute_balloon_floor() of the Linux drivers/hv/hv_balloon.c.
 *
 * Return: pages of 4 KiB
 */
uint64_t floor_pages(uint64_t total_pages);

#endif
