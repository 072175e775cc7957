/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_text.h - Text of others made fit for a terminal and for JSON
 *
 * Names of guests and reasons come from guests' xenstore nodes and agents: an
 * escape sequence in them must not reach an operator's terminal.
 */
#ifndef MEMTIDE_CLI_TEXT_H
#define MEMTIDE_CLI_TEXT_H

#include "base.h"

#define TEXT_IN_MAX	640u	/* longer text is cut */

struct text_buf {
	char text[4 * TEXT_IN_MAX + 1];
};

/**
 * text_escape() - Printable ASCII as it is, each other byte as \xNN, and a
 * backslash doubled, so that no two texts look the same
 *
 * Return: @buf->text
 */
const char *text_escape(const char *text, struct text_buf *buf);

/**
 * text_to_utf8() - Valid UTF-8 as it is, each wrong byte as U+FFFD
 *
 * Return: @buf->text
 */
const char *text_to_utf8(const char *text, struct text_buf *buf);

#endif
