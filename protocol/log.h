/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * log.h - One line a message to stderr, with the <N> priority of sd-daemon(3)
 *
 * The service manager stores the lines; there are no log files here. Pure
 * modules and ports do not log; a failure is logged once, where it is
 * disposed of.
 */
#ifndef MEMTIDE_LOG_H
#define MEMTIDE_LOG_H

enum log_level {
	LOG_LEVEL_ERR = 3,	/* given up, the operator should know */
	LOG_LEVEL_WARN = 4,	/* survived; the text ends ", ignoring" etc. */
	LOG_LEVEL_INFO = 6,	/* state changes */
	LOG_LEVEL_DEBUG = 7,	/* each operation with its range */
};

/**
 * log_set_level() - Print messages up to @level, LOG_LEVEL_INFO at start
 */
void log_set_level(enum log_level level);

/**
 * log_parse_level() - "error", "warning", "info" or "debug" to a level
 *
 * Return: 0, or -EINVAL with *@ret untouched
 */
int log_parse_level(const char *name, enum log_level *ret);

void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_err(...)	log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...)	log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)	log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
