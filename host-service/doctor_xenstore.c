/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doctor_xenstore.c - Ask xenstored, and do not wait for ever
 */
#include "doctor_xenstore.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

static int open_socket(const char *root, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, rc;

	rc = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s%s", root, path);
	if (rc >= (int)sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

int doctor_xenstore_open(const char *root)
{
	char device[4096];
	int fd = open_socket(root, "/run/xenstored/socket");

	if (fd != -ENOENT)
		return fd;
	/* xenstored in a domain of its own has no socket here. */
	snprintf(device, sizeof(device), "%s/dev/xen/xenbus", root);
	fd = open(device, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* All of @len, or none that is of use. */
static int receive(int fd, void *buf, size_t len, int64_t end_ms)
{
	size_t have = 0;

	while (have < len) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t left = end_ms - now_ms();
		ssize_t n = read(fd, (char *)buf + have, len - have);

		if (n > 0) {
			have += (size_t)n;
			continue;
		}
		if (!n)
			return -ECONNRESET;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
	return 0;
}

static int error_of(const char *name)
{
	static const struct {
		const char *name;
		int rc;
	} errors[] = { { "ENOENT", -ENOENT }, { "EACCES", -EACCES } };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		if (!strcmp(errors[i].name, name))
			return errors[i].rc;
	}
	return -EIO;
}

int doctor_xenstore_read(int fd, const char *path, char *value, size_t size)
{
	int64_t end_ms = now_ms() + DOCTOR_XENSTORE_MS;
	char buf[XENSTORE_PAYLOAD_MAX + 1];
	struct xsd_sockmsg msg = {
		.type = XS_READ, .len = (uint32_t)strlen(path) + 1,
	};
	int rc;

	memcpy(buf, &msg, sizeof(msg));
	memcpy(buf + sizeof(msg), path, msg.len);
	if (write(fd, buf, sizeof(msg) + msg.len) !=
	    (ssize_t)(sizeof(msg) + msg.len))
		return -EIO;
	rc = receive(fd, &msg, sizeof(msg), end_ms);
	if (rc)
		return rc;
	if (msg.len > XENSTORE_PAYLOAD_MAX ||
	    (msg.type != XS_READ && msg.type != XS_ERROR))
		return -EPROTO;
	rc = receive(fd, buf, msg.len, end_ms);
	if (rc)
		return rc;
	buf[msg.len] = '\0';
	if (msg.type == XS_ERROR)
		return error_of(buf);
	snprintf(value, size, "%s", buf);
	return 0;
}
