/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sys.h - What the agent asks of the system it runs on
 *
 * None of these log or, after sys_open(), allocate.
 */
#ifndef MEMTIDE_SYS_H
#define MEMTIDE_SYS_H

#include "meminfo.h"
#include "pressure.h"

#define SYS_UUID_BYTES	16u

/** sys_now_ms(), sys_now_us() - Monotonic time */
uint64_t sys_now_ms(void);
uint64_t sys_now_us(void);

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

/** sys_open() - A descriptor for what is below, or a negative errno */
int sys_open(const char *path);

/**
 * sys_meminfo(), sys_stall(), sys_vmstat() - Read /proc/meminfo,
 * /proc/pressure/memory or /proc/vmstat anew
 * @ret:	untouched on failure; of what the others read always
 *
 * Return: 0 or a negative errno
 */
int sys_meminfo(int fd, struct meminfo *ret);
int sys_stall(int fd, struct pressure *ret);
int sys_vmstat(int fd, struct pressure *ret);

/** sys_survive_oom() - The kernel shall not kill this process for memory */
int sys_survive_oom(void);

/** sys_lock_memory() - All that this process has and will have stays in RAM */
int sys_lock_memory(void);

#endif
