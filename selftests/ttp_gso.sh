#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs of frames: whole where they can be, cut where they must be, put together
# where frames come in batches. Whatever happens to them, every byte arrives,
# and what a listener on the wire sees is frames as one would have sent alone.

. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
size=1500000
[ "$slow" -eq 1 ] || size=400000
port=1000

# watch NODE DEV: see what comes by there of the next transfer
watch() {
	rm -f "$tmp/end" "$tmp/end.up"
	start "$1" python3 "$here/watch_frames.py" "$2" "$tmp/end" "0.$((slow + 1))" \
		"$((port + 1))" >"$tmp/seen"
	watcher=$started
	wait_for 10 test -e "$tmp/end.up"
}

# That was all.
watched() {
	touch "$tmp/end"
	wait "$watcher"
	watched=$?
	echo "# $(tr '\n' ' ' <"$tmp/seen")"
}

# seen MAX: whole, no frame longer
seen() {
	local sum longest

	sum=$(awk '$1 == "sum" { print $2 }' "$tmp/seen")
	longest=$(awk '$1 == "longest" { print $2 }' "$tmp/seen")
	[ "$watched" -eq 0 ] && [ "$longest" -le "$1" ] &&
		[ "$sum" = "$(sha256sum <"$tmp/file" | cut -d ' ' -f 1)" ]
}

# Counters of a and b, as a_gso_cut ...
count() {
	local node name value

	for node in a b; do
		while read -r name value; do
			printf -v "${node}_$name" '%s' "$value"
		done < <(ttpctl -n "$(ns_name "$node")" stat show)
	done
}

# A file from a to b, each by its device $1
transfer() {
	local limit=$((40 * slow)) listener status

	start b timeout "$limit" ttpcat -l -d -I "$1" "$port" >"$tmp/got"
	listener=$started
	input=$tmp/file dial a timeout "$limit" ttpcat -I "$1" \
		"$(on b cat "/sys/class/net/$1/address")" "$port"
	status=$?
	wait "$listener" || return
	[ "$status" -eq 0 ] && cmp "$tmp/file" "$tmp/got"
}

# moved WORDS [DEV]: a file; what it did to the counters is cut, runs ...
moved() {
	local words=$1

	port=$((port + 1))
	count
	# shellcheck disable=SC2154 # by count
	cut=$a_gso_cut again=$b_gso_cut runs=$b_gro_runs frames=$b_gro_frames \
		ids=$b_payload_in skbs=$b_frames_in
	check "$words: every byte" transfer "${2:-wire0}"
	count
	cut=$((a_gso_cut - cut)) again=$((b_gso_cut - again)) \
		runs=$((b_gro_runs - runs)) frames=$((b_gro_frames - frames)) \
		ids=$((b_payload_in - ids)) skbs=$((b_frames_in - skbs))
	echo "# $words: a cut $cut, b put together $frames in $runs, took $ids in $skbs"
}

tune() {
	on "$1" ethtool -K "$2" "${@:3}" >/dev/null
}

more() {
	[ "$1" -gt "$2" ]
}

head -c "$size" /dev/urandom >"$tmp/file"
# shellcheck disable=SC2119
wire_up
for node in a b; do
	on "$node" ttpctl dev set wire0 slots 1024 link-slots 1024
done

# ---- one wire ----

sees_frames() {
	local words=$1

	watch b wire0
	moved "$words"
	watched
	check "$words: frames as long as the MTU allows, nothing missing" seen 1514
}

one_wire() {
	moved "veth"
	check "veth: nothing is cut" test "$cut" -eq 0

	tune a wire0 tx-sctp-segmentation off
	sees_frames "cut for the device"
	check "cut for the device: it was" more "$cut" 5
	tune a wire0 tx-sctp-segmentation on

	tune a wire0 tx-checksum-ip-generic off
	sees_frames "no checksums"
	check "no checksums: cut" more "$cut" 5
	tune a wire0 tx-checksum-ip-generic on

	tune a wire0 gso off
	sees_frames "no GSO"
	check "no GSO: no runs" test "$cut" -eq 0
	tune a wire0 gso on

	tune a wire0 sg off
	moved "no scatter-gather"
	check "no scatter-gather: no runs" test "$cut" -eq 0
	tune a wire0 sg on gso on
}

# ---- receiving in batches ----

# gro NODE DEV SENDER on|off: veth batches if the sender does not do TSO
gro() {
	local tso=off

	[ "$4" = off ] && tso=on
	tune "$3" wire0 tso "$tso" tx-sctp-segmentation "$tso" &&
		tune "$1" "$2" gro "$4"
}

merged() {
	more "$runs" 0 && more "$frames" "$((2 * runs - 1))" &&
		[ "$skbs" -lt "$ids" ]
}

# What GRO has put together goes on to another device, which wants frames.
mirror_on() {
	ip -n "$(ns_name b)" link add mir0 type veth peer name mir1
	ip -n "$(ns_name b)" link set mir0 up
	ip -n "$(ns_name b)" link set mir1 up
	tune b mir0 tx-sctp-segmentation off "$@"
	on b tc qdisc add dev wire0 clsact
	on b tc filter add dev wire0 ingress matchall \
		action mirred egress mirror dev mir0
}

mirror_off() {
	ip -n "$(ns_name b)" link del mir0
	on b tc qdisc del dev wire0 clsact
}

# mirrored WORDS TUNING...: what comes there are frames again
mirrored() {
	local words=$1

	shift
	mirror_on "$@"
	watch b mir1
	moved "$words"
	watched
	check "$words: put together" merged
	check "$words: cut again" more "$again" 5
	check "$words: the same frames" seen 1514
	mirror_off
}

batches() {
	check "GRO on" gro b wire0 a on
	moved "GRO"
	check "GRO: put together" merged
	tune a wire0 gso off
	moved "GRO of frames that are their sender's"
	tune a wire0 gso on
	mirrored "GRO and a mirror"
	mirrored "GRO and a mirror without scatter-gather" sg off
	check "GRO off" gro b wire0 a off
	moved "GRO off again"
	check "GRO off again: nothing is put together" \
		test "$runs" -eq 0
}

# ---- devices above and between ----

# above WORDS DEV: the same by a device above the wire: cut, and put together
above() {
	local words=$1 dev=$2 node

	for node in a b; do
		ip -n "$(ns_name $node)" link set "$dev" up
		on "$node" ttpctl dev add "$dev" slots 1024 link-slots 1024
	done
	gro b wire0 a on
	moved "$words" "$dev"
	check "$words: cut" more "$cut" 5
	gro b wire0 a off
}

below() {
	local node

	for node in a b; do
		ip -n "$(ns_name $node)" link del "$1"
	done
}

add_on() {
	local node=$1

	shift
	ip -n "$(ns_name "$node")" link add "$@"
}

vlan() {
	local node

	for node in a b; do
		add_on "$node" link wire0 name wire0.7 type vlan id 7
	done
	above "VLAN" wire0.7
	check "VLAN: put together" merged
	moved "VLAN, whole" wire0.7
	check "VLAN, whole: it was" test "$cut" -eq 0
	below wire0.7
}

vxlan() {
	local node

	ip -n "$(ns_name a)" address add 10.7.7.1/24 dev wire0
	ip -n "$(ns_name b)" address add 10.7.7.2/24 dev wire0
	add_on a vx0 type vxlan id 7 dstport 4789 local 10.7.7.1 \
		remote 10.7.7.2 "$@"
	add_on b vx0 type vxlan id 7 dstport 4789 local 10.7.7.2 \
		remote 10.7.7.1 "$@"
	tune a wire0 tx-udp_tnl-segmentation off \
		tx-udp_tnl-csum-segmentation off
	above "VXLAN${1:+ $1}" vx0
	check "VXLAN${1:+ $1}: put together" merged
	below vx0
	tune a wire0 tx-udp_tnl-segmentation on tx-udp_tnl-csum-segmentation on
	for node in a b; do
		ip -n "$(ns_name $node)" address flush dev wire0
	done
}

macvlan() {
	local node

	for node in a b; do
		add_on "$node" link wire0 name mv0 type macvlan mode bridge
	done
	above "macvlan" mv0
	below mv0
}

# A bond takes the wire's place and address, on both sides.
bond() {
	local node

	for node in a b; do
		on "$node" ttpctl dev del wire0
		add_on "$node" bond0 type bond mode active-backup miimon 100
		ip -n "$(ns_name $node)" link set wire0 down
		ip -n "$(ns_name $node)" link set wire0 master bond0
	done
	above "bond" bond0
	check "bond: put together" merged
	below bond0
	for node in a b; do
		ip -n "$(ns_name $node)" link set wire0 up
		on "$node" ttpctl dev add wire0 slots 1024 link-slots 1024
	done
}

# Two wires and a bridge between them, on a node of its own, which has TTP as
# well: what is not for itself it must leave alone.
bridge() {
	local node

	ns_add c
	add_on c br0 type bridge
	for node in a b; do
		add_on "$node" far0 mtu 1500 type veth peer name "to-$node" \
			netns "$(ns_name c)"
		ip -n "$(ns_name c)" link set "to-$node" master br0 up
		tune "$node" far0 tso off tx-sctp-segmentation off
		on c ethtool -K "to-$node" gro on tx-sctp-segmentation off
	done
	ip -n "$(ns_name c)" link set br0 up
	on c ttpctl dev add br0
	for node in a b; do
		ip -n "$(ns_name $node)" link set far0 up
		on "$node" ttpctl dev add far0 slots 1024 link-slots 1024
	done
	watch b far0
	moved "bridge" far0
	watched
	check "bridge: frames as long as the MTU allows" seen 1514
	check "bridge: leaves alone what is not for itself" \
		test "$(counter c gro_runs)" -eq 0
	for node in a b; do
		tune "$node" far0 tso on tx-sctp-segmentation on
	done
	moved "bridge, cut behind it" far0
	check "bridge, cut behind it: nothing is cut before" \
		test "$cut" -eq 0
	check "bridge, cut behind it: it was" more "$(counter c gso_cut)" 5
}

plan 50
one_wire
batches
vlan
vxlan
vxlan udpcsum
macvlan
bond
bridge
finished
