/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_child.h - A program run by memtide(1)
 */
#ifndef MEMTIDE_CLI_CHILD_H
#define MEMTIDE_CLI_CHILD_H

#include <sys/types.h>

/**
 * struct cli_child
 * @fd:		readable when it has ended
 */
struct cli_child {
	pid_t pid;
	int fd;
};

/**
 * cli_child_start() - Run @argv, found as by a shell
 *
 * An interrupt from the terminal reaches it and is left to it: we go on until it
 * has ended.
 *
 * Return: 0 or a negative errno; that there is no such program shows at its end
 */
int cli_child_start(char *const argv[], struct cli_child *ret);

/**
 * cli_child_end() - Wait for it
 *
 * Return: its exit status as a shell has it: 126 if it could not be run, 127 if
 *         it was not found, 128 and the number of the signal that ended it
 */
int cli_child_end(struct cli_child *c);

#endif
