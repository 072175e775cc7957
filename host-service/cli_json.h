/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_json.h - What a script reads; the schema is in memtide.1
 */
#ifndef MEMTIDE_CLI_JSON_H
#define MEMTIDE_CLI_JSON_H

#include "cli_report.h"
#include "doctor.h"

/**
 * cli_json_report() - One JSON document with all of a report
 *
 * Return: 0 or -ENOMEM
 */
int cli_json_report(const struct cli_report *r, FILE *out);

/**
 * cli_json_failure() - The document where there is no report
 * @text:	what went wrong
 *
 * Return: 0 or -ENOMEM
 */
int cli_json_failure(enum cli_exit code, const char *text, FILE *out);

/**
 * cli_json_doctor() - The document of doctor
 *
 * Return: 0 or -ENOMEM
 */
int cli_json_doctor(const struct doctor *d, enum cli_exit code, FILE *out);

/**
 * cli_json_event(), cli_json_end() - Of watch: an event on a line, and the last
 *
 * Return: 0 or -ENOMEM
 */
int cli_json_event(const struct control_event *e, FILE *out);
int cli_json_end(enum cli_exit code, const char *text, FILE *out);

#endif
