/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * journal.c - Log lines with their fields, to systemd's journal
 */
#include "journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The place of the call in the source would be this file's, always. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base.h"
#include "log.h"

/* The text, its priority and who says it come before what log.h adds. */
#define OWN_FIELDS	3u
#define FIELD_MAX	(LOG_LINE_MAX + 32u)

static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev,
		 (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
}

static void put(struct iovec *v, char text[FIELD_MAX], const char *name,
		const char *value)
{
	snprintf(text, FIELD_MAX, "%s=%s", name, value);
	*v = (struct iovec){ text, strlen(text) };
}

static bool journal_send(enum log_level level, const char *line,
			 const struct log_field *fields, unsigned int nr)
{
	char text[OWN_FIELDS + LOG_FIELDS_MAX][FIELD_MAX], priority[16];
	struct iovec v[ARRAY_SIZE(text)];
	unsigned int n = OWN_FIELDS;

	snprintf(priority, sizeof(priority), "%d", (int)level);
	put(&v[0], text[0], "MESSAGE", line);
	put(&v[1], text[1], "PRIORITY", priority);
	put(&v[2], text[2], "SYSLOG_IDENTIFIER", "memtided");
	for (unsigned int i = 0; i < nr; i++, n++)
		put(&v[n], text[n], fields[i].name, fields[i].value);
	return !sd_journal_sendv(v, (int)n);
}

void journal_open(void)
{
	if (stderr_is_journal())
		log_set_sink(journal_send);
}
