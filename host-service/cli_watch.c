/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_watch.c - memtide watch
 */
#include "cli_watch.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli_json.h"
#include "cli_text.h"
#include "cli_trouble.h"
#include "control_client.h"

#define SEND_TIMEOUT_MS	10000
#define ANSWER_MS	30000

/**
 * struct watch - what goes on
 * @begun:	memtided has answered
 * @end_ms:	on now_ms()'s clock; 0: never
 * @text:	why it ended
 */
struct watch {
	const struct cli_args *args;
	const struct cli_io *io;
	struct control_client *client;
	bool begun;
	int64_t end_ms;
	char text[CLI_TROUBLE_MAX];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool is_selected(const struct guest_selector *s,
			const struct control_event *e)
{
	switch (s->by) {
	case SELECT_DOMID:
		return s->domid == e->domid;
	case SELECT_UUID:
		return !strcmp(s->text, e->uuid);
	case SELECT_NAME:
		return !strcmp(s->text, e->name);
	}
	return false;
}

bool cli_watch_wants(const struct guest_selector *guests, unsigned int nr,
		     const struct control_event *e)
{
	bool wants = !nr;

	for (unsigned int i = 0; i < nr; i++)
		wants |= is_selected(&guests[i], e);
	return wants;
}

void cli_watch_print(const struct control_event *e,
		     const struct cli_look *look, FILE *out)
{
	enum cli_colour colour = cli_colour_of(e->kind);
	time_t at = (time_t)(e->at_ms / 1000);
	struct text_buf name, kind, text;
	char when[32] = "?";
	struct tm tm;

	if (localtime_r(&at, &tm))
		strftime(when, sizeof(when), "%F %T", &tm);
	fprintf(out, "%s  %-10s  %s%-11s%s  %s\n", when,
		text_escape(*e->name ? e->name : "-", &name),
		cli_colour_on(look, colour), text_escape(e->kind, &kind),
		cli_colour_off(look, colour), text_escape(e->text, &text));
}

static int show(struct watch *w, const struct control_event *e)
{
	int rc = 0;

	if (!cli_watch_wants(w->args->guests, w->args->nr_guests, e))
		return 0;
	if (w->args->json)
		rc = cli_json_event(e, w->io->out);
	else
		cli_watch_print(e, &w->io->look, w->io->out);
	if (!rc && (fflush(w->io->out) || ferror(w->io->out)))
		rc = -EIO;
	return rc;
}

static int patience_ms(const struct watch *w)
{
	int64_t left = w->end_ms ? MAX(w->end_ms - now_ms(), 0) : INT64_MAX;

	if (!w->begun)
		return (int)MIN(left, ANSWER_MS);
	return w->end_ms ? (int)left : CONTROL_CLIENT_FOREVER;
}

/* The last reply is no end that we asked for. */
static enum cli_exit ended(struct watch *w, const struct control_reply *r)
{
	if (r->status == CONTROL_STATUS_BAD_REQUEST && !w->begun)
		snprintf(w->text, sizeof(w->text),
			 "the memtided that runs is too old to be watched; restart it with: systemctl restart memtided");
	else
		snprintf(w->text, sizeof(w->text), "%s", r->text);
	return r->status == CONTROL_STATUS_PARTLY ? CLI_EXIT_PARTLY :
						    CLI_EXIT_FAILURE;
}

static enum cli_exit failed(struct watch *w, int rc, const char *why)
{
	if (rc == -ETIMEDOUT && w->end_ms && now_ms() >= w->end_ms)
		return CLI_EXIT_DONE;
	if (rc != -ECONNRESET && rc != -EPIPE)
		return cli_trouble_reply(w->args->socket, rc, ANSWER_MS, why,
					 w->text);
	snprintf(w->text, sizeof(w->text),
		 "memtided has ended; see its log: journalctl -u memtided");
	return CLI_EXIT_NO_DAEMON;
}

static enum cli_exit receive(struct watch *w)
{
	struct control_reply reply;
	const char *why = "";
	int rc;

	for (;;) {
		rc = control_client_next(w->client, patience_ms(w), &reply,
					 &why);
		if (rc)
			return failed(w, rc, why);
		if (reply.end)
			return ended(w, &reply);
		w->begun = true;
		if (reply.body != CONTROL_BODY_EVENT)
			continue;
		rc = show(w, &reply.event);
		if (rc)
			break;
	}
	snprintf(w->text, sizeof(w->text), "cannot write: %s",
		 strerror(rc == -EIO ? errno : -rc));
	return CLI_EXIT_FAILURE;
}

static enum cli_exit run(struct watch *w)
{
	int rc = control_client_open(w->args->socket, &w->client);

	if (rc)
		return cli_trouble_connect(w->args->socket, rc, w->text);
	rc = control_client_send(w->client, &w->args->request,
				 SEND_TIMEOUT_MS);
	return rc ? failed(w, rc, "") : receive(w);
}

enum cli_exit cli_watch(const struct cli_args *args, const struct cli_io *io)
{
	struct watch w = { .args = args, .io = io };
	enum cli_exit code;
	struct text_buf buf;

	if (args->timeout_s)
		w.end_ms = now_ms() + (int64_t)args->timeout_s * 1000;
	code = run(&w);
	control_client_close(w.client);
	if (*w.text && args->json)
		cli_json_end(code, w.text, io->out);
	if (*w.text)
		fprintf(io->err, "memtide: watch: %s\n",
			text_escape(w.text, &buf));
	return code;
}
