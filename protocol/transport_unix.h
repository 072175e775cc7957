/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * transport_unix.h - Transport over a unix stream socket
 */
#ifndef MEMTIDE_TRANSPORT_UNIX_H
#define MEMTIDE_TRANSPORT_UNIX_H

#include "transport.h"

/**
 * unix_listen() - Make a listening socket
 * @path:	at most 107 bytes (-ENAMETOOLONG); a dead socket in its place is
 *		replaced, a live one is not (-EADDRINUSE)
 * @mode:	permission bits of the socket
 *
 * Return: a non-blocking, close-on-exec descriptor, or a negative errno
 */
int unix_listen(const char *path, unsigned int mode);

/**
 * unix_dial() - Connect to a listening socket
 *
 * Return: a non-blocking, close-on-exec descriptor, or a negative errno
 */
int unix_dial(const char *path);

/**
 * transport_unix_new() - Transport over a connected socket
 * @fd:		non-blocking; owned by the transport on success
 * @ret:	untouched on failure
 *
 * Return: 0 or -ENOMEM
 */
int transport_unix_new(int fd, struct transport **ret);

#endif
