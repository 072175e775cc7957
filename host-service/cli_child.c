/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_child.c - A program run by memtide(1)
 */
#include "cli_child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static void __attribute__((noreturn)) be_child(char *const argv[])
{
	int error;

	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	execvp(argv[0], argv);
	error = errno;
	fprintf(stderr, "memtide: reserve: cannot run %s: %s\n", argv[0],
		strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

int cli_child_start(char *const argv[], struct cli_child *ret)
{
	int rc;

	fflush(NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	ret->pid = fork();
	if (ret->pid < 0)
		return -errno;
	if (!ret->pid)
		be_child(argv);
	ret->fd = pidfd_open(ret->pid, 0);
	if (ret->fd >= 0)
		return 0;
	rc = -errno;
	kill(ret->pid, SIGTERM);
	waitpid(ret->pid, NULL, 0);
	return rc;
}

int cli_child_end(struct cli_child *c)
{
	int status;

	close(c->fd);
	while (waitpid(c->pid, &status, 0) != c->pid) {
		if (errno != EINTR)
			return 126;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}
