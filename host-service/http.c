/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * http.c - Metrics and a status page, to be read by HTTP
 */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "metrics.h"
#include "page.h"
#include "status.h"
#include "transport_unix.h"

#define FDS_MAX		3u	/* unix, 127.0.0.1, ::1 */
#define RETRY_S		1
#define NO_POLICY	"default-src 'none'; frame-ancestors 'none'"

struct con;

/**
 * struct http
 * @watcher:	first, so that it is the server
 * @fds:	sockets that listen; owned
 * @cons:	connections, and the one to come
 * @listening:	the one to come; NULL: nobody is accepted
 * @listen_event: tries again to listen
 * @news_event:	tells the streams, @told_us when last
 * @path:	of the unix socket, or empty
 */
struct http {
	struct history_watcher watcher;
	struct service *service;
	const struct balance *balance;
	struct history *history;
	int fds[FDS_MAX];
	unsigned int nr_fds;
	struct con *cons, *listening;
	unsigned int nr_cons;
	struct event *listen_event;
	struct event *news_event;
	int64_t told_us;
	unsigned int nr_streams;
	char path[108];
};

/**
 * struct con - a connection, and the answer to its one request
 * @server:	of it alone
 * @bound:	to each of @fds, while it is the one to come
 * @evcon:	known from the request on
 * @req:	being answered in parts
 * @deadline:	ends it
 * @next_part:	appends the next part; true if there is more
 * @known:	of a stream: what was told
 * @sending:	a part is on its way
 * @last:	it is the last
 */
struct con {
	struct con *next;
	struct http *http;
	struct evhttp *server;
	struct evhttp_bound_socket *bound[FDS_MAX];
	struct evhttp_connection *evcon;
	struct evhttp_request *req;
	struct event *deadline;
	bool (*next_part)(struct con *c, struct evbuffer *out);
	struct metrics_place metrics;
	struct status_place status;
	struct status_known known;
	bool stream, sending, last;
};

/* Connections ------------------------------------------------------------ */

/*
 * A server of libevent's accepts without limit, and tells nobody of a
 * connection that ends before it has asked for anything, or never does. So each
 * connection has a server of its own, which is freed when its time is over,
 * whatever it does then; one without connection listens, if there may be more.
 */
static void arm(struct event *e, int seconds)
{
	struct timeval tv = { seconds, 0 };

	event_add(e, &tv);
}

static void con_free(struct con *c)
{
	struct con **at = &c->http->cons;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->http->nr_cons--;
	c->http->nr_streams -= c->stream;
	if (c->http->listening == c)
		c->http->listening = NULL;
	if (c->evcon)
		evhttp_connection_set_closecb(c->evcon, NULL, NULL);
	if (c->server)
		evhttp_free(c->server);
	if (c->deadline)
		event_free(c->deadline);
	free(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx);
static struct bufferevent *on_connection(struct event_base *base, void *ctx);
static void on_request(struct evhttp_request *req, void *ctx);

static int bind_fds(struct con *c)
{
	struct http *h = c->http;

	for (unsigned int i = 0; i < h->nr_fds; i++) {
		struct evconnlistener *l =
			evconnlistener_new(h->service->env.base, NULL, NULL,
					   LEV_OPT_CLOSE_ON_EXEC, 0, h->fds[i]);

		/* From here on it is the server's; the descriptor is ours. */
		if (l)
			c->bound[i] = evhttp_bind_listener(c->server, l);
		if (!c->bound[i]) {
			if (l)
				evconnlistener_free(l);
			return -ENOMEM;
		}
	}
	return 0;
}

static int con_new(struct http *h)
{
	struct con *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->http = h;
	c->next = h->cons;
	h->cons = c;
	h->nr_cons++;
	c->server = evhttp_new(h->service->env.base);
	c->deadline = event_new(h->service->env.base, -1, 0, on_deadline, c);
	if (!c->server || !c->deadline || bind_fds(c)) {
		con_free(c);
		return -ENOMEM;
	}
	evhttp_set_timeout(c->server, HTTP_ANSWER_S);
	evhttp_set_max_headers_size(c->server, HTTP_HEADERS_MAX);
	evhttp_set_max_body_size(c->server, HTTP_BODY_MAX);
	/* All that it knows, so that it is us who says no. */
	evhttp_set_allowed_methods(c->server, UINT16_MAX);
	evhttp_set_bevcb(c->server, on_connection, c);
	evhttp_set_gencb(c->server, on_request, c);
	h->listening = c;
	return 0;
}

static void listen_next(struct http *h)
{
	if (h->listening || h->nr_cons >= HTTP_CONNECTIONS_MAX)
		return;
	if (con_new(h))
		arm(h->listen_event, RETRY_S);
}

static void on_listen(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	listen_next(ctx);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct con *c = ctx;
	struct http *h = c->http;

	(void)fd;
	(void)what;
	con_free(c);
	listen_next(h);
}

/* It has accepted its connection. */
static struct bufferevent *on_connection(struct event_base *base, void *ctx)
{
	struct con *c = ctx;
	struct http *h = c->http;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);

	/* While an answer is sent evhttp reads, to see the end, and forgets
	 * about what it has read. */
	if (bev)
		bufferevent_setwatermark(bev, EV_READ, 0, HTTP_INPUT_MAX);
	for (unsigned int i = 0; i < h->nr_fds; i++)
		evhttp_del_accept_socket(c->server, c->bound[i]);
	arm(c->deadline, HTTP_IDLE_S);
	h->listening = NULL;
	listen_next(h);
	return bev;
}

/* The client has gone, or was answered. The server is freed later: it calls. */
static void on_closed(struct evhttp_connection *evcon, void *ctx)
{
	struct con *c = ctx;

	(void)evcon;
	/* evhttp leaves us a request that it was still to answer. */
	if (c->req && !evhttp_request_get_connection(c->req))
		evhttp_request_free(c->req);
	c->req = NULL;
	c->evcon = NULL;
	arm(c->deadline, 0);
}

unsigned int http_nr_connections(const struct http *h)
{
	return h->nr_cons - (h->listening != NULL);
}

/* Answers ---------------------------------------------------------------- */

static void put_headers(struct evhttp_request *req, const char *type,
			const char *policy)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);

	evhttp_add_header(out, "Content-Type", type);
	evhttp_add_header(out, "Content-Security-Policy", policy);
	evhttp_add_header(out, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(out, "Referrer-Policy", "no-referrer");
	evhttp_add_header(out, "Cross-Origin-Resource-Policy", "same-origin");
	evhttp_add_header(out, "Cache-Control", "no-store");
	evhttp_add_header(out, "Connection", "close");
}

static bool is_head(struct evhttp_request *req)
{
	return evhttp_request_get_command(req) == EVHTTP_REQ_HEAD;
}

/* The headers alone: evhttp would send what else it has after them. */
static void answer_head(struct evhttp_request *req, int code,
			const char *reason)
{
	evhttp_send_reply_start(req, code, reason);
	evhttp_send_reply_end(req);
}

static void answer_whole(struct evhttp_request *req, int code,
			 const char *reason, const char *text, size_t len)
{
	struct evbuffer *body;

	if (is_head(req)) {
		answer_head(req, code, reason);
		return;
	}
	body = evbuffer_new();
	if (body)
		evbuffer_add_reference(body, text, len, NULL, NULL);
	evhttp_send_reply(req, code, reason, body);
	if (body)
		evbuffer_free(body);
}

static void refuse(struct evhttp_request *req, int code, const char *reason,
		   const char *text)
{
	put_headers(req, "text/plain; charset=utf-8", NO_POLICY);
	answer_whole(req, code, reason, text, strlen(text));
}

static void end(struct con *c)
{
	struct evhttp_request *req = c->req;

	c->req = NULL;
	evhttp_send_reply_end(req);
}

static void on_sent(struct evhttp_connection *evcon, void *ctx);

static void send_part(struct con *c, struct evbuffer *part)
{
	c->sending = true;
	evhttp_send_reply_chunk_with_cb(c->req, part, on_sent, c);
}

static void send_next(struct con *c)
{
	struct evbuffer *part = evbuffer_new();

	c->last = !part || !c->next_part(c, part);
	if (part && evbuffer_get_length(part))
		send_part(c, part);
	else
		end(c);
	if (part)
		evbuffer_free(part);
}

/* Streams ------------------------------------------------------------------ */

static void tell_later(struct http *h)
{
	int64_t wait_us = h->told_us + HTTP_NEWS_MS * 1000 - guest_now_us();
	struct timeval tv = { 0, 0 };

	if (!h->nr_streams || event_pending(h->news_event, EV_TIMEOUT, NULL))
		return;
	if (h->told_us && wait_us > 0)
		tv = (struct timeval){ wait_us / 1000000, wait_us % 1000000 };
	event_add(h->news_event, &tv);
}

static void on_changed(struct history_watcher *w)
{
	tell_later((struct http *)w);
}

static struct status_source source(const struct http *h)
{
	return (struct status_source){ h->service, h->balance, h->history };
}

static void send_news(struct con *c)
{
	struct status_source src = source(c->http);
	struct evbuffer *part = evbuffer_new();

	if (!part)
		return;
	evbuffer_add_printf(part, "event: news\ndata: ");
	status_news(&src, &c->known, part);
	evbuffer_add_printf(part, "\n\n");
	send_part(c, part);
	evbuffer_free(part);
}

static void on_news(evutil_socket_t fd, short what, void *ctx)
{
	struct http *h = ctx;

	(void)fd;
	(void)what;
	h->told_us = guest_now_us();
	for (struct con *c = h->cons; c; c = c->next) {
		if (c->stream && c->req && !c->sending &&
		    c->known.change != h->history->change)
			send_news(c);
	}
}

static void on_sent(struct evhttp_connection *evcon, void *ctx)
{
	struct con *c = ctx;

	(void)evcon;
	c->sending = false;
	if (!c->req)
		return;
	if (c->last)
		end(c);
	else if (!c->stream)
		send_next(c);
	else if (c->known.change != c->http->history->change)
		tell_later(c->http);
}

/* Requests ----------------------------------------------------------------- */

static void answer_page(struct con *c, struct evhttp_request *req)
{
	(void)c;
	put_headers(req, "text/html; charset=utf-8", page_policy);
	answer_whole(req, HTTP_OK, "OK", page_html, page_html_bytes);
}

static void answer_parts(struct con *c, struct evhttp_request *req,
			 bool (*next_part)(struct con *, struct evbuffer *))
{
	if (is_head(req)) {
		answer_head(req, HTTP_OK, "OK");
		return;
	}
	c->req = req;
	c->next_part = next_part;
	evhttp_send_reply_start(req, HTTP_OK, "OK");
	send_next(c);
}

static bool next_metrics(struct con *c, struct evbuffer *out)
{
	const struct metrics_source src = { c->http->service,
					    c->http->balance };

	return metrics_next(&src, &c->metrics, out);
}

static void answer_metrics(struct con *c, struct evhttp_request *req)
{
	put_headers(req, "text/plain; version=0.0.4; charset=utf-8",
		    NO_POLICY);
	answer_parts(c, req, next_metrics);
}

static bool next_status(struct con *c, struct evbuffer *out)
{
	struct status_source src = source(c->http);

	return status_next(&src, &c->status, out);
}

static void answer_status(struct con *c, struct evhttp_request *req)
{
	put_headers(req, "application/json", NO_POLICY);
	answer_parts(c, req, next_status);
}

static void begin_stream(struct con *c, struct evhttp_request *req)
{
	static const struct timeval write = { HTTP_ANSWER_S, 0 };
	struct bufferevent *bev = evhttp_connection_get_bufferevent(c->evcon);
	struct evbuffer *part = evbuffer_new();

	if (!part) {
		refuse(req, HTTP_SERVUNAVAIL, "Service Unavailable",
		       "memory is short\n");
		return;
	}
	c->req = req;
	c->stream = true;
	c->http->nr_streams++;
	c->known = (struct status_known){ c->http->history->change,
					  c->http->history->nr_events };
	arm(c->deadline, HTTP_STREAM_S);
	/* Silence is no reason to end it. */
	bufferevent_set_timeouts(bev, NULL, &write);
	evhttp_send_reply_start(req, HTTP_OK, "OK");
	evbuffer_add_printf(part, "retry: 3000\nevent: hello\ndata: {}\n\n");
	send_part(c, part);
	evbuffer_free(part);
}

static void answer_events(struct con *c, struct evhttp_request *req)
{
	if (c->http->nr_streams >= HTTP_STREAMS_MAX) {
		refuse(req, HTTP_SERVUNAVAIL, "Service Unavailable",
		       "16 others read /events already\n");
		return;
	}
	put_headers(req, "text/event-stream", NO_POLICY);
	if (is_head(req))
		answer_head(req, HTTP_OK, "OK");
	else
		begin_stream(c, req);
}
static_assert(HTTP_STREAMS_MAX == 16, "the text names another number");

static const struct {
	const char *path;
	void (*answer)(struct con *c, struct evhttp_request *req);
} paths[] = {
	{ "/", answer_page },
	{ "/metrics", answer_metrics },
	{ "/status.json", answer_status },
	{ "/events", answer_events },
};

bool http_host_is_ours(const char *untrusted_host)
{
	static const char *const ours[] = { "localhost", "127.0.0.1", "[::1]" };
	size_t len;

	if (!untrusted_host || !*untrusted_host)
		return true;
	len = strcspn(untrusted_host, *untrusted_host == '[' ? "]" : ":");
	len += untrusted_host[len] == ']';
	if (untrusted_host[len] && untrusted_host[len] != ':')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		if (len == strlen(ours[i]) &&
		    !strncasecmp(untrusted_host, ours[i], len))
			return true;
	}
	return false;
}

static void answer_path(struct con *c, struct evhttp_request *req)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;

	for (size_t i = 0; path && i < ARRAY_SIZE(paths); i++) {
		if (!strcmp(path, paths[i].path)) {
			paths[i].answer(c, req);
			return;
		}
	}
	refuse(req, HTTP_NOTFOUND, "Not Found",
	       "there are /, /metrics, /status.json and /events\n");
}

static void on_request(struct evhttp_request *req, void *ctx)
{
	struct evkeyvalq *in = evhttp_request_get_input_headers(req);
	enum evhttp_cmd_type method = evhttp_request_get_command(req);
	struct con *c = ctx;

	c->evcon = evhttp_request_get_connection(req);
	evhttp_connection_set_closecb(c->evcon, on_closed, c);
	arm(c->deadline, HTTP_ANSWER_S);
	if (!http_host_is_ours(evhttp_find_header(in, "Host"))) {
		refuse(req, 421, "Misdirected Request",
		       "Host is none of localhost, 127.0.0.1, [::1]\n");
		return;
	}
	if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
		evhttp_add_header(evhttp_request_get_output_headers(req),
				  "Allow", "GET, HEAD");
		refuse(req, HTTP_BADMETHOD, "Method Not Allowed",
		       "only GET and HEAD are answered\n");
		return;
	}
	answer_path(c, req);
}

/* Listening ---------------------------------------------------------------- */

/* The one to come was made for those that there were. */
static void listen_on(struct http *h, int fd)
{
	ASSERT(h->nr_fds < FDS_MAX);
	if (h->listening)
		con_free(h->listening);
	h->fds[h->nr_fds++] = fd;
	listen_next(h);
}

int http_listen_unix(struct http *h, const char *path)
{
	int fd = unix_listen(path, 0660);

	if (fd < 0)
		return fd;
	snprintf(h->path, sizeof(h->path), "%s", path);
	listen_on(h, fd);
	return 0;
}

static int bind_port(int family, const struct sockaddr *addr, socklen_t len)
{
	int on = 1, rc;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, addr, len) && !listen(fd, HTTP_CONNECTIONS_MAX))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

int http_listen_port(struct http *h, uint16_t port)
{
	struct sockaddr_in four = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_in6 six = {
		.sin6_family = AF_INET6, .sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	int fd = bind_port(AF_INET, (struct sockaddr *)&four, sizeof(four));

	if (fd < 0)
		return fd;
	listen_on(h, fd);
	fd = bind_port(AF_INET6, (struct sockaddr *)&six, sizeof(six));
	/* Many a host has no IPv6. */
	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
		return 0;
	if (fd < 0)
		return fd;
	listen_on(h, fd);
	return 0;
}

/* Open, close -------------------------------------------------------------- */

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

int http_open(struct service *s, const struct balance *b, struct history *hist,
	      struct http **ret)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->service = s;
	h->balance = b;
	h->history = hist;
	h->listen_event = event_new(s->env.base, -1, 0, on_listen, h);
	h->news_event = event_new(s->env.base, -1, 0, on_news, h);
	if (!h->listen_event || !h->news_event) {
		http_close(h);
		return -ENOMEM;
	}
	h->watcher.changed = on_changed;
	history_watch(hist, &h->watcher);
	*ret = h;
	return 0;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	history_unwatch(h->history, &h->watcher);
	while (h->cons)
		con_free(h->cons);
	for (unsigned int i = 0; i < h->nr_fds; i++)
		close(h->fds[i]);
	free_event(h->listen_event);
	free_event(h->news_event);
	if (*h->path)
		unlink(h->path);
	free(h);
}
