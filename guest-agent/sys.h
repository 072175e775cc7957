/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sys.h - What the agent asks of the system it runs on
 *
 * None of these log or, after sys_meminfo_open(), allocate.
 */
#ifndef MEMTIDE_SYS_H
#define MEMTIDE_SYS_H

#include "meminfo.h"

#define SYS_UUID_BYTES	16u

/** sys_now_ms() - Monotonic time */
uint64_t sys_now_ms(void);

/**
 * sys_uuid_parse() - "01234567-89ab-...", maybe with a newline, to bytes
 *
 * Return: 0, or -EINVAL with @ret untouched
 */
int sys_uuid_parse(const char *text, uint8_t ret[SYS_UUID_BYTES]);

/**
 * sys_boot_id() - The id of this boot
 * @path:	"/proc/sys/kernel/random/boot_id"
 *
 * Return: 0 or a negative errno
 */
int sys_boot_id(const char *path, uint8_t ret[SYS_UUID_BYTES]);

/** sys_kernel_release() - As uname -r, other than printable ASCII as '?' */
void sys_kernel_release(char *ret, size_t size);

/** sys_meminfo_open() - A descriptor for sys_meminfo(), or a negative errno */
int sys_meminfo_open(const char *path);

/** sys_meminfo() - Read it anew. Return: 0 or a negative errno */
int sys_meminfo(int fd, struct meminfo *ret);

/** sys_survive_oom() - The kernel shall not kill this process for memory */
int sys_survive_oom(void);

/** sys_lock_memory() - All that this process has and will have stays in RAM */
int sys_lock_memory(void);

#endif
