/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * config.h - All that can be set for memtided, with units, ranges and defaults
 *
 * Pure but for malloc(). config_file.h fills it from a file, main.c from the
 * command line; both by config_set(), so that a key means the same in both.
 */
#ifndef MEMTIDE_CONFIG_H
#define MEMTIDE_CONFIG_H

#include "log.h"
#include "settings.h"

#define CONFIG_RULES_MAX	65536u	/* sections for guests */
#define CONFIG_PATH_MAX	108u	/* of a socket, as sockaddr_un has it */
#define CONFIG_NAME_MAX	128u	/* of a guest */
#define CONFIG_TEXT_MAX	192u

/* The keys that are not of a guest, in the order of the manual page. */
enum config_key {
	CONFIG_RESERVE,
	CONFIG_BURST_RESERVE,
	CONFIG_RETRY_MIN_MS,
	CONFIG_RETRY_MAX_MS,
	CONFIG_LOG_LEVEL,
	CONFIG_SOCKET,
	CONFIG_METRICS_PORT,
	CONFIG_NUM_KEYS,
};

/**
 * struct config_rule - what the file sets for one guest
 * @guest:	its name, or its uuid in lower case
 * @line:	of the file, where its section ends
 */
struct config_rule {
	char guest[CONFIG_NAME_MAX];
	unsigned int line;
	struct settings set;
};

/**
 * struct config
 * @numbers:	of the keys: KiB, ms, enum log_level, port; 0: the default share,
 *		of CONFIG_BURST_RESERVE, or none, of CONFIG_METRICS_PORT
 * @lines:	of the file, where they were set; 0: not there
 * @socket:	of CONFIG_SOCKET
 * @defaults:	for guests
 * @rules:	owned; in order of @guest once config_check() was good
 */
struct config {
	uint64_t numbers[CONFIG_NUM_KEYS];
	unsigned int lines[CONFIG_NUM_KEYS];
	char socket[CONFIG_PATH_MAX];
	struct settings defaults;
	unsigned int defaults_line;
	struct config_rule *rules;
	uint32_t nr_rules;
};

/** config_init() - Everything by default */
void config_init(struct config *c);

/** config_done() - Free what it holds */
void config_done(struct config *c);

/** config_key_name() - "reserve" and so on; an option is called --reserve */
const char *config_key_name(enum config_key key);

/** config_key_is_live() - Does a change of it need no restart? */
bool config_key_is_live(enum config_key key);

/**
 * config_set() - A key's value, as text
 * @why:	on failure completes: KEY: ...
 *
 * Return: 0 or -EINVAL; then nothing has changed
 */
int config_set(struct config *c, enum config_key key, const char *text,
	     char why[CONFIG_TEXT_MAX]);

/** config_text() - And back, for a log, in @text, returned */
const char *config_text(const struct config *c, enum config_key key,
		      char text[CONFIG_TEXT_MAX]);

/** config_copy_key() - @to's value becomes that of @from */
void config_copy_key(struct config *to, const struct config *from, enum config_key key);

/**
 * config_add_rule() - For a guest of this name or uuid
 * @ret:	valid until the next rule is added
 * @why:	on failure a phrase
 *
 * Return: 0, -EINVAL, -ENOSPC (CONFIG_RULES_MAX) or -ENOMEM
 */
int config_add_rule(struct config *c, const char *guest, struct config_rule **ret,
		  char why[CONFIG_TEXT_MAX]);

/**
 * config_check() - Do the values fit each other? To be called when all are set
 * @ret_line:	on failure the line of the file, 0 if it is not of the file
 *
 * Return: 0, or -EINVAL and @why: KEY or GUEST and what is wrong
 */
int config_check(struct config *c, unsigned int *ret_line, char why[CONFIG_TEXT_MAX]);

/**
 * config_guest() - What is set for a guest
 * @uuid:	in the usual form, lower case
 *
 * The defaults, over them the rule for its name, over that the one for its
 * uuid.
 */
void config_guest(const struct config *c, const char *name, const char *uuid,
		struct settings *ret);

#endif
