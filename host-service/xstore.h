/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xstore.h - Values in xenstore, and figures that are told as an offset
 *
 * Sizes are decimal KiB, at most XSTORE_KIB_MAX; guests and other tools may have
 * written anything, which is -EIO. All return 0 or a negative errno: -ENOENT if
 * there is no such node (-ESRCH where that means that the domain has gone), -EIO
 * for what xenstored refuses or what is no size. Source: xenstore.h.
 */
#ifndef MEMTIDE_XSTORE_H
#define MEMTIDE_XSTORE_H

#include "base.h"

struct xs_handle;

#define XSTORE_PATH_MAX	128u

int xstore_put(struct xs_handle *xs, const char *path, const char *text);
int xstore_put_kib(struct xs_handle *xs, const char *path, uint64_t kib);

/** xstore_get() - -ENOSPC if it is longer than @size with a final 0 */
int xstore_get(struct xs_handle *xs, const char *path, char *value,
	       size_t size);
int xstore_get_kib(struct xs_handle *xs, const char *path, uint64_t *ret);

/** xstore_memory_kib() - Of a number below /local/domain/<domid>/memory/ */
int xstore_memory_kib(struct xs_handle *xs, uint32_t domid, const char *node,
		      uint64_t *ret_kib);

/**
 * xstore_base() - What a figure was before we first changed it
 * @key:	ours, beside other keys of the domain; written with @first_kib
 *		if it is not there
 */
int xstore_base(struct xs_handle *xs, uint32_t domid, const char *key,
		uint64_t first_kib, uint64_t *ret_kib);

/**
 * xstore_publish() - Tell the toolstack what a domain has beyond its base
 * @node:	below memory/; written only if it changes
 * @key:	where its base is kept, as for xstore_base()
 * @built_kib:	what the domain can have been built with at most
 */
int xstore_publish(struct xs_handle *xs, uint32_t domid, const char *node,
		   const char *key, uint64_t built_kib, uint64_t add_kib);

#endif
