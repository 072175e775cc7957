/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * memtide.h - What the guest's agent may ask of the memtide driver
 *
 * The model
 *
 * The driver claims one guest-physical range, the *window*, and divides it
 * into *granules* of 2 MiB, numbered from 0. Nothing in the window has memory
 * behind it until the host has backed it, granule by granule. The driver
 * never touches, and never lets the kernel touch, a granule that it was not
 * told to put online; being told so is the host's promise that the granule is
 * backed.
 *
 * Granules come in memory *blocks*, the kernel's unit of memory hotplug. A
 * block is absent or present. When it is added, its first memmap_granules
 * carry its own memmap (so adding memory needs none), and all others are born
 * PageOffline: no allocator, no dump, no scan reads them. A granule is *in
 * use* if its pages belong to the page allocator (it is online) or if it
 * carries the memmap of a present block. The host may take back exactly the
 * granules that are not in use.
 *
 *   absent  --ONLINE of the first granules--> present, memmap in use
 *   present --ONLINE--> more granules online --PULL--> fewer granules online
 *   present, none online --REMOVE--> absent, memmap no longer in use
 *
 * The device can be opened by one process at a time (-EBUSY): what a dead
 * agent had begun is finished before a new one can look. Closing it changes
 * no granule. Every call may be repeated: what is already so counts as done.
 *
 * Every structure has fixed-width members; members named pad and undefined
 * bits of flags must be zero (-EINVAL). A range never crosses a block's end
 * unless said otherwise (-EINVAL). On error nothing has changed, unless the
 * structure says how much was done.
 */
#ifndef _UAPI_LINUX_MEMTIDE_H
#define _UAPI_LINUX_MEMTIDE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MEMTIDE_API_VERSION	1
#define MEMTIDE_DEVICE_NAME	"memtide"	/* /dev/memtide */

/**
 * struct memtide_info - what the driver is; constant while it is loaded
 * @api_version:	MEMTIDE_API_VERSION of the driver
 * @granule_pages:	pages of 4 KiB in a granule, 512
 * @block_granules:	granules in a memory block, a power of two
 * @memmap_granules:	leading granules of each block that carry its memmap
 * @window_gfn:		first guest frame of the window, block aligned
 * @window_granules:	granules in the window, a multiple of @block_granules
 * @pad:		zero
 */
struct memtide_info {
	__u32 api_version;
	__u32 granule_pages;
	__u32 block_granules;
	__u32 memmap_granules;
	__u64 window_gfn;
	__u32 window_granules;
	__u32 pad;
};

/* Zone of a block's pages; chosen when the block is added. */
enum memtide_zone {
	MEMTIDE_ZONE_NONE = 0,		/* the block is absent */
	MEMTIDE_ZONE_KERNEL = 1,	/* ZONE_NORMAL: any allocation */
	MEMTIDE_ZONE_MOVABLE = 2,	/* ZONE_MOVABLE: can always be emptied */
};

/**
 * struct memtide_online - hand granules to the page allocator
 * @first:	first granule
 * @nr:		granules, 1 to block_granules, all in one block
 * @zone:	MEMTIDE_ZONE_KERNEL or _MOVABLE; used if the block is absent
 * @done:	out: leading granules of the range in use on return; set on
 *		failure too
 *
 * The caller holds the host's promise that the whole range is backed. If the
 * block is absent, the range must begin with all its memmap granules
 * (-ENXIO), and the block is added first.
 *
 * -ENOMEM: the kernel could not add the block. -EIO: it could not put it
 * online. Nothing is in use then that was not before.
 */
struct memtide_online {
	__u32 first;
	__u32 nr;
	__u32 zone;
	__u32 done;
};

/**
 * struct memtide_pull - take granules back from the page allocator
 * @first:	first granule; none of the range may carry memmap (-EINVAL)
 * @nr:		granules, 1 to block_granules, all in one block
 * @floor_pages: refuse (-ENOSPC) if the kernel's estimate of available memory,
 *		less the granules of the range that are online, would fall
 *		below this many pages of 4 KiB
 * @done:	out: granules of the range not in use on return
 * @pad:	zero
 *
 * The range is emptied by migration and taken as a whole, or not at all: on
 * failure nothing has changed. A smaller range may succeed where a larger one
 * failed.
 *
 * -EBUSY: something in the range cannot be moved now. -ENOMEM: no room to move
 * it to. -EINTR: a signal came.
 */
struct memtide_pull {
	__u32 first;
	__u32 nr;
	__u64 floor_pages;
	__u32 done;
	__u32 pad;
};

/**
 * struct memtide_block - one memory block of the window
 * @index:	in: block number, 0 to window_granules / block_granules - 1
 * @zone:	out: enum memtide_zone
 * @online:	out: granules online, without those that carry memmap
 * @pad:	zero
 *
 * MEMTIDE_IOC_BLOCK reads. MEMTIDE_IOC_REMOVE removes the block if none of
 * its granules is online (else -EBUSY), and leaves @zone MEMTIDE_ZONE_NONE;
 * an absent block counts as done.
 */
struct memtide_block {
	__u32 index;
	__u32 zone;
	__u32 online;
	__u32 pad;
};

/**
 * struct memtide_state - which granules are in use
 * @first:	first granule, a multiple of 64
 * @nr:		granules, a multiple of 64; may cross blocks
 * @bitmap:	user pointer to @nr / 64 __u64, bit i of word w set if granule
 *		@first + 64 * w + i is in use
 */
struct memtide_state {
	__u32 first;
	__u32 nr;
	__u64 bitmap;
};

#define MEMTIDE_IOC_INFO	_IOR('m', 0xb0, struct memtide_info)
#define MEMTIDE_IOC_ONLINE	_IOWR('m', 0xb1, struct memtide_online)
#define MEMTIDE_IOC_PULL	_IOWR('m', 0xb2, struct memtide_pull)
#define MEMTIDE_IOC_BLOCK	_IOWR('m', 0xb3, struct memtide_block)
#define MEMTIDE_IOC_REMOVE	_IOWR('m', 0xb4, struct memtide_block)
#define MEMTIDE_IOC_STATE	_IOW('m', 0xb5, struct memtide_state)

#endif /* _UAPI_LINUX_MEMTIDE_H */
