/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * balance.h - Runs the policy over the service's guests
 *
 * DOC: Theory of operation
 *
 * A run takes a snapshot of host and guests, gives it to the policy and applies
 * the targets that come back, all in one turn of the event loop, so that what
 * the policy was told still holds (I4).
 *
 * A run is due when a guest reports something that asks for one (distress,
 * little available; anything, while something is lacking), appears, goes,
 * settles short of its target; when settings, reservations or the host's
 * memory change; and when the policy said so (next_ms). Runs that are due at
 * once are one. They are at least BALANCE_PAUSE_US apart, and BALANCE_SHARE_US
 * for each guest, so that balancing many guests takes a small share of a
 * processor however much they say. If nothing happens there is no timer, and no
 * run.
 *
 * An automatic guest has no other master: memtide set and xl mem-set are
 * refused and say why. Its target is kept with the domain for our successor,
 * but not remembered for its uuid: after a reboot it begins with what it was
 * built with (or its floor) and grows as it needs. When it is made not
 * automatic, it keeps the size it has, which is then remembered.
 */
#ifndef MEMTIDE_BALANCE_H
#define MEMTIDE_BALANCE_H

#include "reason.h"
#include "service.h"

#define BALANCE_PAUSE_US	2000
#define BALANCE_SHARE_US	5

struct balance;

/**
 * struct balance_conf - settings, constant while it runs
 * @policy:	NULL: policy_run()
 * @burst_kib:	should be free for bursts; 0: a sixteenth of the host's memory
 * @granted:	so many granules of what balance_want() asked for are to be set
 *		aside now; may be NULL. Once it has returned they must be
 *		promised (service_spare_pages() without them) or are lost to it
 */
struct balance_conf {
	policy_fn *policy;
	uint64_t burst_kib;
	void (*granted)(void *ctx, uint32_t granules);
	void *ctx;
};

/**
 * balance_open() - Begin to balance
 * @s:		borrowed; outlives the balancer
 *
 * Return: 0 or -ENOMEM
 */
int balance_open(struct service *s, const struct balance_conf *conf,
		 struct balance **ret);

/** balance_close() - Stop; targets stay. NULL is accepted */
void balance_close(struct balance *b);

/** balance_kick() - Something changed that the balancer cannot see */
void balance_kick(struct balance *b);

/** balance_set_burst() - Change conf.burst_kib */
void balance_set_burst(struct balance *b, uint64_t burst_kib);

/** balance_want() - Reservations wait for so many granules */
void balance_want(struct balance *b, uint32_t granules);

/** balance_possible() - Granules that a reservation could get at most */
uint64_t balance_possible(struct balance *b);

/** balance_burst_kib() - What should be free for bursts, on such a host */
uint64_t balance_burst_kib(const struct balance *b, uint64_t host_kib);

/** balance_runs() - How often the policy has run */
uint64_t balance_runs(const struct balance *b);

/**
 * balance_set() - Change the settings of a guest
 * @set:	whole sizes in granules; 0 where policy.h says so
 * @why:	@size bytes for the reason of a refusal
 *
 * A guest that is not managed yet is checked for what is known of it, and again
 * by the snapshot: what does not fit then is moved to the nearest that does.
 *
 * Return: 0, or -EINVAL; then nothing has changed and @why says more
 */
int balance_set(struct guest *g, const struct policy_settings *set, char *why,
		size_t size);

/**
 * balance_dry_run() - What would a run change now?
 * @ret:	snapshots with targets and reasons, in order of domid, the
 *		balancer's and valid until it runs again; @held and the guest's
 *		own target are as they are
 *
 * Changes nothing.
 *
 * Return: 0 or a negative errno
 */
int balance_dry_run(struct balance *b, struct policy_host *ret_host,
		    const struct policy_guest **ret, uint32_t *ret_nr);

/**
 * balance_explain() - Why does a guest have the size it has?
 * @n:		0: now, as of the last run; 1: the last changes for one reason;
 *		2: those before; ..
 * @ret_ago_ms:	how long ago
 *
 * Return: 0, or -ENOENT if there is none
 */
int balance_explain(const struct balance *b, const struct guest *g,
		    unsigned int n, uint32_t *ret_ago_ms,
		    char text[REASON_TEXT_MAX]);

#endif
