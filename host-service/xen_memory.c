/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xen_memory.c - Memory given to domains and taken back
 */
#include "backend_xen.h"

#include <errno.h>

#include "xstore.h"

/* Exported by libxenctrl, declared only in its private header. */
int xc_get_pfn_type_batch(xc_interface *xch, uint32_t dom, unsigned int num,
			  xen_pfn_t *arr);

#define XEN_BATCH_MAX		64u	/* granules in one hypercall */
#define XEN_SCAN_MAX		1024u	/* gfns in one hypercall */
/* libxl's own measure, one page of p2m a MiB; twice what the tables of a
 * window shattered to 4 KiB need. Source: libxl__get_required_paging_memory() */
#define XEN_TABLES_KIB		8u	/* a granule */

int xen_host(struct backend *b, struct backend_host *ret)
{
	xc_physinfo_t info = { 0 };

	if (xc_physinfo(xen_of(b)->xc, &info))
		return -EIO;
	ret->total = info.total_pages;
	ret->free = info.free_pages > info.outstanding_pages ?
			    info.free_pages - info.outstanding_pages : 0;
	return 0;
}

int xen_set_max(struct backend *b, const struct guest_id *id,
		uint64_t max_pages)
{
	xc_domaininfo_t info;
	int rc = xen_check_up(xen_of(b), id, &info);

	if (rc)
		return rc;
	if (info.max_pages == max_pages)
		return 0;
	return xc_domain_setmaxmem(xen_of(b)->xc, id->domid,
				   max_pages * PAGE_KIB) ? -EIO : 0;
}

/* One claim a domain, and none above its maximum: that is raised for it. */
int xen_claim(struct backend *b, const struct guest_id *id, uint64_t pages)
{
	xc_interface *xc = xen_of(b)->xc;
	xc_domaininfo_t info;
	int rc = xen_check_up(xen_of(b), id, &info);

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

bool xen_being_saved(struct backend_xen *x, uint32_t domid)
{
	char name[BACKEND_NAME_MAX];

	xen_read_name(x, domid, name);
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

int xen_populate(struct backend *b, const struct guest_id *id, uint64_t gfn,
		 uint32_t nr, uint32_t *ret_done)
{
	struct backend_xen *x = xen_of(b);
	struct backend_host host;
	xc_domaininfo_t info;
	uint32_t done;
	int rc;

	*ret_done = 0;
	ASSERT(nr && nr <= XEN_BATCH_MAX);
	rc = xen_check_up(x, id, &info);
	if (rc || xen_being_saved(x, id->domid))
		return rc ? rc : -EAGAIN;
	done = (uint32_t)call_populate(x, id->domid, gfn, nr, GRANULE_ORDER);
	while (done < nr && !xen_host(b, &host) && host.free >= GRANULE_PAGES &&
	       populate_small(x, id->domid,
			      gfn + (uint64_t)done * GRANULE_PAGES))
		done++;
	/* Who saves it from now on sees what it has got; the guest does not yet
	 * know of it. */
	if (xen_being_saved(x, id->domid)) {
		*ret_done = undo_populate(x, id->domid, gfn, done);
		return -EAGAIN;
	}
	*ret_done = done;
	return done == nr ? 0 : -ENOMEM;
}

int xen_give_back(struct backend *b, const struct guest_id *id, uint64_t gfn,
		  uint32_t nr, uint32_t *ret_done)
{
	struct backend_xen *x = xen_of(b);
	xc_domaininfo_t info;
	int rc;

	*ret_done = 0;
	rc = xen_check_up(x, id, &info);
	if (rc || xen_being_saved(x, id->domid))
		return rc ? rc : -EAGAIN;
	*ret_done = (uint32_t)call_decrease(x, id->domid, gfn, nr,
					    GRANULE_ORDER);
	return *ret_done == nr ? 0 : -EIO;
}

int xen_backed(struct backend *b, const struct guest_id *id, uint64_t gfn,
	       uint32_t nr, uint64_t *bitmap)
{
	xen_pfn_t types[XEN_SCAN_MAX];
	xc_domaininfo_t info;
	uint32_t chunk;
	int rc;

	rc = xen_check_id(xen_of(b), id, &info);
	if (rc)
		return rc;
	for (uint32_t at = 0; at < nr; at += chunk) {
		chunk = MIN(nr - at, XEN_SCAN_MAX);
		for (uint32_t i = 0; i < chunk; i++)
			types[i] = gfn + (uint64_t)(at + i) * GRANULE_PAGES;
		if (xc_get_pfn_type_batch(xen_of(b)->xc, id->domid, chunk,
					  types))
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

int xen_set_tables(struct backend *b, const struct guest_id *id,
		   uint32_t granules)
{
	uint64_t now_bytes, base_kib = 0, want_kib;
	struct backend_xen *x = xen_of(b);
	xc_domaininfo_t info;
	int rc = xen_check_up(x, id, &info);

	if (rc)
		return rc;
	if (xc_get_paging_mempool_size(x->xc, id->domid, &now_bytes))
		return -EIO;
	rc = xstore_base(x->xs, id->domid, "boot-tables-kib", now_bytes / 1024,
			 &base_kib);
	if (rc)
		return rc;
	want_kib = base_kib + (uint64_t)granules * XEN_TABLES_KIB;
	if (want_kib * 1024 == now_bytes)
		return 0;
	if (!xc_set_paging_mempool_size(x->xc, id->domid, want_kib * 1024))
		return 0;
	/* Tables in use stay; what could be freed is. */
	return want_kib * 1024 < now_bytes ? 0 : -ENOMEM;
}
