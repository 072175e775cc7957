/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sys.c - What the agent asks of the system it runs on
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* /proc/meminfo has 1.5 KiB, /proc/vmstat 5; a longer one would be refused. */
#define PROC_BYTES	16384u

uint64_t sys_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t sys_now_ms(void)
{
	return sys_now_us() / 1000;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int sys_uuid_parse(const char *text, uint8_t ret[SYS_UUID_BYTES])
{
	uint8_t uuid[SYS_UUID_BYTES];

	for (size_t i = 0; i < SYS_UUID_BYTES; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return -EINVAL;
		high = hex_digit(text[0]);
		low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return -EINVAL;
		uuid[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (strcmp(text, "") && strcmp(text, "\n"))
		return -EINVAL;
	memcpy(ret, uuid, sizeof(uuid));
	return 0;
}

/* A file of /proc comes in pieces. Return: its length, -EFBIG if that is more
 * than @size, or another negative errno */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = pread(fd, buf + len, size - len, (off_t)len);

		if (n < 0)
			return -errno;
		if (!n)
			return (ssize_t)len;
		len += (size_t)n;
	}
	return -EFBIG;
}

int sys_boot_id(const char *path, uint8_t ret[SYS_UUID_BYTES])
{
	char text[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read_all(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	return sys_uuid_parse(text, ret);
}

void sys_kernel_release(char *ret, size_t size)
{
	struct utsname name;

	if (uname(&name))
		strcpy(name.release, "?");
	snprintf(ret, size, "%.*s", (int)size - 1, name.release);
	for (; *ret; ret++)
		if (*ret < ' ' || *ret > '~')
			*ret = '?';
}

int sys_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int sys_meminfo(int fd, struct meminfo *ret)
{
	char text[PROC_BYTES];
	ssize_t n = read_all(fd, text, sizeof(text));

	return n < 0 ? (int)n : meminfo_parse(text, (size_t)n, ret);
}

int sys_stall(int fd, struct pressure *ret)
{
	char text[PROC_BYTES];
	ssize_t n = read_all(fd, text, sizeof(text));

	return n < 0 ? (int)n : pressure_parse_stall(text, (size_t)n, ret);
}

int sys_vmstat(int fd, struct pressure *ret)
{
	char text[PROC_BYTES];
	ssize_t n = read_all(fd, text, sizeof(text));

	return n < 0 ? (int)n : pressure_parse_vmstat(text, (size_t)n, ret);
}

int sys_survive_oom(void)
{
	static const char score[] = "-1000";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, score, sizeof(score) - 1) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int sys_lock_memory(void)
{
	return mlockall(MCL_CURRENT | MCL_FUTURE) ? -errno : 0;
}
