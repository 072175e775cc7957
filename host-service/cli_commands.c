/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_commands.c - Carry out what the command line says
 *
 * Every command is one request and its replies: the replies are gathered into
 * a report, progress is shown as it comes, and the whole is printed at the
 * end, so that what is printed is either all of an answer or an error.
 *
 * reserve alone may run a program while memtided goes on answering: then its
 * exit code is ours, and what memtided has to say goes to standard error.
 */
#include "cli_commands.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "cli_child.h"
#include "cli_doctor.h"
#include "cli_json.h"
#include "cli_print.h"
#include "cli_print_balance.h"
#include "cli_text.h"
#include "cli_top.h"
#include "cli_trouble.h"
#include "cli_watch.h"
#include "control_client.h"

#define SEND_TIMEOUT_MS		10000
#define REPLY_TIMEOUT_MS	30000
/* An audit asks every guest; none of them is waited for longer than this. */
#define AUDIT_TIMEOUT_MS	300000
#define TICK_MS			1000

struct run {
	const struct cli_args *args;
	const struct cli_io *io;
	struct control_client *client;
	struct cli_report report;
	struct cli_progress progress;
	struct control_reserve shown;
	int64_t begun_ms;
	bool has_run;			/* COMMAND; @status is its */
	int status;
	char problem[CLI_TROUBLE_MAX];
};

/* Keep what went wrong; said once, at the end, in text or JSON. */
__attribute__((format(printf, 3, 4)))
static enum cli_exit give_up(struct run *r, enum cli_exit code,
			     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->problem, sizeof(r->problem), fmt, ap);
	va_end(ap);
	return code;
}

static int reply_timeout_ms(const struct control_request *req)
{
	if (req->type == CONTROL_AUDIT)
		return AUDIT_TIMEOUT_MS;
	if (!req->wait && req->type != CONTROL_RESERVE)
		return REPLY_TIMEOUT_MS;
	if (!req->timeout_s)
		return CONTROL_CLIENT_FOREVER;
	return (int)req->timeout_s * 1000 + REPLY_TIMEOUT_MS;
}

static enum cli_exit reply_failed(struct run *r, int rc, int timeout_ms,
				  const char *why)
{
	return cli_trouble_reply(r->args->socket, rc, timeout_ms, why,
				 r->problem);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static unsigned int elapsed_s(const struct run *r)
{
	return (unsigned int)((now_ms() - r->begun_ms) / 1000);
}

static bool shows_progress(const struct run *r)
{
	return r->args->request.type == CONTROL_SET && r->args->request.wait &&
	       !r->args->json;
}

static void show_reply(struct run *r, const struct control_reply *reply)
{
	FILE *out = r->args->run ? r->io->err : r->io->out;

	r->progress.elapsed_s = elapsed_s(r);
	if (reply->body == CONTROL_BODY_PROGRESS && shows_progress(r))
		cli_print_progress(&r->progress, &reply->progress, r->io->out);
	if (reply->body == CONTROL_BODY_RESERVE && !reply->end &&
	    !r->args->json)
		cli_print_reserve_step(&r->shown, &reply->reserve, out);
}

/* What came while COMMAND runs. Returns false if no more will come. */
static bool hear(struct run *r)
{
	struct control_reply reply;
	const char *why = "";
	int rc;

	while (!(rc = control_client_next(r->client, 0, &reply, &why))) {
		if (!reply.end)
			continue;
		if (reply.status != CONTROL_STATUS_OK)
			fprintf(r->io->err, "memtide: reserve: %s\n",
				reply.text);
		return false;
	}
	if (rc == -ETIMEDOUT)
		return true;
	fprintf(r->io->err, "memtide: reserve: memtided has ended; the memory is no longer held\n");
	return false;
}

static enum cli_exit run_child(struct run *r)
{
	struct pollfd fds[2] = {
		{ .events = POLLIN },
		{ .fd = control_client_fd(r->client), .events = POLLIN },
	};
	struct cli_child child;
	int rc = cli_child_start(r->args->run, &child);

	if (rc)
		return give_up(r, CLI_EXIT_FAILURE, "cannot run a program: %s",
			       strerror(-rc));
	fds[0].fd = child.fd;
	while (!fds[0].revents) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents && !hear(r))
			fds[1].fd = -1;
	}
	r->status = cli_child_end(&child);
	r->has_run = true;
	return CLI_EXIT_DONE;
}

static bool can_run(const struct run *r, const struct control_reply *reply)
{
	return r->args->run && reply->body == CONTROL_BODY_RESERVE &&
	       !reply->end && reply->reserve.held_kib == reply->reserve.size_kib;
}

/* Who waits at a terminal is told each second that it is waited for. */
static int next_reply(struct run *r, int timeout_ms,
		      struct control_reply *ret, const char **ret_why)
{
	const char *name = cli_command_name(r->args->command);
	int64_t begun = now_ms(), left;
	bool shows = r->io->redraw && !r->args->json && !r->args->run;
	int rc;

	do {
		left = timeout_ms < 0 ? TICK_MS :
		       MAX(begun + timeout_ms - now_ms(), 0);
		rc = control_client_next(r->client, !shows ? timeout_ms :
					 (int)MIN(left, TICK_MS), ret,
					 ret_why);
		if (rc != -ETIMEDOUT || !shows || left < TICK_MS)
			break;
		cli_print_progress_tick(&r->progress, name, elapsed_s(r),
					r->io->out);
	} while (true);
	if (shows)
		cli_print_progress_clear(&r->progress, r->io->out);
	return rc;
}

static enum cli_exit receive(struct run *r)
{
	int timeout_ms = reply_timeout_ms(&r->args->request);
	struct control_reply reply;
	const char *why = "";
	int rc;

	do {
		rc = next_reply(r, timeout_ms, &reply, &why);
		if (rc)
			return reply_failed(r, rc, timeout_ms, why);
		show_reply(r, &reply);
		if (cli_report_add(&r->report, &reply))
			return give_up(r, CLI_EXIT_FAILURE, "out of memory");
		if (can_run(r, &reply))
			return run_child(r);
	} while (!reply.end);
	if (r->args->run && reply.status == CONTROL_STATUS_OK)
		return give_up(r, CLI_EXIT_PARTLY,
			       "the domain has taken it before COMMAND could run");
	why = cli_report_check(&r->report);
	if (why)
		return give_up(r, CLI_EXIT_FAILURE,
			       "memtided answered with %s; is it of this version?",
			       why);
	return cli_report_exit(&r->report);
}

static enum cli_exit ask(struct run *r)
{
	int rc = control_client_open(r->args->socket, &r->client);
	enum cli_exit code;

	if (rc)
		return cli_trouble_connect(r->args->socket, rc, r->problem);
	rc = control_client_send(r->client, &r->args->request, SEND_TIMEOUT_MS);
	code = rc ? reply_failed(r, rc, SEND_TIMEOUT_MS, "") : receive(r);
	cli_print_progress_end(&r->progress, r->io->out);
	return code;
}

static void print_problem(struct run *r)
{
	struct text_buf buf;
	FILE *err = r->io->err;

	if (!*r->problem) {
		cli_print_problem(&r->report, err);
		return;
	}
	fprintf(err, "memtide: %s: ", cli_command_name(r->report.command));
	if (r->args->guest)
		fprintf(err, "guest \"%s\": ",
			text_escape(r->args->guest, &buf));
	fprintf(err, "%s\n", text_escape(r->problem, &buf));
}

static enum cli_exit print_all(struct run *r, enum cli_exit code)
{
	FILE *out = r->io->out;
	int rc = 0;

	if (r->args->json && *r->problem)
		rc = cli_json_failure(code, r->problem, out);
	else if (r->args->json)
		rc = cli_json_report(&r->report, out);
	else if (!*r->problem)
		cli_print_report(&r->report, &r->io->look, out);
	if (rc) {
		give_up(r, code, "out of memory");
		code = CLI_EXIT_FAILURE;
	}
	if (fflush(out) || ferror(out)) {
		give_up(r, code, "cannot write: %s", strerror(errno));
		code = CLI_EXIT_FAILURE;
	}
	print_problem(r);
	return code;
}

static int run_request(const struct cli_args *args, const struct cli_io *io)
{
	struct run r = {
		.args = args,
		.io = io,
		.report = { .command = args->request.type,
			    .guest = args->guest },
		.progress = { .guest = args->guest, .redraw = io->redraw },
		.begun_ms = now_ms(),
	};
	enum cli_exit code;

	/* Said even where memtided is not there to tell its own. */
	if (args->request.type == CONTROL_VERSION && !args->json)
		fprintf(io->out, "memtide %s\n", MEMTIDE_VERSION);
	code = ask(&r);
	if (!r.has_run)
		r.status = (int)print_all(&r, code);
	control_client_close(r.client);
	cli_report_done(&r.report);
	return r.status;
}

int cli_run(const struct cli_args *args, const struct cli_io *io)
{
	switch (args->command) {
	case CONTROL_WATCH:
		return (int)cli_watch(args, io);
	case CLI_DOCTOR:
		return (int)cli_doctor(args, io);
	case CLI_TOP:
		return (int)cli_top(args, io);
	default:
		return run_request(args, io);
	}
}
