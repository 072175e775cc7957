/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_doctor.c - memtide doctor
 *
 * Asks memtided first, so as to know whether it is Xen at all that it runs on,
 * then looks at the host, and tells from below to above: Xen, memtided, guests.
 */
#include "cli_doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli_json.h"
#include "cli_text.h"
#include "control_client.h"
#include "doctor_daemon.h"
#include "doctor_host.h"
#include "doctor_xenstore.h"

#define ANSWER_MS	10000
#define AUDIT_MS	60000
#define XL_MS		10000
#define XL_TEXT_MAX	16384u

/**
 * struct answers - what memtided says
 * @rc:		of connecting
 */
struct answers {
	int rc;
	struct cli_report version, list, audit;
};

static void ask(struct control_client *c, enum control_request_type type,
		int timeout_ms, struct cli_report *r)
{
	struct control_request req = { .type = type };
	struct control_reply reply = { .end = false };
	const char *why = "";
	int rc;

	*r = (struct cli_report){ .command = type,
				  .status = CONTROL_STATUS_REFUSED };
	rc = control_client_send(c, &req, timeout_ms);
	while (!rc && !reply.end) {
		rc = control_client_next(c, timeout_ms, &reply, &why);
		if (!rc)
			rc = cli_report_add(r, &reply);
	}
	if (rc)
		snprintf(r->text, sizeof(r->text), "%s", strerror(-rc));
}

static void ask_all(const char *socket, struct answers *a)
{
	struct control_client *c = NULL;

	*a = (struct answers){ 0 };
	a->rc = control_client_open(socket, &c);
	if (!a->rc) {
		ask(c, CONTROL_VERSION, ANSWER_MS, &a->version);
		if (!a->version.has_version)
			a->rc = -ETIMEDOUT;
	}
	if (!a->rc) {
		ask(c, CONTROL_LIST, ANSWER_MS, &a->list);
		ask(c, CONTROL_AUDIT, AUDIT_MS, &a->audit);
	}
	control_client_close(c);
}

static void answers_done(struct answers *a)
{
	cli_report_done(&a->version);
	cli_report_done(&a->list);
	cli_report_done(&a->audit);
}

/* xl info ------------------------------------------------------------------ */

static void __attribute__((noreturn)) be_xl(int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(null, 2) < 0)
		_exit(126);
	execlp("xl", "xl", "info", (char *)NULL);
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What it says until its end, or for XL_MS: it may hang as xenstored does. */
static void hear(int fd, char text[XL_TEXT_MAX])
{
	int64_t end_ms = now_ms() + XL_MS, left;
	size_t len = 0;

	while (len < XL_TEXT_MAX - 1 && (left = end_ms - now_ms()) > 0) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&pfd, 1, (int)left) <= 0)
			break;
		n = read(fd, text + len, XL_TEXT_MAX - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
}

static void ask_xl(struct doctor_xl *ret)
{
	char text[XL_TEXT_MAX];
	int fds[2];
	pid_t pid;

	*ret = (struct doctor_xl){ .known = false };
	if (pipe2(fds, O_CLOEXEC))
		return;
	pid = fork();
	if (!pid)
		be_xl(fds[1]);
	close(fds[1]);
	if (pid > 0) {
		hear(fds[0], text);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		doctor_xl_parse(text, ret);
	}
	close(fds[0]);
}

/* All of it ---------------------------------------------------------------- */

static enum doctor_offer look_for_offer(int xenstore, uint32_t domid)
{
	char path[64], value[64];
	int rc;

	if (xenstore < 0)
		return OFFER_UNKNOWN;
	snprintf(path, sizeof(path), "/local/domain/%" PRIu32
		 "/data/memtide/event-channel", domid);
	rc = doctor_xenstore_read(xenstore, path, value, sizeof(value));
	return !rc ? OFFER_THERE : rc == -ENOENT ? OFFER_NONE : OFFER_UNKNOWN;
}

/* Return: a descriptor of xenstore, or negative */
static int find_host(struct doctor *d, const struct answers *a,
		     const char *root)
{
	struct doctor_xl xl = { .known = false };
	int xenstore;

	if (!a->rc && !strcmp(a->version.version.backend, "sim")) {
		doctor_add(d, DOCTOR_WARN, "xen", NULL,
			   "memtided runs on a simulated machine: nothing here is about Xen");
		return -1;
	}
	if (!doctor_xen(d, root))
		return -1;
	doctor_devices(d, root);
	xenstore = doctor_xenstored(d, root);
	/* It would hang as we have not. */
	if (xenstore >= 0)
		ask_xl(&xl);
	doctor_dom0_mem(d, root, &xl);
	doctor_scrub(d, &xl);
	if (!a->rc && a->list.has_host)
		doctor_memory(d, a->list.host.total_kib,
			      a->list.host.free_kib, a->list.host.reserve_kib);
	else if (xl.known)
		doctor_memory(d, xl.total_kib, xl.free_kib, 0);
	return xenstore;
}

static void find_daemon(struct doctor *d, const struct cli_args *args,
			const struct answers *a, const char *root)
{
	struct group *group = getgrnam("memtide");

	doctor_connect(d, args->socket, a->rc, group);
	doctor_socket(d, args->socket, group ? group->gr_gid : (gid_t)-1);
	if (!a->rc)
		doctor_version(d, &a->version.version);
	doctor_boot(d, root);
	doctor_config(d, args->config);
	if (!a->rc)
		doctor_audit(d, &a->audit, &a->list);
}

static void find_guests(struct doctor *d, const struct answers *a,
			int xenstore)
{
	if (a->rc)
		return;
	if (!a->list.has_host)
		doctor_add(d, DOCTOR_FAIL, "guests",
			   "see its log: journalctl -u memtided",
			   "memtided does not list them: %s", a->list.text);
	else if (!a->list.nr_guests)
		doctor_add(d, DOCTOR_OK, "guests", NULL, "there are none");
	for (size_t i = 0; i < a->list.nr_guests; i++) {
		const struct control_guest *g = &a->list.guests[i];

		doctor_guest(d, g, look_for_offer(xenstore, g->domid));
	}
}

void cli_doctor_find(struct doctor *d, const struct cli_args *args,
		     const char *root)
{
	struct answers a;
	int xenstore;

	ask_all(args->socket, &a);
	xenstore = find_host(d, &a, root);
	find_daemon(d, args, &a, root);
	find_guests(d, &a, xenstore);
	if (xenstore >= 0)
		close(xenstore);
	answers_done(&a);
}

void cli_doctor_print(const struct doctor *d, const struct cli_look *look,
		      FILE *out)
{
	for (size_t i = 0; i < d->nr; i++) {
		const struct doctor_finding *f = &d->findings[i];
		const char *level = doctor_level_name(f->level);
		enum cli_colour colour = cli_colour_of(level);
		struct text_buf what, state, remedy;

		fprintf(out, "%s%-4s%s %s: %s%s%s\n",
			cli_colour_on(look, colour), level,
			cli_colour_off(look, colour),
			text_escape(f->what, &what),
			text_escape(f->state, &state), *f->remedy ? "; " : "",
			text_escape(f->remedy, &remedy));
	}
}

enum cli_exit cli_doctor(const struct cli_args *args, const struct cli_io *io)
{
	struct doctor d = { 0 };
	enum cli_exit code;
	int rc = 0;

	signal(SIGPIPE, SIG_IGN);
	cli_doctor_find(&d, args, "");
	code = doctor_failed(&d) ? CLI_EXIT_FINDINGS : CLI_EXIT_DONE;
	if (args->json)
		rc = cli_json_doctor(&d, code, io->out);
	else
		cli_doctor_print(&d, &io->look, io->out);
	if (rc || d.out_of_memory) {
		fputs("memtide: doctor: out of memory\n", io->err);
		code = CLI_EXIT_FAILURE;
	} else if (fflush(io->out) || ferror(io->out)) {
		fprintf(io->err, "memtide: doctor: cannot write: %s\n",
			strerror(errno));
		code = CLI_EXIT_FAILURE;
	}
	doctor_done(&d);
	return code;
}
