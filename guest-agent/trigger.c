/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * trigger.c - To be woken by the kernel when tasks wait for memory
 */
#include "trigger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static int arm(int file, uint32_t stall_us, uint32_t window_us)
{
	char text[64];

	snprintf(text, sizeof(text), "some %u %u", stall_us, window_us);
	/* The final 0 is part of it: the kernel overwrites the last octet. */
	return write(file, text, strlen(text) + 1) < 0 ? -errno : 0;
}

int trigger_of(int file, struct trigger *ret)
{
	struct epoll_event wanted = { .events = EPOLLPRI };
	int rc, fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (epoll_ctl(fd, EPOLL_CTL_ADD, file, &wanted)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	*ret = (struct trigger){ .file = file, .fd = fd };
	return 0;
}

int trigger_open(const char *path, uint32_t stall_us, uint32_t window_us,
		 struct trigger *ret)
{
	int rc, file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (file < 0)
		return -errno;
	rc = arm(file, stall_us, window_us);
	if (!rc)
		rc = trigger_of(file, ret);
	if (rc)
		close(file);
	return rc;
}

void trigger_close(struct trigger *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->file >= 0)
		close(t->file);
	*t = (struct trigger)TRIGGER_NONE;
}

void trigger_take(const struct trigger *t)
{
	struct epoll_event fired;

	/* None to be had is fine: who waits for @fd has asked the file for its
	 * event, and it tells each just once. */
	(void)epoll_wait(t->fd, &fired, 1, 0);
}
