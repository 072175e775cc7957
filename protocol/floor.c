/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * floor.c - How little memory a guest can live with (I9)
 */
#include "floor.h"

#define MIB_PAGES	256u

/* From this size on [MiB]: base [MiB] and a part of it, as a shift. */
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
