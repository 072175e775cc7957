/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vhost.h - A hypervisor in memory, behind memtided's port
 *
 * As Xen, it knows of each domain which granules are backed and how many pages
 * it holds, and nothing of what the guest does with them. It judges the law: a
 * granule that is taken from a guest must not be in use there, and no more may
 * be given than there is.
 *
 * What a call costs is told to the owner, who lets time go by.
 */
#ifndef MEMTIDE_TEST_VHOST_H
#define MEMTIDE_TEST_VHOST_H

#include "backend.h"

struct vhost;

/**
 * struct vhost_costs - what calls take [us]
 *
 * Source: docs/results.md: 512 granules are populated in 0.10 s (Xen alone)
 * and given back in 1.12 s, in the emulated lab, where all is slow alike.
 */
struct vhost_costs {
	uint32_t call_us;
	uint32_t populate_us;	/* a granule */
	uint32_t give_back_us;	/* a granule */
};

/**
 * struct vhost_guest - what a domain is built with, and its guest's side
 * @connect:	the host connects to the agent's channel; 0 or -ENOENT
 * @uses:	does the guest use this granule?
 */
struct vhost_guest {
	uint64_t boot_pages;
	uint64_t window_gfn;
	uint32_t window_granules;
	int (*connect)(void *ctx, struct transport **ret);
	bool (*uses)(void *ctx, uint32_t granule);
	void *ctx;
};

/**
 * vhost_new() - A host without domains
 * @pages:	in all
 * @spend:	the daemon was busy for so long; NULL: calls take no time
 *
 * Return: 0 or -ENOMEM
 */
int vhost_new(uint64_t pages, const struct vhost_costs *costs,
	      void (*spend)(int64_t us), struct vhost **ret);
void vhost_free(struct vhost *h);

/** vhost_backend() - For service_open(); its close() frees nothing */
struct backend *vhost_backend(struct vhost *h);

/** vhost_add() - Build a domain; domids count from 1 */
int vhost_add(struct vhost *h, const struct vhost_guest *g,
	      uint32_t *ret_domid);

/** vhost_offer() - The domain's agent offers a channel */
void vhost_offer(struct vhost *h, uint32_t domid);

uint64_t vhost_free_pages(const struct vhost *h);

/**
 * struct vhost_counts - since the start
 * @populated, @given_back: granules
 * @calls:	of the backend, whatever they were
 * @violations:	of the law; @why is the first
 */
struct vhost_counts {
	uint64_t populated;
	uint64_t given_back;
	uint64_t calls;
	uint32_t violations;
	char why[128];
};

const struct vhost_counts *vhost_counts(const struct vhost *h);

#endif
