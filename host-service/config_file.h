/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * config_file.h - The configuration file: memtided.conf(5)
 *
 * The only module that sees libconfuse.
 */
#ifndef MEMTIDE_CONFIG_FILE_H
#define MEMTIDE_CONFIG_FILE_H

#include "config.h"

#define CONFIG_FILE_DEFAULT	"/etc/memtide/memtided.conf"

/** config_file_error_fn - Told of each error: "FILE:LINE: what is wrong" */
typedef void config_file_error_fn(void *ctx, const char *text);

/**
 * config_file_load() - Put what a file sets into @c, over what is there
 * @text:	all of it, @len octets
 * @name:	for @error
 *
 * Not to be called from @error.
 *
 * Return: 0, or -EINVAL: @error has been told why, and @c may be half set
 */
int config_file_load(const char *text, size_t len, const char *name,
		     struct config *c, config_file_error_fn *error, void *ctx);

/**
 * config_file_read() - A whole configuration: defaults, file, command line
 * @optional:	that there is no such file is no error
 * @options:	text of those keys that the command line sets, NULL for others
 * @ret:	to be freed with config_done(); untouched on failure
 *
 * Return: 0, or a negative errno: @error has been told why
 */
int config_file_read(const char *path, bool optional,
		   const char *const options[CONFIG_NUM_KEYS], struct config *ret,
		   config_file_error_fn *error, void *ctx);

#endif
