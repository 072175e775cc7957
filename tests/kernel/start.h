/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * start.h - How suites begin
 */

#ifndef START_H
#define START_H

/* Load the driver, window of 1.5, 4 or 24 GiB, and note how all is before */
int test_driver_loaded_tight(void);
int test_driver_loaded(void);
int test_driver_loaded_wide(void);

#endif /* START_H */
