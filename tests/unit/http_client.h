/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * http_client.h - A few lines of HTTP by hand, against a server in this process
 *
 * Include after fake_world.h.
 */
#ifndef MEMTIDE_TEST_HTTP_CLIENT_H
#define MEMTIDE_TEST_HTTP_CLIENT_H

#include <netinet/in.h>
#include <sys/ioctl.h>

#include "history.h"
#include "http.h"

#define CLIENT_TURNS	2000u

static struct history *history;
static struct http *http;
static char socket_path[128];

static inline int setup_http(void **state)
{
	struct world *w;

	signal(SIGPIPE, SIG_IGN);
	if (setup(state))
		return -1;
	w = *state;
	snprintf(socket_path, sizeof(socket_path), "%s/metrics.sock", w->dir);
	assert_int_equal(history_open(w->service, NULL, &history), 0);
	assert_int_equal(http_open(w->service, NULL, history, &http), 0);
	return http_listen_unix(http, socket_path);
}

static inline int teardown_http(void **state)
{
	http_close(http);
	history_close(history);
	return teardown(state);
}

static inline void spin(struct world *w, unsigned int turns)
{
	while (turns--) {
		turn(w);
		poll(NULL, 0, 1);
	}
}

static inline int dial(void)
{
	int fd = unix_dial(socket_path);

	assert_true(fd >= 0);
	return fd;
}

static inline void ask(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 (ssize_t)strlen(text));
}

static inline void get(int fd, const char *path)
{
	char text[512];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
		 path);
	ask(fd, text);
}

/*
 * What is answered up to the end of the connection, or, if @until is not NULL,
 * up to that text. To be freed.
 */
static inline char *hear(struct world *w, int fd, const char *until)
{
	size_t room = 1u << 20, len = 0;
	char *text = malloc(room + 1);

	assert_non_null(text);
	for (unsigned int i = 0; i < CLIENT_TURNS;) {
		ssize_t n = read(fd, text + len, room - len);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			break;
		if (n > 0) {
			len += (size_t)n;
			text[len] = '\0';
			if (until && strstr(text, until))
				return text;
			if (len == room) {
				room *= 2;
				text = realloc(text, room + 1);
				assert_non_null(text);
			}
			continue;
		}
		spin(w, 1);
		i++;
	}
	text[len] = '\0';
	if (until)
		fail_msg("not heard: \"%s\", but \"%s\"", until, text);
	return text;
}

/* The whole answer to a GET */
static inline char *fetch(struct world *w, const char *path)
{
	int fd = dial();
	char *text;

	get(fd, path);
	text = hear(w, fd, NULL);
	close(fd);
	return text;
}

#define HTTP_CASE(f) cmocka_unit_test_setup_teardown(f, setup_http, teardown_http)

#endif
