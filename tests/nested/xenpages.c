/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xenpages.c - What Xen itself counts, in pages of 4 KiB (tests only)
 *
 * xen-pages DOMID	pages the domain holds, and its maximum
 * xen-free-pages	free pages of the host
 *
 * One program: with a domid it is the first, without the second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

#define PAGE_KIB (XC_PAGE_SIZE / 1024)

static int print_domain(xc_interface *xch, uint32_t domid)
{
	xc_dominfo_t info;

	if (xc_domain_getinfo(xch, domid, 1, &info) != 1 ||
	    info.domid != domid) {
		fprintf(stderr, "xen-pages: no domain %u\n", domid);
		return 1;
	}
	printf("%lu %lu\n", info.nr_pages,
	       (unsigned long)(info.max_memkb / PAGE_KIB));
	return 0;
}

static int print_free(xc_interface *xch)
{
	xc_physinfo_t info = { 0 };

	if (xc_physinfo(xch, &info)) {
		perror("xen-free-pages");
		return 1;
	}
	printf("%llu\n", (unsigned long long)(info.free_pages +
					      info.scrub_pages));
	return 0;
}

int main(int argc, char **argv)
{
	xc_interface *xch = xc_interface_open(NULL, NULL, 0);
	int rc;

	if (!xch) {
		perror("xc_interface_open");
		return 1;
	}
	if (argc == 2)
		rc = print_domain(xch, (uint32_t)strtoul(argv[1], NULL, 10));
	else
		rc = print_free(xch);
	xc_interface_close(xch);
	return rc;
}
