// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * busy.c - For the trace: which page kept a range from being pulled
 *
 * The core does not say. Afterwards we look for the first page that does not
 * look as if it could be moved. It may have become free meanwhile, and another
 * one may have been in the way: this is a hint, for somebody who watches.
 */

#include <linux/mm.h>
#include <linux/page_ref.h>

#include "driver.h"
#include "trace.h"

/* References that migration knows how to move: maps, page cache, buffers */
static int known_refs(const struct folio *folio, int maps)
{
	int refs = maps;

	if (folio_test_anon(folio))
		refs += folio_test_swapcache(folio) ? folio_nr_pages(folio) : 0;
	else if (folio->mapping)
		refs += folio_nr_pages(folio) + folio_test_private(folio);
	return refs;
}

/* @folio: with a reference of ours. Return: BUSY_*, or -1 if it can be moved */
static int why_busy(struct folio *folio, int refs, int maps)
{
	if (!folio_test_lru(folio))
		return BUSY_KERNEL;
	if (folio_maybe_dma_pinned(folio))
		return BUSY_PINNED;
	return refs > known_refs(folio, maps) ? BUSY_HELD : -1;
}

static bool trace_if_busy(unsigned long pfn, u32 granule)
{
	struct page *page = pfn_to_page(pfn);
	int why, refs, maps;
	struct folio *folio;

	/* Free, offline, or not the first page of something: nothing to see. */
	if (!get_page_unless_zero(page))
		return false;
	folio = page_folio(page);
	refs = folio_ref_count(folio) - 1;
	maps = folio_test_lru(folio) ? folio_mapcount(folio) : 0;
	why = why_busy(folio, refs, maps);
	folio_put(folio);
	if (why >= 0)
		trace_memtide_pull_busy(granule, pfn, why, refs, maps);
	return why >= 0;
}

/* The granules are of a block that stays online meanwhile. */
void trace_busy_page(u32 first, u32 nr)
{
	unsigned long i;

	if (!trace_memtide_pull_busy_enabled())
		return;
	for (i = 0; i < nr * GRANULE_PAGES; i++) {
		if (trace_if_busy(granule_pfn(first) + i,
				  first + i / GRANULE_PAGES))
			return;
		cond_resched();
	}
}
