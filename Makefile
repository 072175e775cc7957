# SPDX-License-Identifier: GPL-2.0-or-later
# memtide: one Makefile, explicit lists. `make help` names the targets.

MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:

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
completiondir ?= $(prefix)/share/bash-completion/completions

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wswitch-enum -Wundef -Wvla -Wwrite-strings -Wpointer-arith
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DMEMTIDE_VERSION='"$(VERSION)"' \
	$(WARN) $(CPPFLAGS) $(CFLAGS) $(SAN) -MMD -MP
ifdef DEV
WARN += -Werror
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
endif
INC = -I$(<D) -Iprotocol -I$B/gen

# Sources ---------------------------------------------------------------

PROTO_GEN := memtide control
PROTO_SRC := log floor frame codec control_codec control_codec_reply \
	control_text transport_unix transport_vchan link sim_machine sim_faults
HOST_SRC := ledger plan balloon_plan rate quote counters share demand policy \
	policy_past policy_want policy_serve policy_take policy_fair policy_doubt \
	reason settings \
	config config_file guest guest_limits session sync steps balloon service \
	balance reserve returns reload client savers xen_words xstore backend_sim \
	backend_xen xen_domains xen_memory xen_told control control_guests control_balance control_reserve control_watch audit \
	metrics history status http notify journal size control_client cli_syntax cli_args cli_text cli_look cli_trouble cli_print cli_print_balance cli_print_list \
	cli_json cli_report cli_watch doctor doctor_xenstore doctor_host doctor_daemon cli_doctor \
	cli_screen top top_draw terminal cli_top cli_child cli_commands
AGENT_SRC := agent conf session sys window window_map sizing pull_plan \
	pull_job meminfo pressure pace trigger faults tunables notify kdev_ioctl kdev_sim

UNIT := frame codec control_codec link sim_machine ledger plan balloon_plan \
	rate size cli_args cli_print cli_json control_client pull_plan sizing meminfo pressure pace \
	trigger faults tunables savers xen_words agent agent_reports session service share \
	demand policy policy_worlds reason balance settings config reload reserve \
	quarantine balloon flood metrics http watch doctor top

LIBS_CONFIG := -lconfuse
LIBS_SYSTEMD := -lsystemd
LIBS_TERM := -lncursesw -ltinfo
LIBS_XEN := -lxenvchan -lxenctrl -lxenstore
LIBS := -levent -lprotobuf-c -lpthread

# Programs --------------------------------------------------------------

.PHONY: all
all: $B/memtided $B/memtide $B/memtide-agent $B/memtide-sim ## build everything but the guest kernel

gen := $(PROTO_GEN:%=$B/gen/%.pb-c.o)
libproto := $(PROTO_SRC:%=$B/protocol/%.o) $(gen)
libhost := $(HOST_SRC:%=$B/host-service/%.o) $B/gen/page.o
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
$B/memtided: LDLIBS = $(LIBS_XEN) $(LIBS_CONFIG) $(LIBS_SYSTEMD) $(LIBS)
$B/memtide: LDLIBS = -ljson-c $(LIBS_CONFIG) $(LIBS_TERM) $(LIBS)
$B/memtide-agent: LDLIBS = $(LIBS_XEN) $(LIBS)
$B/memtide-sim: LDLIBS = $(LIBS)
$B/memtided $B/memtide $B/memtide-agent $B/memtide-sim:
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$B/gen/%.pb-c.c $B/gen/%.pb-c.h: protocol/%.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=protocol --c_out=$B/gen $<

$B/gen/page.c: host-service/page.html host-service/embed-page
	@mkdir -p $(@D)
	host-service/embed-page $< >$@
$B/gen/page.o: GEN_INC = -Ihost-service

$B/gen/%.o: $B/gen/%.c
	$(CC) -std=gnu11 $(CPPFLAGS) $(CFLAGS) $(SAN) $(GEN_INC) -MMD -MP -c -o $@ $<

$B/%.o: %.c | $(PROTO_GEN:%=$B/gen/%.pb-c.h)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INC) $(XINC) -c -o $@ $<

$B/guest-agent/kdev_ioctl.o: XINC = -Iguest-kernel-patches/uapi

# Tests -----------------------------------------------------------------

unit_progs := $(UNIT:%=$B/tests/unit/test_%)
$B/tests/unit/test_%: $B/tests/unit/test_%.o $B/libhost.a $B/libagent.a \
		$B/libproto.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -lcmocka -ljson-c $(LIBS_XEN) $(LIBS_CONFIG) $(LIBS_TERM) $(LIBS_TERM) \
		$(LIBS_SYSTEMD) $(LIBS)
$B/tests/unit/%.o: XINC = -Ihost-service -Iguest-agent

SCHEDULES_SRC := schedules jobs world ops talk judge
$B/sim-schedules: $(SCHEDULES_SRC:%=$B/tests/sim/%.o) $B/libhost.a $B/libproto.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)
FAULTS_SRC := faults jobs world talk judge
$B/sim-faults: $(FAULTS_SRC:%=$B/tests/sim/%.o) $B/libhost.a $B/libproto.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)
RESTARTS_SRC := restarts jobs world talk judge
$B/sim-restarts: $(RESTARTS_SRC:%=$B/tests/sim/%.o) $B/libhost.a $B/libproto.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)
UPGRADE_SRC := upgrade jobs world talk judge
$B/sim-upgrade: $(UPGRADE_SRC:%=$B/tests/sim/%.o) $B/libhost.a $B/libproto.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)
HOSTILE_SRC := hostile alone world talk judge
$B/sim-hostile: $(HOSTILE_SRC:%=$B/tests/sim/%.o) $B/libhost.a $B/libproto.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)
BALLOON_SRC := balloon alone world talk judge
$B/sim-balloon: $(BALLOON_SRC:%=$B/tests/sim/%.o) $B/libhost.a $B/libproto.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)
$B/terminal: $B/tests/sim/terminal.o
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^
$B/tests/sim/%.o: XINC = -Ihost-service

# Virtual guests in virtual time, under memtide's policy or another
POLICY_SRC := bench plot run driver_memtide driver_rival rival_static \
	rival_squeezed rival_proxmox rival_qmemman scenario measure vguest \
	vkdev vmem load vhost wire vtime
$B/policy-bench: $(POLICY_SRC:%=$B/tests/policy/%.o) $B/libhost.a \
		$B/libagent.a $B/libproto.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)
SCALE_SRC := scale crowd vhost
$B/policy-scale: $(SCALE_SRC:%=$B/tests/policy/%.o) $B/libhost.a $B/libproto.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)
$B/tests/policy/%.o: XINC = -Ihost-service -Iguest-agent

$B/guesttool: $B/tests/nested/tools/guesttool.o $B/libproto.a
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS_XEN) $(LIBS)

$B/faultlib.so: tests/nested/tools/faultlib.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(WARN) -Iguest-kernel-patches/uapi -O2 -fPIC -shared \
		-o $@ $<

.PHONY: deps-build deps-fast deps-lab deps-deb
deps-build:
	@tests/lint/install-packages build
deps-fast:
	@tests/lint/install-packages build fast
deps-lab:
	@tests/lint/install-packages build fast lab deb
deps-deb:
	@tests/lint/install-packages build deb

# What tests/check runs; each prints "ok NAME" or "not ok NAME" per test.
.PHONY: lint unit fuzz-short model schedules-short schedules hostile kernel-test
.PHONY: faults-short faults restarts upgrade operate systemd toolstack policy
.PHONY: kernel-debug-test each-patch lab-test page-test deb-test
lint: all
	@tests/lint/check-layers
	@tests/lint/check-headers $B
	@tests/lint/check-scripts
	@tests/lint/check-man $B && echo "ok man"

unit: $(unit_progs)
	@for test in $(unit_progs); do \
		CMOCKA_MESSAGE_OUTPUT=TAP $$test || \
			echo "not ok $$test: status $$?"; \
	done

FUZZ := frame codec_host codec_guest control reply args text config xenstore
fuzz_progs := $(FUZZ:%=$B/fuzz/fuzz_%)
FUZZ_RUNS ?= 200000
FUZZ_SECONDS ?= 3
# What is fuzzed, built anew with the fuzzer's eyes in it
fuzz_codec := $(patsubst %,protocol/%.c,frame codec control_codec \
	control_codec_reply control_text) \
	$(PROTO_GEN:%=$B/gen/%.pb-c.c)
fuzz_src_frame := protocol/frame.c protocol/log.c
fuzz_src_codec_host := $(fuzz_codec) protocol/log.c
fuzz_src_codec_guest := $(fuzz_src_codec_host)
fuzz_src_control := $(fuzz_src_codec_host)
fuzz_src_reply := $(fuzz_src_codec_host) $(addprefix host-service/cli_, \
	syntax.c args.c text.c print.c print_balance.c print_list.c json.c \
	report.c look.c trouble.c watch.c) host-service/doctor.c host-service/control_client.c \
	host-service/settings.c host-service/size.c
fuzz_src_args := $(fuzz_src_codec_host) guest-agent/conf.c \
	host-service/cli_syntax.c host-service/cli_args.c \
	host-service/cli_text.c \
	host-service/settings.c host-service/size.c
fuzz_src_config := protocol/log.c host-service/config_file.c \
	host-service/config.c host-service/settings.c host-service/size.c
fuzz_src_text := protocol/log.c guest-agent/meminfo.c \
	guest-agent/pressure.c guest-agent/sys.c
fuzz_src_xenstore := $(fuzz_codec) protocol/link.c protocol/transport_vchan.c \
	protocol/floor.c $(patsubst %,host-service/%.c,savers xen_words xstore \
	backend_xen xen_domains xen_memory xen_told sync steps session \
	balloon guest guest_limits config settings size ledger plan balloon_plan rate counters)
.SECONDEXPANSION:
$(fuzz_progs): $B/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $$(fuzz_src_$$*)
	@mkdir -p $(@D)
	clang -std=gnu11 -D_GNU_SOURCE -DMEMTIDE_VERSION='"$(VERSION)"' -O1 -g \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-Iprotocol -Ihost-service -Iguest-agent -I$B/gen -o $@ $< \
		$(fuzz_src_$*) -levent -ljson-c -lprotobuf-c -lconfuse
# Of each, whichever comes first; FUZZ_SECONDS=0: all the runs
fuzz-short: $(fuzz_progs) ## fuzz every parser for FUZZ_RUNS inputs or FUZZ_SECONDS
	@for fuzz in $(FUZZ); do \
		log=$B/fuzz/$$fuzz.log; \
		mkdir -p $B/fuzz/found-$$fuzz; \
		if ASAN_OPTIONS=quarantine_size_mb=8:malloc_context_size=2 \
			$B/fuzz/fuzz_$$fuzz -runs=$(FUZZ_RUNS) -seed=1 \
			-max_total_time=$(FUZZ_SECONDS) $(FUZZ_FLAGS) \
			-artifact_prefix=$B/fuzz/ $B/fuzz/found-$$fuzz \
			tests/fuzz/corpus/$$fuzz >$$log 2>&1; \
		then echo "ok fuzz $$fuzz:$$(sed -n \
			-e 's/.*DONE *cov: \([0-9]*\).*/ \1 edges,/p' \
			-e 's/^Done\(.*\)/\1/p' $$log | tr -d '\n')"; \
		else tail -n 40 $$log; \
			echo "not ok fuzz $$fuzz"; fi; \
	done

model: ## the model of host, guests and hypervisor, exhaustively
	@tests/model/run

hostile: all $B/sim-hostile $B/sim-balloon
	@$B/sim-hostile $B
	@$B/sim-balloon $B

schedules-short: all $B/sim-schedules
	@$B/sim-schedules --build $B --count 60

schedules: all $B/sim-schedules ## 1,000 random schedules on the simulated machine
	@$B/sim-schedules --build $B --count 1000 --jobs 2

faults-short: all $B/sim-faults
	@$B/sim-faults --build $B --every 11 --pairs 50

FAULT_PAIRS ?= 1500
faults: all $B/sim-faults ## each call of the daemons fails once, and FAULT_PAIRS pairs
	@$B/sim-faults --build $B --pairs $(FAULT_PAIRS)

policy: $B/policy-bench
	@$B/policy-bench --check

restarts: all $B/sim-restarts ## memtided restarted while eight guests resize
	@$B/sim-restarts $B

upgrade: all $B/sim-upgrade
	@$B/sim-upgrade $B

operate: all $B/terminal
	@tests/sim/operate $B
	@tests/sim/top $B

systemd: all
	@tests/sim/systemd $B

toolstack: all
	@tests/sim/toolstack $B

kernel-test: ## the series, its users and the driver under plain QEMU
	@status=0; for t in run virtio-mem virtio-balloon; do \
		tests/kernel/$$t || status=1; done; exit $$status

KERNEL_STORM_SECONDS ?= 60
kernel-debug-test: ## failures and a storm on the debug kernel
	@tests/kernel/run --debug --seconds $(KERNEL_STORM_SECONDS)

each-patch: deps-lab ## each patch alone: checkpatch, build, boot
	@tests/kernel/each-patch

page-test: all ## metrics and page as promtool and a browser take them
	@tests/page/run $B

lab-test: all deb-old $B/guesttool $B/faultlib.so ## every case on real Xen
	@tests/nested/build
	@tests/nested/suite

deb-test: deps-lab ## the packages: built twice, lintian, installed, upgraded, removed
	@tests/deb/run

.PHONY: check check-fast
check: deps-lab ## every test, real Xen included
	@tests/check build check-fast-parts kernel-debug-test \
		--beside schedules faults page-test kernel-test deb-test \
		--then lab-test

check-fast: deps-fast ## everything that needs no VM, with sanitizers
	@DEV=1 tests/check build/dev lint unit fuzz-short model schedules-short \
		faults-short restarts upgrade operate systemd toolstack \
		hostile policy

# Within check: the same parts, sanitized, counted with the others.
.PHONY: check-fast-parts
check-fast-parts:
	@$(MAKE) --no-print-directory -s DEV=1 lint unit fuzz-short model \
		schedules-short faults-short restarts upgrade operate systemd toolstack \
		hostile policy

# To see it -------------------------------------------------------------

SOAK_RESIZES ?= 1000
soak: deps-lab all $B/guesttool ## SOAK_RESIZES random resizes on real Xen: an hour
	@tests/nested/build
	@tests/nested/run --guests 3 --timeout 14400 --with $B/guesttool \
		--out build/lab/soak --script tests/nested/soak -- $(SOAK_RESIZES)

.PHONY: soak demo demo-xen lab bench bench-kernel
demo: deps-build ## memtided and three agents on a simulated machine
	@$(MAKE) --no-print-directory -s all
	@tests/demo/demo build

demo-xen: deps-lab all ## a real guest on real Xen resized before your eyes
	@tests/nested/build
	@tests/nested/run --guests 1 --script tests/nested/demo-xen

lab: deps-lab all ## a dom0 console with two guests running
	@tests/nested/build
	@tests/nested/lab

bench: deps-lab all $B/memwatch $B/xenmeter ## memtide beside the stock balloon, one lab boot
	@tests/nested/build
	@tests/nested/run --guests 1 --stock 0 --timeout 1800 --out build/lab/bench \
		--with $B/memwatch --with $B/xenmeter --script tests/bench/bench

bench-kernel: deps-lab ## the driver beside virtio-mem, plain QEMU
	@tests/bench/kernel

.PHONY: bench-policy bench-scale
bench-policy: $B/policy-bench ## memtide's policy beside others', simulated; pictures in build/
	$B/policy-bench
	$B/policy-bench --fast
	$B/policy-bench --plot $B bursty
	$B/policy-bench --plot $B herd

bench-scale: $B/policy-scale ## what 100, 1,000 and 10,000 guests cost memtided
	$B/policy-scale

# In a guest without our libraries, hence static and not sanitized.
$B/memwatch: $B/tests/bench/memwatch.o
	$(CC) -static -o $@ $^
$B/xenmeter: $B/tests/bench/xenmeter.o
	$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -lxenctrl

# Installation ----------------------------------------------------------

.PHONY: install install-host install-agent install-guest-kernel uninstall deb
install: install-host install-agent ## both sides, below DESTDIR
install-host: $B/memtided $B/memtide ## what dom0 needs
	install -D -m 755 $B/memtided $(DESTDIR)$(sbindir)/memtided
	install -D -m 755 $B/memtide $(DESTDIR)$(bindir)/memtide
	install -D -m 644 host-service/memtided.service \
		$(DESTDIR)$(unitdir)/memtided.service
	install -D -m 644 host-service/memtide.completion \
		$(DESTDIR)$(completiondir)/memtide
	install -D -m 644 docs/memtided.8 $(DESTDIR)$(mandir)/man8/memtided.8
	install -D -m 644 docs/memtided.conf.5 \
		$(DESTDIR)$(mandir)/man5/memtided.conf.5
	install -D -m 644 docs/memtide.1 $(DESTDIR)$(mandir)/man1/memtide.1
install-agent: $B/memtide-agent ## what a guest needs, besides its kernel
	install -D -m 755 $B/memtide-agent $(DESTDIR)$(sbindir)/memtide-agent
	install -D -m 644 guest-agent/memtide-agent.service \
		$(DESTDIR)$(unitdir)/memtide-agent.service
	install -D -m 644 docs/memtide-agent.8 \
		$(DESTDIR)$(mandir)/man8/memtide-agent.8
	install -D -m 644 docs/memtide.4 $(DESTDIR)$(mandir)/man4/memtide.4
datadir = $(DESTDIR)$(prefix)/share/memtide-guest-kernel
install-guest-kernel: ## what makes kernels for guests
	install -D -m 755 guest-kernel-patches/memtide-build-guest-kernel \
		$(DESTDIR)$(bindir)/memtide-build-guest-kernel
	install -D -m 644 docs/memtide-build-guest-kernel.1 \
		$(DESTDIR)$(mandir)/man1/memtide-build-guest-kernel.1
	install -D -m 644 -t $(datadir)/linux-6.12 \
		guest-kernel-patches/linux-6.12/*
	install -D -m 644 -t $(datadir)/module guest-kernel-patches/module/*
	install -D -m 644 -t $(datadir)/uapi guest-kernel-patches/uapi/*
	install -D -m 644 -t $(datadir)/config $(addprefix \
		guest-kernel-patches/config/, lean.config guest.config \
		memtide.config no-debug-info.config)
	echo "$(VERSION)" >$(datadir)/version
uninstall:
	rm -f $(DESTDIR)$(completiondir)/memtide
	rm -f $(DESTDIR)$(sbindir)/memtided $(DESTDIR)$(bindir)/memtide \
		$(DESTDIR)$(sbindir)/memtide-agent \
		$(DESTDIR)$(unitdir)/memtided.service \
		$(DESTDIR)$(unitdir)/memtide-agent.service \
		$(DESTDIR)$(mandir)/man8/memtided.8 \
		$(DESTDIR)$(mandir)/man5/memtided.conf.5 \
		$(DESTDIR)$(mandir)/man8/memtide-agent.8 \
		$(DESTDIR)$(mandir)/man4/memtide.4 \
		$(DESTDIR)$(mandir)/man1/memtide.1

deb: deps-deb ## Debian packages, in build/deb
	@docs/debian/make-deb $(VERSION) build/deb

# To upgrade from; its build runs the unit tests
.PHONY: deb-old
deb-old: deps-lab
	@docs/debian/make-deb 0.0.1 build/deb/old --build=binary >/dev/null

.PHONY: kernel clean help
kernel: deps-lab ## build the guest kernel and module into the cache
	@guest-kernel-patches/build-kernel

clean: ## remove build/; the cache outside stays
	rm -rf build

help: ## this
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 18

-include $(shell find $B -path $B/deb -prune -o -type f -name '*.d' -print 2>/dev/null)
