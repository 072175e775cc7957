/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * nodes.h - Guests of other shapes: two memory nodes, large memory blocks
 */

#ifndef NODES_H
#define NODES_H

int test_blocks_join_their_nodes(void);
int test_info_of_large_blocks(void);
int test_large_blocks_are_exact(void);

#endif /* NODES_H */
