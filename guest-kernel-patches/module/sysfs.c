// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sysfs.c - /sys/class/misc/memtide/, as docs/abi-sysfs-memtide says
 *
 * Counts are read without a lock: each is right, but two of them may be from
 * different moments.
 */

#include <linux/device.h>
#include <linux/memory.h>

#include "driver.h"

#define ATTRIBUTE(_name, _format, _value)				\
static ssize_t _name##_show(struct device *dev,				\
			    struct device_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, _format "\n", _value);			\
}									\
static DEVICE_ATTR_RO(_name)

static u32 nr_offline(void)
{
	u32 i, nr = 0;

	for (i = 0; i < nr_blocks(); i++)
		nr += READ_ONCE(mt.blocks[i].present) &&
		      !READ_ONCE(mt.blocks[i].active);
	return nr;
}

ATTRIBUTE(window_start, "%#llx", (u64)mt.window.start);
ATTRIBUTE(window_size, "%llu", (u64)resource_size(&mt.window));
ATTRIBUTE(granule_size, "%u", GRANULE_SIZE);
ATTRIBUTE(block_size, "%lu", memory_block_size_bytes());
ATTRIBUTE(memmap_size, "%lu", mt.memmap_granules * (unsigned long)GRANULE_SIZE);
ATTRIBUTE(blocks_present, "%u", READ_ONCE(mt.nr_present));
ATTRIBUTE(blocks_offline, "%u", nr_offline());
ATTRIBUTE(granules_kernel, "%u", READ_ONCE(mt.nr_online[MEMTIDE_ZONE_KERNEL]));
ATTRIBUTE(granules_movable, "%u",
	  READ_ONCE(mt.nr_online[MEMTIDE_ZONE_MOVABLE]));
ATTRIBUTE(granules_offline, "%u", READ_ONCE(mt.nr_online[MEMTIDE_ZONE_NONE]));
ATTRIBUTE(broken, "%u", is_broken());

static struct attribute *memtide_attrs[] = {
	&dev_attr_window_start.attr,
	&dev_attr_window_size.attr,
	&dev_attr_granule_size.attr,
	&dev_attr_block_size.attr,
	&dev_attr_memmap_size.attr,
	&dev_attr_blocks_present.attr,
	&dev_attr_blocks_offline.attr,
	&dev_attr_granules_kernel.attr,
	&dev_attr_granules_movable.attr,
	&dev_attr_granules_offline.attr,
	&dev_attr_broken.attr,
	NULL
};

static const struct attribute_group memtide_group = {
	.attrs = memtide_attrs,
};

const struct attribute_group *memtide_groups[] = {
	&memtide_group,
	NULL
};
