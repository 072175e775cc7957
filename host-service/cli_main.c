/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_main.c - memtide(1)
 */
#include <string.h>
#include <unistd.h>

#include "cli_args.h"
#include "cli_commands.h"

/* A line of progress fits into this many columns. */
#define REDRAW_COLUMNS	78

static bool can_redraw(const struct cli_look *look)
{
	const char *term = getenv("TERM");

	return look->columns >= REDRAW_COLUMNS && term && strcmp(term, "dumb");
}

int main(int argc, char *argv[])
{
	struct cli_io io = { .out = stdout, .err = stderr };
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
	io.look = cli_look_of(STDOUT_FILENO);
	io.redraw = can_redraw(&io.look);
	return cli_run(&args, &io);
}
