/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * page.h - The status page, page.html as of the build
 */
#ifndef MEMTIDE_PAGE_H
#define MEMTIDE_PAGE_H

#include <stddef.h>

extern const char page_html[];
extern const size_t page_html_bytes;

/* Content-Security-Policy: its own style and script, by their hashes. */
extern const char page_policy[];

#endif
