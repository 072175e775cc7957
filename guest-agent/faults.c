/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * faults.c - To be woken when the guest's programs begin to take memory
 */
#include "faults.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A page of control and one of samples: without, nobody is woken. */
#define RING_BYTES	(2 * PAGE_BYTES)

/**
 * struct counter - of one CPU
 * @ring:	NULL if there is none, then @fd is -1
 */
struct counter {
	int fd;
	struct perf_event_mmap_page *ring;
};

/**
 * struct faults
 * @fd:		an epoll instance with all of @counters
 */
struct faults {
	int fd;
	unsigned int nr;
	struct counter counters[];
};

static int open_counter(struct faults *f, unsigned int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.sample_period = FAULTS_PERIOD,
		.sample_type = PERF_SAMPLE_IP,
		.wakeup_events = 1,
		.disabled = 1,
	};
	struct epoll_event wanted = { .events = EPOLLIN };
	struct counter *c = &f->counters[cpu];
	void *ring;

	c->fd = (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1,
			     PERF_FLAG_FD_CLOEXEC);
	if (c->fd < 0)
		return -errno;
	ring = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		    c->fd, 0);
	if (ring == MAP_FAILED)
		return -errno;
	c->ring = ring;
	return epoll_ctl(f->fd, EPOLL_CTL_ADD, c->fd, &wanted) ? -errno : 0;
}

static int open_counters(struct faults *f)
{
	unsigned int opened = 0;

	f->fd = epoll_create1(EPOLL_CLOEXEC);
	if (f->fd < 0)
		return -errno;
	for (unsigned int cpu = 0; cpu < f->nr; cpu++) {
		int rc = open_counter(f, cpu);

		if (rc && rc != -ENODEV)	/* not online */
			return rc;
		opened += !rc;
	}
	return opened ? 0 : -ENODEV;
}

int faults_open(struct faults **ret)
{
	long nr = sysconf(_SC_NPROCESSORS_CONF);
	struct faults *f;
	int rc;

	if (nr < 1)
		return -ENOSYS;
	f = calloc(1, sizeof(*f) + (size_t)nr * sizeof(f->counters[0]));
	if (!f)
		return -ENOMEM;
	f->fd = -1;
	f->nr = (unsigned int)nr;
	for (unsigned int cpu = 0; cpu < f->nr; cpu++)
		f->counters[cpu].fd = -1;
	rc = open_counters(f);
	if (rc) {
		faults_close(f);
		return rc;
	}
	*ret = f;
	return 0;
}

void faults_close(struct faults *f)
{
	if (!f)
		return;
	for (unsigned int cpu = 0; cpu < f->nr; cpu++) {
		if (f->counters[cpu].ring)
			munmap(f->counters[cpu].ring, RING_BYTES);
		if (f->counters[cpu].fd >= 0)
			close(f->counters[cpu].fd);
	}
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

int faults_fd(const struct faults *f)
{
	return f->fd;
}

void faults_arm(struct faults *f)
{
	for (unsigned int cpu = 0; cpu < f->nr; cpu++) {
		const struct counter *c = &f->counters[cpu];

		if (!c->ring)
			continue;
		/* What the samples say is of no interest, but there must be
		 * room for the next. */
		c->ring->data_tail =
			__atomic_load_n(&c->ring->data_head, __ATOMIC_ACQUIRE);
		(void)ioctl(c->fd, PERF_EVENT_IOC_REFRESH, 1);
	}
}

void faults_take(struct faults *f)
{
	struct epoll_event told[8];

	for (unsigned int cpu = 0; cpu < f->nr; cpu++)
		if (f->counters[cpu].ring)
			(void)ioctl(f->counters[cpu].fd,
				    PERF_EVENT_IOC_DISABLE, 0);
	/* The kernel tells each just once, to whom asks. */
	while (epoll_wait(f->fd, told, ARRAY_SIZE(told), 0) > 0)
		;
}
