/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_trouble.h - Why memtided could not be asked, and what to do then
 */
#ifndef MEMTIDE_CLI_TROUBLE_H
#define MEMTIDE_CLI_TROUBLE_H

#include "cli_syntax.h"

#define CLI_TROUBLE_MAX	512u

/** cli_trouble_connect() - control_client_open() has failed with @rc */
enum cli_exit cli_trouble_connect(const char *path, int rc,
				  char text[CLI_TROUBLE_MAX]);

/**
 * cli_trouble_reply() - control_client_send() or _next() has failed with @rc
 * @why:	with -EPROTO, what was wrong
 */
enum cli_exit cli_trouble_reply(const char *path, int rc, int timeout_ms,
				const char *why, char text[CLI_TROUBLE_MAX]);

#endif
