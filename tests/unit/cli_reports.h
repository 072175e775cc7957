/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_reports.h - Answers of memtided for the tests of memtide(1), and a page to
 * print them on
 *
 * Include after cmocka.h.
 */
#ifndef MEMTIDE_TEST_CLI_REPORTS_H
#define MEMTIDE_TEST_CLI_REPORTS_H

#include <stdio.h>
#include <stdlib.h>

#include "cli_print.h"
#include "cli_report.h"

#define MIB		UINT64_C(1024)
#define UUID		"3f2a0000-1111-2222-3333-444455556666"

/* What a printer wrote; freed by the caller. */
struct page {
	FILE *f;
	char *text;
	size_t len;
};

static inline void page_open(struct page *p)
{
	p->f = open_memstream(&p->text, &p->len);
	assert_non_null(p->f);
}

static inline void page_check(struct page *p, const char *golden)
{
	fclose(p->f);
	assert_string_equal(p->text, golden);
	free(p->text);
}

static const struct control_guest db1 __attribute__((unused)) = {
	.domid = 3, .uuid = UUID, .name = "db1", .state = "growing",
	.boot_kib = 256 * MIB, .held_kib = 768 * MIB, .target_kib = 1280 * MIB,
	.online_kib = 512 * MIB, .window_kib = 8192 * MIB,
	.xen_kib = 768 * MIB, .guest_total_kib = 770000,
	.guest_available_kib = 700000, .agent = "0.1.0", .kernel = "6.12.57",
	.mode = "granules",
	.automatic = true, .max_kib = 2048 * MIB, .weight = 200,
	.live = "auto max", .demand = "distress",
};

/* From a memtided that does not tell the mode */
static const struct control_guest web __attribute__((unused)) = {
	.domid = 12, .name = "w\x1b[31m", .state = "unmanaged",
	.why = "no agent", .boot_kib = 512 * MIB, .held_kib = 512 * MIB,
	.xen_kib = 512 * MIB,
};

static const struct control_host host __attribute__((unused)) = {
	.total_kib = 24576 * MIB, .free_kib = 20480 * MIB,
	.promised_kib = 512 * MIB, .reserve_kib = 256 * MIB, .guests = 2,
};

static inline void add_end(struct cli_report *r, enum control_status status,
		    const char *text)
{
	struct control_reply reply = { .end = true, .status = status };

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	assert_int_equal(cli_report_add(r, &reply), 0);
}

static inline void fill_list_report(struct cli_report *r)
{
	struct control_reply reply = { .body = CONTROL_BODY_GUEST };

	*r = (struct cli_report){ .command = CONTROL_LIST };
	reply.guest = web;
	assert_int_equal(cli_report_add(r, &reply), 0);
	reply.guest = db1;
	assert_int_equal(cli_report_add(r, &reply), 0);
	reply.body = CONTROL_BODY_HOST;
	reply.host = host;
	assert_int_equal(cli_report_add(r, &reply), 0);
	add_end(r, CONTROL_STATUS_OK, "");
	assert_null(cli_report_check(r));
}

static const struct control_balance_row rows[] __attribute__((unused)) = {
	{ 3, "db1", 768 * MIB, 768 * MIB, 1280 * MIB, "grows: its tasks wait" },
	{ 4, "w\x1b", 512 * MIB, 512 * MIB, 512 * MIB, "keeps 512 MiB" },
};

static inline void fill_balance_report(struct cli_report *r)
{
	struct control_reply reply = { .body = CONTROL_BODY_BALANCE_ROW };

	*r = (struct cli_report){ .command = CONTROL_BALANCE };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reply.balance_row = rows[i];
		assert_int_equal(cli_report_add(r, &reply), 0);
	}
	reply.body = CONTROL_BODY_BALANCE;
	reply.balance = (struct control_balance){
		2, 1, 2048 * MIB, 1024 * MIB, 64 * MIB,
	};
	assert_int_equal(cli_report_add(r, &reply), 0);
	add_end(r, CONTROL_STATUS_OK, "");
	assert_null(cli_report_check(r));
}

static const struct control_explain stories[] __attribute__((unused)) = {
	{ true, 1500, "keeps 768 MiB" },
	{ false, 1540, "grew\x1b by 512 MiB" },
	{ false, 600000, "gave 256 MiB" },
	{ false, 36000000, "grew" },
};

static inline void fill_explain_report(struct cli_report *r, size_t nr)
{
	struct control_reply reply = { .body = CONTROL_BODY_GUEST };

	*r = (struct cli_report){ .command = CONTROL_EXPLAIN, .guest = "db1" };
	reply.guest = db1;
	assert_int_equal(cli_report_add(r, &reply), 0);
	reply.body = CONTROL_BODY_EXPLAIN;
	for (size_t i = 0; i < nr; i++) {
		reply.explain = stories[i];
		assert_int_equal(cli_report_add(r, &reply), 0);
	}
	add_end(r, CONTROL_STATUS_OK, "");
	assert_null(cli_report_check(r));
}

static const struct control_finding findings[] __attribute__((unused)) = {
	{ 3, "db1", "granule 7 is online but not backed" },
	{ 0, "", "more promised than there is" },
};

static inline void fill_audit_report(struct cli_report *r, size_t nr_findings)
{
	struct control_reply reply = { .body = CONTROL_BODY_FINDING };

	*r = (struct cli_report){ .command = CONTROL_AUDIT };
	for (size_t i = 0; i < nr_findings; i++) {
		reply.finding = findings[i];
		assert_int_equal(cli_report_add(r, &reply), 0);
	}
	reply.body = CONTROL_BODY_AUDIT;
	reply.audit = (struct control_audit){ 2, 512 };
	assert_int_equal(cli_report_add(r, &reply), 0);
	add_end(r, CONTROL_STATUS_OK, "");
}

#endif
