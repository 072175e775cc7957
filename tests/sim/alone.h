/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * alone.h - One story in a process and a directory of its own
 */
#ifndef MEMTIDE_SIM_ALONE_H
#define MEMTIDE_SIM_ALONE_H

/**
 * alone_main() - main() of a program that tells one story
 * @name:	of the story, for "not ok NAME"
 * @tell:	in the child, in @dir; ends the process, with 0 if all is well
 *
 * If it fails, its memtided.log and history are printed.
 *
 * Return: the program's exit code
 */
int alone_main(int argc, char **argv, const char *name,
	       void (*tell)(const char *build, const char *dir));

#endif
