/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_commands.h - Carry out what the command line says
 */
#ifndef MEMTIDE_CLI_COMMANDS_H
#define MEMTIDE_CLI_COMMANDS_H

#include "cli_args.h"
#include "cli_io.h"

/**
 * cli_run() - Ask memtided and print what it answers
 *
 * Return: the exit code: an enum cli_exit, or that of the COMMAND of reserve
 */
int cli_run(const struct cli_args *args, const struct cli_io *io);

#endif
