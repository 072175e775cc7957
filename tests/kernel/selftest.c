/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * selftest.c - The series' own program in tools/testing/selftests, which
 * build_initramfs makes of its patch, with a memory block partly in use
 */

#include "selftest.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

#define PROGRAM	"/offline_pages"
#define BLOCK	5
#define TOTALS	"# Totals: "

/* The program's last words, in @totals. Return: its status, or -1 */
static int run_program(char *totals, size_t size)
{
	char line[256];
	int fds[2], status;
	FILE *said;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		execl(PROGRAM, PROGRAM, NULL);
		_exit(127);
	}
	close(fds[1]);
	said = fdopen(fds[0], "r");
	while (said && fgets(line, sizeof(line), said)) {
		fprintf(stderr, "selftest: %s", line);
		if (!strncmp(line, TOTALS, strlen(TOTALS)))
			snprintf(totals, size, "%s", line);
	}
	if (said)
		fclose(said);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

int test_selftest_passes(void)
{
	const uint32_t carry = world.info.memmap_granules;
	const uint32_t first = BLOCK * world.per_block;
	char totals[256] = "no totals";
	int status;

	CHECK(!online(first, carry + 3, MEMTIDE_ZONE_MOVABLE), "online 3");
	CHECK(!online(first + 20, 2, MEMTIDE_ZONE_MOVABLE), "online 2");
	status = run_program(totals, sizeof(totals));
	CHECK(!status && strstr(totals, " pass:2 fail:0 "), "status %d, %s",
	      status, totals);
	TRY(check_world());
	TRY(pull_patiently(first + carry, world.per_block - carry));
	CHECK(!remove_block(BLOCK), "the block stays");
	return check_world();
}
