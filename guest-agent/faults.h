/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * faults.h - To be woken when the guest's programs begin to take memory
 *
 * A program that fills memory faults it in, page by page. The kernel counts
 * page faults per CPU and can tell of every so many: one-shot counters of
 * perf_event_open(2), armed while the agent is at rest. A guest in which nothing
 * runs has no faults and is not woken. Memory that is taken without a fault, by
 * write(2) to a tmpfs or by the kernel itself, is not told here.
 */
#ifndef MEMTIDE_FAULTS_H
#define MEMTIDE_FAULTS_H

#include "base.h"

/* On one CPU. 256 KiB in small pages, 128 MiB in huge ones. */
#define FAULTS_PERIOD	64u

struct faults;

/**
 * faults_open() - Not armed yet
 *
 * CPUs that are not online now are left out.
 *
 * Return: 0, -ENOSYS or -EACCES if the kernel does not count for us, or another
 *         negative errno
 */
int faults_open(struct faults **ret);
void faults_close(struct faults *f);

/** faults_fd() - Readable once some CPU has had FAULTS_PERIOD faults */
int faults_fd(const struct faults *f);

/** faults_arm() - From now on */
void faults_arm(struct faults *f);

/** faults_take() - It has told, we know; no more until faults_arm() */
void faults_take(struct faults *f);

#endif
