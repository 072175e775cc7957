// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trace.c - Where the tracepoints of trace.h live
 */

#define CREATE_TRACE_POINTS
#include "trace.h"
