/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * suite.c - The first process of a guest that runs one suite of tests
 */

#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "world.h"

/* Source: Documentation/admin-guide/tainted-kernels.rst */
#define TAINT_BAD_PAGE	(1 << 5)
#define TAINT_DIE	(1 << 7)
#define TAINT_WARN	(1 << 9)
#define TAINT_LOCKUP	(1 << 14)

void guest_start(void)
{
	int fd;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mkdir("/tmp", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("tmpfs", "/tmp", "tmpfs", 0, "size=90%");

	/* Results have a line of their own, apart from the kernel's console. */
	fd = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	dup2(fd, 1);
	setlinebuf(stdout);
}

int guest_end(void)
{
	fflush(stdout);
	fsync(1);
	usleep(100000);
	reboot(RB_AUTOBOOT);
	return 1;
}

static void run_suite(const char *name, const struct test *tests)
{
	struct timeval from, to, took;

	for (const struct test *t = tests; t->name; t++) {
		why[0] = '\0';
		gettimeofday(&from, NULL);
		if (t->run()) {
			printf("not ok %s: %s\n", t->name, why);
			break;
		}
		gettimeofday(&to, NULL);
		timersub(&to, &from, &took);
		printf("ok %s (%ld.%02ld s)\n", t->name, (long)took.tv_sec,
		       (long)took.tv_usec / 10000);
	}
	printf("done %s\n", name);
}

int guest_main(int argc, char **argv, const struct suite *suites, size_t nr)
{
	const char *name = argc > 1 ? argv[argc - 1] : "";

	guest_start();
	for (size_t i = 0; i < nr; i++) {
		if (!strcmp(name, suites[i].name))
			run_suite(name, suites[i].tests);
	}
	return guest_end();
}

/* To the console, where not all of it may have gone */
static void print_log(void)
{
	static char text[4 << 20];
	int len = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, text, sizeof(text));
	FILE *f = fopen("/dev/console", "we");

	if (f) {
		fwrite(text, 1, len > 0 ? len : 0, f);
		fclose(f);
	}
}

/* Having found a problem, lockdep stops looking for others. */
static int check_kernel(void)
{
	const long bad = TAINT_BAD_PAGE | TAINT_DIE | TAINT_WARN | TAINT_LOCKUP;
	long tainted = read_value("/proc/sys/kernel/tainted", "");
	const char *lockdep = "/proc/lockdep_stats";

	CHECK(tainted >= 0 && !(tainted & bad), "tainted: %#lx", tainted);
	CHECK(access(lockdep, F_OK) ||
	      read_value(lockdep, " debug_locks:") == 1, "lockdep is off");
	return 0;
}

int test_kernel_is_sound(void)
{
	int ret = check_kernel();

	if (ret)
		print_log();
	return ret;
}
