/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_http.c - Who asks by HTTP, well or badly
 */
#include "fake_world.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>

#include "http_client.h"
#include "metrics.h"
#include "status.h"

#ifdef __SANITIZE_ADDRESS__
/* gcc does not bring its header. */
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

#define REQUEST(what)	what " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static const struct answer_case {
	const char *name, *request, *status, *has;
} answers[] = {
	{ "the page", REQUEST("GET /"), "200 OK", "<title>memtide</title>" },
	{ "its policy", REQUEST("GET /"), "200 OK",
	  "Content-Security-Policy: default-src 'none'; style-src 'sha256-" },
	{ "metrics", REQUEST("GET /metrics"), "200 OK",
	  "Content-Type: text/plain; version=0.0.4; charset=utf-8" },
	{ "status", REQUEST("GET /status.json"), "200 OK",
	  "Content-Type: application/json" },
	{ "a query is ignored", REQUEST("GET /metrics?a=b&c"), "200 OK",
	  "memtide_build_info{" },
	{ "old HTTP", "GET /metrics HTTP/1.0\r\n\r\n", "200 OK",
	  "memtide_build_info{" },
	{ "a whole address", REQUEST("GET http://localhost/metrics"), "200 OK",
	  "memtide_build_info{" },
	{ "headers alone", REQUEST("HEAD /metrics"), "200 OK",
	  "Content-Type: text/plain" },
	{ "headers of events", REQUEST("HEAD /events"), "200 OK",
	  "Content-Type: text/event-stream" },
	{ "unknown path", REQUEST("GET /nothing"), "404 Not Found",
	  "there are /, /metrics, /status.json and /events" },
	{ "path within one", REQUEST("GET /metrics/"), "404 Not Found", "" },
	{ "dots", REQUEST("GET /../etc/passwd"), "404 Not Found", "" },
	{ "percent", REQUEST("GET /%6detrics"), "404 Not Found", "" },
	{ "post", REQUEST("POST /metrics"), "405 Method Not Allowed",
	  "Allow: GET, HEAD" },
	{ "post with a body",
	  "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
	  "405 Method Not Allowed", "" },
	{ "delete", REQUEST("DELETE /"), "405 Method Not Allowed", "" },
	{ "a long body",
	  "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\nabc",
	  "413 Request Entity Too Large", "" },
	{ "another's name",
	  "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
	  "421 Misdirected Request", "" },
	{ "no HTTP", "hello\r\n\r\n", "400 Bad Request", "" },
	{ "no header", "GET / HTTP/1.1\r\nnonsense\r\n\r\n", "400 Bad Request",
	  "" },
};

static void test_every_request_gets_its_answer(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		int fd = dial();
		char *text;

		case_is("%s", answers[i].name);
		ask(fd, answers[i].request);
		text = hear(w, fd, NULL);
		if (strncmp(text, "HTTP/1.", 7) ||
		    strncmp(text + 9, answers[i].status,
			    strlen(answers[i].status)))
			fail_msg("%s: \"%.60s\"", case_name, text);
		if (!strstr(text, answers[i].has))
			fail_msg("%s: no \"%s\" in \"%s\"", case_name,
				 answers[i].has, text);
		free(text);
		close(fd);
	}
}

static void test_a_head_has_no_body(void **state)
{
	static const char *const paths[] = { "/", "/metrics", "/status.json",
					     "/events", "/nothing" };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char request[128], *text, *body;
		int fd = dial();

		case_is("%s", paths[i]);
		snprintf(request, sizeof(request),
			 "HEAD %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
			 paths[i]);
		ask(fd, request);
		text = hear(w, fd, NULL);
		body = strstr(text, "\r\n\r\n");
		assert_non_null(body);
		case_string_equal(body + 4, "");
		free(text);
		close(fd);
	}
}

static void test_headers_without_end_are_refused(void **state)
{
	static char line[HTTP_HEADERS_MAX + 256];
	struct world *w = *state;
	int fd = dial();
	char *text;

	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "GET /", 5);
	ask(fd, line);
	text = hear(w, fd, NULL);
	assert_null(strstr(text, "200 OK"));
	free(text);
	close(fd);
	text = fetch(w, "/metrics");
	assert_non_null(strstr(text, "200 OK"));
	free(text);
}

static const struct host_case {
	const char *host;
	bool ours;
} hosts[] = {
	{ NULL, true }, { "", true }, { "localhost", true },
	{ "LocalHost:9469", true }, { "127.0.0.1", true },
	{ "127.0.0.1:80", true }, { "[::1]", true }, { "[::1]:80", true },
	{ "localhost.evil.example", false }, { "evil.example", false },
	{ "evil.example:localhost", false }, { "127.0.0.1.evil", false },
	{ "127.0.0.2", false }, { "[::2]", false }, { "[::1", false },
	{ "[::1]x", false }, { "::1", false }, { ":80", false },
	{ "localhost ", false },
};

static void test_only_names_of_this_machine_are_ours(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		case_is("%s", hosts[i].host ? hosts[i].host : "none");
		case_int_equal(http_host_is_ours(hosts[i].host), hosts[i].ours);
	}
}

/* Many guests ------------------------------------------------------------ */

#define MANY	2000u

static struct guest **few;
static uint32_t nr_few;

/* Guests that the machine knows nothing of, beside those that it does */
static void add_many(struct world *w)
{
	struct service *s = w->service;
	struct backend_domain d = { .pages = 1024 };

	few = s->guests;
	nr_few = s->nr_guests;
	s->guests = calloc(MANY, sizeof(*s->guests));
	assert_non_null(s->guests);
	for (uint32_t i = 0; i < MANY; i++) {
		d.id.domid = i + 1;
		snprintf(d.name, sizeof(d.name), "many-%u", i);
		assert_int_equal(guest_new(&s->env, &d, &s->guests[i]), 0);
	}
	s->nr_guests = MANY;
}

static void drop_many(struct world *w)
{
	struct service *s = w->service;

	for (uint32_t i = 0; i < MANY; i++)
		guest_free(s->guests[i]);
	free(s->guests);
	s->guests = few;
	s->nr_guests = nr_few;
}

static size_t allocated(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	return mallinfo2().uordblks;
#endif
}

static void test_a_slow_reader_holds_little_and_gets_all(void **state)
{
	struct world *w = *state;
	size_t before, after;
	int fds[8];
	char *text;

	add_many(w);
	before = allocated();
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = dial();
		get(fds[i], "/metrics");
	}
	spin(w, 50);
	after = allocated();
	if (after > before + ARRAY_SIZE(fds) * 192 * 1024)
		fail_msg("%zu bytes for %zu that do not read", after - before,
			 ARRAY_SIZE(fds));
	text = hear(w, fds[0], NULL);
	assert_non_null(strstr(text, "\nmemtide_guests_gone_total "));
	assert_non_null(strstr(text, "{guest=\"many-1999\","));
	assert_string_equal(text + strlen(text) - 5, "0\r\n\r\n");
	free(text);
	/* Some are gone before they have read. */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	spin(w, 20);
	assert_int_equal(http_nr_connections(http), 0);
	drop_many(w);
}

static void test_guests_may_go_while_they_are_told_of(void **state)
{
	struct world *w = *state;
	char *text;
	int fd;

	add_many(w);
	fd = dial();
	get(fd, "/status.json");
	spin(w, 20);
	drop_many(w);
	text = hear(w, fd, NULL);
	assert_non_null(strstr(text, "]}\n"));
	assert_null(strstr(text, "\"many-1999\""));
	free(text);
	close(fd);
}

/* Connections ------------------------------------------------------------ */

static void test_more_than_the_limit_wait_and_are_served(void **state)
{
	struct world *w = *state;
	int fds[HTTP_CONNECTIONS_MAX + 8];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = dial();
		spin(w, 2);
	}
	assert_int_equal(http_nr_connections(http), HTTP_CONNECTIONS_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		get(fds[i], "/metrics");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		char *text = hear(w, fds[i], NULL);

		assert_non_null(strstr(text, "200 OK"));
		free(text);
		close(fds[i]);
	}
	spin(w, 5);
	assert_int_equal(http_nr_connections(http), 0);
}

static void test_nobody_connected_no_timer(void **state)
{
	struct world *w = *state;
	int events, fd;

	spin(w, 5);
	events = event_base_get_num_events(w->base, EVENT_BASE_COUNT_ADDED);
	free(fetch(w, "/metrics"));
	fd = dial();
	get(fd, "/events");
	free(hear(w, fd, "event: hello"));
	close(fd);
	spin(w, 5);
	assert_int_equal(event_base_get_num_events(w->base,
						   EVENT_BASE_COUNT_ADDED),
			 events);
}

/* Events ----------------------------------------------------------------- */

static void test_changes_are_told_as_they_happen(void **state)
{
	struct world *w = *state;
	int fd = dial();
	char *text;

	get(fd, "/events");
	text = hear(w, fd, "event: hello\ndata: {}\n\n");
	free(text);
	greet(w, 0);
	grow(w, 0, 10);
	text = hear(w, fd, "holds 148 MiB\"}]");
	assert_non_null(strstr(text, "event: news\ndata: {\"change\":"));
	assert_non_null(strstr(text, "\"text\":\"was set to 148 MiB, holds 128 MiB\""));
	assert_non_null(strstr(text, "\"name\":\"d0\",\"state\":\"ready\""));
	free(text);
	close(fd);
}

static void test_one_stream_too_many_is_refused(void **state)
{
	struct world *w = *state;
	int fds[HTTP_STREAMS_MAX];
	char *text;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = dial();
		get(fds[i], "/events");
		free(hear(w, fds[i], "event: hello"));
	}
	text = fetch(w, "/events");
	assert_non_null(strstr(text, "503 Service Unavailable"));
	free(text);
	/* Others are served. */
	text = fetch(w, "/metrics");
	assert_non_null(strstr(text, "200 OK"));
	free(text);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	spin(w, 10);
	fds[0] = dial();
	get(fds[0], "/events");
	free(hear(w, fds[0], "event: hello"));
	close(fds[0]);
}

static void test_a_client_that_talks_and_never_listens(void **state)
{
	static char noise[65536];
	struct world *w = *state;
	size_t before;
	int fd = dial();

	get(fd, "/events");
	free(hear(w, fd, "event: hello"));
	memset(noise, 'x', sizeof(noise));
	before = allocated();
	for (unsigned int i = 0; i < 100; i++) {
		(void)!send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
		spin(w, 1);
	}
	if (allocated() > before + 4 * HTTP_INPUT_MAX)
		fail_msg("%zu bytes were read", allocated() - before);
	close(fd);
	spin(w, 5);
}

static void test_news_to_who_does_not_read_do_not_pile_up(void **state)
{
	struct world *w = *state;
	struct status_known known = { 0, 0 };
	struct status_source src = { w->service, NULL, history };
	struct evbuffer *out = evbuffer_new();

	add_many(w);
	for (uint32_t i = 0; i < MANY; i++)
		w->service->guests[i]->shown.change = 2;
	assert_non_null(out);
	status_news(&src, &known, out);
	assert_true(evbuffer_get_length(out) < 2 * STATUS_PART);
	evbuffer_add(out, "", 1);
	assert_non_null(strstr((char *)evbuffer_pullup(out, -1),
			       "\"all\":true}"));
	evbuffer_free(out);
	drop_many(w);
}

/* Ports ------------------------------------------------------------------ */

static int dial_port(uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(ioctl(fd, FIONBIO, &on), 0);
	return fd;
}

static void test_a_port_of_the_loopback(void **state)
{
	struct world *w = *state;
	uint16_t port = (uint16_t)(20000 + getpid() % 10000);
	struct http *other;
	char *text;
	int fd;

	while (http_listen_port(http, port) == -EADDRINUSE)
		port++;
	fd = dial_port(port);
	get(fd, "/metrics");
	text = hear(w, fd, NULL);
	assert_non_null(strstr(text, "200 OK"));
	free(text);
	close(fd);
	text = fetch(w, "/metrics");
	assert_non_null(strstr(text, "200 OK"));
	free(text);
	assert_int_equal(http_open(w->service, NULL, history, &other), 0);
	assert_int_equal(http_listen_port(other, port), -EADDRINUSE);
	http_close(other);
}

static void test_the_socket_is_for_owner_and_group(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(socket_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HTTP_CASE(test_every_request_gets_its_answer),
		HTTP_CASE(test_a_head_has_no_body),
		HTTP_CASE(test_headers_without_end_are_refused),
		cmocka_unit_test(test_only_names_of_this_machine_are_ours),
		HTTP_CASE(test_a_slow_reader_holds_little_and_gets_all),
		HTTP_CASE(test_guests_may_go_while_they_are_told_of),
		HTTP_CASE(test_more_than_the_limit_wait_and_are_served),
		HTTP_CASE(test_nobody_connected_no_timer),
		HTTP_CASE(test_changes_are_told_as_they_happen),
		HTTP_CASE(test_one_stream_too_many_is_refused),
		HTTP_CASE(test_a_client_that_talks_and_never_listens),
		HTTP_CASE(test_news_to_who_does_not_read_do_not_pile_up),
		HTTP_CASE(test_a_port_of_the_loopback),
		HTTP_CASE(test_the_socket_is_for_owner_and_group),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
