/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xenhog.c - A domain that only takes memory from the host (tests only)
 *
 *   xen-hog fragment MIB	take every 2 MiB extent there is, then give back
 *				MIB in single pages, no two of them adjacent
 *   xen-hog leave MIB		take all but MIB, in 2 MiB extents
 *   xen-hog look MIB		take MIB, and say how many of its pages hold what
 *				guesttool has left in another domain's
 *   xen-hog claim MIB		take nothing, but have Xen keep MIB for it, as
 *				for a domain that is being built
 *
 * Prints what it did and keeps it until its standard input ends, then the domain
 * is destroyed. A PV domain: it has no page tables of Xen's to pay for.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenforeignmemory.h>

#define ORDER		9u
#define EXTENT_PAGES	(1u << ORDER)
#define MIB_PAGES	256u
#define BATCH		64u
#define LOOK_SEED	5u
#define HOG_MIB_MAX	65536u

struct hog {
	xc_interface *xch;
	uint32_t domid;
	xen_pfn_t *extents;	/* machine frames of those taken */
	uint64_t nr;
};

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "xen-hog: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t free_pages(struct hog *h)
{
	xc_physinfo_t info = { 0 };

	if (xc_physinfo(h->xch, &info))
		die("physinfo");
	return info.free_pages;
}

/* One extent after the other, until there is none or @leave pages are left. */
static void take(struct hog *h, uint64_t leave)
{
	while (free_pages(h) >= leave + EXTENT_PAGES) {
		xen_pfn_t extent = h->nr * EXTENT_PAGES;

		if (xc_domain_populate_physmap(h->xch, h->domid, 1, ORDER, 0,
					       &extent) != 1)
			break;
		h->extents[h->nr++] = extent;
	}
}

/* Two words that follow each other in guesttool's pattern, of seed LOOK_SEED */
static bool is_pattern(const uint64_t *words)
{
	return (words[1] ^ LOOK_SEED) - (words[0] ^ LOOK_SEED) ==
	       0x9e3779b97f4a7c15ull;
}

/* How many of the pages have something of the pattern in them? */
static uint64_t look(struct hog *h)
{
	xenforeignmemory_handle *map = xenforeignmemory_open(NULL, 0);
	xen_pfn_t pages[EXTENT_PAGES];
	int errors[EXTENT_PAGES];
	uint64_t found = 0, *words;

	if (!map)
		die("foreign memory");
	for (uint64_t i = 0; i < h->nr; i++) {
		for (uint32_t k = 0; k < EXTENT_PAGES; k++)
			pages[k] = h->extents[i] + k;
		words = xenforeignmemory_map(map, h->domid, PROT_READ,
					     EXTENT_PAGES, pages, errors);
		if (!words)
			die("mapping its memory");
		for (uint32_t k = 0; k < EXTENT_PAGES; k++)
			found += is_pattern(words + k * 512ul);
		xenforeignmemory_unmap(map, words, EXTENT_PAGES);
	}
	xenforeignmemory_close(map);
	return found;
}

/* Every other page of one extent after the other. */
static void punch(struct hog *h, uint64_t pages)
{
	xen_pfn_t batch[EXTENT_PAGES / 2];
	uint32_t nr;

	for (uint64_t i = 0; i < h->nr && pages; i++) {
		nr = EXTENT_PAGES / 2;
		if (nr > pages)
			nr = (uint32_t)pages;
		for (uint32_t k = 0; k < nr; k++)
			batch[k] = h->extents[i] + 2 * k;
		if (xc_domain_decrease_reservation(h->xch, h->domid, nr, 0,
						   batch) != (int)nr)
			die("giving back single pages");
		pages -= nr;
	}
}

/* Is there a 2 MiB extent left? */
static bool has_extent(struct hog *h)
{
	xen_pfn_t extent = h->nr * EXTENT_PAGES;

	if (xc_domain_populate_physmap(h->xch, h->domid, 1, ORDER, 0,
				       &extent) != 1)
		return false;
	if (xc_domain_decrease_reservation(h->xch, h->domid, 1, ORDER,
					   &extent) != 1)
		die("giving back an extent");
	return true;
}

static int run(struct hog *h, const char *what, uint64_t mib)
{
	char c;

	if (!strcmp(what, "fragment")) {
		take(h, 0);
		punch(h, mib * MIB_PAGES);
		if (has_extent(h)) {
			fprintf(stderr, "xen-hog: an extent is left\n");
			return 1;
		}
	} else if (!strcmp(what, "leave")) {
		take(h, mib * MIB_PAGES);
	} else if (!strcmp(what, "look")) {
		take(h, free_pages(h) - mib * MIB_PAGES);
		printf("%" PRIu64 " pages are known\n", look(h));
	} else if (!strcmp(what, "claim")) {
		if (xc_domain_claim_pages(h->xch, h->domid, mib * MIB_PAGES))
			die("claim");
	} else {
		return 2;
	}
	printf("ready: %" PRIu64 " extents taken, %" PRIu64 " pages free\n",
	       h->nr, free_pages(h));
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	struct xen_domctl_createdomain config = {
		.max_vcpus = 1, .max_evtchn_port = 1023,
		.max_grant_frames = 1, .grant_opts = XEN_DOMCTL_GRANT_version(1),
	};
	struct hog h = { 0 };
	int rc;

	if (argc != 3) {
		fputs("usage: xen-hog fragment|leave|look|claim MIB\n", stderr);
		return 2;
	}
	h.xch = xc_interface_open(NULL, NULL, 0);
	h.extents = calloc(HOG_MIB_MAX / 2, sizeof(*h.extents));
	if (!h.xch || !h.extents)
		die("open");
	if (xc_domain_create(h.xch, &h.domid, &config))
		die("creating a domain");
	if (xc_domain_setmaxmem(h.xch, h.domid, HOG_MIB_MAX * 1024))
		die("its maximum");
	rc = run(&h, argv[1], strtoull(argv[2], NULL, 10));
	if (xc_domain_destroy(h.xch, h.domid))
		die("destroying it");
	xc_interface_close(h.xch);
	return rc;
}
