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

static int ioctl_online(struct kdev *k, struct granules r,
			enum block_zone zone, uint32_t *ret_done)
{
	struct memtide_online arg = {
		.first = r.first, .nr = r.nr, .zone = zone,
	};
	int rc = call(k, MEMTIDE_IOC_ONLINE, &arg);

	*ret_done = MIN(arg.done, r.nr);
	return rc;
}

static int ioctl_pull(struct kdev *k, struct granules r, uint64_t floor_pages)
{
	struct memtide_pull arg = {
		.first = r.first, .nr = r.nr, .floor_pages = floor_pages,
	};

	return call(k, MEMTIDE_IOC_PULL, &arg);
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
