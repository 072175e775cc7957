/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sim_machine.h - A machine that exists only in a shared file
 *
 * Stands for the hypervisor and the guests' kernels where there is no Xen: the
 * part of the world that outlives a killed daemon or agent. The file is mapped
 * by memtided (backend_sim.c), by each agent (kdev_sim.c) and by the tests.
 *
 * It is also the judge of the one law: sim_online() of a granule that is not
 * backed, and sim_take() of a granule that is in use, are recorded in
 * violations and refused; tests demand that the count is 0.
 *
 * Every function takes the file's lock for its duration, so that a process
 * killed anywhere leaves a consistent machine (a robust mutex in the file).
 *
 * Faults are drawn from the machine's own seeded generator, so that a seed
 * gives the same faults again for the same calls.
 */
#ifndef MEMTIDE_SIM_MACHINE_H
#define MEMTIDE_SIM_MACHINE_H

#include "base.h"

#define SIM_NAME_MAX	64u
#define SIM_STORE_MAX	16u	/* keys a domain's store can hold */
#define SIM_KEY_MAX	32u
#define SIM_VALUE_MAX	64u

struct sim_machine;

/* What a test may make go wrong; each chance in 1/1000 a call. */
struct sim_faults {
	uint32_t populate_refused;	/* nothing populated, -ENOMEM */
	uint32_t populate_partial;	/* a random leading part, then -ENOMEM */
	uint32_t take_partial;		/* host takes back a leading part, -EBUSY */
	uint32_t online_fails;		/* guest's kernel: -ENOMEM, nothing done */
	uint32_t pull_busy;		/* guest's kernel: -EBUSY */
	uint32_t slow_us;		/* each guest kernel call sleeps 0..slow_us */
};

struct sim_domain_config {
	char name[SIM_NAME_MAX];
	uint8_t uuid[16];
	uint32_t boot_pages;
	uint32_t block_granules;	/* 64 for 128 MiB blocks */
	uint32_t memmap_granules;	/* 1 */
	uint64_t window_gfn;
	uint32_t window_granules;
	uint32_t used_pages;		/* memory the guest's programs hold */
};

struct sim_domain_info {
	uint32_t domid;
	char name[SIM_NAME_MAX];
	uint8_t uuid[16];
	uint64_t pages;			/* held in Xen's sense */
	uint64_t max_pages;
	bool dying;
	bool restarts;
};

/**
 * sim_create() - Make a machine in a new file
 * @dir:	directory; the file is @dir/machine, and agents listen on
 *		@dir/<domid>.sock
 * @host_pages:	memory for domains, in pages of 4 KiB
 * @seed:	of the fault generator
 *
 * Return: 0 or a negative errno
 */
int sim_create(const char *dir, uint64_t host_pages, uint32_t max_domains,
	       uint32_t window_granules_max, uint64_t seed);
int sim_open(const char *dir, struct sim_machine **ret);
void sim_close(struct sim_machine *m);

void sim_set_faults(struct sim_machine *m, const struct sim_faults *faults);

/* Domains. A domid is never reused in one machine's life.
 * sim_domain_create() touches @dir/domains so that inotify tells of it, as does
 * sim_domain_destroy(), which gives all the domain's pages back, and
 * sim_domain_reboot(): it has shut down, and is to be destroyed and created. */
int sim_domain_create(struct sim_machine *m,
		      const struct sim_domain_config *config,
		      uint32_t *ret_domid);
int sim_domain_destroy(struct sim_machine *m, uint32_t domid);
int sim_domain_reboot(struct sim_machine *m, uint32_t domid);
int sim_domain_config(struct sim_machine *m, uint32_t domid,
		      struct sim_domain_config *ret);
int sim_domain_set_used(struct sim_machine *m, uint32_t domid, uint32_t pages);
int sim_domains(struct sim_machine *m, struct sim_domain_info *ret,
		uint32_t max, uint32_t *ret_nr);
int sim_domain_info(struct sim_machine *m, uint32_t domid,
		    struct sim_domain_info *ret);

/* The hypervisor's side, used by backend_sim.c. Ranges are granules of the
 * domain's window; -ESRCH if the domain is gone, -EINVAL out of the window. */
void sim_host_pages(struct sim_machine *m, uint64_t *ret_total,
		    uint64_t *ret_free);
int sim_set_max(struct sim_machine *m, uint32_t domid, uint64_t max_pages);
/* -ENOMEM: host out of memory, above the domain's maximum, or a fault. -EINVAL
 * if any is backed already: Xen would lose the old pages, so this counts as a
 * violation too. */
int sim_populate(struct sim_machine *m, uint32_t domid, struct granules r,
		 uint32_t *ret_done);
/* -EBUSY: a granule is in use (nothing is taken), or a fault. -EINVAL: one is
 * not backed (nothing is taken) */
int sim_take(struct sim_machine *m, uint32_t domid, struct granules r,
	     uint32_t *ret_done);
/* @bitmap: nr / 64 words; @first and @nr multiples of 64 */
int sim_backed(struct sim_machine *m, uint32_t domid, uint32_t first,
	       uint32_t nr, uint64_t *bitmap);
int sim_store_write(struct sim_machine *m, uint32_t domid, const char *key,
		    const char *value);
/* -ENOENT if there is no such key */
int sim_store_read(struct sim_machine *m, uint32_t domid, const char *key,
		   char *value, size_t size);

/* The guest kernel's side, used by kdev_sim.c: the ioctls of uapi/memtide.h
 * with the same rules and errors. */
int sim_online(struct sim_machine *m, uint32_t domid, struct granules r,
	       uint32_t zone, uint32_t *ret_done);
int sim_pull(struct sim_machine *m, uint32_t domid, struct granules r,
	     uint64_t floor_pages, uint32_t *ret_done);
int sim_block(struct sim_machine *m, uint32_t domid, uint32_t index,
	      uint32_t *ret_zone, uint32_t *ret_online);
int sim_remove(struct sim_machine *m, uint32_t domid, uint32_t index);
int sim_in_use(struct sim_machine *m, uint32_t domid, uint32_t first,
	       uint32_t nr, uint64_t *bitmap);
/* The guest's own balloon driver: have @pages of boot memory given away. What
 * is taken again must be in the host and below the maximum, or as much as can
 * be is, and -ENOMEM. */
int sim_balloon(struct sim_machine *m, uint32_t domid, uint64_t pages);
/* Granules in use x 512 and boot pages, less memmap and what programs use */
int sim_meminfo(struct sim_machine *m, uint32_t domid, uint64_t *ret_total_kib,
		uint64_t *ret_available_kib);
/* One agent a domain, as the device's single open, and one domain a handle:
 * -EBUSY. Ends with sim_close() or the process. */
int sim_guest_attach(struct sim_machine *m, uint32_t domid);

/* For tests: how often the law was broken, and the first case in words. */
uint64_t sim_violations(struct sim_machine *m, char *ret_first, size_t size);

#endif
