// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slot.c - Take the kernel's one online page callback, and count its calls
 *
 * Stands where Xen's balloon stands in a guest: the slot is taken, and pages
 * that the callback gets are gone. Memory of memtide must never get here.
 */

#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>

static int calls;
module_param(calls, int, 0444);

static void swallow_page(struct page *page, unsigned int order)
{
	calls++;
}

static int __init slot_init(void)
{
	return set_online_page_callback(swallow_page);
}
module_init(slot_init);

static void __exit slot_exit(void)
{
	restore_online_page_callback(swallow_page);
}
module_exit(slot_exit);

MODULE_DESCRIPTION("Takes the online page callback");
MODULE_LICENSE("GPL");
