// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hammer.c - Take and drop references on pages by their number, without pause
 *
 * What compaction, memory failure handling or idle page tracking may do at any
 * moment, to all pages of a range: take a reference if there is one, hold it
 * for a moment, drop it. On a page that is offline there must be none to take.
 *
 * Like them it does not lock against memory being taken offline. Against its
 * removal (the memmap goes) it has to: whoever removes a block writes its pages
 * to "avoid" before, and when that returns, nobody looks there.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>

#define BATCH	512UL	/* pages */

static ulong start_pfn;
module_param(start_pfn, ulong, 0444);
static ulong nr_pages;
module_param(nr_pages, ulong, 0444);

static ulong looked;		/* pages */
module_param(looked, ulong, 0444);
static ulong taken;		/* references */
module_param(taken, ulong, 0444);
static ulong wrong;		/* references on pages that are offline */
module_param(wrong, ulong, 0444);

static DEFINE_MUTEX(batch_lock);
static ulong avoid = ULONG_MAX;	/* first page of a section */

static int set_avoid(const char *text, const struct kernel_param *kp)
{
	int ret;

	mutex_lock(&batch_lock);
	ret = param_set_ulong(text, kp);
	mutex_unlock(&batch_lock);
	return ret;
}

static const struct kernel_param_ops avoid_ops = {
	.set = set_avoid,
	.get = param_get_ulong,
};
module_param_cb(avoid, &avoid_ops, &avoid, 0644);

static void hit(unsigned long pfn, u32 hold_us)
{
	struct page *page = pfn_to_online_page(pfn);

	looked++;
	if (!page || !get_page_unless_zero(page))
		return;
	taken++;
	if (hold_us)
		udelay(hold_us);
	if (PageOffline(page)) {
		wrong++;
		dump_page(page, "referenced though offline");
	}
	put_page(page);
}

static int hammer(void *unused)
{
	while (!kthread_should_stop()) {
		unsigned long pfn, end;

		pfn = start_pfn + get_random_u32_below(nr_pages / BATCH) * BATCH;
		end = pfn + BATCH;
		mutex_lock(&batch_lock);
		if (SECTION_ALIGN_DOWN(pfn) != avoid) {
			for (; pfn < end; pfn++)
				hit(pfn, get_random_u32_below(256) ? 0 : 20);
		}
		mutex_unlock(&batch_lock);
		cond_resched();
		/* It shares its processor with those it is to disturb. */
		usleep_range(200, 400);
	}
	return 0;
}

static struct task_struct *task;

static int __init hammer_init(void)
{
	if (nr_pages < BATCH)
		return -EINVAL;
	task = kthread_run(hammer, NULL, "hammer");
	return PTR_ERR_OR_ZERO(task);
}
module_init(hammer_init);

static void __exit hammer_exit(void)
{
	kthread_stop(task);
	pr_info("%lu pages, %lu references, %lu wrong\n", looked, taken, wrong);
}
module_exit(hammer_exit);

MODULE_DESCRIPTION("Takes and drops references on pages");
MODULE_LICENSE("GPL");
