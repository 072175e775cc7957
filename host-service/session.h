/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * session.h - The conversation with one guest's agent
 *
 * Decodes what the agent sends and hands it up (guest_ops.message); sends
 * requests. A message that breaks the format ends the connection; one that
 * breaks the law quarantines the guest, which those above decide.
 *
 * Limits (I7): see session.c. A guest that says too much is not read for a
 * while; one that offers too many channels is not listened to for a while.
 */
#ifndef MEMTIDE_SESSION_H
#define MEMTIDE_SESSION_H

#include "guest.h"

/**
 * session_connect() - Connect to the channel the agent offers, if it does
 *
 * Does nothing if connected, quarantined or in balloon mode, or before it is
 * known whether it is in balloon mode. On failure the next offer, or for
 * a passing fault a timer, tries again; a timer also if it is too often.
 */
void session_connect(struct guest *g);

/** session_offered() - The guest says that it offers a channel */
void session_offered(struct guest *g);

/** session_look() - The time of @offer_event has come */
void session_look(struct guest *g);

/**
 * session_drop() - End the connection, forget what was on its way
 *
 * Exposed granules stay exposed in the ledger: the request may have arrived.
 * Does not change the guest's state.
 */
void session_drop(struct guest *g);

/**
 * session_lose() - Drop the connection, look for the agent again shortly
 *
 * The state becomes GUEST_LOST, or GUEST_UNMANAGED if it never was managed.
 */
void session_lose(struct guest *g);

/** session_quarantine() - Stop everything for this guest, say why, log it */
void session_quarantine(struct guest *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * session_readmit() - The operator has a quarantined guest looked at again
 *
 * What was learned of it before is for those above to forget or to keep.
 */
void session_readmit(struct guest *g);

/** session_overdue() - The agent has not answered in time: drop, reconnect */
void session_overdue(struct guest *g);

/**
 * session_send() - Send one message; a failure drops the connection
 *
 * Return: 0 or a negative errno, after which the state is GUEST_LOST
 */
int session_send(struct guest *g, const struct host_msg *msg);

/** session_expect() - (Re)start the clock if answers are due, else stop it */
void session_expect(struct guest *g);

#endif
