/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * backend_xen.c - Xen under this dom0, through libxenctrl and libxenstore
 *
 * DOC: Theory of operation
 *
 * Hypercalls that fail part way are the rule here, not the exception: every
 * operation uses the calls that tell how far they came, never the _exact
 * wrappers, and leaves whole granules only. They are in xen_domains.c,
 * xen_memory.c and xen_told.c.
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
#include "backend_xen.h"

#include <errno.h>

#include "transport_vchan.h"
#include "xen_words.h"

static void xen_close(struct backend *b)
{
	if (!b)
		return;
	if (xen_of(b)->xs)
		xs_close(xen_of(b)->xs);
	if (xen_of(b)->xc)
		xc_interface_close(xen_of(b)->xc);
	free(b);
}

static int xen_connect(struct backend *b, const struct guest_id *id,
		       struct transport **ret)
{
	xc_domaininfo_t info;
	int rc = xen_check_id(xen_of(b), id, &info);

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
