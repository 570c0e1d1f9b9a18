#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The MTU of a live link changes while streams and records go by, over devices
# of all sorts. Every byte arrives, and packet sockets on the real devices see
# no frame that is longer than the MTU is.
#
#   ttp_mtu.sh [--short]	--short, or TTP_SHORT=y: some of the devices
#
# A frame in flight cannot be cut again, and here the devices drop what is longer
# than their own MTU. So where it shrinks the sender is first, and last where it
# grows. A frame that is lost, and not sent again in the moment before the change,
# ends its link: that is counted, and the case begins anew.

. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
dev=			# what carries TTP
up=() down=()		# "NODE DEV PLUS" of the sender's devices: in which order
rest=()			# the others
watched=()		# real ones that see frames, each alone
qdisc=()		# of wire0: netem's words

n() {
	local ns

	ns=$(ns_name "$1")
	shift
	ip -n "$ns" "$@"
}

tune() {
	on "$1" ethtool -K "$2" "${@:3}" >/dev/null
}

# ---- wires ----

veth() {
	ip link add "$2" netns "$(ns_name "$1")" address "$5" mtu "$6" \
		type veth peer name "$4" netns "$(ns_name "$3")" mtu "$6" || exit 1
	n "$1" link set "$2" up
	n "$3" link set "$4" up
	tune "$1" "$2" gro off
	tune "$3" "$4" gro off
}

# wire MTU: between a and b; runs are cut in front of it
wire() {
	veth a wire0 b wire0 "$(mac_of a)" "$1"
	n b link set wire0 address "$(mac_of b)"
	tune a wire0 tx-sctp-segmentation off
	dev=wire0
	up=("a wire0 0") down=("a wire0 0") rest=("b wire0 0")
	watched=("a wire0 0" "b wire0 0")
}

no_offload() {
	local node

	wire "$1"
	for node in a b; do
		tune "$node" wire0 tx off rx off sg off tso off gso off gro off
	done
}

one_end() {
	wire "$1"
	rest=()
}

# What is lost before the MTU shrinks is sent again before, too.
lossy() {
	wire "$1"
	qdisc=(rate 100mbit loss 2%)
}

# What b's socket hears is runs again.
gro() {
	wire "$1"
	tune a wire0 tso off
	tune b wire0 gro on
	watched=("a wire0 0")
}

# Runs cross the first wire and the bridge whole.
bridge() {
	local node

	n c link add br0 type bridge || exit 1
	n c link set br0 up
	for node in a b; do
		veth "$node" wire0 c "port-$node" "$(mac_of "$node")" "$1"
		n c link set "port-$node" master br0
	done
	tune c port-b tx-sctp-segmentation off
	dev=wire0
	up=("a wire0 0") down=("a wire0 0")
	rest=("c port-a 0" "c port-b 0" "b wire0 0")
	watched=("c port-b 0" "b wire0 0")
}

# The devices above follow when the MTU of the wire shrinks.
above() {
	local node

	dev=$1
	for node in a b; do
		n "$node" link add link wire0 name "$dev" type "${@:2}" || exit 1
		n "$node" link set "$dev" up
	done
	up=("a wire0 0" "a $dev 0") down=("a wire0 0")
	rest=("b wire0 0" "b $dev 0")
}

vlan() {
	wire "$1"
	above wire0.7 vlan id 7
}

macvlan() {
	wire "$1"
	above mv0 macvlan mode bridge
}

vxlan() {
	local node

	wire $(($1 + 50))
	n a address add 10.7.7.1/24 dev wire0
	n b address add 10.7.7.2/24 dev wire0
	n a link add vx0 mtu "$1" type vxlan id 7 dstport 4789 local 10.7.7.1 \
		remote 10.7.7.2 || exit 1
	n b link add vx0 mtu "$1" type vxlan id 7 dstport 4789 local 10.7.7.2 \
		remote 10.7.7.1 || exit 1
	for node in a b; do
		n "$node" link set vx0 up
	done
	tune a wire0 tx-udp_tnl-segmentation off \
		tx-udp_tnl-csum-segmentation off
	dev=vx0
	up=("a wire0 50" "a vx0 0") down=("a vx0 0" "a wire0 50")
	rest=("b wire0 50" "b vx0 0")
	watched=("a wire0 50" "b wire0 50")
}

wires_down() {
	n a link del "$dev"
	n a link del wire0 2>/dev/null
	n b link del vx0 2>/dev/null
	n b link del wire0 2>/dev/null
	n c link del br0 2>/dev/null
}

# ---- changes ----

# set_mtu MTU DEVICE...
set_mtu() {
	local mtu=$1 place node name plus

	shift
	for place in "$@"; do
		read -r node name plus <<<"$place"
		n "$node" link set "$name" mtu $((mtu + plus)) || return
	done
}

# LPORT UNA NXT of each of a's links
ids() {
	ttpctl -n "$node_a" link show | awk '
		{ for (i = 1; i < NF; i++) if ($i == "port") port = $(i + 1) }
		$1 == "ids" { split($2, id, /\.\./); print port, id[1], id[2] }'
}

# shellcheck disable=SC2154 # from lib.sh
acked() {
	ids | awk -v before="$tmp/ids" '
		BEGIN {
			while ((getline <before) > 0)
				nxt[$1] = $3
		}
		($2 - nxt[$1] + 2 ^ 32) % 2 ^ 32 >= 2 ^ 31 { late = 1 }
		END { exit late || !NR }'
}

# What was sent up to now has arrived.
arrived() {
	ids >"$tmp/ids"
	wait_for 60 acked
}

since_now() {
	echo "$(date +%s.%N) $1" >>"$tmp/limits"
}

# Ids that b has
received() {
	ttpctl -n "$node_b" stat show | awk '$1 == "payload_in" { print $2 }'
}

more_than() {
	[ "$(received)" -gt "$1" ]
}

# 100 frames more
flows() {
	wait_for 60 more_than $(($(received) + 100))
}

# change OLD NEW
change() {
	if [ "$2" -lt "$1" ]; then
		set_mtu "$2" "${down[@]}" && arrived || return
		set_mtu "$2" "${rest[@]}" || return
		since_now "$2"
	else
		since_now "$2"
		set_mtu "$2" "${rest[@]}" && set_mtu "$2" "${up[@]}" || return
	fi
	flows
}

# ---- cases ----

watchers=()
watch() {
	local place node name plus

	watchers=()
	rm -f "$tmp"/end*
	for place in "${watched[@]}"; do
		read -r node name plus <<<"$place"
		start "$node" python3 "$here/watch_mtu.py" "$name" "$plus" \
			"$tmp/limits" "$tmp/end.$node" >"$tmp/seen.$node"
		watchers+=("$started")
		wait_for 20 test -e "$tmp/end.$node.$name.up" || return
	done
}

watch_end() {
	local place pid bad=0

	for place in "${watched[@]}"; do
		touch "$tmp/end.${place%% *}"
	done
	for pid in "${watchers[@]}"; do
		wait "$pid" || bad=1
	done
	return "$bad"
}

# The devices saw the longest frames that there may be, under each limit.
as_long_as_can_be() {
	local place node

	for place in "${watched[@]}"; do
		node=${place%% *}
		echo "$place: $(cat "$tmp/seen.$node")"
		[ "$(cat "$tmp/seen.$node")" = "$*" ] || return
	done
}

# Links that a lost frame has ended which is too long by now
ended() {
	echo $(($(counter a mtu_ends) + $(counter b mtu_ends)))
}

# under_way WIRE MTU...: the first one, then the others in turn
under_way() {
	local mtu=$2 wire=$1 job bad=0 node next

	shift 2
	# A rate that the listeners can keep up with
	qdisc=(rate 16mbit)
	"$wire" "$mtu"
	for node in a b; do
		# In flight is what gets through in the moment before a change
		on "$node" ttpctl dev add "$dev" slots 32 link-slots 8 || exit 1
	done
	tc -n "$node_a" qdisc add dev wire0 root netem limit 100000 "${qdisc[@]}"
	echo "0 $mtu" >"$tmp/limits"
	watch || bad=1
	"$here/ttp_integrity" --dev "$dev" --a "$node_a" --b "$node_b" \
		--type both --links 4 --send any --recv any --ms 600000 \
		>"$tmp/said" 2>&1 &
	job=$!
	flows || bad=1
	for next in "$@"; do
		[ "$bad" -ne 0 ] || change "$mtu" "$next" || bad=1
		mtu=$next
	done
	kill -USR1 "$job"
	wait "$job" || bad=1
	[ "$bad" -eq 0 ] || indent "$(cat "$tmp/said")"
	grep -h "links," "$tmp/said"
	return "$bad"
}

# live WORDS WIRE MTU...
live() {
	local words=$1 wire=$2 longest=("$3") tries=0 before good next

	shift 2
	for next in "${@:2}"; do
		[ "$next" -lt "${longest[-1]}" ] || next=${longest[-1]}
		longest+=("$next")
	done
	while :; do
		before=$(ended)
		under_way "$wire" "$@"
		good=$? tries=$((tries + 1))
		if [ "$good" -eq 0 ] || [ "$tries" -eq 3 ] ||
				[ "$(ended)" -eq "$before" ]; then
			break
		fi
		echo "# $words: a long frame was lost, again"
		watch_end
		wires_down
	done
	result "$good" "$words: every byte"
	watch_end
	result $? "$words: no frame longer than the MTU"
	check "$words: but as long" as_long_as_can_be "${longest[@]}"
	wires_down
}

# While the disk is waited for, virtual time leaps: all is read before.
read_programs() {
	local p file

	for p in ip tc ethtool python3 awk cat date grep rm sed sleep touch; do
		file=$(readlink -f "$(command -v "$p")")
		# shellcheck disable=SC2046 # names of files
		cat "$file" $(ldd "$file" | grep -o '/[^ ]*')
	done >/dev/null
	python3 -c 'import os, select, socket, struct, sys'
}

short=${TTP_SHORT:-}
[ "${1:-}" != --short ] || short=y
[ -z "${TTP_TIME_TRAVEL:-}" ] || read_programs
plan $((${#short} ? 12 : 27))
ns_add a
ns_add b
ns_add c
node_a=$(ns_name a)
node_b=$(ns_name b)
if [ -n "$short" ]; then
	live "cut for the device" wire 9000 1400 9000
	live "of the sender alone" one_end 1500 9000 576
	live "bridge, cut behind it" bridge 9000 1400 1500
	live "VXLAN" vxlan 9000 1400
	finished
fi
live "cut for the device" wire 9000 1400 9000 576 1500
live "no offload" no_offload 1500 9000 1400 576
live "frames that are lost" lossy 9000 1400 576
live "of the sender alone" one_end 1500 9000 1400 576
live "GRO" gro 9000 1400 576
live "bridge, cut behind it" bridge 9000 1400 576
live "VLAN" vlan 9000 1400 576
live "VXLAN" vxlan 9000 1400 576
live "macvlan" macvlan 9000 1400 576
finished
