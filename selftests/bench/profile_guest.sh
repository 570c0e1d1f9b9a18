#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The part of selftests/bench/profile that runs in the VM: two namespaces a and
# b, joined by va and vb, then the command, then the addresses of all functions.
set -u
ttpctl=${TTPCTL:-$(dirname "$0")/../../tools/ttpctl/ttpctl}

ip netns add a && ip netns add b || exit 1
ip link add va netns a address 02:00:00:00:00:0a type veth \
	peer name vb netns b address 02:00:00:00:00:0b || exit 1
ip -n a link set lo up
ip -n a link set va up
ip -n b link set vb up
ip -n a addr add 10.9.0.1/24 dev va
ip -n b addr add 10.9.0.2/24 dev vb
modprobe ttp || exit 1
"$ttpctl" -n a dev add va || exit 1
"$ttpctl" -n b dev add vb || exit 1
sleep 1
"$@"
status=$?
cat /proc/kallsyms >"$RESULTS/kallsyms"
exit $status
