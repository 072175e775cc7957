/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * poison.h - Memory errors in pages that are offline, exposed and taken
 */

#ifndef POISON_H
#define POISON_H

int test_errors_where_nothing_is_ignored(void);
int test_granule_with_error_stays(void);
int test_block_with_error_goes_offline(void);

#endif /* POISON_H */
