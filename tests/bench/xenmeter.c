/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xenmeter.c - What Xen itself measures, for the benchmark (dom0, bench only)
 *
 *   xenmeter serve			answers lines on standard input, so that a
 *					look costs no new process:
 *	stat DOMID			pages, CPU time of it and of dom0 [ns]
 *	until DOMID PAGES TOL		"ok" once it holds PAGES within TOL;
 *					"late" if not within a minute
 *   xenmeter floor DOMID GFN NR BATCH	gives NR granules from GFN to a paused
 *					guest and takes them back, BATCH in a
 *					call; time of both in Xen [ns]
 *   xenmeter count FILE		hypercalls in a file of xentrace: dom0's
 *					(all, memory_op), guests' (all, memory_op)
 *
 * count: dom0 is the one PV guest of the lab, so PV entries are its; VMMCALLs
 * are those of the HVM guests. A call that Xen continues later enters again,
 * and is counted again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenctrl.h>
#include <xen/trace.h>

#define GRANULE_PAGES	512u
#define GRANULE_ORDER	9u
#define TABLES_KIB	8u	/* of the paging pool, a granule */
#define BATCH_MAX	512u
#define UNTIL_POLL_MS	5
#define UNTIL_POLLS	12000

static int failed(const char *what)
{
	fprintf(stderr, "xenmeter: %s: %s\n", what, strerror(errno));
	return 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool domain(xc_interface *xc, uint32_t domid, xc_domaininfo_t *ret)
{
	return xc_domain_getinfolist(xc, domid, 1, ret) == 1 &&
	       ret->domain == domid;
}

static int print_stat(xc_interface *xc, uint32_t domid)
{
	xc_domaininfo_t info, dom0;

	if (!domain(xc, domid, &info) || !domain(xc, 0, &dom0))
		return failed("no such domain");
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", info.tot_pages,
	       info.cpu_time, dom0.cpu_time);
	return 0;
}

static int wait_until(xc_interface *xc, uint32_t domid, uint64_t pages,
		      uint64_t tolerance)
{
	const struct timespec poll = { 0, UNTIL_POLL_MS * 1000000L };
	xc_domaininfo_t info;

	for (int i = 0; i < UNTIL_POLLS; i++) {
		if (!domain(xc, domid, &info))
			return failed("no such domain");
		if (info.tot_pages + tolerance >= pages &&
		    info.tot_pages <= pages + tolerance) {
			puts("ok");
			return 0;
		}
		nanosleep(&poll, NULL);
	}
	puts("late");
	return 0;
}

static int serve(xc_interface *xc)
{
	uint64_t pages, tolerance;
	uint32_t domid;
	char line[128];
	int rc = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (!rc && fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "stat %" SCNu32, &domid) == 1)
			rc = print_stat(xc, domid);
		else if (sscanf(line, "until %" SCNu32 " %" SCNu64 " %" SCNu64,
				&domid, &pages, &tolerance) == 3)
			rc = wait_until(xc, domid, pages, tolerance);
		else
			rc = 2;
	}
	return rc;
}

/* Populate or decrease @nr granules from @gfn. Return: ns, 0 on failure */
static uint64_t move(xc_interface *xc, uint32_t domid, uint64_t gfn,
		     uint32_t nr, uint32_t batch, bool grow)
{
	uint64_t begin = now_ns();

	while (nr) {
		uint32_t some = nr < batch ? nr : batch;
		xen_pfn_t extents[BATCH_MAX];
		int got;

		for (uint32_t i = 0; i < some; i++)
			extents[i] = gfn + (uint64_t)i * GRANULE_PAGES;
		got = grow ? xc_domain_populate_physmap(xc, domid, some,
							GRANULE_ORDER, 0,
							extents)
			   : xc_domain_decrease_reservation(xc, domid, some,
							    GRANULE_ORDER,
							    extents);
		if (got != (int)some)
			return 0;
		gfn += (uint64_t)some * GRANULE_PAGES;
		nr -= some;
	}
	return now_ns() - begin;
}

static int print_floor(xc_interface *xc, uint32_t domid, uint64_t gfn,
		       uint32_t nr, uint32_t batch)
{
	uint64_t pool, want, grow, shrink;
	xc_domaininfo_t info;

	if (!batch || batch > BATCH_MAX || !domain(xc, domid, &info))
		return failed("floor");
	want = info.tot_pages + (uint64_t)nr * GRANULE_PAGES;
	if (xc_get_paging_mempool_size(xc, domid, &pool) ||
	    (info.max_pages < want &&
	     (xc_set_paging_mempool_size(xc, domid,
					 pool + nr * TABLES_KIB * 1024) ||
	      xc_domain_setmaxmem(xc, domid, want * XC_PAGE_SIZE / 1024))))
		return failed("cannot prepare the domain");
	grow = move(xc, domid, gfn, nr, batch, true);
	if (!grow)
		return failed("cannot populate");
	shrink = move(xc, domid, gfn, nr, batch, false);
	if (!shrink)
		return failed("cannot decrease");
	printf("%" PRIu64 " %" PRIu64 "\n", grow, shrink);
	return 0;
}

struct counts {
	uint64_t dom0, dom0_memory, guest, guest_memory;
};

static void count_record(struct counts *c, uint32_t event, const uint32_t *word)
{
	uint32_t op;

	switch (event) {
	case TRC_PV_HYPERCALL_V2:
	case TRC_PV_HYPERCALL_SUBCALL:
		op = word[0] & ~TRC_PV_HYPERCALL_V2_ARG_MASK;
		/* What a multicall carries is part of it */
		if (event == TRC_PV_HYPERCALL_V2)
			c->dom0++;
		c->dom0_memory += op == __HYPERVISOR_memory_op;
		break;
	case TRC_HVM_VMMCALL:
		c->guest++;
		c->guest_memory += word[0] == __HYPERVISOR_memory_op;
		break;
	}
}

static int count(const char *path)
{
	FILE *file = fopen(path, "re");
	struct counts c = { 0 };
	uint32_t head, words[2 + 7];
	size_t skip, nr;
	int rc = 0;

	if (!file)
		return failed(path);
	while (fread(&head, sizeof(head), 1, file) == 1) {
		skip = head >> 31 ? 2 : 0;	/* the cycle counter */
		nr = skip + (head >> 28 & 7);
		if (fread(words, sizeof(*words), nr, file) != nr) {
			fputs("xenmeter: the trace is not whole\n", stderr);
			rc = 1;
			break;
		}
		if ((head & 0x0fffffff) == TRC_LOST_RECORDS) {
			fputs("xenmeter: the trace lost records\n", stderr);
			rc = 1;
		}
		count_record(&c, head & 0x0fffffff, words + skip);
	}
	if (ferror(file))
		rc = failed(path);
	fclose(file);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", c.dom0,
	       c.dom0_memory, c.guest, c.guest_memory);
	return rc;
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 0);
}

static int with_xen(int argc, char **argv)
{
	xc_interface *xc = xc_interface_open(NULL, NULL, 0);
	int rc = 2;

	if (!xc)
		return failed("xc_interface_open");
	if (argc == 2 && !strcmp(argv[1], "serve"))
		rc = serve(xc);
	else if (argc == 6 && !strcmp(argv[1], "floor"))
		rc = print_floor(xc, (uint32_t)number(argv[2]), number(argv[3]),
				 (uint32_t)number(argv[4]),
				 (uint32_t)number(argv[5]));
	xc_interface_close(xc);
	return rc;
}

int main(int argc, char **argv)
{
	int rc = 2;

	if (argc == 3 && !strcmp(argv[1], "count"))
		rc = count(argv[2]);
	else if (argc > 1)
		rc = with_xen(argc, argv);
	if (rc == 2)
		fputs("usage: xenmeter serve|floor|count, see its head\n",
		      stderr);
	return rc;
}
