/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * balloon_plan.c - What to do next for a guest that has but a balloon
 */
#include "balloon_plan.h"

#include "floor.h"

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

uint64_t balloon_want(const struct balloon *b)
{
	return b->boot_pages - (uint64_t)b->less * GRANULE_PAGES;
}

uint64_t balloon_max(const struct balloon *b, uint64_t pages)
{
	return MAX(balloon_want(b), pages) + b->slack_pages;
}

bool balloon_near(const struct balloon *b, uint64_t pages)
{
	return distance(balloon_want(b), pages) <= BALLOON_NEAR_PAGES;
}

enum balloon_step balloon_next(const struct balloon *b, uint64_t pages,
			       uint64_t max_pages, uint32_t patience_ms,
			       uint64_t *ret_max_pages)
{
	uint64_t max = balloon_max(b, pages);

	*ret_max_pages = max;
	if (max_pages < max)
		return BALLOON_SET_MAX;
	if (!b->has_told || b->told != b->less)
		return BALLOON_TELL;
	if (max_pages > max)
		return BALLOON_SET_MAX;
	if (pages == balloon_want(b) ||
	    (balloon_near(b, pages) && b->quiet_ms >= patience_ms / 10))
		return BALLOON_SETTLED;
	return b->quiet_ms < patience_ms ? BALLOON_WAIT : BALLOON_STUCK;
}

void balloon_looked(struct balloon *b, uint64_t pages, uint32_t elapsed_ms)
{
	uint64_t off = distance(balloon_want(b), pages);

	if (off < b->nearest) {
		/* The first look is but where it stands. */
		b->deaf = b->deaf && b->nearest == UINT64_MAX && off;
		b->nearest = off;
		b->quiet_ms = 0;
	} else if (elapsed_ms > UINT32_MAX - b->quiet_ms) {
		b->quiet_ms = UINT32_MAX;
	} else {
		b->quiet_ms += elapsed_ms;
	}
}

void balloon_asked(struct balloon *b)
{
	b->nearest = UINT64_MAX;
	b->quiet_ms = 0;
}

uint64_t balloon_promised(const struct balloon *b, uint64_t pages,
			  uint64_t max_pages)
{
	uint64_t may = max_pages - MIN(max_pages, b->slack_pages);

	may = MAX(may, balloon_want(b));
	return may - MIN(may, pages);
}

uint64_t balloon_most_kib(const struct balloon *b)
{
	return b->boot_pages / GRANULE_PAGES * GRANULE_KIB;
}

uint64_t balloon_least_kib(const struct balloon *b)
{
	uint64_t pages = floor_pages(b->boot_pages) + GRANULE_PAGES - 1;

	return MIN(pages / GRANULE_PAGES * GRANULE_KIB, balloon_most_kib(b));
}

uint32_t balloon_less(const struct balloon *b, uint64_t kib)
{
	return (uint32_t)((balloon_most_kib(b) - kib) / GRANULE_KIB);
}
