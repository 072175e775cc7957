/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doctor_daemon.h - Is memtided right, and does it know its guests?
 */
#ifndef MEMTIDE_DOCTOR_DAEMON_H
#define MEMTIDE_DOCTOR_DAEMON_H

#include <sys/types.h>

#include "cli_report.h"
#include "doctor.h"

/**
 * doctor_connect() - What has connecting to it come to?
 * @rc:		of control_client_open()
 * @group:	is there a group memtide?
 */
void doctor_connect(struct doctor *d, const char *socket, int rc, bool group);

/**
 * doctor_socket() - May those use it who should, and nobody else?
 * @gid:	of group memtide, (gid_t)-1 if there is none
 */
void doctor_socket(struct doctor *d, const char *path, gid_t gid);

/** doctor_version() - Is it of our version? */
void doctor_version(struct doctor *d, const struct control_version *v);

/** doctor_config() - Is its configuration file right? None is */
void doctor_config(struct doctor *d, const char *path);

/**
 * doctor_audit() - What an audit has found
 * @guests:	what guests are found to be is not said again
 */
void doctor_audit(struct doctor *d, const struct cli_report *audit,
		  const struct cli_report *guests);

/* Does a guest's agent offer a channel in xenstore? */
enum doctor_offer { OFFER_UNKNOWN, OFFER_NONE, OFFER_THERE };

/** doctor_guest() - Is it ready to be resized, and does it hold its target? */
void doctor_guest(struct doctor *d, const struct control_guest *g,
		  enum doctor_offer offer);

#endif
