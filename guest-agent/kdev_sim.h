/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kdev_sim.h - A simulated kernel in place of the driver
 */
#ifndef MEMTIDE_KDEV_SIM_H
#define MEMTIDE_KDEV_SIM_H

#include "kdev.h"
#include "meminfo.h"

#define KDEV_SIM_UUID_BYTES	16u

/**
 * kdev_sim_open() - Attach to a domain of a simulated machine as its agent
 * @dir:	the machine's folder
 *
 * Return: 0, -EBUSY if the domain has an agent, -ESRCH if there is no such
 *         domain, or another negative errno
 */
int kdev_sim_open(const char *dir, uint32_t domid, struct kdev **ret);

/* The simulated kernel's answers that are not the driver's. @k was opened by
 * kdev_sim_open(). */
int kdev_sim_meminfo(struct kdev *k, struct meminfo *ret);
void kdev_sim_uuid(struct kdev *k, uint8_t uuid[KDEV_SIM_UUID_BYTES]);

#endif
