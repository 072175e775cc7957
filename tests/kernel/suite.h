/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * suite.h - The first process of a guest that runs one suite of tests
 */

#ifndef SUITE_H
#define SUITE_H

#include <stddef.h>

/**
 * struct test
 * @run:	0, or -1 with the reason noted by fail(); what follows builds on
 *		it, so a suite ends with its first failure
 */
struct test {
	const char *name;
	int (*run)(void);
};

#define T(name) { #name, test_##name }

struct suite {
	const char *name;
	const struct test *tests;	/* up to one without a name */
};

/* Mount what there is, and have standard output on the second serial line */
void guest_start(void);

/* Restart, once all was written */
int guest_end(void);

/* Be the first process: run the suite that the command line names last */
int guest_main(int argc, char **argv, const struct suite *suites, size_t nr);

/* A test, the last of suites: the kernel noticed nothing, and still looks */
int test_kernel_is_sound(void);

#endif /* SUITE_H */
