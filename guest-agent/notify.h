/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * notify.h - What the service manager is told, as by sd_notify(3)
 *
 * Not by libsystemd itself: the agent's memory is locked, and that library and
 * those it needs would be 3.5 MB of a guest that may be very small.
 *
 * There is no watchdog. A guest that was paused goes on at a time at which
 * keepalives are overdue, and who is faster then, the agent or the manager, is
 * chance. The agent of a restored guest must not be ended (docs/operations.md).
 */
#ifndef MEMTIDE_AGENT_NOTIFY_H
#define MEMTIDE_AGENT_NOTIFY_H

/**
 * notify_manager() - Say @state, lines as in sd_notify(3), to $NOTIFY_SOCKET
 *
 * Without a manager, or if it cannot be told, nothing happens.
 */
void notify_manager(const char *state);

#endif
