/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * trigger.h - To be woken by the kernel when tasks wait for memory
 *
 * A trigger is a file of /proc/pressure that a threshold has been written to;
 * the kernel then says EPOLLPRI on it, at most once in the threshold's window,
 * and does no work for it while no task waits. See psi.rst in the kernel's
 * Documentation/accounting.
 *
 * An event loop that knows only "readable" and "writable", as libevent does,
 * cannot wait for that: such a file is always both. So each trigger has an
 * epoll instance of its own, with the file in it; its descriptor is readable
 * when the trigger has fired, and for nothing else.
 */
#ifndef MEMTIDE_TRIGGER_H
#define MEMTIDE_TRIGGER_H

#include "base.h"

/**
 * struct trigger - one threshold; both are -1 where there is none
 * @file:	the kernel watches as long as this is open
 * @fd:		readable once it has fired, until trigger_take()
 */
struct trigger {
	int file;
	int fd;
};

#define TRIGGER_NONE	{ .file = -1, .fd = -1 }

/**
 * trigger_open() - Some task waits @stall_us in any @window_us
 * @path:	"/proc/pressure/memory"
 * @ret:	untouched on failure
 *
 * Return: 0, -ENOENT or -EOPNOTSUPP if the kernel does not count pressure,
 *         -EINVAL if it does not take the threshold, or has no triggers, or we
 *         lack CAP_SYS_RESOURCE, or another negative errno
 */
int trigger_open(const char *path, uint32_t stall_us, uint32_t window_us,
		 struct trigger *ret);

/**
 * trigger_of() - The same of a file that says EPOLLPRI when it has fired
 * @file:	owned by @ret on success
 *
 * Return: 0 or a negative errno
 */
int trigger_of(int file, struct trigger *ret);
void trigger_close(struct trigger *t);

/** trigger_take() - It has fired, we know */
void trigger_take(const struct trigger *t);

#endif
