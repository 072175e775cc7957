/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core.h - What the memory management must offer, by memtide's patches to it
 *
 * Declared here again, and weak: the module builds against the headers of a
 * kernel without the patches, and loads there as far as it takes to say which
 * functions are missing (check_core()). Nothing else may be called before
 * that has been asked.
 */
#ifndef MEMTIDE_CORE_H
#define MEMTIDE_CORE_H

#include <linux/memory_hotplug.h>
#include <xen/balloon.h>

#if !defined(CONFIG_MEMORY_HOTREMOVE) || !defined(CONFIG_CONTIG_ALLOC)
#error "memtide needs a kernel with CONFIG_MEMORY_HOTREMOVE and CONTIG_ALLOC"
#endif

void __weak get_online_mems(void);
void __weak put_online_mems(void);
int __weak mark_offline_page_range(unsigned long start_pfn,
				   unsigned long nr_pages);
int __weak free_offline_page_range(unsigned long start_pfn,
				   unsigned long nr_pages);
int __weak alloc_offline_page_range(unsigned long start_pfn,
				    unsigned long nr_pages);
void __weak offline_page_ranges_changed(void);
int __weak __add_memory_driver_managed(int nid, u64 start, u64 size,
				       const char *resource_name,
				       mhp_t mhp_flags, enum mmop online_type);

/* Without Xen's balloon nobody else counts the pages of the domain. */
#ifdef CONFIG_XEN_BALLOON
void __weak xen_balloon_account_pages(long nr_pages);
#endif

#endif
