// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * faultlib - One call into Xen, xenstore or the driver fails, on a real machine
 *
 * To be preloaded into memtided or memtide-agent. MEMTIDE_FAULT is a file that
 * says what is to fail: "CALL N HOW". CALL is the function, or "ioctl-N" with
 * the number of the driver's command in hex; N is which of its calls, from the
 * time the file is there; HOW is
 *
 *   before, after		it fails, and nothing or all of it was done
 *   partly			it does half of what was asked, and says so
 *   kill-before, kill-after	its process is killed
 *
 * When the call has come the file is removed: one fault, and the process that is
 * started after it has none.
 *
 * MEMTIDE_AS_IS, if it is set, has the driver clear nothing of what it pulls.
 *
 * MEMTIDE_CALLS is a file of 8 octets in which all these calls are counted; each
 * is named on standard error besides.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memtide.h>
#include <xenctrl.h>
#include <xenstore.h>

/* libxenctrl has it, its headers do not. */
int xc_get_pfn_type_batch(xc_interface *x, uint32_t domid, unsigned int nr,
			  xen_pfn_t *pfns);

#define DRIVER_MAGIC	'm'
#define DRIVER_FIRST	0xb0u

enum fault { NONE, BEFORE, AFTER, PARTLY, KILL_BEFORE, KILL_AFTER };

static const char *const hows[] = {
	[NONE] = "none", [BEFORE] = "before", [AFTER] = "after",
	[PARTLY] = "partly", [KILL_BEFORE] = "kill-before",
	[KILL_AFTER] = "kill-after",
};

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static enum fault how(const char *word)
{
	for (unsigned int i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		if (!strcmp(word, hows[i]))
			return (enum fault)i;
	}
	fprintf(stderr, "faultlib: what is %s?\n", word);
	return NONE;
}

static void count_call(const char *call)
{
	static uint64_t none, *calls;
	const char *path = getenv("MEMTIDE_CALLS");
	int fd;

	if (!calls) {
		fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
		calls = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE,
			     MAP_SHARED, fd, 0);
		if (calls == MAP_FAILED)
			calls = &none;
		if (fd >= 0)
			close(fd);
	}
	++*calls;
	if (calls != &none)
		fprintf(stderr, "faultlib: %s\n", call);
}

/* What is to become of this call? */
static enum fault fault_of(const char *call)
{
	static unsigned int calls;
	const char *path = getenv("MEMTIDE_FAULT");
	char text[96] = "", name[48], word[16];
	unsigned int nth;
	ssize_t len;
	int fd;

	count_call(call);
	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0) {
		calls = 0;
		return NONE;
	}
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0 || sscanf(text, "%47s %u %15s", name, &nth, word) != 3 ||
	    strcmp(name, call) || ++calls != nth)
		return NONE;
	unlink(path);
	calls = 0;
	fprintf(stderr, "faultlib: %s", text);
	if (how(word) == KILL_BEFORE)
		die();
	return how(word);
}

/* After a call that was made: its result, or the fault's. */
#define END(fault, result, failure, error) do {				\
	if ((fault) == KILL_AFTER)					\
		die();							\
	if ((fault) == AFTER) {						\
		errno = (error);					\
		return failure;						\
	}								\
	return result;							\
} while (0)

/* A function that is one call: nothing of it is ever done partly. */
#define WRAP(type, name, failure, error, params, args)			\
type name params							\
{									\
	type (*real) params = dlsym(RTLD_NEXT, #name);			\
	enum fault fault = fault_of(#name);				\
	type result;							\
									\
	if (fault == BEFORE) {						\
		errno = (error);					\
		return failure;						\
	}								\
	result = real args;						\
	END(fault, result, failure, error);				\
}

WRAP(int, xc_physinfo, -1, EIO, (xc_interface *x, xc_physinfo_t *info),
     (x, info))
WRAP(int, xc_domain_getinfolist, -1, EIO,
     (xc_interface *x, uint32_t first, unsigned int max,
      xc_domaininfo_t *info), (x, first, max, info))
WRAP(int, xc_domain_claim_pages, -1, EIO,
     (xc_interface *x, uint32_t domid, unsigned long nr), (x, domid, nr))
WRAP(int, xc_domain_setmaxmem, -1, EIO,
     (xc_interface *x, uint32_t domid, uint64_t kib), (x, domid, kib))
WRAP(int, xc_get_paging_mempool_size, -1, EIO,
     (xc_interface *x, uint32_t domid, uint64_t *size), (x, domid, size))
WRAP(int, xc_set_paging_mempool_size, -1, ENOMEM,
     (xc_interface *x, uint32_t domid, uint64_t size), (x, domid, size))
WRAP(int, xc_get_pfn_type_batch, -1, EIO,
     (xc_interface *x, uint32_t domid, unsigned int nr, xen_pfn_t *pfns),
     (x, domid, nr, pfns))
WRAP(void *, xs_read, NULL, EIO,
     (struct xs_handle *h, xs_transaction_t t, const char *path,
      unsigned int *len), (h, t, path, len))
WRAP(bool, xs_write, false, EIO,
     (struct xs_handle *h, xs_transaction_t t, const char *path,
      const void *data, unsigned int len), (h, t, path, data, len))
WRAP(bool, xs_rm, false, EIO,
     (struct xs_handle *h, xs_transaction_t t, const char *path),
     (h, t, path))
WRAP(char **, xs_directory, NULL, EIO,
     (struct xs_handle *h, xs_transaction_t t, const char *path,
      unsigned int *nr), (h, t, path, nr))
WRAP(bool, xs_watch, false, EIO,
     (struct xs_handle *h, const char *path, const char *token),
     (h, path, token))
WRAP(bool, xs_unwatch, false, EIO,
     (struct xs_handle *h, const char *path, const char *token),
     (h, path, token))
WRAP(char **, xs_check_watch, NULL, EIO, (struct xs_handle *h), (h))

/* How many of @nr extents a call with this fault goes for */
static unsigned long part(enum fault fault, unsigned long nr)
{
	return fault == PARTLY ? nr / 2 : nr;
}

int xc_domain_populate_physmap(xc_interface *x, uint32_t domid,
			       unsigned long nr, unsigned int order,
			       unsigned int flags, xen_pfn_t *extents)
{
	int (*real)(xc_interface *, uint32_t, unsigned long, unsigned int,
		    unsigned int, xen_pfn_t *) =
		dlsym(RTLD_NEXT, "xc_domain_populate_physmap");
	enum fault fault = fault_of("xc_domain_populate_physmap");
	int done;

	if (fault == BEFORE) {
		errno = ENOMEM;
		return -1;
	}
	done = real(x, domid, part(fault, nr), order, flags, extents);
	END(fault, done, -1, ENOMEM);
}

int xc_domain_decrease_reservation(xc_interface *x, uint32_t domid,
				   unsigned long nr, unsigned int order,
				   xen_pfn_t *extents)
{
	int (*real)(xc_interface *, uint32_t, unsigned long, unsigned int,
		    xen_pfn_t *) =
		dlsym(RTLD_NEXT, "xc_domain_decrease_reservation");
	enum fault fault = fault_of("xc_domain_decrease_reservation");
	int done;

	if (fault == BEFORE) {
		errno = EIO;
		return -1;
	}
	done = real(x, domid, part(fault, nr), order, extents);
	END(fault, done, -1, EIO);
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
	enum fault fault = NONE;
	char name[16];
	va_list ap;
	void *arg;
	int rc;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (_IOC_TYPE(request) == DRIVER_MAGIC &&
	    _IOC_NR(request) >= DRIVER_FIRST) {
		snprintf(name, sizeof(name), "ioctl-%x",
			 (unsigned int)_IOC_NR(request));
		fault = fault_of(name);
	}
	if (fault == BEFORE) {
		errno = EIO;
		return -1;
	}
	if (request == MEMTIDE_IOC_PULL && getenv("MEMTIDE_AS_IS"))
		((struct memtide_batch *)arg)->flags |= MEMTIDE_PULL_AS_IS;
	rc = real(fd, request, arg);
	END(fault, rc, -1, EIO);
}
