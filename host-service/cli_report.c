/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_report.c - All that memtided answered to one command
 */
#include "cli_report.h"

#include <errno.h>
#include <string.h>

void cli_report_done(struct cli_report *r)
{
	free(r->guests);
	free(r->findings);
	free(r->rows);
	free(r->stories);
	r->guests = NULL;
	r->findings = NULL;
	r->rows = NULL;
	r->stories = NULL;
	r->nr_guests = r->nr_findings = r->nr_rows = r->nr_stories = 0;
}

/* Kept in order, so that two lists of the same guests look the same. */
static int add_guest(struct cli_report *r, const struct control_guest *guest)
{
	struct control_guest *guests = reallocarray(r->guests,
		r->nr_guests + 1, sizeof(*guests));
	size_t at = r->nr_guests;

	if (!guests)
		return -ENOMEM;
	r->guests = guests;
	while (at && guests[at - 1].domid > guest->domid)
		at--;
	memmove(&guests[at + 1], &guests[at],
		(r->nr_guests - at) * sizeof(*guests));
	guests[at] = *guest;
	r->nr_guests++;
	return 0;
}

static int add_finding(struct cli_report *r,
		       const struct control_finding *finding)
{
	struct control_finding *findings = reallocarray(r->findings,
		r->nr_findings + 1, sizeof(*findings));

	if (!findings)
		return -ENOMEM;
	r->findings = findings;
	findings[r->nr_findings++] = *finding;
	return 0;
}

static int add_row(struct cli_report *r, const struct control_balance_row *row)
{
	struct control_balance_row *rows = reallocarray(r->rows,
		r->nr_rows + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	r->rows = rows;
	rows[r->nr_rows++] = *row;
	return 0;
}

static int add_story(struct cli_report *r, const struct control_explain *story)
{
	struct control_explain *stories = reallocarray(r->stories,
		r->nr_stories + 1, sizeof(*stories));

	if (!stories)
		return -ENOMEM;
	r->stories = stories;
	stories[r->nr_stories++] = *story;
	return 0;
}

static int add_body(struct cli_report *r, const struct control_reply *reply)
{
	switch (reply->body) {
	case CONTROL_BODY_GUEST:
		return add_guest(r, &reply->guest);
	case CONTROL_BODY_FINDING:
		return add_finding(r, &reply->finding);
	case CONTROL_BODY_HOST:
		r->host = reply->host;
		r->has_host = true;
		return 0;
	case CONTROL_BODY_SET:
		r->set = reply->set;
		r->has_set = true;
		return 0;
	case CONTROL_BODY_AUDIT:
		r->audit = reply->audit;
		r->has_audit = true;
		return 0;
	case CONTROL_BODY_VERSION:
		r->version = reply->version;
		r->has_version = true;
		return 0;
	case CONTROL_BODY_BALANCE_ROW:
		return add_row(r, &reply->balance_row);
	case CONTROL_BODY_BALANCE:
		r->balance = reply->balance;
		r->has_balance = true;
		return 0;
	case CONTROL_BODY_EXPLAIN:
		return add_story(r, &reply->explain);
	case CONTROL_BODY_RESERVE:
		r->reserve = reply->reserve;
		r->has_reserve = true;
		return 0;
	case CONTROL_BODY_NONE:
	case CONTROL_BODY_PROGRESS:
	case CONTROL_BODY_EVENT:
		return 0;
	}
	return 0;
}

int cli_report_add(struct cli_report *r, const struct control_reply *reply)
{
	if (reply->end) {
		r->status = reply->status;
		memcpy(r->text, reply->text, sizeof(r->text));
	}
	return add_body(r, reply);
}

const char *cli_report_check(const struct cli_report *r)
{
	if (r->status != CONTROL_STATUS_OK)
		return NULL;
	switch (r->command) {
	case CONTROL_LIST:
		return r->has_host ? NULL : "nothing about the host";
	case CONTROL_SHOW:
		return r->nr_guests == 1 ? NULL : "not just one guest";
	case CONTROL_SET:
		return r->has_set ? NULL : "no result";
	case CONTROL_AUDIT:
		return r->has_audit ? NULL : "no result";
	case CONTROL_VERSION:
		return r->has_version ? NULL : "no version";
	case CONTROL_READMIT:
	case CONTROL_LIMITS:
	case CONTROL_AUTO:
	case CONTROL_EXPLAIN:
		return r->nr_guests == 1 ? NULL : "not just one guest";
	case CONTROL_BALANCE:
		return r->has_balance ? NULL : "no result";
	case CONTROL_RESERVE:
		return r->has_reserve ? NULL : "no result";
	case CONTROL_WATCH:
		return "what is no report";
	case CONTROL_NUM_REQUESTS:
		break;
	}
	return NULL;
}

enum cli_exit cli_report_exit(const struct cli_report *r)
{
	static const enum cli_exit exits[] = {
		[CONTROL_STATUS_OK] = CLI_EXIT_DONE,
		[CONTROL_STATUS_PARTLY] = CLI_EXIT_PARTLY,
		[CONTROL_STATUS_REFUSED] = CLI_EXIT_REFUSED,
		[CONTROL_STATUS_NO_GUEST] = CLI_EXIT_NO_GUEST,
		[CONTROL_STATUS_BAD_REQUEST] = CLI_EXIT_FAILURE,
	};
	_Static_assert(ARRAY_SIZE(exits) == CONTROL_NUM_STATUSES, "one each");

	/* A finding weighs more than an audit that was cut short. */
	if (r->nr_findings)
		return CLI_EXIT_FINDINGS;
	return exits[r->status];
}
