/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * terminal.h - The whole terminal, to show a screen on
 *
 * The only module that sees ncurses. However the program ends, the terminal is
 * as it was: by terminal_close(), or, at a signal that is a fault of ours, by a
 * handler that does no more than that.
 */
#ifndef MEMTIDE_TERMINAL_H
#define MEMTIDE_TERMINAL_H

#include "cli_screen.h"

/**
 * terminal_open() - Take the terminal of standard input and output
 * @colour:	use colours
 * @ret_unicode: it shows UTF-8
 *
 * Return: 0, -ENOTTY if there is none, or -ENOTSUP if TERM names none that can
 */
int terminal_open(bool colour, bool *ret_unicode);

/** terminal_close() - Give it back; fine if it was not taken */
void terminal_close(void);

/** terminal_size() - As it is now */
void terminal_size(unsigned int *ret_rows, unsigned int *ret_columns);

/** terminal_show() - @s is as large as it was told last */
void terminal_show(const struct screen *s);

/** terminal_redraw() - All of it anew with the next screen */
void terminal_redraw(void);

/** terminal_key() - ASCII or an enum screen_key; negative: none is there */
int terminal_key(void);

#endif
