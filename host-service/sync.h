/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sync.h - Learning what is true about a guest (docs/design.md §4)
 *
 * On every new connection the ledger is made anew from Xen's p2m and from
 * what the guest says is in use. A granule in use and not backed breaks the
 * one law: the guest is quarantined.
 */
#ifndef MEMTIDE_SYNC_H
#define MEMTIDE_SYNC_H

#include "guest.h"

/**
 * sync_stored() - What the guest was promised by our predecessor (I4)
 *
 * Until its agent greets, that is all we know of a guest we just found.
 *
 * Return: 0, or -EIO if it cannot be read
 */
int sync_stored(struct guest *g);

/**
 * sync_readmit() - Forget what only holds a guest to its past
 *
 * Of a quarantined guest. If nothing is backed in the window it announced
 * once, it may announce another, as if for the first time.
 *
 * Return: 0 or a negative errno, and then nothing was forgotten
 */
int sync_readmit(struct guest *g);

/** sync_begin() - The agent greeted: check, read p2m, ask what is in use */
void sync_begin(struct guest *g, const struct msg_hello *hello);

/** sync_state() - An answer about what is in use */
void sync_state(struct guest *g, const struct msg_state_reply *reply);

/**
 * sync_audit() - Ask again, compare with the ledger, change nothing
 *
 * Watchers are told when @sync_audit is false again; @audit_wrong then counts
 * the granules on which guest and ledger differ.
 *
 * Return: 0, -EBUSY if the guest is not settled or being audited, -ENOTCONN
 */
int sync_audit(struct guest *g);

#endif
