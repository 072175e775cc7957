/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * alone.c - One story in a process and a directory of its own
 */
#include "alone.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

static void print_file(const char *dir, const char *name)
{
	char path[WORLD_PATH_MAX + 32], line[512];
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	in = fopen(path, "re");
	printf("--- %s\n", name);
	while (in && fgets(line, sizeof(line), in))
		fputs(line, stdout);
	if (in)
		fclose(in);
}

int alone_main(int argc, char **argv, const char *name,
	       void (*tell)(const char *build, const char *dir))
{
	char dir[] = "/tmp/memtide-XXXXXX", command[64];
	int status = -1;
	pid_t pid;

	if (argc != 2) {
		fprintf(stderr, "Usage: %s BUILD\n", argv[0]);
		return 2;
	}
	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	pid = fork();
	if (!pid)
		tell(argv[1], dir);
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (status) {
		print_file(dir, "memtided.log");
		print_file(dir, "history");
		printf("not ok %s\n", name);
	}
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		perror(command);
	return status != 0;
}
