/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * backend_xen.c - Xen under this dom0, through libxenctrl and libxenstore
 *
 * DOC: Theory of operation
 *
 * Hypercalls that fail part way are the rule here, not the exception: every
 * operation uses the calls that tell how far they came, never the _exact
 * wrappers, and leaves whole granules only.
 *
 * A domain that has shut down is not touched any more; one that is suspended has,
 * too. Nor does one change that is being saved while it runs: see savers.h.
 *
 * libxl builds a domain that reboots as large as its nodes say when it has shut
 * down, so they must say then what it was built with: release_watched() writes
 * that as the first thing, in a race with the xl of that domain, which has a
 * file to parse and more to read before.
 *
 * Xenstore, /memtide/<uuid>: the size wanted for the guest, in KiB.
 * Xenstore, below /local/domain/<domid>/:
 *   memtide/<key>		dom0's, see store_write(); the guest cannot write
 *   memory/target, static-max	told to libxl and the guest's balloon, as an
 *				offset to what was there at first; in balloon
 *				mode target alone
 *   data/memtide/event-channel	the guest's, watched: written last when its
 *				agent offers a channel
 *   memory/target is watched too: others of the toolstack write it, the guest
 *				can but read it (libxl gives it no more)
 */
#include "backend.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xenctrl.h>
#include <xenstore.h>

#include "savers.h"
#include "transport_vchan.h"
#include "xen_words.h"
#include "xstore.h"

/* Exported by libxenctrl, declared only in its private header. */
int xc_get_pfn_type_batch(xc_interface *xch, uint32_t dom, unsigned int num,
			  xen_pfn_t *arr);

#define XEN_LIST_CHUNK		256u
#define XEN_BATCH_MAX		64u	/* granules in one hypercall */
#define XEN_SCAN_MAX		1024u	/* gfns in one hypercall */
#define XEN_DOMAINS_MAX		32752u	/* DOMID_FIRST_RESERVED */
#define XEN_EVENTS_MAX		256u	/* then others have a turn */
/* libxl's own measure, one page of p2m a MiB; twice what the tables of a
 * window shattered to 4 KiB need. Source: libxl__get_required_paging_memory() */
#define XEN_TABLES_KIB		8u	/* a granule */
#define XEN_REMEMBERED_MAX	4096u	/* uuids under /memtide */

/**
 * struct domid_set - one bit a domid
 */
struct domid_set {
	uint8_t bits[(XEN_DOMAINS_MAX + 7) / 8];
};

/**
 * struct xen_watch - a node that is watched in each domain
 * @kind:	names it in the token, KIND/DOMID
 * @node:	below /local/domain/<domid>/
 * @set:	where it is watched
 */
struct xen_watch {
	const char *kind;
	const char *node;
	struct domid_set set;
};

/**
 * struct backend_xen
 * @offers, @targets: the guest's node, the toolstack's node
 * @deaf:	domains whose offers are not to be heard now
 */
struct backend_xen {
	struct backend backend;
	xc_interface *xc;
	struct xs_handle *xs;
	struct xen_watch offers, targets;
	struct domid_set deaf;
	struct savers savers;
};

static struct backend_xen *xen(struct backend *b)
{
	return (struct backend_xen *)b;
}

static void xen_close(struct backend *b)
{
	if (!b)
		return;
	if (xen(b)->xs)
		xs_close(xen(b)->xs);
	if (xen(b)->xc)
		xc_interface_close(xen(b)->xc);
	free(b);
}

/* Domains ---------------------------------------------------------------- */

static int xen_fd(struct backend *b)
{
	return xs_fileno(xen(b)->xs);
}

static bool set_test(const struct domid_set *s, uint32_t domid)
{
	return s->bits[domid / 8] >> domid % 8 & 1;
}

static void set_put(struct domid_set *s, uint32_t domid, bool on)
{
	uint8_t bit = (uint8_t)(1u << domid % 8);

	s->bits[domid / 8] = (uint8_t)((s->bits[domid / 8] & ~bit) |
				       (on ? bit : 0));
}

/* A watch fires once when it is set, which covers what was there before, and
 * unset it takes along the events that wait: XS_UNWATCH_FILTER, which asks for
 * tokens as ours, one a path. Source: xenstore.h */
static void set_watch(struct backend_xen *x, struct xen_watch *w,
		      uint32_t domid, bool on)
{
	char path[XSTORE_PATH_MAX], token[32];

	if (set_test(&w->set, domid) == on)
		return;
	snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, w->node);
	snprintf(token, sizeof(token), "%s/%u", w->kind, domid);
	if (on ? xs_watch(x->xs, path, token) : xs_unwatch(x->xs, path, token))
		set_put(&w->set, domid, on);
}

/* Without asking whether the domain is still the same: at worst the next
 * list() puts it right. */
static void xen_listen(struct backend *b, const struct guest_id *id, bool on)
{
	struct backend_xen *x = xen(b);

	if (id->domid >= XEN_DOMAINS_MAX)
		return;
	set_put(&x->deaf, id->domid, !on);
	set_watch(x, &x->offers, id->domid, on);
}

static void read_name(struct backend_xen *x, uint32_t domid,
		      char name[BACKEND_NAME_MAX])
{
	char path[XSTORE_PATH_MAX];
	unsigned int len;
	char *text;

	name[0] = 0;
	snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
	text = xs_read(x->xs, XBT_NULL, path, &len);
	if (!text)
		return;
	snprintf(name, BACKEND_NAME_MAX, "%s", text);
	for (char *c = name; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	free(text);
}

static void fill_domain(const xc_domaininfo_t *info, struct backend_domain *ret)
{
	ret->id.domid = info->domain;
	memcpy(ret->id.uuid, info->handle, sizeof(ret->id.uuid));
	ret->pages = info->tot_pages;
	ret->max_pages = info->max_pages;
	ret->claimed = info->outstanding_pages;
}

static bool is_guest(const xc_domaininfo_t *info)
{
	return info->domain && !(info->flags & XEN_DOMINF_dying);
}

/* All of Xen's domains, in an array for the caller to free. */
static int list_infos(struct backend_xen *x, xc_domaininfo_t **ret,
		      uint32_t *ret_nr)
{
	xc_domaininfo_t *infos = NULL, *more;
	uint32_t nr = 0, from = 0;
	int got;

	do {
		more = realloc(infos, (nr + XEN_LIST_CHUNK) * sizeof(*infos));
		if (!more) {
			free(infos);
			return -ENOMEM;
		}
		infos = more;
		got = xc_domain_getinfolist(x->xc, from, XEN_LIST_CHUNK,
					    infos + nr);
		if (got < 0) {
			free(infos);
			return -EIO;
		}
		nr += (uint32_t)got;
		from = got ? infos[nr - 1].domain + 1u : 0;
	} while ((uint32_t)got == XEN_LIST_CHUNK);
	*ret = infos;
	*ret_nr = nr;
	return 0;
}

/* Domids come in rising order: unwatch those between the ones there are. */
static void watch_domains(struct backend_xen *x,
			  const struct backend_domain *domains, uint32_t nr)
{
	uint32_t next = 0;

	for (uint32_t domid = 1; domid < XEN_DOMAINS_MAX; domid++) {
		bool here = next < nr && domains[next].id.domid == domid;

		if (here)
			next++;
		else
			set_put(&x->deaf, domid, false);
		set_watch(x, &x->offers, domid,
			  here && !set_test(&x->deaf, domid));
		set_watch(x, &x->targets, domid, here);
	}
}

static int xen_list(struct backend *b, struct backend_domain **ret,
		    uint32_t *ret_nr)
{
	struct backend_domain *domains;
	xc_domaininfo_t *infos;
	uint32_t nr, live = 0;
	int rc;

	rc = list_infos(xen(b), &infos, &nr);
	if (rc)
		return rc;
	domains = calloc(nr + 1, sizeof(*domains));
	if (!domains) {
		free(infos);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < nr; i++) {
		if (!is_guest(&infos[i]))
			continue;
		fill_domain(&infos[i], &domains[live]);
		read_name(xen(b), infos[i].domain, domains[live].name);
		live++;
	}
	free(infos);
	watch_domains(xen(b), domains, live);
	*ret = domains;
	*ret_nr = live;
	return 0;
}

static unsigned int shutdown_reason(const xc_domaininfo_t *info)
{
	return info->flags >> XEN_DOMINF_shutdownshift &
	       XEN_DOMINF_shutdownmask;
}

/* A figure as it was before we first changed it; nothing if we never did. */
static void tell_boot(struct backend_xen *x, uint32_t domid, const char *node,
		      const char *key)
{
	char path[XSTORE_PATH_MAX];
	uint64_t base_kib;

	snprintf(path, sizeof(path), "/local/domain/%u/memtide/%s", domid, key);
	if (xstore_get_kib(x->xs, path, &base_kib))
		return;
	snprintf(path, sizeof(path), "/local/domain/%u/memory/%s", domid, node);
	(void)xstore_put_kib(x->xs, path, base_kib);
}

/* Something has shut down or gone. static-max first: it is what libxl builds,
 * the target is only what it tells the new domain. */
static void release_watched(struct backend_xen *x)
{
	xc_domaininfo_t *infos;
	uint32_t nr;

	if (list_infos(x, &infos, &nr))
		return;
	for (uint32_t i = 0; i < nr; i++) {
		if (!is_guest(&infos[i]) ||
		    !(infos[i].flags & XEN_DOMINF_shutdown) ||
		    shutdown_reason(&infos[i]) == SHUTDOWN_suspend)
			continue;
		tell_boot(x, infos[i].domain, "static-max",
			  "boot-static-max-kib");
		tell_boot(x, infos[i].domain, "target", "boot-target-kib");
	}
	free(infos);
}

static void xen_event(const char *token, const struct backend_events *cbs,
		      void *ctx)
{
	unsigned int domid;

	if (sscanf(token, "offer/%u", &domid) == 1)
		cbs->offer(ctx, domid);
	else if (sscanf(token, "target/%u", &domid) == 1)
		cbs->target(ctx, domid);
	else
		cbs->domains(ctx);
}

/* The descriptor stays readable while events are left. */
static int xen_dispatch(struct backend *b, const struct backend_events *cbs,
			void *ctx)
{
	char **event;

	for (unsigned int left = XEN_EVENTS_MAX; left; left--) {
		event = xs_check_watch(xen(b)->xs);
		if (!event)
			return errno == EAGAIN ? 0 : -EIO;
		if (!strcmp(event[XS_WATCH_TOKEN], "released"))
			release_watched(xen(b));
		xen_event(event[XS_WATCH_TOKEN], cbs, ctx);
		free(event);
	}
	return 0;
}

/* Is the domain of that number still the one we mean? */
static int check_id(struct backend_xen *x, const struct guest_id *id,
		    xc_domaininfo_t *ret)
{
	int got = xc_domain_getinfolist(x->xc, id->domid, 1, ret);

	if (got < 0)
		return -EIO;
	if (got != 1 || ret->domain != id->domid || !is_guest(ret) ||
	    memcmp(ret->handle, id->uuid, sizeof(id->uuid)))
		return -ESRCH;
	return 0;
}

/* May it change now? */
static int check_up(struct backend_xen *x, const struct guest_id *id,
		    xc_domaininfo_t *ret)
{
	int rc = check_id(x, id, ret);

	return !rc && ret->flags & XEN_DOMINF_shutdown ? -EAGAIN : rc;
}

static int xen_domain(struct backend *b, const struct guest_id *id,
		      struct backend_domain *ret)
{
	xc_domaininfo_t info;
	int rc = check_id(xen(b), id, &info);

	if (!rc)
		fill_domain(&info, ret);
	return rc;
}

/* Memory ----------------------------------------------------------------- */

static int xen_host(struct backend *b, struct backend_host *ret)
{
	xc_physinfo_t info = { 0 };

	if (xc_physinfo(xen(b)->xc, &info))
		return -EIO;
	ret->total = info.total_pages;
	ret->free = info.free_pages > info.outstanding_pages ?
			    info.free_pages - info.outstanding_pages : 0;
	return 0;
}

static int xen_set_max(struct backend *b, const struct guest_id *id,
		       uint64_t max_pages)
{
	xc_domaininfo_t info;
	int rc = check_up(xen(b), id, &info);

	if (rc)
		return rc;
	if (info.max_pages == max_pages)
		return 0;
	return xc_domain_setmaxmem(xen(b)->xc, id->domid,
				   max_pages * PAGE_KIB) ? -EIO : 0;
}

/* One claim a domain, and none above its maximum: that is raised for it. */
static int xen_claim(struct backend *b, const struct guest_id *id,
		     uint64_t pages)
{
	xc_interface *xc = xen(b)->xc;
	xc_domaininfo_t info;
	int rc = check_up(xen(b), id, &info);

	if (rc)
		return rc;
	if (xc_domain_claim_pages(xc, id->domid, 0))
		return -EIO;
	if (pages <= info.tot_pages)
		return 0;
	if (xc_domain_setmaxmem(xc, id->domid, pages * PAGE_KIB))
		return -EIO;
	if (xc_domain_claim_pages(xc, id->domid, pages))
		rc = errno == ENOMEM ? -ENOMEM : -EIO;
	if (xc_domain_setmaxmem(xc, id->domid, info.max_pages * PAGE_KIB))
		rc = -EIO;
	return rc;
}

static int call_populate(struct backend_xen *x, uint32_t domid, uint64_t gfn,
			 uint32_t nr, unsigned int order)
{
	xen_pfn_t extents[GRANULE_PAGES];
	int got;

	ASSERT(nr <= ARRAY_SIZE(extents));
	for (uint32_t i = 0; i < nr; i++)
		extents[i] = gfn + ((uint64_t)i << order);
	got = xc_domain_populate_physmap(x->xc, domid, nr, order, 0, extents);
	return got < 0 ? 0 : got;
}

static int call_decrease(struct backend_xen *x, uint32_t domid, uint64_t gfn,
			 uint32_t nr, unsigned int order)
{
	xen_pfn_t extents[GRANULE_PAGES];
	int got;

	ASSERT(nr <= ARRAY_SIZE(extents));
	for (uint32_t i = 0; i < nr; i++)
		extents[i] = gfn + ((uint64_t)i << order);
	got = xc_domain_decrease_reservation(x->xc, domid, nr, order, extents);
	return got < 0 ? 0 : got;
}

static bool being_saved(struct backend_xen *x, uint32_t domid)
{
	char name[BACKEND_NAME_MAX];

	read_name(x, domid, name);
	return savers_busy(&x->savers, "/proc", domid, name);
}

/* One granule of single frames, for a host without a free 2 MiB extent. */
static bool populate_small(struct backend_xen *x, uint32_t domid, uint64_t gfn)
{
	int got = call_populate(x, domid, gfn, GRANULE_PAGES, 0);

	if (got == (int)GRANULE_PAGES)
		return true;
	if (got)
		call_decrease(x, domid, gfn, (uint32_t)got, 0);
	return false;
}

/* From the last one on, so that what stays, if one cannot go, leads. */
static uint32_t undo_populate(struct backend_xen *x, uint32_t domid,
			      uint64_t gfn, uint32_t done)
{
	while (done && call_decrease(x, domid,
				     gfn + (uint64_t)(done - 1) * GRANULE_PAGES,
				     1, GRANULE_ORDER) == 1)
		done--;
	return done;
}

static int xen_populate(struct backend *b, const struct guest_id *id,
			uint64_t gfn, uint32_t nr, uint32_t *ret_done)
{
	struct backend_xen *x = xen(b);
	struct backend_host host;
	xc_domaininfo_t info;
	uint32_t done;
	int rc;

	*ret_done = 0;
	ASSERT(nr && nr <= XEN_BATCH_MAX);
	rc = check_up(x, id, &info);
	if (rc || being_saved(x, id->domid))
		return rc ? rc : -EAGAIN;
	done = (uint32_t)call_populate(x, id->domid, gfn, nr, GRANULE_ORDER);
	while (done < nr && !xen_host(b, &host) && host.free >= GRANULE_PAGES &&
	       populate_small(x, id->domid,
			      gfn + (uint64_t)done * GRANULE_PAGES))
		done++;
	/* Who saves it from now on sees what it has got; the guest does not yet
	 * know of it. */
	if (being_saved(x, id->domid)) {
		*ret_done = undo_populate(x, id->domid, gfn, done);
		return -EAGAIN;
	}
	*ret_done = done;
	return done == nr ? 0 : -ENOMEM;
}

static int xen_give_back(struct backend *b, const struct guest_id *id,
			 uint64_t gfn, uint32_t nr, uint32_t *ret_done)
{
	struct backend_xen *x = xen(b);
	xc_domaininfo_t info;
	int rc;

	*ret_done = 0;
	rc = check_up(x, id, &info);
	if (rc || being_saved(x, id->domid))
		return rc ? rc : -EAGAIN;
	*ret_done = (uint32_t)call_decrease(x, id->domid, gfn, nr,
					    GRANULE_ORDER);
	return *ret_done == nr ? 0 : -EIO;
}

static int xen_backed(struct backend *b, const struct guest_id *id,
		      uint64_t gfn, uint32_t nr, uint64_t *bitmap)
{
	xen_pfn_t types[XEN_SCAN_MAX];
	xc_domaininfo_t info;
	uint32_t chunk;
	int rc;

	rc = check_id(xen(b), id, &info);
	if (rc)
		return rc;
	for (uint32_t at = 0; at < nr; at += chunk) {
		chunk = MIN(nr - at, XEN_SCAN_MAX);
		for (uint32_t i = 0; i < chunk; i++)
			types[i] = gfn + (uint64_t)(at + i) * GRANULE_PAGES;
		if (xc_get_pfn_type_batch(xen(b)->xc, id->domid, chunk, types))
			return -EIO;
		for (uint32_t i = 0; i < chunk; i++) {
			uint64_t bit = 1ull << (at + i) % 64;

			if (types[i] == XEN_DOMCTL_PFINFO_XTAB)
				bitmap[(at + i) / 64] &= ~bit;
			else
				bitmap[(at + i) / 64] |= bit;
		}
	}
	return 0;
}

/* What is kept and told ------------------------------------------------- */

static int xen_store_write(struct backend *b, const struct guest_id *id,
			   const char *key, const char *value)
{
	char path[XSTORE_PATH_MAX];
	xc_domaininfo_t info;
	int rc = check_id(xen(b), id, &info);

	snprintf(path, sizeof(path), "/local/domain/%u/memtide/%s", id->domid,
		 key);
	return rc ? rc : xstore_put(xen(b)->xs, path, value);
}

static int xen_store_read(struct backend *b, const struct guest_id *id,
			  const char *key, char *value, size_t size)
{
	char path[XSTORE_PATH_MAX];

	snprintf(path, sizeof(path), "/local/domain/%u/memtide/%s", id->domid,
		 key);
	return xstore_get(xen(b)->xs, path, value, size);
}

static void remembered_path(const struct guest_id *id, char path[XSTORE_PATH_MAX])
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
	rc = nr_names < XEN_REMEMBERED_MAX ? 0 : list_infos(x, &infos, &nr);
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

static int xen_remember(struct backend *b, const struct guest_id *id,
			uint64_t kib)
{
	char path[XSTORE_PATH_MAX];
	xc_domaininfo_t info;
	int rc = check_id(xen(b), id, &info);

	if (!rc)
		rc = forget_absent(xen(b));
	remembered_path(id, path);
	return rc ? rc : xstore_put_kib(xen(b)->xs, path, kib);
}

static int xen_recall(struct backend *b, const struct guest_id *id,
		      uint64_t *ret_kib)
{
	char path[XSTORE_PATH_MAX];

	remembered_path(id, path);
	return xstore_get_kib(xen(b)->xs, path, ret_kib);
}

static int xen_publish(struct backend *b, const struct guest_id *id,
		       uint32_t granules)
{
	uint64_t add_kib = (uint64_t)granules * GRANULE_KIB, built_kib;
	xc_domaininfo_t info;
	int rc = check_up(xen(b), id, &info);

	if (rc)
		return rc;
	built_kib = info.tot_pages * PAGE_KIB;
	built_kib -= MIN(built_kib, add_kib);
	/* Besides its memory, whole MiB, it has a few pages of libxl's. */
	built_kib -= built_kib % 1024;
	rc = xstore_publish(xen(b)->xs, id->domid, "static-max", "boot-static-max-kib",
			 built_kib, add_kib);
	if (!rc)
		rc = xstore_publish(xen(b)->xs, id->domid, "target", "boot-target-kib",
				 built_kib, add_kib);
	return rc;
}

static int xen_wanted(struct backend *b, const struct guest_id *id,
		      int64_t *ret_kib)
{
	uint64_t now_kib = 0, base_kib = 0;
	char path[XSTORE_PATH_MAX];
	xc_domaininfo_t info;
	int rc = check_up(xen(b), id, &info);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/local/domain/%u/memtide/boot-target-kib",
		 id->domid);
	rc = xstore_get_kib(xen(b)->xs, path, &base_kib);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/local/domain/%u/memory/target",
		 id->domid);
	rc = xstore_get_kib(xen(b)->xs, path, &now_kib);
	if (rc)
		return rc;
	*ret_kib = (int64_t)now_kib - (int64_t)base_kib;
	return 0;
}

/* libxl takes the video memory of an HVM guest, which static-max counts, off
 * its target. Source: libxl__build_post() */
static int xen_balloon(struct backend *b, const struct guest_id *id,
		       struct backend_balloon *ret)
{
	uint64_t max_kib = 0, target_kib = 0, video_kib = 0;
	xc_domaininfo_t info;
	int rc = check_id(xen(b), id, &info);

	if (!rc)
		rc = xstore_memory_kib(xen(b)->xs, id->domid, "static-max", &max_kib);
	if (!rc)
		rc = xstore_memory_kib(xen(b)->xs, id->domid, "target", &target_kib);
	if (!rc)
		rc = xstore_memory_kib(xen(b)->xs, id->domid, "videoram", &video_kib);
	if (rc == -ENOENT && max_kib && target_kib)
		rc = 0;		/* no video memory, none told */
	if (rc)
		return rc;
	ret->most_kib = max_kib - MIN(max_kib, video_kib);
	ret->target_kib = target_kib;
	return 0;
}

static int xen_set_balloon(struct backend *b, const struct guest_id *id,
			   uint64_t target_kib)
{
	char path[XSTORE_PATH_MAX];
	xc_domaininfo_t info;
	int rc = check_up(xen(b), id, &info);

	if (rc || being_saved(xen(b), id->domid))
		return rc ? rc : -EAGAIN;
	snprintf(path, sizeof(path), "/local/domain/%u/memory/target",
		 id->domid);
	return xstore_put_kib(xen(b)->xs, path, target_kib);
}

static int xen_set_tables(struct backend *b, const struct guest_id *id,
			  uint32_t granules)
{
	uint64_t now_bytes, base_kib = 0, want_kib;
	xc_domaininfo_t info;
	int rc = check_up(xen(b), id, &info);

	if (rc)
		return rc;
	if (xc_get_paging_mempool_size(xen(b)->xc, id->domid, &now_bytes))
		return -EIO;
	rc = xstore_base(xen(b)->xs, id->domid, "boot-tables-kib", now_bytes / 1024,
			&base_kib);
	if (rc)
		return rc;
	want_kib = base_kib + (uint64_t)granules * XEN_TABLES_KIB;
	if (want_kib * 1024 == now_bytes)
		return 0;
	if (!xc_set_paging_mempool_size(xen(b)->xc, id->domid, want_kib * 1024))
		return 0;
	/* Tables in use stay; what could be freed is. */
	return want_kib * 1024 < now_bytes ? 0 : -ENOMEM;
}

static int xen_connect(struct backend *b, const struct guest_id *id,
		       struct transport **ret)
{
	xc_domaininfo_t info;
	int rc = check_id(xen(b), id, &info);

	return rc ? rc : transport_vchan_connect(id->domid, ret);
}

static const struct backend_ops xen_ops = {
	.name = "xen",
	.close = xen_close,
	.fd = xen_fd,
	.dispatch = xen_dispatch,
	.listen = xen_listen,
	.list = xen_list,
	.domain = xen_domain,
	.host = xen_host,
	.set_max = xen_set_max,
	.claim = xen_claim,
	.set_tables = xen_set_tables,
	.populate = xen_populate,
	.give_back = xen_give_back,
	.backed = xen_backed,
	.store_write = xen_store_write,
	.store_read = xen_store_read,
	.remember = xen_remember,
	.recall = xen_recall,
	.publish = xen_publish,
	.wanted = xen_wanted,
	.balloon = xen_balloon,
	.set_balloon = xen_set_balloon,
	.connect = xen_connect,
};

/*
 * By default Xen clears what a domain held when it has died, and leaves it to
 * living ones to clear what they give back: xen-command-line, scrub-domheap.
 */
static bool scrubs(xc_interface *xc)
{
	xen_commandline_t line;

	if (xc_version(xc, XENVER_commandline, &line) < 0)
		return false;
	line[sizeof(line) - 1] = '\0';
	return xen_word_is_on(line, "scrub-domheap", false);
}

int backend_xen_open(struct backend **ret)
{
	struct backend_xen *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->backend.ops = &xen_ops;
	x->offers.kind = "offer";
	x->offers.node = VCHAN_NODE "/event-channel";
	x->targets.kind = "target";
	x->targets.node = "memory/target";
	x->xc = xc_interface_open(NULL, NULL, 0);
	x->xs = x->xc ? xs_open(XS_UNWATCH_FILTER) : NULL;
	/* libxl writes below /vm when it begins to build a domain, and introduces
	 * it when it is done: what is reserved for it is to be known before. */
	if (!x->xs || !xs_watch(x->xs, "@introduceDomain", "domains") ||
	    !xs_watch(x->xs, "/vm", "built") ||
	    !xs_watch(x->xs, "@releaseDomain", "released")) {
		int rc = errno ? -errno : -EIO;

		xen_close(&x->backend);
		return rc;
	}
	x->backend.clears = scrubs(x->xc);
	*ret = &x->backend;
	return 0;
}
