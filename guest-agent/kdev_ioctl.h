/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kdev_ioctl.h - The memtide driver through its device
 */
#ifndef MEMTIDE_KDEV_IOCTL_H
#define MEMTIDE_KDEV_IOCTL_H

#include "kdev.h"

/**
 * kdev_ioctl_open() - Open the device
 *
 * Return: 0, -EBUSY if another process has it, -ENOENT if there is none,
 *         -EPROTONOSUPPORT if the driver speaks another version, -ERANGE if
 *         it describes a window that cannot be, or another negative errno
 */
int kdev_ioctl_open(const char *path, struct kdev **ret);

#endif
