/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doctor_host.h - Is this a dom0 on which guests can be given memory?
 */
#ifndef MEMTIDE_DOCTOR_HOST_H
#define MEMTIDE_DOCTOR_HOST_H

#include "doctor.h"

/* Each looks below @root: "", or a directory that stands for /. */

/** doctor_xen() - Return: is this a dom0? Others need not be asked if not */
bool doctor_xen(struct doctor *d, const char *root);

/** doctor_devices() - Those that memtided opens */
void doctor_devices(struct doctor *d, const char *root);

/**
 * doctor_xenstored() - Does it answer?
 *
 * Return: a descriptor for doctor_xenstore_read(), or negative
 */
int doctor_xenstored(struct doctor *d, const char *root);

/** doctor_boot() - Is memtided started when the host is? */
void doctor_boot(struct doctor *d, const char *root);

/**
 * struct doctor_xl - what xl info says
 * @known:	it has answered
 * @command_line: Xen's
 */
struct doctor_xl {
	bool known;
	char command_line[1024];
	uint64_t total_kib, free_kib;
};

/** doctor_xl_parse() - From its text; @ret->known if all of it is there */
void doctor_xl_parse(const char *text, struct doctor_xl *ret);

/**
 * doctor_dom0_mem() - Does dom0 keep the memory it has?
 *
 * By Xen's command line and xl.conf.
 */
void doctor_dom0_mem(struct doctor *d, const char *root,
		     const struct doctor_xl *xl);

/** doctor_scrub() - Does Xen clear what guests give back? */
void doctor_scrub(struct doctor *d, const struct doctor_xl *xl);

/** doctor_memory() - Is there any to give? @reserve_kib is never given */
void doctor_memory(struct doctor *d, uint64_t total_kib, uint64_t free_kib,
		   uint64_t reserve_kib);

#endif
