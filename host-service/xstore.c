/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xstore.c - Values in xenstore, and figures that are told as an offset
 */
#include "xstore.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xenstore.h>

#include "backend.h"

/* More than any domain has, and little enough to add to. */
#define XSTORE_KIB_MAX		(UINT64_C(1) << 50)

int xstore_put(struct xs_handle *xs, const char *path, const char *text)
{
	if (xs_write(xs, XBT_NULL, path, text, (unsigned int)strlen(text)))
		return 0;
	return errno == ENOENT ? -ESRCH : -EIO;
}

int xstore_get(struct xs_handle *xs, const char *path, char *value,
	       size_t size)
{
	unsigned int len;
	char *text = xs_read(xs, XBT_NULL, path, &len);
	int rc = 0;

	if (!text)
		return errno == ENOENT ? -ENOENT : -EIO;
	if (len >= size)
		rc = -ENOSPC;
	else
		snprintf(value, size, "%s", text);
	free(text);
	return rc;
}

int xstore_get_kib(struct xs_handle *xs, const char *path, uint64_t *ret)
{
	char text[BACKEND_VALUE_MAX], *end;
	int rc = xstore_get(xs, path, text, sizeof(text));
	uint64_t kib;

	if (rc)
		return rc;
	errno = 0;
	kib = strtoull(text, &end, 10);
	/* Signs and spaces would do for strtoull(). */
	if (errno || *end || *text < '0' || *text > '9' || kib > XSTORE_KIB_MAX)
		return -EIO;
	*ret = kib;
	return 0;
}

int xstore_put_kib(struct xs_handle *xs, const char *path, uint64_t kib)
{
	char text[BACKEND_VALUE_MAX];

	snprintf(text, sizeof(text), "%" PRIu64, kib);
	return xstore_put(xs, path, text);
}

int xstore_base(struct xs_handle *xs, uint32_t domid, const char *key,
		uint64_t first_kib, uint64_t *ret_kib)
{
	char path[XSTORE_PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), "/local/domain/%u/memtide/%s", domid, key);
	rc = xstore_get_kib(xs, path, ret_kib);
	if (rc != -ENOENT)
		return rc;
	*ret_kib = first_kib;
	return xstore_put_kib(xs, path, first_kib);
}

/* A domain may come to us with what it was given before it was saved, or before
 * it rebooted: it was not built with more than it holds without that. */
int xstore_publish(struct xs_handle *xs, uint32_t domid, const char *node,
		   const char *key, uint64_t built_kib, uint64_t add_kib)
{
	uint64_t now_kib = 0, base_kib = 0;
	char path[XSTORE_PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), "/local/domain/%u/memory/%s", domid, node);
	rc = xstore_get_kib(xs, path, &now_kib);
	if (rc)
		return rc == -ENOENT ? -ESRCH : rc;
	rc = xstore_base(xs, domid, key, MIN(now_kib, built_kib), &base_kib);
	if (rc || base_kib + add_kib == now_kib)
		return rc;
	return xstore_put_kib(xs, path, base_kib + add_kib);
}

int xstore_memory_kib(struct xs_handle *xs, uint32_t domid, const char *node,
		      uint64_t *ret_kib)
{
	char path[XSTORE_PATH_MAX];

	snprintf(path, sizeof(path), "/local/domain/%u/memory/%s", domid, node);
	return xstore_get_kib(xs, path, ret_kib);
}
