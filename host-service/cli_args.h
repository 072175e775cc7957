/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_args.h - The command line of memtide(1)
 */
#ifndef MEMTIDE_CLI_ARGS_H
#define MEMTIDE_CLI_ARGS_H

#include "cli_syntax.h"

#define CLI_ERROR_MAX	256u

/**
 * struct cli_args - a command line understood
 * @help:	print help and nothing else
 * @version:	print the version and nothing else; nothing else is understood
 * @has_command: false with @help only: the help of memtide as a whole
 * @command:	an enum control_request_type or cli_command
 * @json:	print one JSON document
 * @socket:	borrowed from the argument vector or environment
 * @guest:	GUEST as typed, borrowed likewise; NULL if there is none
 * @run:	COMMAND of reserve and its arguments, borrowed; NULL: none
 * @guests:	of watch, @nr_guests; none: all
 * @timeout_s:	0: for ever
 * @config:	of doctor; borrowed
 * @request:	what to send, if @command is a request
 */
struct cli_args {
	bool help;
	bool version;
	bool has_command;
	unsigned int command;
	bool json;
	const char *socket;
	const char *guest;
	char *const *run;
	struct guest_selector guests[CLI_GUESTS_MAX];
	unsigned int nr_guests;
	uint32_t timeout_s;
	const char *config;
	struct control_request request;
};

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
