/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kdev_sim.c - A simulated kernel in place of the driver
 */
#include "kdev_sim.h"

#include <errno.h>
#include <string.h>

#include "sim_faults.h"
#include "sim_machine.h"

struct kdev_sim {
	struct kdev kdev;
	struct sim_machine *machine;
	uint32_t domid;
	struct sim_domain_config config;
};

static struct kdev_sim *of(struct kdev *k)
{
	return (struct kdev_sim *)k;
}

static struct window_geometry geometry(const struct sim_domain_config *c)
{
	return (struct window_geometry){
		.block_granules = c->block_granules,
		.memmap_granules = c->memmap_granules,
		.window_granules = c->window_granules,
	};
}

static void sim_dev_info(struct kdev *k, struct kdev_info *ret)
{
	*ret = (struct kdev_info){
		.window_gfn = of(k)->config.window_gfn,
		.geo = geometry(&of(k)->config),
	};
}

/* A call that fails as a whole, or whose answers are lost */
static void answer_all(struct kdev_range *ranges, uint32_t nr, int rc)
{
	for (uint32_t i = 0; i < nr; i++) {
		ranges[i].ret_rc = rc;
		ranges[i].ret_done = 0;
	}
}

static int online_one(struct kdev_sim *k, struct kdev_range *r, uint32_t nr)
{
	return sim_online(k->machine, k->domid,
			  (struct granules){ r->r.first, nr }, r->zone,
			  &r->ret_done);
}

/* All of a range or nothing: a part of it is not taken. */
static int pull_one(struct kdev_sim *k, struct kdev_range *r, uint32_t nr)
{
	return nr < r->r.nr ? 0 : sim_pull(k->machine, k->domid, r->r,
					   r->floor_pages, &r->ret_done);
}

/* The half of the batch, and of the range where it stopped */
static void do_half(struct kdev_sim *k, struct kdev_range *ranges, uint32_t nr,
		    int error, int (*one)(struct kdev_sim *k,
					  struct kdev_range *r, uint32_t nr))
{
	struct kdev_range *last = &ranges[nr / 2];

	for (struct kdev_range *r = ranges; r < last; r++)
		r->ret_rc = one(k, r, r->r.nr);
	if (last->r.nr > 1)
		(void)one(k, last, last->r.nr / 2);
	last->ret_rc = error;
}

static void sim_batch(struct kdev_sim *k, struct kdev_range *ranges,
		      uint32_t nr, enum sim_call call,
		      int (*one)(struct kdev_sim *k, struct kdev_range *r,
				 uint32_t nr))
{
	struct sim_fault f;
	int rc = sim_fault_begin(k->machine, call, &f);

	answer_all(ranges, nr, rc ? rc : -EAGAIN);
	if (rc)
		return;
	if (f.mode == SIM_FAIL_PARTLY) {
		do_half(k, ranges, nr, f.error, one);
		return;
	}
	for (uint32_t i = 0; i < nr && !kdev_ends_batch(rc); i++) {
		rc = one(k, &ranges[i], ranges[i].r.nr);
		ranges[i].ret_rc = rc;
	}
	rc = sim_fault_end(&f, 0);
	if (rc)
		answer_all(ranges, nr, rc);
}

static void sim_dev_online(struct kdev *k, struct kdev_range *ranges,
			   uint32_t nr)
{
	sim_batch(of(k), ranges, nr, SIM_CALL_ONLINE, online_one);
}

static void sim_dev_pull(struct kdev *k, struct kdev_range *ranges,
			 uint32_t nr, bool as_is)
{
	(void)as_is;
	sim_batch(of(k), ranges, nr, SIM_CALL_PULL, pull_one);
}

static int sim_dev_block(struct kdev *k, uint32_t index,
			 struct window_block *ret)
{
	uint32_t zone = 0, online = 0;
	struct sim_fault f;
	int rc = sim_fault_begin(of(k)->machine, SIM_CALL_BLOCK, &f);

	if (!rc)
		rc = sim_block(of(k)->machine, of(k)->domid, index, &zone,
			       &online);
	if (!rc)
		rc = sim_fault_end(&f, rc);
	if (rc)
		return rc;
	*ret = (struct window_block){
		.zone = (enum block_zone)zone, .online = online,
	};
	return 0;
}

static int sim_dev_remove(struct kdev *k, uint32_t index)
{
	struct sim_fault f;
	int rc = sim_fault_begin(of(k)->machine, SIM_CALL_REMOVE, &f);

	return rc ? rc : sim_fault_end(&f, sim_remove(of(k)->machine,
						      of(k)->domid, index));
}

static int sim_dev_state(struct kdev *k, uint32_t first, uint32_t nr,
			 uint64_t *bitmap)
{
	struct sim_fault f;
	int rc = sim_fault_begin(of(k)->machine, SIM_CALL_STATE, &f);

	return rc ? rc : sim_fault_end(&f, sim_in_use(of(k)->machine,
						      of(k)->domid, first, nr,
						      bitmap));
}

static void sim_dev_close(struct kdev *k)
{
	sim_close(of(k)->machine);
	free(k);
}

static int sim_dev_need_fd(struct kdev *k)
{
	(void)k;
	return -1;
}

static int sim_dev_need(struct kdev *k, enum block_zone *ret)
{
	(void)k;
	(void)ret;
	return -EAGAIN;
}

static const struct kdev_ops sim_ops = {
	.info = sim_dev_info,
	.online = sim_dev_online,
	.pull = sim_dev_pull,
	.block = sim_dev_block,
	.remove = sim_dev_remove,
	.state = sim_dev_state,
	.need_fd = sim_dev_need_fd,
	.need = sim_dev_need,
	.close = sim_dev_close,
};

static int attach(struct kdev_sim *k)
{
	struct window_geometry geo;
	struct sim_fault f;
	int rc = sim_fault_begin(k->machine, SIM_CALL_OPEN, &f);

	if (!rc)
		rc = sim_domain_config(k->machine, k->domid, &k->config);
	if (rc)
		return rc;
	geo = geometry(&k->config);
	if (!window_geometry_valid(&geo))
		return -ERANGE;
	return sim_fault_end(&f, sim_guest_attach(k->machine, k->domid));
}

int kdev_sim_open(const char *dir, uint32_t domid, struct kdev **ret)
{
	struct kdev_sim *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return -ENOMEM;
	k->kdev.ops = &sim_ops;
	k->domid = domid;
	rc = sim_open(dir, &k->machine);
	if (rc) {
		free(k);
		return rc;
	}
	rc = attach(k);
	if (rc) {
		sim_dev_close(&k->kdev);
		return rc;
	}
	*ret = &k->kdev;
	return 0;
}

int kdev_sim_meminfo(struct kdev *k, struct meminfo *ret)
{
	uint64_t total = 0, available = 0;
	struct sim_fault f;
	int rc = sim_fault_begin(of(k)->machine, SIM_CALL_MEMINFO, &f);

	if (!rc)
		rc = sim_meminfo(of(k)->machine, of(k)->domid, &total,
				 &available);
	if (!rc)
		rc = sim_fault_end(&f, rc);
	if (rc)
		return rc;
	available = MIN(available, total);
	*ret = (struct meminfo){
		.total_kib = total,
		.free_kib = available,
		.available_kib = available,
	};
	return 0;
}

void kdev_sim_uuid(struct kdev *k, uint8_t uuid[KDEV_SIM_UUID_BYTES])
{
	memcpy(uuid, of(k)->config.uuid, KDEV_SIM_UUID_BYTES);
}
