#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The part of the bench that runs in the test machine: takes lines
# "WIRE TRANSPORT TEST SIZE COUNT" and answers each with a line that begins with
# @ (the same words, exit status, frames that both ends sent) and the output of
# the measuring program. Namespaces a (client, va) and b (server, vb) are the
# ends of the wire.
#   guest.sh PLAN

set -u
here=$(cd "$(dirname "$0")" && pwd)
# In memory: where time is instructions, it runs ahead by many seconds while all
# wait for a page from outside, and a time limit is over before the program is.
ttpperf=/tmp/ttpperf
ttpctl=$here/../../tools/ttpctl/ttpctl
out=$(mktemp)
declare -A holder

setup() {
	local ns

	cp "$here/../../tools/ttpperf/ttpperf" "$ttpperf" || return
	ip netns add a && ip netns add b || return
	ip link add va netns a address 02:00:00:00:00:0a type veth \
		peer name vb netns b address 02:00:00:00:00:0b || return
	for ns in a b; do
		ip -n $ns link set lo up && ip -n $ns link set v$ns up || return
		# Its /proc tells of the namespace without a fork for each look.
		ip netns exec $ns sleep infinity &
		holder[$ns]=$!
	done
	ip -n a addr add 10.9.0.1/24 dev va && ip -n b addr add 10.9.0.2/24 dev vb || return
	modprobe ttp && modprobe sctp && modprobe sch_netem || return
	"$ttpctl" -n a dev add va && "$ttpctl" -n b dev add vb || return
	# What namespaces and devices do when they are new is over then.
	sleep 2
}

# on both ends: feature NAME on|off ...
feature() {
	ip netns exec a ethtool -K va "$@" && ip netns exec b ethtool -K vb "$@"
}

loss() {
	local ns

	for ns in a b; do
		tc -n $ns qdisc del dev v$ns root 2>/dev/null
		[ $# -eq 0 ] ||
			tc -n $ns qdisc add dev v$ns root netem limit 10000 loss "$1" || return
	done
}

# Frames that a device takes as one: TCP builds large ones whatever it offers
segments() {
	ip -n a link set va gso_max_segs "$1" && ip -n b link set vb gso_max_segs "$1"
}

# The states that the wire can be in
wire() {
	loss && segments 65535 && feature gso on tso on tx-sctp-segmentation on || return
	case $1 in
	gso) ;;
	cut) feature tso off tx-sctp-segmentation off ;;
	nogso) feature gso off tso off ;;
	single) feature gso off tso off && segments 1 ;;
	loss*) feature gso off tso off && segments 1 && loss "${1#loss}%" ;;
	*) false ;;
	esac
}

# Frames that both devices have sent
frames() {
	local ns name f

	sent=0
	for ns in a b; do
		while read -r name f; do
			[ "$name" = v$ns: ] || continue
			# shellcheck disable=SC2086 # words
			set -- $f
			sent=$((sent + ${10}))
		done <"/proc/${holder[$ns]}/net/dev"
	done
}

# TRANSPORT TEST SIZE COUNT
measure() {
	local -a words=(-T "$1" -t "$2")

	[ "$3" -eq 0 ] || words+=(-s "$3")
	if [ "$2" = bulk ]; then
		words+=(-b "$(($3 * $4))")
	else
		words+=(-n "$4")
	fi
	# The first ones fill the stocks that the others live on.
	[ "$2" != connect ] || words+=(-O 100)
	# What the one before has left goes first.
	[ "$2" != idle ] || sleep 2
	# To a file: an interpreter that reads it would share the one CPU.
	timeout 100 "$ttpperf" local -N b,a -d vb,va -j "${words[@]}"
}

setup || exit 2
uname -r | sed 's/^/kernel /'
now=
while read -r state transport test size count; do
	if [ "$state" != "$now" ]; then
		wire "$state" >"$out" 2>&1 || { cat "$out"; echo "no wire $state"; exit 2; }
		now=$state
	fi
	frames
	before=$sent
	measure "$transport" "$test" "$size" "$count" >"$out" 2>&1 </dev/null
	status=$?
	frames
	echo "@ $state $transport $test $size $count $status $((sent - before))"
	cat "$out"
done <"$1"
echo "@ end"
