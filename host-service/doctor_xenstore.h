/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doctor_xenstore.h - Ask xenstored, and do not wait for ever
 *
 * libxenstore blocks until it is answered, and an xenstored that hangs is one
 * of the things to be found.
 */
#ifndef MEMTIDE_DOCTOR_XENSTORE_H
#define MEMTIDE_DOCTOR_XENSTORE_H

#include "base.h"

#define DOCTOR_XENSTORE_MS	2000

/**
 * doctor_xenstore_open() - Connect, by its socket or the kernel's device
 * @root:	"" or the directory that stands for /
 *
 * Return: a descriptor, or a negative errno: -ENOENT if there is neither,
 *         -ECONNREFUSED if nobody listens, -EACCES
 */
int doctor_xenstore_open(const char *root);

/**
 * doctor_xenstore_read() - The value of a node
 * @value:	@size octets, for the text and a final 0; untouched on failure
 *
 * Return: 0, -ETIMEDOUT if there is no answer in DOCTOR_XENSTORE_MS, -ENOENT
 *         if there is no such node, -EACCES, -EPROTO, or another negative
 *         errno
 */
int doctor_xenstore_read(int fd, const char *path, char *value, size_t size);

#endif
