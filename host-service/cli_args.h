/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_args.h - The command line of memtide(1), its help and its exit codes
 */
#ifndef MEMTIDE_CLI_ARGS_H
#define MEMTIDE_CLI_ARGS_H

#include "control_codec.h"

/* The contract with scripts, in memtide.1; never renumber. */
enum cli_exit {
	CLI_EXIT_DONE = 0,
	CLI_EXIT_USAGE = 1,
	CLI_EXIT_PARTLY = 2,
	CLI_EXIT_REFUSED = 3,
	CLI_EXIT_NO_GUEST = 4,
	CLI_EXIT_NO_DAEMON = 5,
	CLI_EXIT_FAILURE = 6,
	CLI_EXIT_FINDINGS = 7,
	CLI_NUM_EXITS,
};

/**
 * cli_exit_name() - The word for an exit code in --json and --help
 */
const char *cli_exit_name(enum cli_exit code);

#define CLI_ERROR_MAX	256u

/**
 * struct cli_args - a command line understood
 * @help:	print help and nothing else
 * @version:	print the version and nothing else; nothing else is understood
 * @has_command: false with @help only: the help of memtide as a whole
 * @json:	print one JSON document
 * @socket:	borrowed from the argument vector or environment
 * @guest:	GUEST as typed, borrowed likewise; NULL if there is none
 * @run:	COMMAND of reserve and its arguments, borrowed; NULL: none
 * @request:	what to send; its type names the command
 */
struct cli_args {
	bool help;
	bool version;
	bool has_command;
	bool json;
	const char *socket;
	const char *guest;
	char *const *run;
	struct control_request request;
};

/**
 * cli_command_name() - "list" for CONTROL_LIST and so on
 */
const char *cli_command_name(enum control_request_type command);

/**
 * cli_parse() - Understand a command line
 * @argv:	@argc strings, the first is not looked at
 * @env_socket:	$MEMTIDE_SOCKET, or NULL
 * @ret:	untouched on failure
 * @err:	on failure a line for the operator, without "memtide: "
 *
 * Options may stand anywhere after "memtide" up to "--". What begins with a
 * minus sign and a digit is a SIZE, never an option. What follows "--" are
 * operands, but for reserve: there it is COMMAND.
 *
 * Return: 0 or -EINVAL
 */
int cli_parse(int argc, char *const argv[], const char *env_socket,
	      struct cli_args *ret, char err[CLI_ERROR_MAX]);

/** cli_print_help() - For @args with @help set */
void cli_print_help(const struct cli_args *args, FILE *out);

#endif
