/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * quote.h - Texts of others within a text of ours
 *
 * The name of a domain is what a user of the toolstack chose: any bytes. What is
 * not UTF-8 becomes U+FFFD, as one such byte would have a reader refuse all that
 * we say; so does what controls a terminal. Pure.
 */
#ifndef MEMTIDE_QUOTE_H
#define MEMTIDE_QUOTE_H

#include "base.h"

/* No byte becomes more than these. */
#define QUOTE_BYTES	3u

/**
 * quote() - As in a JSON string or in the value of a Prometheus label
 * @ret:	without the quotes; what does not fit is left out, whole
 *		characters; returned
 *
 * Both escape ", \ and newline, alike.
 *
 * Source: RFC 8259 §7;
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
const char *quote(const char *text, char *ret, size_t size);

#endif
