/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * selftest.h - The series' own program in tools/testing/selftests
 */

#ifndef SELFTEST_H
#define SELFTEST_H

int test_selftest_passes(void);

#endif /* SELFTEST_H */
