/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_control_client.c - memtide's end of the control socket, against a
 * memtided that answers, breaks off, stalls or talks nonsense
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli_commands.h"
#include "control_client.h"
#include "frame.h"

#define SHORT_MS	100
#define LONG_MS		10000

static char dir[] = "/tmp/test_control_client.XXXXXX";
static char path[sizeof(dir) + 8];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static int listen_at_path(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	unlink(path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* How the other side answers once a request has come. */
struct script {
	const uint8_t *bytes;
	size_t len;
	size_t chunk;		/* bytes a write; 0: all in one */
	bool stall;		/* then wait to be killed, do not close */
	bool deaf;		/* close before the request is read */
};

static bool read_request(int fd, struct control_request *ret)
{
	uint8_t buf[FRAME_MAX];
	const char *why;
	size_t have = 0, len;

	while (!frame_peek(buf, have, &len)) {
		ssize_t n = read(fd, buf + have, sizeof(buf) - have);

		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return !control_decode_request(buf + FRAME_HEADER_BYTES, len, ret,
				       &why);
}

static bool play(int fd, const struct script *s)
{
	size_t chunk = s->chunk ? s->chunk : s->len;

	for (size_t at = 0; at < s->len; at += chunk)
		if (write(fd, s->bytes + at, MIN(chunk, s->len - at)) < 0)
			return false;
	return true;
}

/* A process that serves one connection and exits 0 if all went by @s. */
static pid_t serve(const struct script *s)
{
	int listener = listen_at_path();
	struct control_request req;
	pid_t pid = fork();
	bool ok;
	int fd;

	assert_true(pid >= 0);
	if (pid) {
		close(listener);
		return pid;
	}
	fd = accept(listener, NULL, NULL);
	ok = fd >= 0 && (s->deaf || (read_request(fd, &req) && play(fd, s)));
	while (ok && s->stall)
		pause();
	_exit(!ok);
}

static void end_server(pid_t pid, const struct script *s)
{
	int status;

	if (s->stall)
		kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!s->stall)
		assert_int_equal(status, 0);
}

static size_t put_frame(uint8_t *to, const struct control_reply *reply)
{
	size_t len = control_encode_reply(reply, to + FRAME_HEADER_BYTES);

	frame_put_header(to, len);
	return FRAME_HEADER_BYTES + len;
}

static const struct control_reply progress_reply = {
	.body = CONTROL_BODY_PROGRESS,
	.progress = { 1024, 512, 2048, "growing" },
};

static const struct control_reply end_reply = {
	.end = true, .status = CONTROL_STATUS_PARTLY, .text = "why",
	.body = CONTROL_BODY_SET, .set = { 2048, 2048, 1024, true },
};

static void replies_arrive_whole_however_they_are_cut(void **state)
{
	static const size_t chunks[] = { 0, 1, 2, 5, 7 };
	const struct control_request req = { .type = CONTROL_LIST };
	uint8_t bytes[4 * FRAME_MAX];
	size_t len = put_frame(bytes, &progress_reply);

	(void)state;
	len += put_frame(bytes + len, &progress_reply);
	len += put_frame(bytes + len, &end_reply);
	for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
		struct script s = { bytes, len, chunks[i], false, false };
		struct control_client *c;
		struct control_reply reply;
		const char *why;
		pid_t pid = serve(&s);

		assert_int_equal(control_client_open(path, &c), 0);
		assert_int_equal(control_client_send(c, &req, LONG_MS), 0);
		for (int j = 0; j < 2; j++) {
			assert_int_equal(control_client_next(c, LONG_MS,
							     &reply, &why), 0);
			assert_false(reply.end);
			assert_int_equal(reply.progress.target_kib, 2048);
			assert_string_equal(reply.progress.state, "growing");
		}
		assert_int_equal(control_client_next(c, LONG_MS, &reply, &why),
				 0);
		assert_true(reply.end);
		assert_string_equal(reply.text, "why");
		assert_int_equal(reply.set.held_kib, 1024);
		assert_int_equal(control_client_next(c, LONG_MS, &reply, &why),
				 -ECONNRESET);
		control_client_close(c);
		end_server(pid, &s);
	}
}

#define BYTES(...) (const uint8_t []){ __VA_ARGS__ },			\
		   sizeof((const uint8_t []){ __VA_ARGS__ })

static const struct {
	const char *name;
	struct script script;
	int timeout_ms;
	int rc;
} breaks[] = {
	{ "closes at once", { NULL, 0, 0, false, false }, LONG_MS,
	  -ECONNRESET },
	{ "closes unread", { NULL, 0, 0, false, true }, LONG_MS, -ECONNRESET },
	{ "says nothing", { NULL, 0, 0, true, false }, SHORT_MS, -ETIMEDOUT },
	{ "half a header", { BYTES(4, 0), 0, false, false }, LONG_MS,
	  -ECONNRESET },
	{ "half a frame", { BYTES(4, 0, 0, 0, 8), 0, false, false }, LONG_MS,
	  -ECONNRESET },
	{ "stalls in a frame", { BYTES(4, 0, 0, 0, 8), 0, true, false },
	  SHORT_MS, -ETIMEDOUT },
	{ "empty frame", { BYTES(0, 0, 0, 0), 0, true, false }, LONG_MS,
	  -EPROTO },
	{ "oversized frame", { BYTES(1, 0x40, 0, 0, 8), 0, true, false },
	  LONG_MS, -EPROTO },
	{ "huge frame", { BYTES(255, 255, 255, 255), 0, true, false }, LONG_MS,
	  -EPROTO },
	{ "garbage", { BYTES(3, 0, 0, 0, 255, 255, 255), 0, true, false },
	  LONG_MS, -EPROTO },
	{ "an unknown status", { BYTES(4, 0, 0, 0, 8, 1, 16, 99), 0, true,
	  false }, LONG_MS, -EPROTO },
};

static void a_broken_answer_is_an_error_in_bounded_time(void **state)
{
	const struct control_request req = { .type = CONTROL_LIST };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(breaks); i++) {
		const struct script *s = &breaks[i].script;
		struct control_reply reply = { .text = "untouched" };
		struct control_client *c;
		const char *why = NULL;
		pid_t pid = serve(s);
		int rc;

		assert_int_equal(control_client_open(path, &c), 0);
		rc = control_client_send(c, &req, LONG_MS);
		/* One that closed unread may already have broken the pipe. */
		if (!rc)
			rc = control_client_next(c, breaks[i].timeout_ms,
						 &reply, &why);
		else if (rc == -EPIPE && s->deaf)
			rc = -ECONNRESET;
		if (rc != breaks[i].rc)
			fail_msg("%s: rc %d", breaks[i].name, rc);
		assert_int_equal(rc == -EPROTO, !!why);
		assert_string_equal(reply.text, "untouched");
		control_client_close(c);
		end_server(pid, s);
	}
}

static void no_listener_is_told_apart(void **state)
{
	char long_path[200];
	struct control_client *c = NULL;

	(void)state;
	unlink(path);
	assert_int_equal(control_client_open(path, &c), -ENOENT);
	close(listen_at_path());
	assert_int_equal(control_client_open(path, &c), -ECONNREFUSED);
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(control_client_open(long_path, &c), -ENAMETOOLONG);
	assert_null(c);
	control_client_close(NULL);
}

/* One run of `memtide set db1 2M [--json]`; the texts are freed by caller. */
static enum cli_exit run_set(bool json, char **ret_out, char **ret_err)
{
	struct cli_args args = {
		.has_command = true, .command = CONTROL_SET, .json = json,
		.socket = path, .guest = "db1",
		.request = {
			.type = CONTROL_SET, .wait = true, .timeout_s = 5,
			.guest = { SELECT_NAME, 0, "db1" },
			.size_bytes = 2048 * 1024,
		},
	};
	size_t out_len, err_len;
	struct cli_io io = {
		.out = open_memstream(ret_out, &out_len),
		.err = open_memstream(ret_err, &err_len),
	};
	enum cli_exit code = cli_run(&args, &io);

	fclose(io.out);
	fclose(io.err);
	return code;
}

static const struct {
	enum control_status status;
	enum control_body body;
	enum cli_exit code;
	const char *out, *err, *json;	/* part of each */
} verdicts[] = {
	{ CONTROL_STATUS_OK, CONTROL_BODY_SET, CLI_EXIT_DONE,
	  "db1: growing, holds 1 MiB, target 2 MiB", "", "\"done\"" },
	{ CONTROL_STATUS_OK, CONTROL_BODY_NONE, CLI_EXIT_FAILURE,
	  "", "memtided answered with no result", "\"failure\"" },
	{ CONTROL_STATUS_PARTLY, CONTROL_BODY_SET, CLI_EXIT_PARTLY,
	  "", "memtide: set: guest \"db1\": holds 1 MiB, target 2 MiB: why\n",
	  "\"partly\"" },
	{ CONTROL_STATUS_REFUSED, CONTROL_BODY_NONE, CLI_EXIT_REFUSED,
	  "", "memtide: set: why\n", "\"refused\"" },
	{ CONTROL_STATUS_NO_GUEST, CONTROL_BODY_NONE, CLI_EXIT_NO_GUEST,
	  "", "why; see memtide list\n", "\"no-guest\"" },
	{ CONTROL_STATUS_BAD_REQUEST, CONTROL_BODY_NONE, CLI_EXIT_FAILURE,
	  "", "why\n", "\"failure\"" },
};

static void the_exit_code_follows_the_verdict(void **state)
{
	uint8_t bytes[2 * FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(verdicts); i++) {
		size_t v = i / 2, len = put_frame(bytes, &progress_reply);
		struct control_reply last = end_reply;
		struct script s = { .bytes = bytes };
		bool json = i % 2;
		char *out, *err;
		pid_t pid;

		last.status = verdicts[v].status;
		last.body = verdicts[v].body;
		s.len = len + put_frame(bytes + len, &last);
		pid = serve(&s);
		assert_int_equal(run_set(json, &out, &err), verdicts[v].code);
		assert_non_null(strstr(out, json ? verdicts[v].json
						 : verdicts[v].out));
		assert_non_null(strstr(err, verdicts[v].err));
		/* done is silent on stderr */
		assert_int_equal(!*err, verdicts[v].code == CLI_EXIT_DONE);
		end_server(pid, &s);
		free(out);
		free(err);
	}
}

static void without_memtided_the_operator_is_told_how_to_start_it(void **state)
{
	char *out, *err;

	(void)state;
	unlink(path);
	assert_int_equal(run_set(false, &out, &err), CLI_EXIT_NO_DAEMON);
	assert_string_equal(out, "");
	assert_non_null(strstr(err, "memtided does not run here ("));
	assert_non_null(strstr(err, path));
	assert_non_null(strstr(err, "systemctl start memtided; memtide doctor"));
	free(out);
	free(err);
	assert_int_equal(run_set(true, &out, &err), CLI_EXIT_NO_DAEMON);
	assert_non_null(strstr(out, "\"no-daemon\""));
	free(out);
	free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_arrive_whole_however_they_are_cut),
		cmocka_unit_test(a_broken_answer_is_an_error_in_bounded_time),
		cmocka_unit_test(no_listener_is_told_apart),
		cmocka_unit_test(the_exit_code_follows_the_verdict),
		cmocka_unit_test(
			without_memtided_the_operator_is_told_how_to_start_it),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
