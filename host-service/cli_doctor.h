/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_doctor.h - memtide doctor
 */
#ifndef MEMTIDE_CLI_DOCTOR_H
#define MEMTIDE_CLI_DOCTOR_H

#include "cli_args.h"
#include "cli_io.h"
#include "doctor.h"

/** cli_doctor_print() - A line a finding; pure */
void cli_doctor_print(const struct doctor *d, const struct cli_look *look,
		      FILE *out);

/**
 * cli_doctor_find() - All checks, in the order in which they are printed
 * @root:	"", or a directory that stands for /
 */
void cli_doctor_find(struct doctor *d, const struct cli_args *args,
		     const char *root);

/**
 * cli_doctor() - Find and print
 *
 * Return: the exit code
 */
enum cli_exit cli_doctor(const struct cli_args *args,
			 const struct cli_io *io);

#endif
