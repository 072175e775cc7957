/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_syntax.h - What there is to say to memtide(1), as tables, and its help
 */
#ifndef MEMTIDE_CLI_SYNTAX_H
#define MEMTIDE_CLI_SYNTAX_H

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

/* A command that is one request has the request's number. */
enum cli_command {
	CLI_DOCTOR = CONTROL_NUM_REQUESTS,
	CLI_TOP,
	CLI_HELP,
	CLI_NUM_COMMANDS,
};

#define CLI_GUESTS_MAX	16u
#define CLI_EXAMPLES	3u

/**
 * struct cli_command_syntax - a command
 * @operands:	for the usage, with a blank in front
 * @least, @most: number of operands
 * @has_guest:	the first operand is one, or all of them are
 * @notes:	of its operands, for its help; NULL: none
 * @examples:	at least one
 */
struct cli_command_syntax {
	const char *name;
	const char *operands;
	const char *summary;
	unsigned int least, most;
	bool has_guest;
	const char *notes;
	struct { const char *line, *meaning; } examples[CLI_EXAMPLES];
};

extern const struct cli_command_syntax cli_commands[CLI_NUM_COMMANDS];

enum cli_option {
	OPT_HELP, OPT_VERSION, OPT_JSON, OPT_SOCKET, OPT_WAIT, OPT_TIMEOUT,
	OPT_MIN, OPT_MAX, OPT_WEIGHT, OPT_HEADROOM, OPT_DRY_RUN, OPT_FOR,
	OPT_LAST, OPT_CONFIG,
	CLI_NUM_OPTIONS,
};

/**
 * struct cli_option_syntax - an option
 * @value:	its name in help, NULL if it takes none
 * @of:		bits of commands; 0: all
 */
struct cli_option_syntax {
	const char *name;
	const char *value;
	const char *meaning;
	uint32_t of;
};

extern const struct cli_option_syntax cli_options[CLI_NUM_OPTIONS];

/**
 * cli_exit_name() - The word for an exit code in --json and --help
 */
const char *cli_exit_name(enum cli_exit code);

/**
 * cli_command_name() - "list" for CONTROL_LIST and so on
 */
const char *cli_command_name(unsigned int command);

/** cli_help_overview(), cli_help_command() - For --help and help */
void cli_help_overview(FILE *out);
void cli_help_command(unsigned int command, FILE *out);

#endif
