/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xen_words.h - Xen's own command line
 */
#ifndef MEMTIDE_XEN_WORDS_H
#define MEMTIDE_XEN_WORDS_H

#include "base.h"

/**
 * xen_word_is_on() - What does the command line say of a boolean option?
 * @commandline: Xen's, as XENVER_commandline tells
 * @word:	as "scrub-domheap"
 *
 * "word", "word=on", "no-word", "word=0" and so on as in Xen's
 * docs/misc/xen-command-line; the last one counts. A value that Xen does not
 * know is as if the word were not there.
 */
bool xen_word_is_on(const char *commandline, const char *word, bool otherwise);

#endif
