/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * stress.h - Tests with data in the memory, and with processes that fail
 */

#ifndef STRESS_H
#define STRESS_H

#include <stddef.h>
#include <stdint.h>

/* A value for word @i that no neighbour has */
static inline uint64_t pattern(size_t i)
{
	return i * 0x9e3779b97f4a7c15 + 1;
}

int test_full_memory_is_pulled_intact(void);
int test_pull_is_all_or_nothing(void);
int test_death_at_any_moment(void);
int test_offline_and_online_meanwhile(void);
int test_signals_interrupt_cleanly(void);

/* Fill memory until a page of it lies in granule @from to @to of the window, and
 * pin that page. Return: its granule, 0 if there is none */
uint32_t pin_granule(size_t size, uint32_t from, uint32_t to);
void unpin_granule(void);

#endif /* STRESS_H */
