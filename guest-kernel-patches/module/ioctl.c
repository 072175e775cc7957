// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ioctl.c - The device, as uapi/memtide.h says
 */

#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/memory.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "driver.h"
#include "trace.h"

static bool range_valid(u32 first, u32 nr)
{
	if (!nr || nr > mt.block_granules || first >= mt.nr_granules)
		return false;
	return first % mt.block_granules + nr <= mt.block_granules;
}

static bool online_valid(const struct memtide_range *r)
{
	return !r->pad && !r->floor_pages && range_valid(r->first, r->nr) &&
	       (r->zone == MEMTIDE_ZONE_KERNEL ||
		r->zone == MEMTIDE_ZONE_MOVABLE);
}

static bool pull_valid(const struct memtide_range *r)
{
	return !r->pad && !r->zone && range_valid(r->first, r->nr) &&
	       r->first >= block_first_usable(granule_block(r->first));
}

static int try_online(const struct memtide_range *r)
{
	struct block *b = granule_block(r->first);
	unsigned int flags;
	int ret;

	if (is_broken())
		return -EIO;
	if (!b->present) {
		if (r->first != block_first(b) || r->nr < mt.memmap_granules)
			return -ENXIO;
		/* A kernel that has nothing left needs this most. */
		flags = memalloc_noreclaim_save();
		ret = add_block(b, r->zone);
		memalloc_noreclaim_restore(flags);
		if (ret)
			return ret;
	}
	return online_range(r);
}

static int do_online(struct memtide_range *r)
{
	ktime_t begin = ktime_get();
	int ret = try_online(r);

	while (r->done < r->nr && granule_in_use(r->first + r->done))
		r->done++;
	trace_memtide_online(r->first, r->nr, r->done, ret,
			     ktime_us_delta(ktime_get(), begin));
	return ret;
}

static int do_pull(struct memtide_range *r)
{
	ktime_t begin = ktime_get();
	int ret;

	trace_memtide_pull_begin(r->first, r->nr, r->floor_pages);
	ret = is_broken() ? -EIO : pull_range(r);
	r->done = r->nr - nr_online(r->first, r->nr);
	trace_memtide_pull_end(r->first, r->nr, r->done, ret,
			       ktime_us_delta(ktime_get(), begin));
	return ret;
}

/*
 * Would the next range most likely fail likewise, or press harder on a kernel
 * that has no memory left?
 */
static bool ends_batch(int error)
{
	switch (error) {
	case 0:
	case -EBUSY:
	case -EPERM:
	case -ENXIO:
	case -EHWPOISON:
	case -ECANCELED:
		return false;
	default:
		return true;
	}
}

static void work_on_ranges(const struct memtide_batch *batch,
			   int (*work)(struct memtide_range *r))
{
	ktime_t end = ktime_add_ms(ktime_get(), batch->budget_ms);
	bool ended = false;
	u32 i;

	for (i = 0; i < batch->nr; i++) {
		struct memtide_range *r = &mt.ranges[i];

		if (ended) {
			r->error = -EAGAIN;
			continue;
		}
		r->error = work(r);
		ended = ends_batch(r->error) ||
			(batch->budget_ms && ktime_after(ktime_get(), end));
	}
}

static int batch_locked(const struct memtide_batch *batch,
			bool (*valid)(const struct memtide_range *r),
			int (*work)(struct memtide_range *r))
{
	struct memtide_range __user *user = u64_to_user_ptr(batch->ranges);
	size_t size = batch->nr * sizeof(*user);
	u32 i;

	if (copy_from_user(mt.ranges, user, size))
		return -EFAULT;
	for (i = 0; i < batch->nr; i++) {
		if (!valid(&mt.ranges[i]))
			return -EINVAL;
		mt.ranges[i].done = 0;
	}
	work_on_ranges(batch, work);
	settle_accounts();
	return copy_to_user(user, mt.ranges, size) ? -EFAULT : 0;
}

static int do_batch(const struct memtide_batch *batch, u32 known_flags,
		    bool (*valid)(const struct memtide_range *r),
		    int (*work)(struct memtide_range *r))
{
	int ret;

	if (batch->flags & ~known_flags || batch->pad || !batch->nr ||
	    batch->nr > MEMTIDE_RANGES_MAX)
		return -EINVAL;

	if (mutex_lock_interruptible(&mt.lock))
		return -EINTR;
	mt.pull_as_is = batch->flags & MEMTIDE_PULL_AS_IS;
	ret = batch_locked(batch, valid, work);
	mutex_unlock(&mt.lock);
	return ret;
}

static void describe_block(struct memtide_block *req)
{
	const struct block *b = &mt.blocks[req->index];

	get_online_mems();
	req->zone = b->present ? b->zone : MEMTIDE_ZONE_NONE;
	req->online = b->nr_online;
	req->flags = b->present && !b->active ? MEMTIDE_BLOCK_OFFLINE : 0;
	put_online_mems();
}

static int do_block(struct memtide_block *req, bool remove)
{
	int ret = 0;

	if (req->flags || req->index >= nr_blocks())
		return -EINVAL;

	if (mutex_lock_interruptible(&mt.lock))
		return -EINTR;
	if (remove)
		ret = remove_block(&mt.blocks[req->index]);
	describe_block(req);
	settle_accounts();
	mutex_unlock(&mt.lock);
	return ret;
}

static int do_state(const struct memtide_state *req)
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

static int do_info(struct memtide_info *info)
{
	*info = (struct memtide_info) {
		.api_version = MEMTIDE_API_VERSION,
		.granule_pages = GRANULE_PAGES,
		.block_granules = mt.block_granules,
		.memmap_granules = mt.memmap_granules,
		.window_gfn = PHYS_PFN(mt.window.start),
		.window_granules = mt.nr_granules,
	};
	return 0;
}

static long memtide_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	void __user *user = (void __user *)arg;
	union {
		struct memtide_info info;
		struct memtide_batch batch;
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
		ret = do_info(&req.info);
		break;
	case MEMTIDE_IOC_ONLINE:
		ret = do_batch(&req.batch, 0, online_valid, do_online);
		break;
	case MEMTIDE_IOC_PULL:
		ret = do_batch(&req.batch, MEMTIDE_PULL_AS_IS, pull_valid,
			       do_pull);
		break;
	case MEMTIDE_IOC_BLOCK:
		ret = do_block(&req.block, false);
		break;
	case MEMTIDE_IOC_REMOVE:
		ret = do_block(&req.block, true);
		break;
	case MEMTIDE_IOC_STATE:
		ret = do_state(&req.state);
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

/* Has the kernel wanted memory since this was last asked? */
static ssize_t memtide_read(struct file *file, char __user *user, size_t size,
			    loff_t *offset)
{
	struct memtide_need need;

	if (size < sizeof(need))
		return -EINVAL;
	set_bit(MT_LISTENING, &mt.flags);
	need.times = atomic_xchg(&mt.asked, 0);
	need.zone = READ_ONCE(mt.wanted_zone);
	if (!need.times)
		return -EAGAIN;
	return copy_to_user(user, &need, sizeof(need)) ? -EFAULT : sizeof(need);
}

static __poll_t memtide_poll(struct file *file, poll_table *table)
{
	poll_wait(file, &mt.wait, table);
	return atomic_read(&mt.asked) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int memtide_open(struct inode *inode, struct file *file)
{
	if (test_and_set_bit_lock(MT_OPEN, &mt.flags))
		return -EBUSY;
	WRITE_ONCE(mt.owner, current->tgid);
	atomic_set(&mt.asked, 0);
	return 0;
}

/* Called when no ioctl runs any more, so what it had begun is finished. */
static int memtide_release(struct inode *inode, struct file *file)
{
	clear_bit(MT_LISTENING, &mt.flags);
	clear_bit_unlock(MT_OPEN, &mt.flags);
	return 0;
}

static const struct file_operations memtide_fops = {
	.owner = THIS_MODULE,
	.open = memtide_open,
	.release = memtide_release,
	.read = memtide_read,
	.poll = memtide_poll,
	.unlocked_ioctl = memtide_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice memtide_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = MEMTIDE_DEVICE_NAME,
	.mode = 0600,
	.fops = &memtide_fops,
	.groups = memtide_groups,
};

int register_device(void)
{
	return misc_register(&memtide_misc);
}

void unregister_device(void)
{
	misc_deregister(&memtide_misc);
}
