/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * log.h - One line a message to stderr, with the <N> priority of sd-daemon(3)
 *
 * The service manager stores the lines; there are no log files here. Pure
 * modules and ports do not log; a failure is logged once, where it is
 * disposed of.
 *
 * A line may have fields, by which it is found again where lines are kept with
 * their fields: that is the sink's. On stderr there is the text alone.
 */
#ifndef MEMTIDE_LOG_H
#define MEMTIDE_LOG_H

#include <stdbool.h>

/* What is longer is cut. */
#define LOG_LINE_MAX	1024u
#define LOG_FIELDS_MAX	4u

enum log_level {
	LOG_LEVEL_ERR = 3,	/* given up, the operator should know */
	LOG_LEVEL_WARN = 4,	/* survived; the text ends ", ignoring" etc. */
	LOG_LEVEL_INFO = 6,	/* state changes */
	LOG_LEVEL_DEBUG = 7,	/* each operation with its range */
};

/**
 * struct log_field - a fact about a line, besides its text
 * @name:	as in systemd.journal-fields(7): capitals, digits, underscores
 * @value:	less than LOG_LINE_MAX octets
 */
struct log_field {
	const char *name;
	const char *value;
};

/**
 * log_sink_fn - Keep a line
 * @nr:	at most LOG_FIELDS_MAX
 *
 * Return: false if it cannot be kept: it goes to stderr then
 */
typedef bool log_sink_fn(enum log_level level, const char *line,
			 const struct log_field *fields, unsigned int nr);

/** log_set_sink() - Who keeps lines from now on; NULL, as at start: stderr */
void log_set_sink(log_sink_fn *sink);

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

/** log_fields() - log_line() with @nr fields, at most LOG_FIELDS_MAX */
void log_fields(enum log_level level, const struct log_field *fields,
		unsigned int nr, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define log_err(...)	log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...)	log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)	log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
