/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_client.c - One request to memtided, and its replies
 */
#include "control_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"

/*
 * The descriptor is non-blocking and every wait is a poll() against a
 * deadline, so that neither a memtided that has stopped nor one that sends
 * half a frame holds an operator's shell for ever.
 */
struct control_client {
	int fd;
	size_t have;			/* bytes in @in */
	uint8_t in[FRAME_MAX];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t deadline_after(int timeout_ms)
{
	return timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
}

static int wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline_ms == INT64_MAX
			? -1 : MAX(deadline_ms - now_ms(), 0);
		int rc = poll(&pfd, 1, (int)MIN(left, INT32_MAX));

		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return -errno;
		if (!left)
			return -ETIMEDOUT;
	}
}

int control_client_open(const char *path, struct control_client **ret)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct control_client *c;
	int rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = c->fd < 0 ? -errno : 0;
	if (!rc && connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)))
		rc = -errno;
	if (rc) {
		control_client_close(c);
		return rc;
	}
	*ret = c;
	return 0;
}

void control_client_close(struct control_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

int control_client_send(struct control_client *c,
			const struct control_request *req, int timeout_ms)
{
	int64_t deadline = deadline_after(timeout_ms);
	uint8_t buf[FRAME_MAX];
	size_t len, sent = 0;

	len = control_encode_request(req, buf + FRAME_HEADER_BYTES);
	frame_put_header(buf, len);
	len += FRAME_HEADER_BYTES;
	while (sent < len) {
		ssize_t n = send(c->fd, buf + sent, len - sent, MSG_NOSIGNAL);

		if (n > 0) {
			sent += (size_t)n;
		} else if (errno == EAGAIN) {
			int rc = wait_for(c->fd, POLLOUT, deadline);

			if (rc)
				return rc;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Some bytes, at least one, to the end of @c->in. */
static int receive_some(struct control_client *c, int64_t deadline_ms)
{
	for (;;) {
		ssize_t n = recv(c->fd, c->in + c->have,
				 sizeof(c->in) - c->have, 0);
		int rc;

		if (n > 0) {
			c->have += (size_t)n;
			return 0;
		}
		if (n == 0)
			return -ECONNRESET;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		rc = wait_for(c->fd, POLLIN, deadline_ms);
		if (rc)
			return rc;
	}
}

static int take_frame(struct control_client *c, size_t len,
		      struct control_reply *ret, const char **ret_why)
{
	size_t whole = FRAME_HEADER_BYTES + len;
	int rc = control_decode_reply(c->in + FRAME_HEADER_BYTES, len, ret,
				      ret_why);

	memmove(c->in, c->in + whole, c->have - whole);
	c->have -= whole;
	return rc;
}

int control_client_next(struct control_client *c, int timeout_ms,
			struct control_reply *ret, const char **ret_why)
{
	int64_t deadline = deadline_after(timeout_ms);
	size_t len;
	int rc;

	for (;;) {
		rc = frame_peek(c->in, c->have, &len);
		if (rc > 0)
			return take_frame(c, len, ret, ret_why);
		if (rc < 0) {
			*ret_why = "a frame's length is out of range";
			return rc;
		}
		/* No whole frame in less than FRAME_MAX bytes: room is left. */
		rc = receive_some(c, deadline);
		if (rc)
			return rc;
	}
}

int control_client_fd(const struct control_client *c)
{
	return c->fd;
}
