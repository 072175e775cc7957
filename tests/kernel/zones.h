/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zones.h - Managed pages of every node and zone, exact to the page
 */

#ifndef ZONES_H
#define ZONES_H

#include <stdint.h>

/* Remember how it is now, with nothing of the window online. 0 or -1 */
int zones_note(void);

/*
 * Compare with what was noted plus what world.used says is online, each block
 * in its own node and zone. All blocks must be online. 0 or -1
 */
int zones_check(void);

/* The node that the memory block is in, or -1 */
int block_node(uint32_t block);

#endif /* ZONES_H */
