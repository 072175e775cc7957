/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * conf.h - The agent's command line
 */
#ifndef MEMTIDE_AGENT_CONF_H
#define MEMTIDE_AGENT_CONF_H

#include "base.h"
#include "log.h"

#define CONF_DEVICE_DEFAULT	"/dev/memtide"

enum conf_action { CONF_RUN, CONF_HELP, CONF_VERSION };

/**
 * struct conf - the options; strings are borrowed from argv
 * @unix_path:	NULL: offer a vchan, or with @sim_dir its socket
 * @sim_dir:	NULL: a real driver
 * @floor_kib:	0: computed from the guest's size
 * @keep_limits: tunables.h is not for this guest
 */
struct conf {
	enum conf_action action;
	const char *device;
	const char *unix_path;
	const char *sim_dir;
	uint32_t domid;
	uint64_t floor_kib;
	bool keep_limits;
	enum log_level log_level;
};

/** conf_usage() - The text of --help */
const char *conf_usage(void);

/**
 * conf_parse() - Options to struct conf
 * @ret_why:	on failure a line for the user; at least 256 bytes
 *
 * Return: 0, -EINVAL
 */
int conf_parse(int argc, char **argv, struct conf *ret, char *ret_why);

#endif
