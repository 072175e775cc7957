/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * savers.h - Is the toolstack about to save a domain?
 *
 * DOC: Theory of operation
 *
 * What a domain gets after its saving has begun can be lost: libxl's helper asks
 * once how far the domain's memory reaches, and what the restored domain may
 * hold is written down even before. Nothing in Xen or xenstore says that a
 * domain is being saved, until it is suspended; with a live migration that is at
 * the end. What there is from the first moment on is a process: libxl runs
 *
 *   .../libxl-save-helper --save-domain FD FD DOMID ...
 *
 * whoever uses it, and an operator "xl save", "xl migrate" or "xl remus".
 *
 * Who looks after a change knows for certain: if there is no saver now, one that
 * starts later sees the change.
 */
#ifndef MEMTIDE_SAVERS_H
#define MEMTIDE_SAVERS_H

#include "base.h"

/**
 * struct savers - what was found the last time
 * @last_pid:	the newest process then; 0 if never looked
 * @none:	there was no saver of any domain
 */
struct savers {
	unsigned long last_pid;
	bool none;
};

/**
 * savers_match() - Does this command line save a domain?
 * @cmdline:	arguments, a 0 behind each
 * @len:	of it
 * @name:	the domain's, may be empty
 * @ret_any:	set if it saves some domain, whichever; else untouched
 *
 * Return: true if it saves the domain of that number and name
 */
bool savers_match(const char *cmdline, size_t len, uint32_t domid,
		  const char *name, bool *ret_any);

/**
 * savers_busy() - Is there a process that saves the domain?
 * @proc:	/proc, or what a test has instead
 *
 * Looks at all processes, or only whether there are new ones if none saved
 * anything before.
 *
 * Return: true also if @proc cannot be read
 */
bool savers_busy(struct savers *s, const char *proc, uint32_t domid,
		 const char *name);

#endif
