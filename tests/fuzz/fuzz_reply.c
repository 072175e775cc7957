/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fuzz_reply.c - Any octets as memtided's answer to memtide(1)
 *
 * The first octet says what was asked and how the answer is shown, the rest
 * came from the socket. What an operator reads has no control character but
 * the newline, whatever a guest is called, and what a script reads is JSON.
 */
#include <json-c/json.h>
#include <string.h>

#include "cli_json.h"
#include "cli_print.h"
#include "cli_print_balance.h"
#include "cli_watch.h"
#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX		(1u << 20)
#define REPLIES_MAX	64u

static char out_buf[OUT_MAX];

static bool with_guest(enum control_request_type command)
{
	return command == CONTROL_SHOW || command == CONTROL_SET ||
	       command == CONTROL_READMIT || command == CONTROL_LIMITS ||
	       command == CONTROL_AUTO || command == CONTROL_EXPLAIN;
}

/* Return: true if the last reply was among them */
static bool gather(const uint8_t *data, size_t size, struct cli_report *r,
		   struct cli_progress *p, FILE *out)
{
	static struct control_reply reply;
	struct control_reserve shown = { 0, 0, 0 };
	struct cli_look plain = { 0, false };
	const char *why;
	size_t len;

	for (uint32_t n = 0; n < REPLIES_MAX &&
	     frame_peek(data, size, &len) == 1; n++) {
		if (control_decode_reply(data + FRAME_HEADER_BYTES, len, &reply,
					 &why))
			return false;
		if (reply.body == CONTROL_BODY_PROGRESS)
			cli_print_progress(p, &reply.progress, out);
		if (reply.body == CONTROL_BODY_RESERVE)
			cli_print_reserve_step(&shown, &reply.reserve, out);
		if (reply.body == CONTROL_BODY_EVENT)
			cli_watch_print(&reply.event, &plain, out);
		ASSERT(!cli_report_add(r, &reply));
		if (reply.end)
			return true;
		data += FRAME_HEADER_BYTES + len;
		size -= FRAME_HEADER_BYTES + len;
	}
	return false;
}

static void check_text(const char *text, size_t len)
{
	ASSERT(strlen(text) == len);
	for (; *text; text++)
		ASSERT((*text >= ' ' && *text <= '~') || *text == '\n');
}

static void check_json(const char *text, size_t len)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o;

	ASSERT(t && strlen(text) == len);
	json_tokener_set_flags(t, JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, text, (int)len + 1);
	ASSERT(o && json_tokener_get_error(t) == json_tokener_success);
	json_object_put(o);
	json_tokener_free(t);
}

static size_t end_text(FILE *out)
{
	long len;

	fputc(0, out);
	fflush(out);
	len = ftell(out);
	ASSERT(len > 0 && (size_t)len <= OUT_MAX);
	return (size_t)len - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char guest[] = "db1";
	struct cli_report r = { 0 };
	struct cli_progress p = { .guest = guest };
	struct cli_look look = { size > 1 ? data[1] : 0, false };
	bool json, whole;
	FILE *out;

	if (!size)
		return 0;
	r.command = (*data >> 1) % CONTROL_NUM_REQUESTS;
	r.guest = with_guest(r.command) ? guest : NULL;
	json = *data & 1;
	out = fmemopen(out_buf, sizeof(out_buf), "w");
	ASSERT(out);
	whole = gather(data + 1, size - 1, &r, &p, out);
	cli_print_progress_end(&p, out);
	if (whole && !cli_report_check(&r)) {
		ASSERT(cli_report_exit(&r) < CLI_NUM_EXITS);
		if (json) {
			rewind(out);
			ASSERT(!cli_json_report(&r, out));
		} else {
			cli_print_report(&r, &look, out);
			cli_print_problem(&r, out);
		}
	} else {
		json = false;
	}
	size = end_text(out);
	if (json)
		check_json(out_buf, size);
	else
		check_text(out_buf, size);
	fclose(out);
	cli_report_done(&r);
	return 0;
}
