/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * agent.h - The guest's side of the protocol
 *
 * DOC: Theory of operation
 *
 * The agent is told what happens (connected, a payload, disconnected) and is
 * given turns. A turn does one bounded piece of work, at most one call to the
 * driver, and says when the next is wanted, so that between any two pieces
 * the event loop can bring a cancel or the end of the connection.
 *
 * Work is done in this order: what a pull released is told; online requests,
 * in the order they came; the pull; a look at memory, and a report if there is
 * something to tell (pace.h). The newest word wins: any
 * online or pull request ends a running pull with PULL_REASON_CANCELLED. The
 * end of a connection ends all work at once, and nothing asked for on it is
 * done after. Granules stay as they are: the next connection asks for them.
 *
 * Nothing is allocated after agent_new() (I6).
 */
#ifndef MEMTIDE_AGENT_H
#define MEMTIDE_AGENT_H

#include "codec.h"
#include "kdev.h"
#include "meminfo.h"
#include "pressure.h"

struct agent;

/* Online requests that may wait; a host that has more under way is refused. */
#define AGENT_ONLINE_QUEUE	4u

enum agent_state {
	AGENT_ALONE,	/* no connection */
	AGENT_GREETING,	/* Hello sent; only a Welcome may come */
	AGENT_SERVING,	/* any request may come, no Welcome */
	AGENT_NUM_STATES,
};

struct agent_callbacks {
	/**
	 * @send: Queue one payload
	 *
	 * Return: 0, -ENOBUFS if there is no room now: the next turn is due
	 * once the queue has drained, or another negative errno
	 */
	int (*send)(void *ctx, const uint8_t *buf, size_t len);

	/** @meminfo: Return: 0 or a negative errno */
	int (*meminfo)(void *ctx, struct meminfo *ret);

	/**
	 * @pressure: What the kernel does not count is 0; but for @time_us
	 * that may be all of it
	 */
	void (*pressure)(void *ctx, struct pressure *ret);

	/**
	 * @watch: Call agent_stalled() and agent_stirred() when the guest is
	 * as short of memory as @w describes, or about to be
	 *
	 * Return: 0, or a negative errno: nobody will call, and why is logged
	 */
	int (*watch)(void *ctx, const struct msg_welcome *w);

	/**
	 * @grown: Memory has been put in use; also called for each new host
	 * @boot_kib:	what the guest was built with, of
	 * @all_kib:	all it has, of which
	 * @kernel_kib:	may hold what cannot be moved
	 */
	void (*grown)(void *ctx, uint64_t boot_kib, uint64_t all_kib,
		      uint64_t kernel_kib);
};

/**
 * struct agent_config - fixed for the agent's life
 * @boot_id:		new at each boot of the guest
 * @agent_version, @kernel_release: printable ASCII
 * @floor_pages:	0: computed from the guest's size
 */
struct agent_config {
	uint8_t boot_id[PROTO_BOOT_ID_BYTES];
	char agent_version[PROTO_TEXT_MAX];
	char kernel_release[PROTO_TEXT_MAX];
	uint64_t floor_pages;
};

/**
 * agent_new() - Read the window from the driver; nobody is connected
 * @k:		borrowed from the caller for the agent's life
 * @cbs, @ctx:	likewise; called from agent_connected(), _frame() and _turn()
 *
 * Return: 0, -ENOMEM or an error of the driver
 */
int agent_new(const struct agent_config *config, struct kdev *k,
	      const struct agent_callbacks *cbs, void *ctx, struct agent **ret);
void agent_free(struct agent *a);

/**
 * agent_connected() - A host may be there: send Hello
 *
 * Return: 0 or the negative errno of the driver or of sending
 */
int agent_connected(struct agent *a);

/** agent_disconnected() - Forget all that was asked for */
void agent_disconnected(struct agent *a);

/**
 * agent_frame() - A payload arrived
 * @buf:	@len bytes from an untrusted host
 * @ret_why:	set on failure: a constant string
 *
 * Return: 0, or a negative errno: the connection is to be closed. -EPROTO if
 *         the host broke the protocol, -ENOBUFS if it does not read its
 *         answers
 */
int agent_frame(struct agent *a, const uint8_t *untrusted_buf, size_t len,
		uint64_t now_ms, const char **ret_why);

/** agent_stalled() - Tasks waited for memory as long as Welcome says */
void agent_stalled(struct agent *a, uint64_t now_ms);

/** agent_stirred() - Tasks began to wait for memory, but less than that */
void agent_stirred(struct agent *a, uint64_t now_ms);

/** agent_touched() - Programs take memory, much or little */
void agent_touched(struct agent *a, uint64_t now_ms);

/**
 * agent_starves() - The kernel is about to kill for want of memory
 * @zone:	the next block is of it
 *
 * Reads nothing of the kernel, for that may take memory, too: the host is told
 * at once, with what was last known.
 */
void agent_starves(struct agent *a, enum block_zone zone, uint64_t now_ms);

/**
 * agent_turn() - Do one piece of work
 *
 * Return: the time the next turn is wanted, 0 for at once, UINT64_MAX for not
 *         before something happens [ms, as @now_ms]
 */
uint64_t agent_turn(struct agent *a, uint64_t now_ms);

/**
 * agent_lost_track() - Has the driver not told what it did?
 *
 * To be asked after a turn. Then no answer would be true: the connection is to
 * be ended, and with the next one both sides learn what is.
 */
bool agent_lost_track(const struct agent *a);

#endif
