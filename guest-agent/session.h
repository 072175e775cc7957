/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * session.h - The agent, one host connection at a time, and the event loop
 */
#ifndef MEMTIDE_SESSION_H
#define MEMTIDE_SESSION_H

#include "agent.h"

struct event_base;
struct session;

/**
 * struct session_config - fixed for the session's life
 * @unix_path:	listen there; NULL: offer a vchan to dom0
 * @agent:	passed on to agent_new()
 * @pressure_path: "/proc/pressure/memory", or NULL: nothing ever stalls
 * @meminfo, @pressure, @grown: as in struct agent_callbacks, with @system_ctx
 */
struct session_config {
	const char *unix_path;
	struct agent_config agent;
	const char *pressure_path;
	int (*meminfo)(void *ctx, struct meminfo *ret);
	void (*pressure)(void *ctx, struct pressure *ret);
	void (*grown)(void *ctx, uint64_t boot_kib, uint64_t all_kib,
		      uint64_t kernel_kib);
	void *system_ctx;
};

/**
 * session_new() - Read the window and wait for a host
 * @k:		owned by the session on success
 *
 * A new connection on the socket ends the old one. A vchan that has ended is
 * offered anew at once. Logs what fails.
 *
 * Return: 0 or a negative errno
 */
int session_new(struct event_base *base, const struct session_config *config,
		struct kdev *k, struct session **ret);

/** session_free() - End the connection; granules stay as they are */
void session_free(struct session *s);

#endif
