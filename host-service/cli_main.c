/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_main.c - memtide(1)
 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli_args.h"
#include "cli_commands.h"

/* A line of progress fits into this many columns. */
#define REDRAW_COLUMNS	72

static bool can_redraw(int fd)
{
	const char *term = getenv("TERM");
	struct winsize size;

	return isatty(fd) && term && strcmp(term, "dumb") &&
	       !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col >= REDRAW_COLUMNS;
}

int main(int argc, char *argv[])
{
	struct cli_io io = { stdout, stderr, can_redraw(STDOUT_FILENO) };
	char err[CLI_ERROR_MAX];
	struct cli_args args;

	if (cli_parse(argc, argv, getenv("MEMTIDE_SOCKET"), &args, err)) {
		fprintf(stderr, "memtide: %s\n", err);
		return CLI_EXIT_USAGE;
	}
	if (args.version) {
		puts("memtide " MEMTIDE_VERSION);
		return CLI_EXIT_DONE;
	}
	if (args.help) {
		cli_print_help(&args, stdout);
		return CLI_EXIT_DONE;
	}
	return cli_run(&args, &io);
}
