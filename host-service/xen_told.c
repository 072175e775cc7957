/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xen_told.c - What is kept in xenstore, and what the toolstack is told there
 */
#include "backend_xen.h"

#include <errno.h>
#include <string.h>

#include "xstore.h"

#define XEN_REMEMBERED_MAX	4096u	/* uuids under /memtide */

int xen_store_write(struct backend *b, const struct guest_id *id,
		    const char *key, const char *value)
{
	char path[XSTORE_PATH_MAX];
	xc_domaininfo_t info;
	int rc = xen_check_id(xen_of(b), id, &info);

	snprintf(path, sizeof(path), "/local/domain/%u/memtide/%s", id->domid,
		 key);
	return rc ? rc : xstore_put(xen_of(b)->xs, path, value);
}

int xen_store_read(struct backend *b, const struct guest_id *id,
		   const char *key, char *value, size_t size)
{
	char path[XSTORE_PATH_MAX];

	snprintf(path, sizeof(path), "/local/domain/%u/memtide/%s", id->domid,
		 key);
	return xstore_get(xen_of(b)->xs, path, value, size);
}

static void remembered_path(const struct guest_id *id,
			    char path[XSTORE_PATH_MAX])
{
	int at = snprintf(path, XSTORE_PATH_MAX, "/memtide/");

	for (size_t i = 0; i < sizeof(id->uuid); i++)
		at += snprintf(path + at, XSTORE_PATH_MAX - (size_t)at, "%02x",
			       id->uuid[i]);
}

/* Guests that went for good leave theirs behind; whose they are is not known,
 * so that all go but those of domains that are there. */
static int forget_absent(struct backend_xen *x)
{
	char path[XSTORE_PATH_MAX], **names;
	struct guest_id id;
	xc_domaininfo_t *infos;
	unsigned int nr_names;
	uint32_t nr;
	int rc;

	names = xs_directory(x->xs, XBT_NULL, "/memtide", &nr_names);
	if (!names)
		return errno == ENOENT ? 0 : -EIO;
	rc = nr_names < XEN_REMEMBERED_MAX ? 0 : xen_list_infos(x, &infos, &nr);
	if (rc || nr_names < XEN_REMEMBERED_MAX)
		goto out;
	for (unsigned int i = 0; i < nr_names; i++) {
		bool here = false;

		for (uint32_t k = 0; k < nr && !here; k++) {
			memcpy(id.uuid, infos[k].handle, sizeof(id.uuid));
			remembered_path(&id, path);
			here = !strcmp(path + strlen("/memtide/"), names[i]);
		}
		snprintf(path, sizeof(path), "/memtide/%s", names[i]);
		if (!here)
			xs_rm(x->xs, XBT_NULL, path);
	}
	free(infos);
out:
	free(names);
	return rc;
}

int xen_remember(struct backend *b, const struct guest_id *id, uint64_t kib)
{
	char path[XSTORE_PATH_MAX];
	xc_domaininfo_t info;
	int rc = xen_check_id(xen_of(b), id, &info);

	if (!rc)
		rc = forget_absent(xen_of(b));
	remembered_path(id, path);
	return rc ? rc : xstore_put_kib(xen_of(b)->xs, path, kib);
}

int xen_recall(struct backend *b, const struct guest_id *id, uint64_t *ret_kib)
{
	char path[XSTORE_PATH_MAX];

	remembered_path(id, path);
	return xstore_get_kib(xen_of(b)->xs, path, ret_kib);
}

int xen_publish(struct backend *b, const struct guest_id *id, uint32_t granules)
{
	uint64_t add_kib = (uint64_t)granules * GRANULE_KIB, built_kib;
	struct xs_handle *xs = xen_of(b)->xs;
	xc_domaininfo_t info;
	int rc = xen_check_up(xen_of(b), id, &info);

	if (rc)
		return rc;
	built_kib = info.tot_pages * PAGE_KIB;
	built_kib -= MIN(built_kib, add_kib);
	/* Besides its memory, whole MiB, it has a few pages of libxl's. */
	built_kib -= built_kib % 1024;
	rc = xstore_publish(xs, id->domid, "static-max", "boot-static-max-kib",
			    built_kib, add_kib);
	if (!rc)
		rc = xstore_publish(xs, id->domid, "target", "boot-target-kib",
				    built_kib, add_kib);
	return rc;
}

int xen_wanted(struct backend *b, const struct guest_id *id, int64_t *ret_kib)
{
	uint64_t now_kib = 0, base_kib = 0;
	char path[XSTORE_PATH_MAX];
	xc_domaininfo_t info;
	int rc = xen_check_up(xen_of(b), id, &info);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/local/domain/%u/memtide/boot-target-kib",
		 id->domid);
	rc = xstore_get_kib(xen_of(b)->xs, path, &base_kib);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/local/domain/%u/memory/target",
		 id->domid);
	rc = xstore_get_kib(xen_of(b)->xs, path, &now_kib);
	if (rc)
		return rc;
	*ret_kib = (int64_t)now_kib - (int64_t)base_kib;
	return 0;
}

/* libxl takes the video memory of an HVM guest, which static-max counts, off
 * its target. Source: libxl__build_post() */
int xen_balloon(struct backend *b, const struct guest_id *id,
		struct backend_balloon *ret)
{
	uint64_t max_kib = 0, target_kib = 0, video_kib = 0;
	struct xs_handle *xs = xen_of(b)->xs;
	xc_domaininfo_t info;
	int rc = xen_check_id(xen_of(b), id, &info);

	if (!rc)
		rc = xstore_memory_kib(xs, id->domid, "static-max", &max_kib);
	if (!rc)
		rc = xstore_memory_kib(xs, id->domid, "target", &target_kib);
	if (!rc)
		rc = xstore_memory_kib(xs, id->domid, "videoram", &video_kib);
	if (rc == -ENOENT && max_kib && target_kib)
		rc = 0;		/* no video memory, none told */
	if (rc)
		return rc;
	ret->most_kib = max_kib - MIN(max_kib, video_kib);
	ret->target_kib = target_kib;
	return 0;
}

int xen_set_balloon(struct backend *b, const struct guest_id *id,
		    uint64_t target_kib)
{
	char path[XSTORE_PATH_MAX];
	xc_domaininfo_t info;
	int rc = xen_check_up(xen_of(b), id, &info);

	if (rc || xen_being_saved(xen_of(b), id->domid))
		return rc ? rc : -EAGAIN;
	snprintf(path, sizeof(path), "/local/domain/%u/memory/target",
		 id->domid);
	return xstore_put_kib(xen_of(b)->xs, path, target_kib);
}
