/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h - Tracepoints: /sys/kernel/tracing/events/memtide/
 *
 * Results are 0 or a negative errno, as in uapi/memtide.h. Without tracing in
 * the kernel all of this is empty.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM memtide

#if !defined(MEMTIDE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MEMTIDE_TRACE_H

#include <linux/memory.h>
#include <linux/tracepoint.h>

/* Why a page is taken to be what kept a range from being pulled */
#define BUSY_KERNEL	0	/* not on the LRU lists: most likely a kernel's */
#define BUSY_PINNED	1	/* pinned for DMA, as far as one can tell */
#define BUSY_HELD	2	/* more references than users that are known */

#define show_busy(why) __print_symbolic(why,	\
	{ BUSY_KERNEL, "kernel" },		\
	{ BUSY_PINNED, "pinned" },		\
	{ BUSY_HELD, "held" })

#define show_memory_event(event) __print_symbolic(event,	\
	{ MEM_PREPARE_ONLINE, "PREPARE_ONLINE" },		\
	{ MEM_GOING_ONLINE, "GOING_ONLINE" },			\
	{ MEM_CANCEL_ONLINE, "CANCEL_ONLINE" },			\
	{ MEM_ONLINE, "ONLINE" },				\
	{ MEM_GOING_OFFLINE, "GOING_OFFLINE" },			\
	{ MEM_CANCEL_OFFLINE, "CANCEL_OFFLINE" },		\
	{ MEM_OFFLINE, "OFFLINE" },				\
	{ MEM_FINISH_OFFLINE, "FINISH_OFFLINE" })

DECLARE_EVENT_CLASS(memtide_block,
	TP_PROTO(u32 block, u32 zone, int result),
	TP_ARGS(block, zone, result),
	TP_STRUCT__entry(
		__field(u32, block)
		__field(u32, zone)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->block = block;
		__entry->zone = zone;
		__entry->result = result;
	),
	TP_printk("block=%u zone=%u result=%d", __entry->block, __entry->zone,
		  __entry->result)
);

DEFINE_EVENT(memtide_block, memtide_add,
	TP_PROTO(u32 block, u32 zone, int result),
	TP_ARGS(block, zone, result));

DEFINE_EVENT(memtide_block, memtide_remove,
	TP_PROTO(u32 block, u32 zone, int result),
	TP_ARGS(block, zone, result));

/* A range of a batch has been worked on. */
DECLARE_EVENT_CLASS(memtide_range,
	TP_PROTO(u32 first, u32 nr, u32 done, int result, u64 usecs),
	TP_ARGS(first, nr, done, result, usecs),
	TP_STRUCT__entry(
		__field(u32, first)
		__field(u32, nr)
		__field(u32, done)
		__field(int, result)
		__field(u64, usecs)
	),
	TP_fast_assign(
		__entry->first = first;
		__entry->nr = nr;
		__entry->done = done;
		__entry->result = result;
		__entry->usecs = usecs;
	),
	TP_printk("granules=%u+%u done=%u result=%d usecs=%llu",
		  __entry->first, __entry->nr, __entry->done, __entry->result,
		  __entry->usecs)
);

DEFINE_EVENT(memtide_range, memtide_online,
	TP_PROTO(u32 first, u32 nr, u32 done, int result, u64 usecs),
	TP_ARGS(first, nr, done, result, usecs));

DEFINE_EVENT(memtide_range, memtide_pull_end,
	TP_PROTO(u32 first, u32 nr, u32 done, int result, u64 usecs),
	TP_ARGS(first, nr, done, result, usecs));

TRACE_EVENT(memtide_pull_begin,
	TP_PROTO(u32 first, u32 nr, u64 floor_pages),
	TP_ARGS(first, nr, floor_pages),
	TP_STRUCT__entry(
		__field(u32, first)
		__field(u32, nr)
		__field(u64, floor_pages)
	),
	TP_fast_assign(
		__entry->first = first;
		__entry->nr = nr;
		__entry->floor_pages = floor_pages;
	),
	TP_printk("granules=%u+%u floor_pages=%llu", __entry->first,
		  __entry->nr, __entry->floor_pages)
);

/* The first page that looks as if it had kept a run from being taken */
TRACE_EVENT(memtide_pull_busy,
	TP_PROTO(u32 granule, unsigned long pfn, int why, int refs, int maps),
	TP_ARGS(granule, pfn, why, refs, maps),
	TP_STRUCT__entry(
		__field(u32, granule)
		__field(unsigned long, pfn)
		__field(int, why)
		__field(int, refs)
		__field(int, maps)
	),
	TP_fast_assign(
		__entry->granule = granule;
		__entry->pfn = pfn;
		__entry->why = why;
		__entry->refs = refs;
		__entry->maps = maps;
	),
	TP_printk("granule=%u pfn=%#lx why=%s refs=%d maps=%d",
		  __entry->granule, __entry->pfn, show_busy(__entry->why),
		  __entry->refs, __entry->maps)
);

/* The host was asked for memory before a process is killed. */
TRACE_EVENT(memtide_oom,
	TP_PROTO(unsigned long granules, u64 usecs),
	TP_ARGS(granules, usecs),
	TP_STRUCT__entry(
		__field(unsigned long, granules)
		__field(u64, usecs)
	),
	TP_fast_assign(
		__entry->granules = granules;
		__entry->usecs = usecs;
	),
	TP_printk("granules=%lu usecs=%llu", __entry->granules,
		  __entry->usecs)
);

/* What the core does with a block, and how many granules go with it */
TRACE_EVENT(memtide_notified,
	TP_PROTO(unsigned long event, u32 block, u32 online, int result),
	TP_ARGS(event, block, online, result),
	TP_STRUCT__entry(
		__field(unsigned long, event)
		__field(u32, block)
		__field(u32, online)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->event = event;
		__entry->block = block;
		__entry->online = online;
		__entry->result = result;
	),
	TP_printk("event=%s block=%u online=%u result=%d",
		  show_memory_event(__entry->event), __entry->block,
		  __entry->online, __entry->result)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
