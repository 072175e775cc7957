// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * memtide.c - Memory that a hypervisor gives and takes in granules of 2 MiB
 *
 * DOC: Theory of operation
 *
 * What user space may ask is said in uapi/memtide.h: window, block, granule,
 * and what "in use" means. This is how it is kept true.
 *
 * The window is a resource of its own, not busy, so that the kernel's memory
 * hotplug can put its blocks there and nobody else can put anything there. Its
 * memory blocks are therefore all ours, whoever onlines or offlines them.
 *
 * A block's pages are marked, all of them, to stay offline each time the block
 * goes online (MEM_GOING_ONLINE), and those of the granules that are recorded
 * as online are handed to the page allocator right after (MEM_ONLINE). So a
 * block that the administrator takes offline and online again comes back with
 * the same granules, and the one online page callback of the kernel, taken by
 * Xen's balloon, is never asked.
 *
 * The memmap of a block lies in its first granules (MHP_MEMMAP_ON_MEMORY),
 * because a guest that grows may have no memory left for it.
 *
 * Locks, outermost first:
 *
 *   mt.lock		serializes the ioctls. Never taken by the notifier.
 *   device hotplug lock, taken by the core when blocks are added or removed
 *   mem_hotplug_lock	protects the records that ioctls and notifier share:
 *			written in ioctls with mt.lock and get_online_mems(),
 *			in the notifier with it held for writing. As page
 *			states change under it too, record and pages agree
 *			whenever it is free.
 *
 * Everything is allocated when the module is loaded. A present block holds a
 * reference to the module: without the notifier, onlining it would hand memory
 * that is not there to the page allocator.
 *
 * When a record proves wrong (a page is not in the state that we left it in),
 * going on could free memory in use: the driver warns once, and from then on
 * answers -EIO to whatever would change something.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/fs.h>
#include <linux/ioport.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <xen/balloon.h>

#include "memtide.h"

#define GRANULE_SIZE	SZ_2M
#define GRANULE_PAGES	(GRANULE_SIZE / PAGE_SIZE)

/* The state bitmap of the interface is our own, word by word. */
static_assert(BITS_PER_LONG == 64);
static_assert((PAGES_PER_SECTION * PAGE_SIZE) % (64UL * GRANULE_SIZE) == 0);
static_assert(sizeof(struct memtide_info) == 32);
static_assert(sizeof(struct memtide_online) == 16);
static_assert(sizeof(struct memtide_pull) == 24);
static_assert(sizeof(struct memtide_block) == 16);
static_assert(sizeof(struct memtide_state) == 16);

static uint window_mib = 256 * 1024;
module_param(window_mib, uint, 0444);
MODULE_PARM_DESC(window_mib,
		 "Size of the guest-physical window in MiB (default 262144)");

/**
 * struct block - what we know of a memory block
 * @nr_online:	granules of it that are set in mt.online
 * @zone:	enum memtide_zone; the last one while it is offline
 * @present:	added, and the memmap granules in use; mt.lock alone protects it
 * @active:	online as the core sees it; the page allocator has the granules
 *		set in mt.online if so, and gets them once it is
 */
struct block {
	u32 nr_online;
	u8 zone;
	bool present;
	bool active;
};

static struct {
	struct mutex lock;	/* serializes ioctls */
	struct resource window;
	u32 block_granules;
	u32 memmap_granules;
	u32 nr_granules;	/* in the window */
	struct block *blocks;
	unsigned long *online;	/* granule given to the page allocator */
	long unaccounted;	/* granules not yet told to Xen's balloon */
	unsigned long flags;
#define MT_OPEN		0	/* somebody has the device open */
#define MT_BROKEN	1	/* a record proved wrong, change nothing */
} mt = {
	.lock = __MUTEX_INITIALIZER(mt.lock),
	.window = {
		.name = "memtide",
		/* Exclusive: /dev/mem must not read what may not be there. */
		.flags = IORESOURCE_SYSTEM_RAM | IORESOURCE_EXCLUSIVE,
	},
};

static unsigned long granule_pfn(u32 granule)
{
	return PHYS_PFN(mt.window.start) + granule * GRANULE_PAGES;
}

static struct block *granule_block(u32 granule)
{
	return &mt.blocks[granule / mt.block_granules];
}

static u32 block_first(const struct block *b)
{
	return (b - mt.blocks) * mt.block_granules;
}

/* The first granule of the block that does not carry memmap. */
static u32 block_first_usable(const struct block *b)
{
	return block_first(b) + mt.memmap_granules;
}

static u32 block_end(const struct block *b)
{
	return block_first(b) + mt.block_granules;
}

static u64 block_start(const struct block *b)
{
	return PFN_PHYS(granule_pfn(block_first(b)));
}

static bool is_broken(void)
{
	return test_bit(MT_BROKEN, &mt.flags);
}

static int set_broken(u32 granule, int err)
{
	set_bit(MT_BROKEN, &mt.flags);
	WARN_ONCE(1, "memtide: granule %u not as recorded (%d), giving up\n",
		  granule, err);
	return -EIO;
}

/* The only writer of mt.online, and of the counts that depend on it. */
static void set_online(u32 first, u32 nr, bool online)
{
	struct block *b = granule_block(first);

	if (online) {
		bitmap_set(mt.online, first, nr);
		b->nr_online += nr;
		mt.unaccounted += nr;
	} else {
		bitmap_clear(mt.online, first, nr);
		b->nr_online -= nr;
		mt.unaccounted -= nr;
	}
}

/* The only writer of a block's presence. */
static void set_present(struct block *b, bool present)
{
	b->present = present;
	if (present) {
		__module_get(THIS_MODULE);
		mt.unaccounted += mt.memmap_granules;
	} else {
		b->zone = MEMTIDE_ZONE_NONE;
		mt.unaccounted -= mt.memmap_granules;
		module_put(THIS_MODULE);
	}
}

/* Before user space hears of a change, and so before the host does. */
static void settle_accounts(void)
{
	if (mt.unaccounted)
		xen_balloon_account_pages(mt.unaccounted * (long)GRANULE_PAGES);
	mt.unaccounted = 0;
}

static int expose(u32 first, u32 nr)
{
	int ret;

	ret = free_offline_page_range(granule_pfn(first), nr * GRANULE_PAGES);
	if (!ret || ret == -EHWPOISON)
		return ret ? -EIO : 0;
	return set_broken(first, ret);
}

/* Memory notifier: what the core does to our blocks, whoever asked for it. */

static int block_going_online(const struct block *b,
			      const struct memory_notify *mn)
{
	u32 usable = mt.block_granules - mt.memmap_granules;

	/* Not added with its memmap in it: nobody but us adds blocks here. */
	if (mn->start_pfn != granule_pfn(block_first_usable(b)) ||
	    mn->nr_pages != usable * GRANULE_PAGES)
		return -EINVAL;
	return mark_offline_page_range(mn->start_pfn, mn->nr_pages);
}

static void block_online(struct block *b, const struct memory_notify *mn)
{
	bool movable = is_zone_movable_page(pfn_to_page(mn->start_pfn));
	unsigned int start = block_first_usable(b), end;

	b->zone = movable ? MEMTIDE_ZONE_MOVABLE : MEMTIDE_ZONE_KERNEL;
	b->active = true;
	for_each_set_bitrange_from(start, end, mt.online, block_end(b)) {
		/* Too late to fail. The record errs to the safe side. */
		if (expose(start, end - start))
			pr_err("granules %u to %u lost\n", start, end - 1);
	}
}

static int memory_notified(struct notifier_block *nb, unsigned long action,
			   void *arg)
{
	struct memory_notify *mn = arg;
	u64 addr = PFN_PHYS(mn->start_pfn);
	struct block *b;

	if (addr < mt.window.start || addr > mt.window.end)
		return NOTIFY_DONE;
	b = granule_block((addr - mt.window.start) / GRANULE_SIZE);

	switch (action) {
	case MEM_GOING_ONLINE:
		return notifier_from_errno(block_going_online(b, mn));
	case MEM_ONLINE:
		block_online(b, mn);
		break;
	case MEM_OFFLINE:
		b->active = false;
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block memory_nb = {
	.notifier_call = memory_notified,
};

/* Ioctls. The _locked ones want mt.lock. */

static bool range_valid(u32 first, u32 nr)
{
	if (!nr || nr > mt.block_granules || first >= mt.nr_granules)
		return false;
	return first % mt.block_granules + nr <= mt.block_granules;
}

static bool granule_in_use(u32 granule)
{
	const struct block *b = granule_block(granule);

	if (granule < block_first_usable(b))
		return b->present;
	return test_bit(granule, mt.online);
}

static int add_block_locked(struct block *b, u32 zone)
{
	enum mmop online_type = zone == MEMTIDE_ZONE_MOVABLE ?
				MMOP_ONLINE_MOVABLE : MMOP_ONLINE_KERNEL;
	u64 start = block_start(b), size = memory_block_size_bytes();
	int ret;

	ret = __add_memory_driver_managed(memory_add_physaddr_to_nid(start),
					  start, size, "System RAM (memtide)",
					  MHP_MEMMAP_ON_MEMORY, online_type);
	if (ret) {
		pr_warn_ratelimited("cannot add block at %#llx: %d\n", start,
				    ret);
		return -ENOMEM;
	}
	set_present(b, true);
	if (READ_ONCE(b->active))
		return 0;

	pr_warn_ratelimited("cannot bring block at %#llx online\n", start);
	/* This fails only if the administrator has just put it online. */
	if (remove_memory(start, size))
		return 0;
	set_present(b, false);
	return -EIO;
}

static int online_locked(const struct memtide_online *req)
{
	struct block *b = granule_block(req->first);
	unsigned int start = max(req->first, block_first_usable(b));
	unsigned int limit = req->first + req->nr, end;
	bool changed = false;
	int ret = 0;

	if (is_broken())
		return -EIO;

	if (!b->present) {
		if (req->first != block_first(b) ||
		    req->nr < mt.memmap_granules)
			return -ENXIO;
		ret = add_block_locked(b, req->zone);
		if (ret)
			return ret;
	}

	get_online_mems();
	for_each_clear_bitrange_from(start, end, mt.online, limit) {
		if (signal_pending(current))
			ret = -EINTR;
		else if (!b->active)
			ret = -EIO;
		else
			ret = expose(start, end - start);
		if (ret)
			break;
		set_online(start, end - start, true);
		changed = true;
	}
	if (changed)
		offline_page_ranges_changed();
	put_online_mems();
	return ret;
}

static int memtide_online(struct memtide_online *req)
{
	int ret;

	req->done = 0;
	if (!range_valid(req->first, req->nr) ||
	    (req->zone != MEMTIDE_ZONE_KERNEL &&
	     req->zone != MEMTIDE_ZONE_MOVABLE))
		return -EINVAL;

	if (mutex_lock_interruptible(&mt.lock))
		return -EINTR;
	ret = online_locked(req);
	while (req->done < req->nr && granule_in_use(req->first + req->done))
		req->done++;
	settle_accounts();
	mutex_unlock(&mt.lock);
	return ret;
}

static u32 nr_online(u32 first, u32 nr)
{
	u32 i, n = 0;

	for (i = first; i < first + nr; i++)
		n += test_bit(i, mt.online);
	return n;
}

static bool below_floor(u32 nr_granules, u64 floor_pages)
{
	u64 available = si_mem_available();
	u64 wanted = nr_granules * GRANULE_PAGES;

	return available < wanted || available - wanted < floor_pages;
}

/* Take one run of online granules of a block that is active. */
static int take_run(unsigned int start, unsigned int end)
{
	int ret;

	if (signal_pending(current))
		return -EINTR;
	ret = alloc_offline_page_range(granule_pfn(start),
				       (end - start) * GRANULE_PAGES);
	switch (ret) {
	case 0:
	case -EINTR:
	case -EBUSY:
	case -ENOMEM:
		return ret;
	default:
		return set_broken(start, ret);
	}
}

/*
 * Take the online granules of the range, or give back what was taken. Records
 * change at the end, so until then they say what to give back.
 */
static int take_range(u32 first, u32 limit)
{
	unsigned int start = first, end, taken_to;
	int ret = 0;

	for_each_set_bitrange_from(start, end, mt.online, limit) {
		ret = take_run(start, end);
		if (ret)
			break;
	}
	if (!ret)
		return 0;

	taken_to = start;
	start = first;
	for_each_set_bitrange_from(start, end, mt.online, taken_to) {
		if (expose(start, end - start))
			return -EIO;
	}
	return ret;
}

static int pull_locked(const struct memtide_pull *req)
{
	struct block *b = granule_block(req->first);
	unsigned int start = req->first, limit = req->first + req->nr, end;
	u32 nr = nr_online(req->first, req->nr);
	int ret = 0;

	if (is_broken())
		return -EIO;
	if (!nr)
		return 0;

	get_online_mems();
	/* The allocator does not have the pages of a block that is offline. */
	if (b->active) {
		ret = -ENOSPC;
		if (!below_floor(nr, req->floor_pages))
			ret = take_range(start, limit);
	}
	if (!ret) {
		for_each_set_bitrange_from(start, end, mt.online, limit)
			set_online(start, end - start, false);
		if (b->active)
			offline_page_ranges_changed();
	}
	put_online_mems();
	return ret;
}

static int memtide_pull(struct memtide_pull *req)
{
	int ret;

	req->done = 0;
	if (req->pad || !range_valid(req->first, req->nr) ||
	    req->first < block_first_usable(granule_block(req->first)))
		return -EINVAL;

	if (mutex_lock_interruptible(&mt.lock))
		return -EINTR;
	ret = pull_locked(req);
	req->done = req->nr - nr_online(req->first, req->nr);
	settle_accounts();
	mutex_unlock(&mt.lock);
	return ret;
}

static void describe_block(struct memtide_block *req)
{
	const struct block *b = &mt.blocks[req->index];

	get_online_mems();
	req->zone = b->present ? b->zone : MEMTIDE_ZONE_NONE;
	req->online = b->nr_online;
	put_online_mems();
}

static int remove_locked(struct block *b)
{
	int ret;

	if (!b->present)
		return 0;
	if (is_broken())
		return -EIO;
	if (b->nr_online)
		return -EBUSY;

	ret = offline_and_remove_memory(block_start(b),
					memory_block_size_bytes());
	switch (ret) {
	case 0:
		set_present(b, false);
		return 0;
	case -EINTR:
	case -ENOMEM:
		return ret;
	default:
		return -EBUSY;
	}
}

static int memtide_block(struct memtide_block *req, bool remove)
{
	int ret = 0;

	if (req->pad || req->index >= mt.nr_granules / mt.block_granules)
		return -EINVAL;

	if (mutex_lock_interruptible(&mt.lock))
		return -EINTR;
	if (remove)
		ret = remove_locked(&mt.blocks[req->index]);
	describe_block(req);
	settle_accounts();
	mutex_unlock(&mt.lock);
	return ret;
}

/* 64 granules from @granule, a multiple of 64, so all in one block. */
static u64 in_use_word(u32 granule)
{
	const struct block *b = granule_block(granule);
	u64 word = mt.online[BIT_WORD(granule)];
	u32 usable = block_first_usable(b);

	if (b->present && granule < usable)
		word |= GENMASK_ULL(min(usable - granule, 64U) - 1, 0);
	return word;
}

static int memtide_state(const struct memtide_state *req)
{
	u64 __user *bitmap = u64_to_user_ptr(req->bitmap);
	int ret = 0;
	u32 i;

	if (req->first % 64 || req->nr % 64 || !req->nr ||
	    req->first >= mt.nr_granules ||
	    req->nr > mt.nr_granules - req->first)
		return -EINVAL;

	if (mutex_lock_interruptible(&mt.lock))
		return -EINTR;
	for (i = 0; i < req->nr && !ret; i += 64)
		ret = put_user(in_use_word(req->first + i), bitmap + i / 64);
	mutex_unlock(&mt.lock);
	return ret;
}

static void memtide_info(struct memtide_info *info)
{
	*info = (struct memtide_info) {
		.api_version = MEMTIDE_API_VERSION,
		.granule_pages = GRANULE_PAGES,
		.block_granules = mt.block_granules,
		.memmap_granules = mt.memmap_granules,
		.window_gfn = PHYS_PFN(mt.window.start),
		.window_granules = mt.nr_granules,
	};
}

static long memtide_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	void __user *user = (void __user *)arg;
	union {
		struct memtide_info info;
		struct memtide_online online;
		struct memtide_pull pull;
		struct memtide_block block;
		struct memtide_state state;
	} req = {};
	long ret;

	if (_IOC_SIZE(cmd) > sizeof(req))
		return -ENOTTY;
	if (_IOC_DIR(cmd) & _IOC_WRITE &&
	    copy_from_user(&req, user, _IOC_SIZE(cmd)))
		return -EFAULT;

	switch (cmd) {
	case MEMTIDE_IOC_INFO:
		memtide_info(&req.info);
		ret = 0;
		break;
	case MEMTIDE_IOC_ONLINE:
		ret = memtide_online(&req.online);
		break;
	case MEMTIDE_IOC_PULL:
		ret = memtide_pull(&req.pull);
		break;
	case MEMTIDE_IOC_BLOCK:
		ret = memtide_block(&req.block, false);
		break;
	case MEMTIDE_IOC_REMOVE:
		ret = memtide_block(&req.block, true);
		break;
	case MEMTIDE_IOC_STATE:
		ret = memtide_state(&req.state);
		break;
	default:
		return -ENOTTY;
	}

	/* On failure too: it may say how much was done. */
	if (_IOC_DIR(cmd) & _IOC_READ &&
	    copy_to_user(user, &req, _IOC_SIZE(cmd)))
		return -EFAULT;
	return ret;
}

static int memtide_open(struct inode *inode, struct file *file)
{
	return test_and_set_bit_lock(MT_OPEN, &mt.flags) ? -EBUSY : 0;
}

/* Called when no ioctl runs any more, so what it had begun is finished. */
static int memtide_release(struct inode *inode, struct file *file)
{
	clear_bit_unlock(MT_OPEN, &mt.flags);
	return 0;
}

static const struct file_operations memtide_fops = {
	.owner = THIS_MODULE,
	.open = memtide_open,
	.release = memtide_release,
	.unlocked_ioctl = memtide_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice memtide_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = MEMTIDE_DEVICE_NAME,
	.mode = 0600,
	.fops = &memtide_fops,
};

/* Load and unload */

static int note_ram_end(struct resource *res, void *arg)
{
	u64 *ram_end = arg;

	*ram_end = max(*ram_end, res->end + 1);
	return 0;
}

/*
 * Claim the lowest free range above all memory, at 4 GiB or above because
 * firmware tables and devices live below. Take less where the processor cannot
 * address that much, or something is in the way.
 */
static int claim_window(void)
{
	const struct range range = mhp_get_pluggable_range(true);
	u64 align = memory_block_size_bytes(), ram_end = 0, low, high, size;

	walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM, 0, -1,
			    &ram_end, note_ram_end);
	low = ALIGN(max3((u64)SZ_4G, range.start, ram_end), align);
	high = min(range.end, iomem_resource.end);
	if (low >= high)
		return -ERANGE;

	size = min((u64)window_mib * SZ_1M, high - low + 1);
	for (size = ALIGN_DOWN(size, align); size;
	     size = ALIGN_DOWN(size / 2, align)) {
		if (!allocate_resource(&iomem_resource, &mt.window, size, low,
				       high, align, NULL, NULL))
			return 0;
	}
	return -EBUSY;
}

static int init_geometry(void)
{
	unsigned long block_size = memory_block_size_bytes();

	if (!mhp_supports_memmap_on_memory()) {
		pr_err("needs the kernel parameter memory_hotplug.memmap_on_memory=1, and a block size that allows for it\n");
		return -EOPNOTSUPP;
	}
	mt.block_granules = block_size / GRANULE_SIZE;
	mt.memmap_granules = DIV_ROUND_UP(PHYS_PFN(block_size) *
					  sizeof(struct page), GRANULE_SIZE);
	return 0;
}

static int __init memtide_init(void)
{
	int ret;

	ret = init_geometry();
	if (ret)
		return ret;
	ret = claim_window();
	if (ret) {
		pr_err("no room for a window of %u MiB: %d\n", window_mib, ret);
		return ret;
	}
	mt.nr_granules = resource_size(&mt.window) / GRANULE_SIZE;

	ret = -ENOMEM;
	mt.blocks = kvcalloc(mt.nr_granules / mt.block_granules,
			     sizeof(*mt.blocks), GFP_KERNEL);
	mt.online = kvcalloc(BITS_TO_LONGS(mt.nr_granules), sizeof(long),
			     GFP_KERNEL);
	if (!mt.blocks || !mt.online)
		goto out_free;
	ret = register_memory_notifier(&memory_nb);
	if (ret)
		goto out_free;
	ret = misc_register(&memtide_misc);
	if (ret)
		goto out_unregister;

	pr_info("window %pR, blocks of %u granules, %u for memmap\n",
		&mt.window, mt.block_granules, mt.memmap_granules);
	return 0;

out_unregister:
	unregister_memory_notifier(&memory_nb);
out_free:
	kvfree(mt.online);
	kvfree(mt.blocks);
	release_resource(&mt.window);
	return ret;
}
module_init(memtide_init);

static void __exit memtide_exit(void)
{
	misc_deregister(&memtide_misc);
	unregister_memory_notifier(&memory_nb);
	kvfree(mt.online);
	kvfree(mt.blocks);
	release_resource(&mt.window);
}
module_exit(memtide_exit);

MODULE_DESCRIPTION("Memory that a hypervisor gives and takes in granules");
MODULE_AUTHOR("memtide developers");
MODULE_LICENSE("GPL");
