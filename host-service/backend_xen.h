/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * backend_xen.h - What the files of the Xen backend share
 *
 * Theory of operation: backend_xen.c. What the operations do: backend.h.
 */
#ifndef MEMTIDE_BACKEND_XEN_H
#define MEMTIDE_BACKEND_XEN_H

#include "backend.h"

#include <xenctrl.h>
#include <xenstore.h>

#include "savers.h"

#define XEN_DOMAINS_MAX		32752u	/* DOMID_FIRST_RESERVED */

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

static inline struct backend_xen *xen_of(struct backend *b)
{
	return (struct backend_xen *)b;
}

/* Domains: xen_domains.c */

/** xen_list_infos() - All of Xen's domains, in an array for the caller to free */
int xen_list_infos(struct backend_xen *x, xc_domaininfo_t **ret,
		   uint32_t *ret_nr);

/** xen_read_name() - "" if it has none; printable */
void xen_read_name(struct backend_xen *x, uint32_t domid,
		   char name[BACKEND_NAME_MAX]);

/**
 * xen_check_id() - Is the domain of that number still the one we mean?
 *
 * Return: 0, -ESRCH or -EIO
 */
int xen_check_id(struct backend_xen *x, const struct guest_id *id,
		 xc_domaininfo_t *ret);

/** xen_check_up() - The same; -EAGAIN if it has shut down: may it change now? */
int xen_check_up(struct backend_xen *x, const struct guest_id *id,
		 xc_domaininfo_t *ret);

int xen_fd(struct backend *b);
void xen_listen(struct backend *b, const struct guest_id *id, bool on);
int xen_list(struct backend *b, struct backend_domain **ret, uint32_t *ret_nr);
int xen_dispatch(struct backend *b, const struct backend_events *cbs,
		 void *ctx);
int xen_domain(struct backend *b, const struct guest_id *id,
	       struct backend_domain *ret);

/* Memory: xen_memory.c */

/** xen_being_saved() - Then nothing is to change, see savers.h */
bool xen_being_saved(struct backend_xen *x, uint32_t domid);

int xen_host(struct backend *b, struct backend_host *ret);
int xen_set_max(struct backend *b, const struct guest_id *id,
		uint64_t max_pages);
int xen_claim(struct backend *b, const struct guest_id *id, uint64_t pages);
int xen_set_tables(struct backend *b, const struct guest_id *id,
		   uint32_t granules);
int xen_populate(struct backend *b, const struct guest_id *id, uint64_t gfn,
		 uint32_t nr, uint32_t *ret_done);
int xen_give_back(struct backend *b, const struct guest_id *id, uint64_t gfn,
		  uint32_t nr, uint32_t *ret_done);
int xen_backed(struct backend *b, const struct guest_id *id, uint64_t gfn,
	       uint32_t nr, uint64_t *bitmap);

/* What is kept and told: xen_told.c */

int xen_store_write(struct backend *b, const struct guest_id *id,
		    const char *key, const char *value);
int xen_store_read(struct backend *b, const struct guest_id *id,
		   const char *key, char *value, size_t size);
int xen_remember(struct backend *b, const struct guest_id *id, uint64_t kib);
int xen_recall(struct backend *b, const struct guest_id *id, uint64_t *ret_kib);
int xen_publish(struct backend *b, const struct guest_id *id,
		uint32_t granules);
int xen_wanted(struct backend *b, const struct guest_id *id, int64_t *ret_kib);
int xen_balloon(struct backend *b, const struct guest_id *id,
		struct backend_balloon *ret);
int xen_set_balloon(struct backend *b, const struct guest_id *id,
		    uint64_t target_kib);

#endif
