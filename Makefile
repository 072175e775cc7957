# SPDX-License-Identifier: GPL-2.0-or-later
# memtide: one Makefile, explicit lists. `make help` names the targets.

MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

VERSION := 0.1.0
B := build$(if $(DEV),/dev)
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif

prefix ?= /usr
sbindir ?= $(prefix)/sbin
bindir ?= $(prefix)/bin
mandir ?= $(prefix)/share/man
unitdir ?= /usr/lib/systemd/system

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wswitch-enum -Wundef -Wvla -Wwrite-strings -Wpointer-arith
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DMEMTIDE_VERSION='"$(VERSION)"' \
	$(WARN) $(CFLAGS) $(SAN) -MMD -MP
ifdef DEV
WARN += -Werror
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
endif
INC = -I$(<D) -Iprotocol -I$B/gen

# Sources ---------------------------------------------------------------

PROTO_GEN := memtide control
PROTO_SRC := log frame codec control_codec transport_unix \
	transport_vchan link sim_machine
HOST_SRC := ledger plan guest service session sync steps client backend_sim \
	backend_xen control control_guests audit size control_client \
	cli_args cli_text cli_print cli_json cli_report cli_commands
AGENT_SRC := agent conf session sys window window_map sizing pull_plan \
	pull_job meminfo kdev_ioctl kdev_sim

UNIT := frame codec control_codec link sim_machine ledger plan size cli \
	pull_plan meminfo agent

LIBS_XEN := -lxenvchan -lxenctrl -lxenstore
LIBS := -levent -lprotobuf-c -lpthread

# Programs --------------------------------------------------------------

.PHONY: all
all: $B/memtided $B/memtide $B/memtide-agent $B/memtide-sim ## build everything but the guest kernel

gen := $(PROTO_GEN:%=$B/gen/%.pb-c.o)
libproto := $(PROTO_SRC:%=$B/protocol/%.o) $(gen)
libhost := $(HOST_SRC:%=$B/host-service/%.o)
libagent := $(AGENT_SRC:%=$B/guest-agent/%.o)

$B/libproto.a: $(libproto)
$B/libhost.a: $(libhost)
$B/libagent.a: $(libagent)
$B/%.a:
	rm -f $@ && ar rcs $@ $^

$B/memtided: $B/host-service/main.o $B/libhost.a $B/libproto.a
$B/memtide: $B/host-service/cli_main.o $B/libhost.a $B/libproto.a
$B/memtide-agent: $B/guest-agent/main.o $B/libagent.a $B/libproto.a
$B/memtide-sim: $B/tests/sim/memtide-sim.o $B/libproto.a
$B/memtided: LDLIBS = $(LIBS_XEN) $(LIBS)
$B/memtide: LDLIBS = -ljson-c $(LIBS)
$B/memtide-agent: LDLIBS = $(LIBS_XEN) $(LIBS)
$B/memtide-sim: LDLIBS = $(LIBS)
$B/memtided $B/memtide $B/memtide-agent $B/memtide-sim:
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$B/gen/%.pb-c.c $B/gen/%.pb-c.h: protocol/%.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=protocol --c_out=$B/gen $<

$B/gen/%.o: $B/gen/%.c
	$(CC) -std=gnu11 $(CFLAGS) $(SAN) -MMD -MP -c -o $@ $<

$B/%.o: %.c | $(PROTO_GEN:%=$B/gen/%.pb-c.h)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INC) $(XINC) -c -o $@ $<

$B/guest-agent/kdev_ioctl.o: XINC = -Iguest-kernel-patches/uapi

-include $(shell find $B -name '*.d' 2>/dev/null)
