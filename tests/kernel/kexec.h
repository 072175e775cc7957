/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kexec.h - A loaded kexec image in the driver's memory
 */

#ifndef KEXEC_TEST_H
#define KEXEC_TEST_H

int test_image_stays_where_it_is(void);

#endif /* KEXEC_TEST_H */
