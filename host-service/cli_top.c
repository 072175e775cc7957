/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_top.c - memtide top
 *
 * One connection watches: what changes is drawn when it comes. What is no event,
 * such as memory that a guest uses up slowly or that xl takes, comes with a list
 * once in LIST_S, on a second connection. A second's tick moves clock and
 * pictures, and asks nobody. If memtided goes, what is known stays, a line says
 * so, and it is looked for again once in RETRY_S.
 */
#include "cli_top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli_text.h"
#include "cli_trouble.h"
#include "control_client.h"
#include "terminal.h"
#include "top_draw.h"

#define LIST_S		10
#define RETRY_S		2
#define SEND_MS		1000
/* Replies taken before a page is drawn: of 10,000 guests not all at once */
#define REPLIES_MAX	256u

enum { FD_KEYS, FD_SIGNALS, FD_WATCH, FD_LIST, NUM_FDS };

/**
 * struct run - what goes on
 * @watch, @list: connections; NULL: none
 * @listing:	a list has been asked for
 * @tick_ms, @list_ms: when next, on now_ms()'s clock
 * @ticks:	seconds so far
 * @signal:	that ends it; 0: none
 */
struct run {
	const struct cli_args *args;
	struct top top;
	struct control_client *watch, *list;
	bool listing;
	int signals;
	int64_t tick_ms, list_ms;
	unsigned int ticks;
	unsigned int rows, columns;
	int signal;
	bool quit, changed;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* memtided ------------------------------------------------------------------ */

static void disconnect(struct run *r)
{
	control_client_close(r->watch);
	control_client_close(r->list);
	r->watch = r->list = NULL;
	r->listing = false;
}

static void say(struct run *r, const char *text)
{
	snprintf(r->top.message, sizeof(r->top.message), "%s", text);
	r->changed = true;
}

static int connect_both(struct run *r, char why[CLI_TROUBLE_MAX],
			enum cli_exit *ret_code)
{
	struct control_request req = { .type = CONTROL_WATCH, .sizes = true,
				       .last = TOP_EVENTS };
	int rc = control_client_open(r->args->socket, &r->watch);

	if (!rc)
		rc = control_client_open(r->args->socket, &r->list);
	if (!rc)
		rc = control_client_send(r->watch, &req, SEND_MS);
	if (!rc)
		return 0;
	disconnect(r);
	*ret_code = cli_trouble_connect(r->args->socket, rc, why);
	return rc;
}

static void ask_list(struct run *r)
{
	struct control_request req = { .type = CONTROL_LIST };

	if (!r->list || r->listing)
		return;
	if (control_client_send(r->list, &req, SEND_MS)) {
		disconnect(r);
		say(r, "memtided has ended; trying again");
		return;
	}
	top_begin_list(&r->top);
	r->listing = true;
}

/* The watch is ended by memtided: it is old, or we were too slow. */
static void watch_ended(struct run *r, const struct control_reply *reply)
{
	disconnect(r);
	if (reply->status == CONTROL_STATUS_BAD_REQUEST)
		say(r, "this memtided is too old: systemctl restart memtided");
	else
		say(r, "the watch has ended; trying again");
}

static void hear(struct run *r, struct control_client *c)
{
	struct control_reply reply;
	const char *why = "";
	bool is_list = c == r->list;
	int rc = 0;

	for (unsigned int n = 0; n < REPLIES_MAX && c; n++) {
		rc = control_client_next(c, 0, &reply, &why);
		if (rc)
			break;
		r->changed = true;
		rc = top_reply(&r->top, &reply);
		if (rc)
			break;
		if (reply.end && is_list) {
			r->listing = false;
			if (reply.status == CONTROL_STATUS_OK)
				top_end_list(&r->top);
		} else if (reply.end) {
			watch_ended(r, &reply);
			return;
		}
	}
	if (!rc || rc == -ETIMEDOUT)
		return;
	disconnect(r);
	say(r, rc == -ENOMEM ? "out of memory; trying again" :
		"memtided has ended; trying again");
}

static void retry(struct run *r)
{
	char why[CLI_TROUBLE_MAX];
	enum cli_exit code;

	if (connect_both(r, why, &code)) {
		say(r, code == CLI_EXIT_NO_DAEMON ?
		    "memtided does not run; trying again" : why);
		return;
	}
	r->top.message[0] = '\0';
	r->top.nr_events = 0;
	ask_list(r);
}

/* The terminal --------------------------------------------------------------- */

static void draw(struct run *r)
{
	time_t now = time(NULL);
	char clock[32] = "";
	struct screen s;
	struct tm tm;

	terminal_size(&r->rows, &r->columns);
	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), "%T", &tm);
	if (screen_init(&s, r->rows, r->columns))
		return;
	if (!top_draw(&r->top, clock, &s))
		terminal_show(&s);
	screen_done(&s);
	r->changed = false;
}

static void take_keys(struct run *r)
{
	int key;

	while ((key = terminal_key()) >= 0) {
		if (key == 'L' - '@')
			terminal_redraw();
		else if (key == ' ')
			ask_list(r);
		else if (!top_key(&r->top, key, top_page(r->rows)))
			r->quit = true;
		r->changed = true;
	}
}

static void take_signal(struct run *r)
{
	struct signalfd_siginfo info;

	while (read(r->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGWINCH)
			r->signal = (int)info.ssi_signo;
		r->changed = true;
	}
}

static void tick(struct run *r)
{
	int64_t now = now_ms();

	if (now < r->tick_ms)
		return;
	r->tick_ms = MAX(r->tick_ms + 1000, now);
	r->ticks++;
	r->changed = true;
	if (r->ticks % TOP_SAMPLE_S == 0)
		top_sample(&r->top);
	if (!r->watch && r->ticks % RETRY_S == 0)
		retry(r);
	if (now < r->list_ms)
		return;
	r->list_ms = now + LIST_S * 1000;
	ask_list(r);
}

static void wait(struct run *r)
{
	struct pollfd fds[NUM_FDS] = {
		[FD_KEYS] = { .fd = STDIN_FILENO, .events = POLLIN },
		[FD_SIGNALS] = { .fd = r->signals, .events = POLLIN },
		[FD_WATCH] = { .fd = r->watch ? control_client_fd(r->watch) :
						-1, .events = POLLIN },
		[FD_LIST] = { .fd = r->list ? control_client_fd(r->list) : -1,
			      .events = POLLIN },
	};
	int64_t left = MAX(r->tick_ms - now_ms(), 0);

	/* Stopped and gone on, by ncurses's own handler: all is to be drawn. */
	if (poll(fds, NUM_FDS, (int)MIN(left, 1000)) < 0) {
		r->changed = true;
		return;
	}
	/* Keys that came with the end of the terminal are nobody's any more. */
	if (fds[FD_KEYS].revents & (POLLHUP | POLLERR | POLLNVAL))
		r->signal = SIGHUP;
	else if (fds[FD_KEYS].revents)
		take_keys(r);
	if (fds[FD_SIGNALS].revents)
		take_signal(r);
	if (fds[FD_WATCH].revents)
		hear(r, r->watch);
	if (fds[FD_LIST].revents && r->list)
		hear(r, r->list);
}

static void loop(struct run *r)
{
	r->tick_ms = now_ms() + 1000;
	r->list_ms = now_ms() + LIST_S * 1000;
	r->changed = true;
	while (!r->quit && !r->signal) {
		if (r->changed)
			draw(r);
		wait(r);
		tick(r);
	}
}

static int catch_signals(sigset_t *before)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGQUIT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGWINCH);
	sigprocmask(SIG_BLOCK, &ours, before);
	return signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
}

static enum cli_exit show(struct run *r, char why[CLI_TROUBLE_MAX])
{
	int rc = terminal_open(cli_look_of(STDOUT_FILENO).colour,
			       &r->top.unicode);

	if (rc) {
		snprintf(why, CLI_TROUBLE_MAX, "%s", rc == -ENOTTY ?
			 "standard input and output are no terminal; see memtide list, or memtide watch" :
			 "TERM does not name a terminal that a whole page can be shown on; see memtide list, or memtide watch");
		return CLI_EXIT_FAILURE;
	}
	loop(r);
	terminal_close();
	return CLI_EXIT_DONE;
}

enum cli_exit cli_top(const struct cli_args *args, const struct cli_io *io)
{
	struct run r = { .args = args };
	char why[CLI_TROUBLE_MAX] = "";
	enum cli_exit code = CLI_EXIT_FAILURE;
	struct text_buf buf;
	sigset_t before;

	r.signals = catch_signals(&before);
	/* If it is not there at first, that is told, and not waited for. */
	if (r.signals < 0)
		snprintf(why, sizeof(why), "%s", strerror(errno));
	else if (!connect_both(&r, why, &code))
		code = show(&r, why);
	disconnect(&r);
	top_done(&r.top);
	if (r.signals >= 0)
		close(r.signals);
	if (*why)
		fprintf(io->err, "memtide: top: %s\n", text_escape(why, &buf));
	if (r.signal)
		signal(r.signal, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (r.signal)
		raise(r.signal);
	return code;
}
