/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kdev_ioctl.c - The memtide driver through its device
 */
#include "kdev_ioctl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "memtide.h"

static_assert((int)BLOCK_ABSENT == (int)MEMTIDE_ZONE_NONE, "same values");
static_assert((int)BLOCK_KERNEL == (int)MEMTIDE_ZONE_KERNEL, "same values");
static_assert((int)BLOCK_MOVABLE == (int)MEMTIDE_ZONE_MOVABLE, "same values");

static_assert(KDEV_BATCH_MAX == MEMTIDE_RANGES_MAX, "same values");

#define ERRNO_MAX	4096
#define GFN_4G	(UINT64_C(1) << 20)	/* first frame above 4 GiB */

struct kdev_ioctl {
	struct kdev kdev;
	int fd;
	struct kdev_info info;
};

static struct kdev_ioctl *of(struct kdev *k)
{
	return (struct kdev_ioctl *)k;
}

static int call(struct kdev *k, unsigned long request, void *arg)
{
	return ioctl(of(k)->fd, request, arg) < 0 ? -errno : 0;
}

static void ioctl_info(struct kdev *k, struct kdev_info *ret)
{
	*ret = of(k)->info;
}

static void to_driver(const struct kdev_range *ranges, uint32_t nr,
		      struct memtide_range *ret)
{
	for (uint32_t i = 0; i < nr; i++)
		ret[i] = (struct memtide_range){
			.first = ranges[i].r.first, .nr = ranges[i].r.nr,
			.zone = ranges[i].zone,
			.floor_pages = ranges[i].floor_pages,
		};
}

/* @rc: of the call; the ranges have results of their own only if it is 0 */
static void from_driver(const struct memtide_range *answers, int rc,
			struct kdev_range *ranges, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		bool sane = answers[i].error <= 0 &&
			    answers[i].error > -ERRNO_MAX;

		ranges[i].ret_rc = rc ? rc : sane ? answers[i].error : -EIO;
		ranges[i].ret_done = rc ? 0 : MIN(answers[i].done,
						  ranges[i].r.nr);
	}
}

static void call_batch(struct kdev *k, unsigned long request,
		       struct kdev_range *ranges, uint32_t nr, uint32_t flags)
{
	struct memtide_range arg[KDEV_BATCH_MAX];
	struct memtide_batch batch = {
		.ranges = (uintptr_t)arg, .nr = nr, .budget_ms = KDEV_BUDGET_MS,
		.flags = flags,
	};

	ASSERT(nr && nr <= KDEV_BATCH_MAX);
	to_driver(ranges, nr, arg);
	from_driver(arg, call(k, request, &batch), ranges, nr);
}

static void ioctl_online(struct kdev *k, struct kdev_range *ranges,
			 uint32_t nr)
{
	call_batch(k, MEMTIDE_IOC_ONLINE, ranges, nr, 0);
}

static void ioctl_pull(struct kdev *k, struct kdev_range *ranges, uint32_t nr,
		       bool as_is)
{
	call_batch(k, MEMTIDE_IOC_PULL, ranges, nr,
		   as_is ? MEMTIDE_PULL_AS_IS : 0);
}

static int ioctl_block(struct kdev *k, uint32_t index,
		       struct window_block *ret)
{
	struct memtide_block arg = { .index = index };
	int rc = call(k, MEMTIDE_IOC_BLOCK, &arg);

	if (rc)
		return rc;
	if (arg.zone > MEMTIDE_ZONE_MOVABLE)
		return -EIO;
	*ret = (struct window_block){
		.zone = (enum block_zone)arg.zone, .online = arg.online,
	};
	return 0;
}

static int ioctl_remove(struct kdev *k, uint32_t index)
{
	struct memtide_block arg = { .index = index };

	return call(k, MEMTIDE_IOC_REMOVE, &arg);
}

static int ioctl_state(struct kdev *k, uint32_t first, uint32_t nr,
		       uint64_t *bitmap)
{
	struct memtide_state arg = {
		.first = first, .nr = nr, .bitmap = (uintptr_t)bitmap,
	};

	return call(k, MEMTIDE_IOC_STATE, &arg);
}

static int ioctl_need_fd(struct kdev *k)
{
	return of(k)->fd;
}

static int ioctl_need(struct kdev *k, enum block_zone *ret)
{
	struct memtide_need need;
	ssize_t n = read(of(k)->fd, &need, sizeof(need));

	if (n != sizeof(need))
		return n < 0 ? -errno : -EIO;
	*ret = need.zone == MEMTIDE_ZONE_KERNEL ? BLOCK_KERNEL : BLOCK_MOVABLE;
	return 0;
}

static void ioctl_close(struct kdev *k)
{
	close(of(k)->fd);
	free(k);
}

static const struct kdev_ops ioctl_ops = {
	.info = ioctl_info,
	.online = ioctl_online,
	.pull = ioctl_pull,
	.block = ioctl_block,
	.remove = ioctl_remove,
	.state = ioctl_state,
	.need_fd = ioctl_need_fd,
	.need = ioctl_need,
	.close = ioctl_close,
};

static int read_info(struct kdev_ioctl *k)
{
	struct memtide_info info = { 0 };
	int rc = call(&k->kdev, MEMTIDE_IOC_INFO, &info);

	if (rc)
		return rc;
	if (info.api_version != MEMTIDE_API_VERSION ||
	    info.granule_pages != GRANULE_PAGES)
		return -EPROTONOSUPPORT;
	k->info = (struct kdev_info){
		.window_gfn = info.window_gfn,
		.geo = {
			.block_granules = info.block_granules,
			.memmap_granules = info.memmap_granules,
			.window_granules = info.window_granules,
		},
	};
	if (!window_geometry_valid(&k->info.geo) ||
	    info.window_gfn < GFN_4G ||
	    info.window_gfn % (info.block_granules * GRANULE_PAGES))
		return -ERANGE;
	return 0;
}

int kdev_ioctl_open(const char *path, struct kdev **ret)
{
	struct kdev_ioctl *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return -ENOMEM;
	k->kdev.ops = &ioctl_ops;
	k->fd = open(path, O_RDWR | O_CLOEXEC);
	if (k->fd < 0) {
		rc = -errno;
		free(k);
		return rc;
	}
	rc = read_info(k);
	if (rc) {
		ioctl_close(&k->kdev);
		return rc;
	}
	*ret = &k->kdev;
	return 0;
}
