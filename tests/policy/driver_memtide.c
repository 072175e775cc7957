/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * driver_memtide.c - memtide's own balancer sets the targets
 */
#include "balance.h"
#include "run.h"

static void *open_memtide(struct stage *stage)
{
	static const struct balance_conf conf;
	struct balance *b;

	if (balance_open(stage->service, &conf, &b))
		return NULL;
	for (uint32_t i = 0; i < stage->s->nr; i++) {
		const struct vguest_conf *c = &stage->s->guests[i];
		struct policy_settings set = {
			.automatic = true, .weight = c->weight,
			.floor = c->floor_mib / 2,
			.ceiling = c->ceiling_mib / 2,
		};
		struct guest *g = service_by_domid(stage->service, i + 1);
		char why[256];

		if (balance_set(g, &set, why, sizeof(why))) {
			fprintf(stderr, "guest %u: %s\n", i + 1, why);
			abort();
		}
	}
	return b;
}

static void close_memtide(void *ctx)
{
	balance_close(ctx);
}

static uint64_t runs(void *ctx)
{
	return balance_runs(ctx);
}

const struct driver driver_memtide = {
	"memtide", open_memtide, close_memtide, runs,
};
