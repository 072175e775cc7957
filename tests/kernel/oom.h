/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * oom.h - A guest that has no memory left
 */

#ifndef OOM_H
#define OOM_H

int test_host_is_asked_before_a_process_is_killed(void);
int test_what_nobody_answers_is_killed(void);

#endif /* OOM_H */
