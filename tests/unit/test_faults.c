/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_faults.c - To be woken when programs begin to take memory
 *
 * This machine has other programs, which fault, too: what is tested is that
 * our own faults are told when armed, and that nothing is when not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faults.h"

#define ENOUGH	(4096u * FAULTS_PERIOD)

static bool readable(const struct faults *f, int ms)
{
	struct pollfd p = { .fd = faults_fd(f), .events = POLLIN };

	return poll(&p, 1, ms) == 1 && p.revents == POLLIN;
}

static void take_memory(void)
{
	size_t len = (size_t)ENOUGH * PAGE_BYTES;
	volatile char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	(void)madvise((void *)p, len, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < len / 64; i += PAGE_BYTES)
		p[i] = 1;
	munmap((void *)p, len);
}

/* Return: NULL if this machine does not let us count */
static struct faults *try_open(void)
{
	struct faults *f = NULL;
	int rc = faults_open(&f);

	if (!rc) {
		assert_non_null(f);
		return f;
	}
	assert_null(f);
	assert_true(rc == -EACCES || rc == -EPERM || rc == -ENOSYS ||
		    rc == -ENOENT);
	return NULL;
}

static void faults_are_told_once_each_time_it_is_armed(void **state)
{
	struct faults *f = try_open();

	(void)state;
	for (int i = 0; f && i < 5; i++) {
		take_memory();
		assert_false(readable(f, 0));
		faults_arm(f);
		take_memory();
		assert_true(readable(f, 1000));
		faults_take(f);
		take_memory();
		assert_false(readable(f, 20));
	}
	faults_close(f);
}

static void it_can_be_opened_over_and_over(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct faults *f = try_open();

		if (f)
			faults_arm(f);
		faults_close(f);
	}
	faults_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_told_once_each_time_it_is_armed),
		cmocka_unit_test(it_can_be_opened_over_and_over),
	};

	return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
