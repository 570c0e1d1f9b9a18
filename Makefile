# SPDX-License-Identifier: GPL-2.0
#
# The module itself is described in Kbuild; here is everything around it.

RUNNING := /lib/modules/$(shell uname -r)/build
# No headers of the running kernel: the newest there are.
KDIR ?= $(or $(wildcard $(RUNNING)),$(shell ls -dv /lib/modules/*/build 2>/dev/null | tail -n 1))

VM := selftests/vm
# The kernel that the headers are for: what Debian's "make kernelrelease" says is
# another number, and depmod knows no such kernel.
RELEASE = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	"$(KDIR)/include/generated/utsrelease.h" 2>/dev/null)
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

# The tools and tests are built for the machine that make runs on, and their
# makefiles have to believe that they are the top.
SUBMAKE = env -u MAKELEVEL -u MAKEFLAGS -u MFLAGS $(MAKE) --no-print-directory

need_headers = test -n "$(KDIR)" || { \
	echo "No kernel headers: apt-get install linux-headers-$$(uname -r)" >&2; exit 1; }

# With headers of another kernel all goes well, until modprobe finds nothing.
tell_kernel = test "$(RELEASE)" = "$$(uname -r)" || \
	echo "This is the module for $(RELEASE); the kernel that runs is $$(uname -r)."

# Objects of somebody's own build are not for DKMS. Of the module for tests it gets
# what "make clean" asks for, and no source.
SOURCES = Kbuild dkms.conf COPYING selftests/kuser/Kbuild \
	$$(find include net -name '*.[ch]' -o -name 'Kbuild*')

.DEFAULT_GOAL := modules
.PHONY: modules tools install dkms-install setup host-built demo check scale bench lint unit fuzz vm uml clean help

modules: ## build ttp.ko (KDIR=... for another kernel)
	@$(need_headers)
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

tools: ## build ttpctl, ttping, ttpcat, ttpperf and ttp_run
	$(MAKE) -C tools

install: modules tools ## install module and tools (DESTDIR, PREFIX)
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH=$(DESTDIR) modules_install
	$(MAKE) -C tools install
	test -n "$(DESTDIR)" || depmod -a $(RELEASE)
	@test -n "$(DESTDIR)" || $(tell_kernel)

.PHONY: release
release:
	@echo $(RELEASE)

.PHONY: install-headers
install-headers: ## <linux/ttp.h> and pkg-config's file (DESTDIR, PREFIX)
	$(MAKE) -C tools install-headers

# DKMS knows a version by its number alone: it has to forget what it has built of
# another state of this one.
dkms-install: ## hand the module to DKMS, which builds it for each new kernel
	@test -n "$(DESTDIR)" || $(need_headers)
	@test -n "$(DESTDIR)" || command -v dkms >/dev/null || \
		{ echo "No DKMS: apt-get install dkms" >&2; exit 1; }
	test -n "$(DESTDIR)" || test -z "$$(dkms status ttp/$(VERSION))" || \
		dkms remove ttp/$(VERSION) --all
	rm -rf $(DESTDIR)/usr/src/ttp-$(VERSION)
	mkdir -p $(DESTDIR)/usr/src/ttp-$(VERSION)
	cp --parents $(SOURCES) $(DESTDIR)/usr/src/ttp-$(VERSION)
	test -n "$(DESTDIR)" || dkms install ttp/$(VERSION) -k $(RELEASE)
	@test -n "$(DESTDIR)" || $(tell_kernel)

setup:
	@$(VM)/setup packages stock root ksft

# What runs in a test machine is built here, outside of it; and all that several
# steps of the check need, of which each finds nothing left to build.
host-built: setup
	@$(SUBMAKE) -s -C tools
	@$(SUBMAKE) -s -C tools/tests
	@$(SUBMAKE) -s -C examples all outside
	@eval "$$($(VM)/setup --env)" && \
		$(SUBMAKE) -s -C selftests all KSFT_DIR="$$KSFT_DIR"
	@$(SUBMAKE) -s -C selftests/programs

demo: setup ## two nodes in a virtual machine, a lossy wire, real programs
	@$(SUBMAKE) -s -C tools
	@$(SUBMAKE) -s -C selftests/demo
	@$(VM)/run --quiet --timeout 1200 -- selftests/demo/demo.sh

check: ## everything that CI runs (STEPS="unit stock ...")
	@$(VM)/setup packages
	@$(VM)/check $(STEPS)

scale: host-built ## 100 000 links open, and 100 000 opened and closed
	@$(VM)/run --icount --mem 3072 --timeout 3600 --env TTP_EXACT=y \
		--env TTP_LINKS="10 1000 100000" -- selftests/ttp_scale
	@$(VM)/run --timeout 3600 --env TTP_CYCLES=100000 \
		--env TTP_ONLY=one_name -- selftests/ttp_close

bench: setup ## instructions beside TCP, UDP, AF_PACKET ..., goals (SEEDS="1 2 3")
	@$(SUBMAKE) -s -C tools
	@selftests/bench/bench $(SEEDS)

.PHONY: programs
programs: host-built ## what iperf3, redis ... get, beside TCP, in instructions (PROGRAMS="redis ...")
	@selftests/programs/figures $(PROGRAMS)
	$(if $(PROGRAMS),,@selftests/programs/figures --lanes)

.PHONY: bench-wall
bench-wall: tools ## real hardware: on one host as it is, on the other HOST=MAC [IP=...] [DEV=...]
	@selftests/bench/wall $(if $(HOST),client,server) $(addprefix -d ,$(DEV)) \
		$(if $(HOST),$(addprefix -a ,$(IP)) $(HOST))

.PHONY: sharing
sharing: host-built ## cache lines that go from CPU to CPU (TEST=bulk|round_trips)
	@selftests/bench/sharing $(or $(TEST),round_trips)

.PHONY: profile
profile: host-built ## instructions by function (TEST="selfpong 64 ttp")
	@selftests/bench/profile --callers "$(or $(TEST),selfpong 64 ttp)"

lint: ## warnings, sparse, checkpatch, kernel-doc, shellcheck
	@$(VM)/setup packages stock ksft clang
	@selftests/lint/lint

unit: ## the pure files in user space, with ASan and UBSan
	@$(SUBMAKE) -C selftests/unit run

# So long for each target and test, of which five are in the test machine.
FUZZ_TIME := $(or $(SECONDS),60)

fuzz: host-built ## libFuzzer, then live links (SECONDS=60 each, KERNEL=debug|uml)
	@$(SUBMAKE) -C selftests/unit fuzz SECONDS=$(FUZZ_TIME)
	@$(VM)/run --kernel $(or $(KERNEL),debug) \
		--timeout $$((1200 + 8 * $(FUZZ_TIME))) -- \
		"export TTP_SLOW=1 TTP_FUZZ_SECONDS=$(FUZZ_TIME); \
		cd selftests && ./ttp_fuzz && ./ttp_fuzz_calls"

vm: host-built ## a shell in a test machine (KERNEL=stock|debug|uml)
	@$(VM)/run --kernel $(or $(KERNEL),stock) --shell --

uml: host-built ## the fast loop: all tests, or CMD=..., in user-mode Linux
	@$(VM)/run --kernel uml --no-kmemleak -- "$${CMD:-selftests/run_in_vm.sh}"

.PHONY: soak
soak: host-built ## random links over random wires (HOURS=1, KERNEL=..., SEED=n: case n)
	@s=$$(awk 'BEGIN { print int(3600 * $(or $(HOURS),1)) }'); \
	if [ -n "$(SEED)" ]; then set -- case "$(SEED)"; else set -- soak "$$s"; fi; \
	$(VM)/run --kernel $(or $(KERNEL),stock) --timeout $$((s + 1800)) \
		--results build/soak -- selftests/ttp_integrity.sh "$$@"

clean: ## remove what was built in the tree
	@test -z "$(KDIR)" || $(MAKE) -s -C $(KDIR) M=$(CURDIR) clean
	@for d in tools selftests selftests/unit selftests/demo selftests/programs; do \
		test ! -e $$d/Makefile || $(SUBMAKE) -s -C $$d clean || exit 1; done
	@rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16
