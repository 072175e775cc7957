/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * http.h - Metrics and a status page, to be read by HTTP
 *
 * DOC: Theory of operation
 *
 * libevent's HTTP server, on a unix socket and, if wanted, on a port of the
 * loopback addresses. It answers GET and HEAD of
 *
 *   /             the page (page.html)
 *   /metrics      Prometheus's text (metrics.h)
 *   /status.json  all that the page shows (status.h)
 *   /events       what changes, as server-sent events: "hello", when all there
 *                 is should be asked for, then "news" (status.h)
 *
 * and changes nothing. Queries are ignored.
 *
 * It must not cost the guests anything. HTTP_CONNECTIONS_MAX connections are
 * served, others wait to be accepted. An answer is made in parts, the next when
 * the last has gone, so a connection holds 64 KiB or a little more of it; what a
 * client sends meanwhile is read no further than HTTP_INPUT_MAX. An answer takes
 * HTTP_ANSWER_S at most; a connection that has not asked within HTTP_IDLE_S is
 * closed, and each asks once. News are told once in HTTP_NEWS_MS, to who has read the last; who
 * is slow gets fewer, not older ones. Nobody connected, no timer.
 *
 * A name that a browser was made to resolve to 127.0.0.1 is no name of ours: a
 * Host other than localhost is refused, so that no other page reads this one.
 */
#ifndef MEMTIDE_HTTP_H
#define MEMTIDE_HTTP_H

#include "history.h"

#define HTTP_CONNECTIONS_MAX	32u
#define HTTP_STREAMS_MAX	16u	/* of them, those of /events */
#define HTTP_HEADERS_MAX	8192u
#define HTTP_BODY_MAX		4096	/* of what is refused then */
#define HTTP_INPUT_MAX		16384u
#define HTTP_IDLE_S		10
#define HTTP_ANSWER_S		60
#define HTTP_STREAM_S		3600	/* the browser connects again by itself */
#define HTTP_NEWS_MS		1000

struct http;

/**
 * http_open() - Begin to answer; on no socket yet
 * @h:		borrowed; outlives the server
 * @b:		borrowed, or NULL
 *
 * Return: 0 or -ENOMEM
 */
int http_open(struct service *s, const struct balance *b, struct history *h,
	      struct http **ret);

/** http_close() - Drop all connections; NULL is accepted */
void http_close(struct http *h);

/**
 * http_listen_unix() - Answer on a socket with mode 0660
 * @path:	see unix_listen(); removed by http_close()
 *
 * Return: 0 or a negative errno
 */
int http_listen_unix(struct http *h, const char *path);

/**
 * http_listen_port() - Answer on 127.0.0.1 and, if there is one, on ::1
 *
 * Return: 0 or a negative errno
 */
int http_listen_port(struct http *h, uint16_t port);

/** http_nr_connections() - How many are there? */
unsigned int http_nr_connections(const struct http *h);

/** http_host_is_ours() - Of a request; NULL if it named none */
bool http_host_is_ours(const char *untrusted_host);

#endif
