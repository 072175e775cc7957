/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * service.h - All guests of a host, and what is promised to them
 */
#ifndef MEMTIDE_SERVICE_H
#define MEMTIDE_SERVICE_H

#include "guest.h"
#include "returns.h"

struct service;

/**
 * struct service_watcher - told of what happens to guests and host
 * @changed:	its state, sizes or what is in its way may be others
 * @reported:	it has said how it is; that alone is no change
 * @rescanned:	domains, settings or the host's memory may be others
 */
struct service_watcher {
	void (*changed)(struct service_watcher *w, struct guest *g);
	void (*reported)(struct service_watcher *w, struct guest *g);
	void (*rescanned)(struct service_watcher *w);
	/** @gone: it is about to be freed; may be NULL */
	void (*gone)(struct service_watcher *w, const struct guest *g);
	struct service_watcher *next;	/* the service's */
};

/**
 * struct service
 * @env:	what the guests see of it; base and backend borrowed from the
 *		caller of service_open()
 * @guests:	owned; in order of domid
 * @watchers:	borrowed
 * @counters:	of what was done, since @start_us
 * @reserved:	pages promised to domains that are to be built (reserve.h)
 * @returns:	pages promised to guests that reboot
 * @incomplete:	there may be guests that are not known, or promises to them
 */
struct service {
	struct guest_env env;
	struct event *backend_event;
	struct event *rescan_event;
	struct guest **guests;
	uint32_t nr_guests;
	struct service_watcher *watchers;
	struct counters counters;
	int64_t start_us;
	uint64_t reserved;
	struct returns returns;
	bool incomplete;
};

/**
 * service_open() - Start looking after guests
 *
 * Return: 0 or a negative errno
 */
int service_open(struct event_base *base, struct backend *backend,
		 const struct guest_conf *conf, struct service **ret);

/** service_close() - Stop; guests keep what they hold. NULL is accepted */
void service_close(struct service *s);

/** service_rescan() - Look at the list of domains again, soon */
void service_rescan(struct service *s);

/** service_promised() - Pages admitted for all guests and not yet backed,, those
 * reserved, and those of guests that reboot */
uint64_t service_promised(const struct service *s);

/**
 * service_spare() - What may be promised yet
 * @ret_granules: each with what mapping it costs
 * @ret_total:	granules of the whole host
 *
 * Return: 0, or a negative errno: it cannot be known now
 */
int service_spare(struct service *s, uint32_t *ret_granules,
		  uint32_t *ret_total);

void service_watch(struct service *s, struct service_watcher *w);
void service_unwatch(struct service *s, struct service_watcher *w);

/** service_tell_rescanned() - As after a rescan: settings may be others */
void service_tell_rescanned(struct service *s);

struct guest *service_by_domid(struct service *s, uint32_t domid);

/** service_next() - The first guest with at least that domid, or NULL */
struct guest *service_next(const struct service *s, uint32_t domid);

/**
 * service_readmit() - Take a guest out of quarantine and look at it anew
 *
 * Its connection, window and state are learned as if for the first time, and
 * if it still breaks a rule it is back in quarantine, at once or soon.
 *
 * Return: 0, or -EINVAL (it is not quarantined), -ESRCH, -ENOMEM or -EIO; then
 *         nothing has changed and @why says more
 */
int service_readmit(struct guest *g, char *why, size_t size);

/**
 * service_set_target() - Set what a guest should hold
 *
 * Of one that is not managed: by its own balloon, no more than it was built
 * with (balloon.h).
 * @kib:	boot memory included; rounded up to granules
 * @why:	@size bytes for the reason of a refusal
 *
 * Return: 0, or -EINVAL (out of the guest's range, or it is automatic), -ENOMEM (the host has not
 *         that much), -ENOTCONN (the guest is not managed or not there) or
 *         -EIO; then nothing has changed and @why says more
 */
int service_set_target(struct guest *g, uint64_t kib, char *why, size_t size);

/**
 * service_move() - The policy sets the target of a guest
 * @granules:	in its window; what is more than it holds or was promised has
 *		been found with service_spare()
 *
 * Return: 0, or a negative errno if it cannot be stored; then nothing changed
 */
int service_move(struct guest *g, uint32_t granules);

#endif
