#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every kselftest, on a machine where the module is installed and not loaded.
# Prints KTAP; each test of a program counts as one. Exit status 1 if any fails.
#
#   run_in_vm.sh [TEST]...     ttp_data, ttp_dev.sh ...; default: all

cd "$(dirname "$0")" || exit 1
. ./lib.sh

# User-mode Linux leaves KASAN's marks of a module's variables where an unloaded
# module was, and takes what vmalloc() puts there later (a long netlink message of
# tc's, say) for them: what unloads another module than ttp comes last.
tests=(ttp_load.sh ttp_socket ttp_data ttp_frames ttp_peer ttp_limits ttp_cells ttp_device
	ttp_bare ttp_bare_cells ttp_bare_api
	ttp_abuse ttp_wrap
	ttp_lost ttp_rest ttp_zerocopy
	ttp_compare ttp_compare_calls
	ttp_fuzz ttp_fuzz_calls
	ttp_close ttp_parting ttp_runs ttp_records ttp_mtu ttp_gso.sh ttp_dev.sh ttp_loss.sh ttp_integrity.sh ttp_tools.sh
	ttp_run.sh ttp_examples.sh ttp_9p.sh
	ttp_kuser.sh ttp_unload.sh)
[ $# -eq 0 ] || tests=("$@")

# The debug kernel looks at every access to memory: it takes its time. Where time
# is virtual nothing takes any, and waiting for minutes costs nothing. These are for
# what hangs: a machine that others use as well makes four times as much of anything.
limit=900
if [ -n "${TTP_TIME_TRAVEL:-}" ]; then
	limit=3000
else
	if [ -z "${TTP_SLOW:-}" ] && [ -e /sys/kernel/debug/kmemleak ]; then
		export TTP_SLOW=1
	fi
	[ "${TTP_SLOW:-0}" = 0 ] || limit=2400
fi

failed=0

# While the disk is waited for, virtual time leaps, and whatever waits for anything
# has waited for too long. So all is read before a test begins.
read_all() {
	modprobe ttp
	# shellcheck disable=SC2046 # names of files
	cat "$1" $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*') >/dev/null
}

# A program that ends early or without a word has failed as well.
run() {
	local test=$1 out status planned seen bad start=$SECONDS
	out=$(mktemp)

	echo "# ---- $test"
	[ -z "${TTP_TIME_TRAVEL:-}" ] || read_all "./$test"
	timeout --kill-after=10 "$limit" "./$test" 2>&1 |
		tee "$out"
	status=${PIPESTATUS[0]}
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$out" | head -n 1)
	seen=$(grep -c '^\(not \)\?ok ' "$out")
	bad=$(grep -c '^not ok ' "$out")
	rm -f "$out"
	echo "# ---- $test: exit status $status, $((SECONDS - start)) s"
	if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] ||
			[ "$seen" -ne "${planned:--1}" ]; }; then
		echo "not ok $((seen + 1)) $test: status $status, $seen of ${planned:-?} tests"
		bad=1
	fi
	failed=$((failed + bad))
}

for test in "${tests[@]}"; do
	run "$test"
done
[ "$failed" -eq 0 ]
