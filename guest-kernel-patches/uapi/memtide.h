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
 * The guest's administrator may take a block offline and put it online again,
 * as any memory block. Its granules stay what they are: those online before
 * are in use all the while, because the kernel will use them again without
 * asking anybody. They may be pulled, which needs no migration then. More can
 * be put online only when the block is.
 *
 * The device can be opened by one process at a time (-EBUSY): what a dead
 * agent had begun is finished before a new one can look. Closing it changes
 * no granule. Every call may be repeated: what is already so counts as done.
 *
 * Every structure has fixed-width members; members named pad and undefined
 * bits of flags must be zero (-EINVAL). A range never crosses a block's end
 * unless said otherwise (-EINVAL). On error nothing has changed, unless the
 * structure says how much was done.
 *
 * Batches
 *
 * ONLINE and PULL take an array of ranges, and what all of them have in common
 * is done once: watermarks, accounting. The call fails as a whole, with nothing
 * done, if it is interrupted before it begins (-EINTR) or if one of the ranges
 * is not valid (-EINVAL). Otherwise it returns 0, and each range has its own
 * result. They are tried in order. A failure that concerns nothing but its
 * range leaves the others to be tried; after any other, after a signal, or when
 * the time is up, the rest is not begun and has -EAGAIN. The first range is
 * always begun, so repeating a call with what is left of it comes to an end.
 * If the results cannot be written (-EFAULT), ask for the STATE.
 *
 * Asking for memory
 *
 * Before the kernel kills a process for want of memory, it asks here, from the
 * first read() on: poll() says that the device is readable, and read() gives a
 * struct memtide_need (-EAGAIN if nobody has asked since the last one; it never
 * blocks). The one who needs memory waits for granules to come online, for a
 * time that is a parameter of the module. Answering must not itself need
 * memory: ONLINE does not.
 *
 * Why a range was refused; * marks what concerns nothing but the range:
 *
 *		ONLINE				PULL
 *   -EAGAIN	not begun			not begun
 *   -EINTR	a signal came			a signal came
 *   -ENOSPC	-				at the floor
 *   -ENOMEM	no memory to add the block	no room to move pages to
 *   -EBUSY	* about to hibernate		* a page that cannot be moved now
 *   -EPERM	* block is offline		-
 *   -ENXIO	* block is absent		-
 *   -EHWPOISON	* broken memory			-
 *   -ECANCELED	* kernel refuses the block	-
 *   -EIO	the driver has given up		the driver has given up
 *
 * The driver gives up when pages turn out not to be in the state that it left
 * them in: whatever would change something is answered by -EIO from then on.
 */
#ifndef _UAPI_LINUX_MEMTIDE_H
#define _UAPI_LINUX_MEMTIDE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MEMTIDE_API_VERSION	3
#define MEMTIDE_DEVICE_NAME	"memtide"	/* /dev/memtide */
#define MEMTIDE_RANGES_MAX	64		/* in a batch */

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
 * struct memtide_range - some granules of one block, and what became of them
 * @first:	first granule
 * @nr:		granules, 1 to block_granules
 * @zone:	ONLINE: MEMTIDE_ZONE_KERNEL or _MOVABLE, used if the block is
 *		absent; PULL: zero
 * @done:	out: granules as asked on return, set on failure too. ONLINE:
 *		leading granules in use; PULL: granules not in use
 * @floor_pages: PULL: refuse if the kernel's estimate of available memory, less
 *		the granules of the range that are online, would fall below
 *		this many pages of 4 KiB; ONLINE: zero
 * @error:	out: 0, or why not all is done; a negative errno
 * @pad:	zero
 *
 * ONLINE hands granules to the page allocator. The caller holds the host's
 * promise that the whole range is backed. If the block is absent, the range
 * must begin with all its memmap granules (-ENXIO), and the block is added
 * first; if that fails, nothing is in use that was not before.
 *
 * PULL takes granules back from the page allocator. None of the range may carry
 * memmap (-EINVAL). The range is emptied by migration and taken as a whole, or
 * not at all: on failure nothing has changed, but for memory that turned out to
 * be broken meanwhile, which stays taken. A smaller range may succeed where a
 * larger one failed. Each range has a cost of its own beside that of its pages,
 * so first try large ones. What is pulled is filled with zeros, since whoever
 * has the memory next may read it, unless MEMTIDE_PULL_AS_IS says that the host
 * does so. (Not the memmap that a removed block leaves behind.)
 */
struct memtide_range {
	__u32 first;
	__u32 nr;
	__u32 zone;
	__u32 done;
	__u64 floor_pages;
	__s32 error;
	__u32 pad;
};

/* PULL: the host clears memory itself before it gives it to somebody else. */
#define MEMTIDE_PULL_AS_IS	(1U << 0)

/**
 * struct memtide_batch - ranges to put online or to pull
 * @ranges:	user pointer to @nr struct memtide_range
 * @nr:		1 to MEMTIDE_RANGES_MAX
 * @budget_ms:	begin no range later than this after the first; 0: no bound
 * @flags:	MEMTIDE_PULL_*
 * @pad:	zero
 */
struct memtide_batch {
	__u64 ranges;
	__u32 nr;
	__u32 budget_ms;
	__u32 flags;
	__u32 pad;
};

/* The administrator has taken the block offline. */
#define MEMTIDE_BLOCK_OFFLINE	(1U << 0)

/**
 * struct memtide_block - one memory block of the window
 * @index:	in: block number, 0 to window_granules / block_granules - 1
 * @zone:	out: enum memtide_zone; while it is offline, the last one
 * @online:	out: granules online, or to be so once the block is; without
 *		those that carry memmap
 * @flags:	in: zero; out: MEMTIDE_BLOCK_*
 *
 * MEMTIDE_IOC_BLOCK reads. MEMTIDE_IOC_REMOVE removes the block, and leaves
 * @zone MEMTIDE_ZONE_NONE; an absent block counts as done. It fails with
 * -ENOTEMPTY if granules of it are online, -EBUSY if the kernel cannot let it
 * go now, -ENOMEM, -EINTR, or -EIO as above.
 */
struct memtide_block {
	__u32 index;
	__u32 zone;
	__u32 online;
	__u32 flags;
};

/**
 * struct memtide_need - the kernel is about to kill a process for want of memory
 * @times:	since the last read()
 * @zone:	the last time, enum memtide_zone: of which zone granules would help.
 *		MEMTIDE_ZONE_KERNEL if there is free memory in movable zones, and
 *		what is needed cannot be there
 */
struct memtide_need {
	__u32 times;
	__u32 zone;
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
#define MEMTIDE_IOC_ONLINE	_IOW('m', 0xb1, struct memtide_batch)
#define MEMTIDE_IOC_PULL	_IOW('m', 0xb2, struct memtide_batch)
#define MEMTIDE_IOC_BLOCK	_IOWR('m', 0xb3, struct memtide_block)
#define MEMTIDE_IOC_REMOVE	_IOWR('m', 0xb4, struct memtide_block)
#define MEMTIDE_IOC_STATE	_IOW('m', 0xb5, struct memtide_state)

#ifndef __cplusplus
_Static_assert(sizeof(struct memtide_info) == 32, "no hidden padding");
_Static_assert(sizeof(struct memtide_range) == 32, "no hidden padding");
_Static_assert(sizeof(struct memtide_batch) == 24, "no hidden padding");
_Static_assert(sizeof(struct memtide_block) == 16, "no hidden padding");
_Static_assert(sizeof(struct memtide_state) == 16, "no hidden padding");
#endif

#endif /* _UAPI_LINUX_MEMTIDE_H */
