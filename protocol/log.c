/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * log.c - One line a message
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base.h"

static enum log_level log_max = LOG_LEVEL_INFO;
static log_sink_fn *log_sink;

static const struct {
	const char *name;
	enum log_level level;
} log_names[] = {
	{ "error", LOG_LEVEL_ERR },
	{ "warning", LOG_LEVEL_WARN },
	{ "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },
};

void log_set_level(enum log_level level)
{
	log_max = level;
}

int log_parse_level(const char *name, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(log_names); i++) {
		if (!strcmp(name, log_names[i].name)) {
			*ret = log_names[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

void log_set_sink(log_sink_fn *sink)
{
	log_sink = sink;
}

__attribute__((format(printf, 4, 0)))
static void log_va(enum log_level level, const struct log_field *fields,
		   unsigned int nr, const char *fmt, va_list ap)
{
	char line[LOG_LINE_MAX];

	ASSERT(nr <= LOG_FIELDS_MAX);
	if (level > log_max)
		return;
	vsnprintf(line, sizeof(line), fmt, ap);
	if (!log_sink || !log_sink(level, line, fields, nr))
		fprintf(stderr, "<%d>%s\n", (int)level, line);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(level, NULL, 0, fmt, ap);
	va_end(ap);
}

void log_fields(enum log_level level, const struct log_field *fields,
		unsigned int nr, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(level, fields, nr, fmt, ap);
	va_end(ap);
}
