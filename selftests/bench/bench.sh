#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs in the VM, best in the runner's counting mode (--icount): round trips and
# bulk of TTP beside TCP and AF_UNIX, in one boot. Figures are nanoseconds of the
# guest, which in that mode are instructions of both ends.
set -u
here=$(cd "$(dirname "$0")" && pwd)
bench=${TTP_BENCH:-$here/ttp_bench}
ttpctl=${TTPCTL:-$here/../../tools/ttpctl/ttpctl}

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

fail=0
for mode in "selfpong 64" "pingpong 64" "pingpong 1024" "pingpong 8192" \
	"bulk 65536" "bulk 1400"; do
	read -r what size <<< "$mode"
	count=1000
	[ "$what" = bulk ] && count=$((16777216 / size))
	for kind in ttp seqpacket tcp unix; do
		[ "$what" = bulk ] && [ "$kind" = seqpacket ] && continue
		timeout 120 "$bench" "$kind" "$what" "$size" "$count" ||
			{ echo "$kind $mode failed"; fail=1; }
	done
done
for kind in ttp seqpacket tcp unix; do
	timeout 300 "$bench" "$kind" conn 64 2000 ||
		{ echo "$kind conn failed"; fail=1; }
done
for kind in ttp tcp unix; do
	timeout 300 "$bench" "$kind" idle 1 2000 ||
		{ echo "$kind idle failed"; fail=1; }
done
exit $fail
