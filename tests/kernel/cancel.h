/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cancel.h - Memory blocks that fail to go online or offline
 */

#ifndef CANCEL_H
#define CANCEL_H

int test_refusal_before_the_driver_undone(void);
int test_refusal_after_the_driver_undone(void);
int test_interrupted_offline_undone(void);

#endif /* CANCEL_H */
