/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xen_domains.c - Which domains there are, and what happens to them
 */
#include "backend_xen.h"

#include <errno.h>
#include <string.h>

#include "xstore.h"

#define XEN_LIST_CHUNK		256u
#define XEN_EVENTS_MAX		256u	/* then others have a turn */

int xen_fd(struct backend *b)
{
	return xs_fileno(xen_of(b)->xs);
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
void xen_listen(struct backend *b, const struct guest_id *id, bool on)
{
	struct backend_xen *x = xen_of(b);

	if (id->domid >= XEN_DOMAINS_MAX)
		return;
	set_put(&x->deaf, id->domid, !on);
	set_watch(x, &x->offers, id->domid, on);
}

void xen_read_name(struct backend_xen *x, uint32_t domid,
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

static unsigned int shutdown_reason(const xc_domaininfo_t *info)
{
	return info->flags >> XEN_DOMINF_shutdownshift &
	       XEN_DOMINF_shutdownmask;
}

/* A reboot, and what on_crash may make one */
static bool restarts(const xc_domaininfo_t *info)
{
	unsigned int reason = shutdown_reason(info);

	return info->flags & XEN_DOMINF_shutdown &&
	       (reason == SHUTDOWN_reboot || reason == SHUTDOWN_crash);
}

static void fill_domain(const xc_domaininfo_t *info, struct backend_domain *ret)
{
	ret->id.domid = info->domain;
	memcpy(ret->id.uuid, info->handle, sizeof(ret->id.uuid));
	ret->pages = info->tot_pages;
	ret->max_pages = info->max_pages;
	ret->claimed = info->outstanding_pages;
	ret->restarts = restarts(info);
}

static bool is_guest(const xc_domaininfo_t *info)
{
	return info->domain && !(info->flags & XEN_DOMINF_dying);
}

/* All of Xen's domains, in an array for the caller to free. */
int xen_list_infos(struct backend_xen *x, xc_domaininfo_t **ret,
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

int xen_list(struct backend *b, struct backend_domain **ret, uint32_t *ret_nr)
{
	struct backend_domain *domains;
	xc_domaininfo_t *infos;
	uint32_t nr, live = 0;
	int rc;

	rc = xen_list_infos(xen_of(b), &infos, &nr);
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
		xen_read_name(xen_of(b), infos[i].domain, domains[live].name);
		live++;
	}
	free(infos);
	watch_domains(xen_of(b), domains, live);
	*ret = domains;
	*ret_nr = live;
	return 0;
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

	if (xen_list_infos(x, &infos, &nr))
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
int xen_dispatch(struct backend *b, const struct backend_events *cbs, void *ctx)
{
	char **event;

	for (unsigned int left = XEN_EVENTS_MAX; left; left--) {
		event = xs_check_watch(xen_of(b)->xs);
		if (!event)
			return errno == EAGAIN ? 0 : -EIO;
		if (!strcmp(event[XS_WATCH_TOKEN], "released"))
			release_watched(xen_of(b));
		xen_event(event[XS_WATCH_TOKEN], cbs, ctx);
		free(event);
	}
	return 0;
}

/* Is the domain of that number still the one we mean? */
int xen_check_id(struct backend_xen *x, const struct guest_id *id,
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
int xen_check_up(struct backend_xen *x, const struct guest_id *id,
		 xc_domaininfo_t *ret)
{
	int rc = xen_check_id(x, id, ret);

	return !rc && ret->flags & XEN_DOMINF_shutdown ? -EAGAIN : rc;
}

int xen_domain(struct backend *b, const struct guest_id *id,
	       struct backend_domain *ret)
{
	xc_domaininfo_t info;
	int rc = xen_check_id(xen_of(b), id, &info);

	if (!rc)
		fill_domain(&info, ret);
	return rc;
}
