/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control_client.h - One request to memtided, and its replies
 *
 * Blocking, with a limit on every wait; used by memtide(1) and by tests. It
 * does not log.
 */
#ifndef MEMTIDE_CONTROL_CLIENT_H
#define MEMTIDE_CONTROL_CLIENT_H

#include "control_codec.h"

#define CONTROL_CLIENT_FOREVER	(-1)

struct control_client;

/**
 * control_client_open() - Connect to memtided
 * @path:	of the control socket
 * @ret:	untouched on failure
 *
 * Return: 0, -ENAMETOOLONG, -ENOMEM, or what connect(2) says: -ENOENT and
 *         -ECONNREFUSED if no memtided listens there, -EACCES if it does but
 *         not to this user, -EAGAIN if too many others wait
 */
int control_client_open(const char *path, struct control_client **ret);

/** control_client_close() - Close and free; NULL is accepted */
void control_client_close(struct control_client *c);

/**
 * control_client_send() - Send a request
 * @timeout_ms:	for the whole of it; CONTROL_CLIENT_FOREVER for no limit
 *
 * A further request may be sent once the last reply to the one before, the
 * one with @end set, was received.
 *
 * Return: 0, -ETIMEDOUT, -EPIPE if memtided closed the connection, or another
 *         negative errno
 */
int control_client_send(struct control_client *c,
			const struct control_request *req, int timeout_ms);

/**
 * control_client_next() - Wait for the next reply
 * @timeout_ms:	as above, for this reply
 * @ret:	untouched on failure
 * @ret_why:	set with -EPROTO: a constant string naming what was wrong
 *
 * Return: 0, -ETIMEDOUT, -ECONNRESET if memtided closed the connection,
 *         -EPROTO if what came is no reply, or another negative errno
 */
int control_client_next(struct control_client *c, int timeout_ms,
			struct control_reply *ret, const char **ret_why);

/** control_client_fd() - Readable when a reply may have come; constant */
int control_client_fd(const struct control_client *c);

#endif
