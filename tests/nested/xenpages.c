/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xenpages.c - What Xen itself counts, in pages of 4 KiB (tests only)
 *
 * xen-pages NAME	pages the domain holds, and its maximum; or its domid
 * xen-free-pages	free pages of the host
 *
 * One program: with a domain it is the first, without the second. Cases ask
 * often, and each process costs the emulator a tenth of a second: no shell, and
 * no xl for the domid.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>
#include <xenstore.h>

#define PAGE_KIB (XC_PAGE_SIZE / 1024)

static int has_name(struct xs_handle *xs, const char *domid, const char *name)
{
	char path[64], *found;
	int same;

	snprintf(path, sizeof(path), "/local/domain/%s/name", domid);
	found = xs_read(xs, XBT_NULL, path, NULL);
	same = found && !strcmp(found, name);
	free(found);
	return same;
}

/* Return: the domain of that name or number, 0 if there is none */
static uint32_t find_domain(const char *name)
{
	struct xs_handle *xs;
	unsigned int nr = 0;
	uint32_t domid;
	char **domains;

	domid = (uint32_t)strtoul(name, NULL, 10);
	if (domid)
		return domid;
	xs = xs_open(0);
	domains = xs ? xs_directory(xs, XBT_NULL, "/local/domain", &nr) : NULL;
	for (unsigned int i = 0; i < nr && !domid; i++) {
		if (has_name(xs, domains[i], name))
			domid = (uint32_t)strtoul(domains[i], NULL, 10);
	}
	free(domains);
	if (xs)
		xs_close(xs);
	return domid;
}

static int print_domain(xc_interface *xch, const char *name)
{
	uint32_t domid = find_domain(name);
	xc_dominfo_t info;

	if (!domid || xc_domain_getinfo(xch, domid, 1, &info) != 1 ||
	    info.domid != domid) {
		fprintf(stderr, "xen-pages: no domain %s\n", name);
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
		rc = print_domain(xch, argv[1]);
	else
		rc = print_free(xch);
	xc_interface_close(xch);
	return rc;
}
