/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * backend.h - What the service may ask of a hypervisor and its toolstack
 *
 * A port: backend_xen.c is the real one, backend_sim.c a machine in a file.
 * No operation logs. A guest is named by domid and uuid: domids are reused,
 * and every operation on a domain whose uuid is another answers -ESRCH.
 *
 * Errors, besides those named below: -ESRCH the guest is gone, -EAGAIN it has
 * shut down or is being saved and may not change now, -EIO anything the
 * hypervisor refused for a reason that the operation does not list.
 *
 * An error does not say that nothing was done: what was written may be there,
 * and populate() and give_back() may have done more than they tell. Who must
 * know asks backed().
 */
#ifndef MEMTIDE_BACKEND_H
#define MEMTIDE_BACKEND_H

#include "base.h"

#define BACKEND_NAME_MAX	128u
#define BACKEND_VALUE_MAX	64u

struct transport;

struct guest_id {
	uint32_t domid;
	uint8_t uuid[16];
};

/**
 * struct backend_domain - a domain as the hypervisor has it
 * @name:	empty if it has none; as found, may hold anything printable
 * @pages:	frames the hypervisor counts for it
 * @max_pages:	the most it may hold
 * @claimed:	frames that the hypervisor keeps for it besides
 * @restarts:	it has shut down in a way that mostly has it built again
 */
struct backend_domain {
	struct guest_id id;
	char name[BACKEND_NAME_MAX];
	uint64_t pages;
	uint64_t max_pages;
	uint64_t claimed;
	bool restarts;
};

/**
 * struct backend_host - the host's memory, in pages of 4 KiB
 * @free:	to be had now, claims of domains being built already taken off
 */
struct backend_host {
	uint64_t total;
	uint64_t free;
};

/**
 * struct backend_balloon - what the toolstack tells the domain's own balloon
 * @most_kib:	what the target says when it may have all it was built with
 * @target_kib:	what it says now
 */
struct backend_balloon {
	uint64_t most_kib;
	uint64_t target_kib;
};

struct backend;

/* Called from ops->dispatch(). */
struct backend_events {
	/** @domains: some domain came, went, or changed: list again */
	void (*domains)(void *ctx);
	/** @offer: the domain's agent may have a new channel to connect to */
	void (*offer)(void *ctx, uint32_t domid);
	/** @target: the toolstack's target of the domain was written, by
	 * others or by publish(): ask wanted() */
	void (*target)(void *ctx, uint32_t domid);
};

struct backend_ops {
	const char *name;

	/** @close: NULL is accepted */
	void (*close)(struct backend *b);

	/** @fd: readable when dispatch() has something to do; constant */
	int (*fd)(struct backend *b);

	/**
	 * @dispatch: Make the callbacks for what has happened; never blocks
	 *
	 * Return: 0, or -EIO if events are lost for good
	 */
	int (*dispatch)(struct backend *b, const struct backend_events *cbs,
			void *ctx);

	/**
	 * @listen: Hear of the guest's offers, as from the start, or not
	 *
	 * Heard again, cbs->offer may be called once for what was missed.
	 */
	void (*listen)(struct backend *b, const struct guest_id *id, bool on);

	/**
	 * @list: All domains but dom0 and those being destroyed, in order of
	 * domid
	 * @ret:	array of @ret_nr, to be freed by the caller; untouched on
	 *		failure
	 *
	 * Return: 0, -ENOMEM, -EIO
	 */
	int (*list)(struct backend *b, struct backend_domain **ret,
		    uint32_t *ret_nr);

	/** @domain: What the hypervisor counts; the name is left as it is */
	int (*domain)(struct backend *b, const struct guest_id *id,
		      struct backend_domain *ret);
	int (*host)(struct backend *b, struct backend_host *ret);

	/** @set_max: the most pages the domain may hold */
	int (*set_max)(struct backend *b, const struct guest_id *id,
		       uint64_t max_pages);

	/**
	 * @claim: Have the host keep memory until the domain holds @pages
	 * @pages:	in all; 0, or no more than it holds: keep nothing for it
	 *
	 * What is kept counts as not free, and goes as the domain gets it.
	 *
	 * Return: 0, -ENOMEM, -EOPNOTSUPP if this host cannot
	 */
	int (*claim)(struct backend *b, const struct guest_id *id,
		     uint64_t pages);

	/**
	 * @set_tables: Room for what the hypervisor needs to map granules
	 * @granules:	the domain's granules in the window, backed or about to be
	 *
	 * Return: 0, -ENOMEM
	 */
	int (*set_tables)(struct backend *b, const struct guest_id *id,
			  uint32_t granules);

	/**
	 * @populate: Back granules with host memory
	 * @gfn:	first frame, granule aligned
	 * @nr:		granules, 1..64
	 * @ret_done:	leading granules now backed, set on failure too; no
	 *		granule is left half backed
	 *
	 * Return: 0 if all of @nr is backed, -ENOMEM
	 *
	 * Source: XENMEM_populate_physmap, xen/include/public/memory.h
	 */
	int (*populate)(struct backend *b, const struct guest_id *id,
			uint64_t gfn, uint32_t nr, uint32_t *ret_done);

	/**
	 * @give_back: Take granules from a domain, for the host
	 * @ret_done:	leading granules no longer backed, set on failure too
	 *
	 * Return: 0 if all of @nr is taken
	 *
	 * Source: XENMEM_decrease_reservation, xen/include/public/memory.h
	 */
	int (*give_back)(struct backend *b, const struct guest_id *id,
			 uint64_t gfn, uint32_t nr, uint32_t *ret_done);

	/**
	 * @backed: Which granules have memory behind them?
	 * @gfn:	first frame, granule aligned
	 * @nr:		granules, multiple of 64
	 * @bitmap:	@nr / 64 words
	 */
	int (*backed)(struct backend *b, const struct guest_id *id,
		      uint64_t gfn, uint32_t nr, uint64_t *bitmap);

	/**
	 * @store_write, @store_read: A short text kept with the domain, out of
	 * the guest's reach; it goes when the domain goes
	 *
	 * Return: 0, -ENOENT if there is no such key, -ENOSPC if a text does
	 * not fit BACKEND_VALUE_MAX bytes
	 */
	int (*store_write)(struct backend *b, const struct guest_id *id,
			   const char *key, const char *value);
	int (*store_read)(struct backend *b, const struct guest_id *id,
			  const char *key, char *value, size_t size);

	/**
	 * @remember, @recall: The size wanted for the guest, kept by its uuid
	 * for the next domain that has it: after a reboot that is another one
	 *
	 * Return: 0, -ENOENT if nothing is remembered
	 */
	int (*remember)(struct backend *b, const struct guest_id *id,
			uint64_t kib);
	int (*recall)(struct backend *b, const struct guest_id *id,
		      uint64_t *ret_kib);

	/**
	 * @publish: Tell the toolstack that the domain holds @granules beyond
	 * what it was built with (I5)
	 *
	 * What it was built with is what it holds less @granules at the first
	 * call for a domain, or what the toolstack has, if that is less.
	 * For a domain that shuts down the backend takes it back by itself: as
	 * large as told is what the toolstack would build it again.
	 *
	 * Source: xen docs/misc/xenstore-paths: memory/target, static-max
	 */
	int (*publish)(struct backend *b, const struct guest_id *id,
		       uint32_t granules);

	/**
	 * @wanted: What the toolstack's target says that the domain should hold
	 * @ret_kib:	beyond what it was built with, as of publish(): 2048 a
	 *		granule; less than 0 if less than that
	 *
	 * Only dom0 can write the target.
	 *
	 * Return: 0, -ENOENT if publish() was never called for it
	 */
	int (*wanted)(struct backend *b, const struct guest_id *id,
		      int64_t *ret_kib);

	/**
	 * @balloon: What the domain's own balloon driver is told
	 *
	 * Only of domains for which publish() was never called.
	 *
	 * Return: 0, -ENOENT if the toolstack keeps no target for it
	 *
	 * Source: xen docs/misc/xenstore-paths: memory/target, static-max,
	 * videoram
	 */
	int (*balloon)(struct backend *b, const struct guest_id *id,
		       struct backend_balloon *ret);

	/** @set_balloon: Tell it another target; see balloon() */
	int (*set_balloon)(struct backend *b, const struct guest_id *id,
			   uint64_t target_kib);

	/**
	 * @connect: Connect to the channel that the guest's agent offers
	 *
	 * Return: 0, -ENOENT if there is none, -EAGAIN if the guest has yet to see
	 * the end of the last connection, -EPROTO if it is no good
	 */
	int (*connect)(struct backend *b, const struct guest_id *id,
		       struct transport **ret);
};

/* Embedded first in each implementation's struct. */
struct backend {
	const struct backend_ops *ops;
	/* What a domain gives back is cleared before another one has it. */
	bool clears;
};

/** backend_xen_open() - Xen under this dom0; 0 or a negative errno */
int backend_xen_open(struct backend **ret);

/**
 * backend_sim_open() - The machine of sim_machine.h in directory @dir
 *
 * Return: 0 or a negative errno
 */
int backend_sim_open(const char *dir, struct backend **ret);

#endif
