/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * dump.h - A guest to be dumped from outside, with some of its memory offline
 */

#ifndef DUMP_H
#define DUMP_H

int test_dump(void);

#endif /* DUMP_H */
