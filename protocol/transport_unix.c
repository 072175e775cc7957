/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * transport_unix.c - Transport over a unix stream socket
 */
#include "transport_unix.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG	16

struct transport_unix {
	struct transport transport;
	int fd;
};

static int unix_address(const char *path, struct sockaddr_un *ret)
{
	size_t len = strlen(path);

	if (len >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path, path, len + 1);
	return 0;
}

static int unix_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int unix_connect(const struct sockaddr_un *addr)
{
	int fd = unix_socket();
	int rc;

	if (fd < 0)
		return fd;
	if (!connect(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* A socket whose listener died stays in the file system. */
static int unix_unlink_dead(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	fd = unix_connect(addr);
	if (fd >= 0)
		close(fd);
	if (fd != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(addr->sun_path) && errno != ENOENT ? -errno : 0;
}

/* The socket has no permission bit until it has those it should have. */
static int unix_bind(int fd, const struct sockaddr_un *addr, unsigned int mode)
{
	mode_t old_mask = umask(0777);
	int rc = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));

	rc = rc ? -errno : 0;
	umask(old_mask);
	if (rc)
		return rc;
	if (listen(fd, LISTEN_BACKLOG))
		return -errno;
	return chmod(addr->sun_path, mode) ? -errno : 0;
}

int unix_listen(const char *path, unsigned int mode)
{
	struct sockaddr_un addr;
	int fd, rc;

	rc = unix_address(path, &addr);
	if (!rc)
		rc = unix_unlink_dead(&addr);
	if (rc)
		return rc;
	fd = unix_socket();
	if (fd < 0)
		return fd;
	rc = unix_bind(fd, &addr, mode);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int unix_dial(const char *path)
{
	struct sockaddr_un addr;
	int rc = unix_address(path, &addr);

	return rc ? rc : unix_connect(&addr);
}

static int unix_fd(struct transport *t)
{
	return ((struct transport_unix *)t)->fd;
}

static void unix_woken(struct transport *t)
{
	(void)t;
}

static ssize_t unix_read(struct transport *t, void *buf, size_t len)
{
	ssize_t n;

	do {
		n = recv(unix_fd(t), buf, len, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? n : -ECONNRESET;
}

static ssize_t unix_write(struct transport *t, const void *buf, size_t len)
{
	ssize_t n;

	do {
		n = send(unix_fd(t), buf, len, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EPIPE ? -ECONNRESET : -errno;
	return n;
}

static void unix_close(struct transport *t)
{
	close(unix_fd(t));
	free(t);
}

static const struct transport_ops unix_ops = {
	.fd = unix_fd,
	.woken = unix_woken,
	.read = unix_read,
	.write = unix_write,
	.close = unix_close,
	.write_needs_pollout = true,
};

int transport_unix_new(int fd, struct transport **ret)
{
	struct transport_unix *u = malloc(sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->transport.ops = &unix_ops;
	u->fd = fd;
	*ret = &u->transport;
	return 0;
}
