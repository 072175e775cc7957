/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * journal.h - Log lines with their fields, to systemd's journal
 */
#ifndef MEMTIDE_JOURNAL_H
#define MEMTIDE_JOURNAL_H

/**
 * journal_open() - If stderr is the journal's, hand it lines with their fields
 *
 * $JOURNAL_STREAM says which file the service manager has connected to the
 * journal, as DEVICE:INODE; if stderr is another one by now, or nobody says,
 * lines go on to stderr. So does a line that the journal does not take.
 */
void journal_open(void);

#endif
