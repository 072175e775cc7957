/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_report.h - All that memtided answered to one command
 */
#ifndef MEMTIDE_CLI_REPORT_H
#define MEMTIDE_CLI_REPORT_H

#include "cli_args.h"
#include "control_codec.h"

/**
 * struct cli_report - the replies to one request, gathered
 * @command:	what was asked
 * @guest:	GUEST as typed, borrowed; NULL if the command has none
 * @status:	the daemon's verdict and @text its words, from the last reply
 * @guests:	of list, in the order of their domids; of show, readmit, limits,
 *		auto and explain, one
 * @has_host .. @has_reserve: that body has come
 * @rows:	of balance
 * @stories:	of explain, the latest first
 */
struct cli_report {
	enum control_request_type command;
	const char *guest;
	enum control_status status;
	char text[CONTROL_TEXT_MAX];
	bool has_host, has_set, has_audit, has_version, has_balance,
	     has_reserve;
	struct control_host host;
	struct control_set_result set;
	struct control_audit audit;
	struct control_version version;
	struct control_guest *guests;
	size_t nr_guests;
	struct control_finding *findings;
	size_t nr_findings;
	struct control_balance balance;
	struct control_balance_row *rows;
	size_t nr_rows;
	struct control_explain *stories;
	size_t nr_stories;
	struct control_reserve reserve;
};

/** cli_report_done() - Free what a report holds */
void cli_report_done(struct cli_report *r);

/**
 * cli_report_add() - Take in one reply
 *
 * Progress is not kept.
 *
 * Return: 0 or -ENOMEM
 */
int cli_report_add(struct cli_report *r, const struct control_reply *reply);

/**
 * cli_report_check() - After the last reply: is all there that was asked for?
 *
 * Return: NULL, or a constant phrase that names what is missing
 */
const char *cli_report_check(const struct cli_report *r);

/** cli_report_exit() - The exit code that a whole report calls for */
enum cli_exit cli_report_exit(const struct cli_report *r);

#endif
