/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_top.h - memtide top
 */
#ifndef MEMTIDE_CLI_TOP_H
#define MEMTIDE_CLI_TOP_H

#include "cli_args.h"
#include "cli_io.h"

/**
 * cli_top() - Until it is left
 *
 * A signal that ends it is raised again when the terminal is as it was.
 *
 * Return: the exit code
 */
enum cli_exit cli_top(const struct cli_args *args, const struct cli_io *io);

#endif
