#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Does every byte arrive, whatever the wire does? Runs ttp_integrity over wires
# that lose, double, delay, reorder, squeeze and interrupt.
#
#   ttp_integrity.sh                    a list of cases; prints KTAP
#   ttp_integrity.sh soak SECONDS [SEED] random cases until the time is over
#   ttp_integrity.sh case SEED          one of them again

# The debug kernel looks at every access to memory: it takes its time.
if [ -z "${TTP_SLOW:-}" ] && [ "${TTP_KERNEL:-}" = debug ]; then
	export TTP_SLOW=1
fi

. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2154 # from lib.sh
limit=$((200 * slow))		# seconds for the slowest case
brief=
case ${TTP_KERNEL:-} in	# milliseconds for the traffic of each
debug)	ms=1200 brief=1 ;;
uml)	ms=300 ;;
*)	ms=400 ;;
esac
# Where the wire's qualities are, and what carries TTP
topology=""
shaped=()
dev=wire0

# ---- wires ----

n() {
	local ns

	ns=$(ns_name "$1")
	shift
	ip -n "$ns" "$@"
}

veth() {
	ip link add "$2" netns "$(ns_name "$1")" address "$5" mtu "$6" \
		type veth peer name "$4" netns "$(ns_name "$3")" mtu "$6" || return
	n "$1" link set "$2" up
	n "$3" link set "$4" up
}

# A bridge in c between a and b
bridge() {
	local node

	n c link add br0 type bridge || return
	n c link set br0 up
	for node in a b; do
		veth "$node" wire0 c "port-$node" "$(mac_of "$node")" "$1" || return
		n c link set "port-$node" master br0
	done
}

wires_down() {
	n a link del wire0 2>/dev/null
	n b link del wire0 2>/dev/null
	n c link del br0 2>/dev/null
}

# wires veth|bridge|vlan|bridge-vlan MTU [SETTING]...: TTP between a and b
wires() {
	local node mtu=$2

	topology=$1
	shift 2
	wires_down
	dev=wire0
	case $topology in
	bridge*)
		bridge "$mtu" || exit 1
		shaped=("c port-a" "c port-b")
		;;
	*)
		veth a wire0 b wire0 "$(mac_of a)" "$mtu" || exit 1
		n b link set wire0 address "$(mac_of b)"
		shaped=("a wire0" "b wire0")
		;;
	esac
	for node in a b; do
		case $topology in
		*vlan)
			dev=wire0.7
			n "$node" link add link wire0 name "$dev" type vlan id 7
			n "$node" link set "$dev" up
			;;
		esac
		on "$node" ttpctl dev add "$dev" "$@" || exit 1
	done
}

# shape [KIND WORDS...]: a qdisc for each direction; none without words
shape() {
	local place ns

	for place in "${shaped[@]}"; do
		ns=$(ns_name "${place% *}")
		tc -n "$ns" qdisc del dev "${place#* }" root 2>/dev/null
		[ $# -eq 0 ] ||
			tc -n "$ns" qdisc add dev "${place#* }" root "$@" || return
	done
}

# ---- cases ----

# transfer OPTION...: the program; fails if any byte, end, counter or link does
transfer() {
	timeout "$limit" "$here/ttp_integrity" --dev "$dev" --flap-dev wire0 \
		--a "$(ns_name a)" --b "$(ns_name b)" "$@"
}

talk() {
	timeout "$limit" "$here/ttp_integrity" --dev "$dev" --a "$(ns_name a)" "$@"
}

# shows WORDS COMMAND...: like check, with the figures where it succeeds
shows() {
	local words=$1 out status

	shift
	out=$("$@" 2>&1)
	status=$?
	if [ "$status" -ne 0 ]; then
		echo "#   $* -> $status"
	fi
	echo "$out"
	result "$status" "$words"
}

# A fault that was made must be found, and called what it is. Random bytes that
# change places may be alike: with this seed those that tell are not.
fault_seed=1
finds() {
	local fault=$1 text=$2 out status

	shift 2
	out=$(transfer --links 2 --ms 100 --size 4096 --fault "$fault" \
		--seed "$fault_seed" "$@" 2>&1)
	status=$?
	if [ "$status" -eq 1 ] && grep -q "FAILED.*$text" <<<"$out"; then
		result 0 "it is found: $fault"
		return
	fi
	indent "status $status"$'\n'"$out"
	result 1 "it is found: $fault"
}

# The most telling cases come first; on the debug kernel they have to do.
faults() {
	finds flip "wrong from byte 25000 on: 1 of "
	finds short "end after byte .*were sent"
	finds stall "hangs" --patience $((500 / slow))
	finds merge "record .* bytes, expected" --type seqpacket
	[ -z "$brief" ] || return
	finds drop "wrong from byte 25000 on"
	finds dup "wrong from byte 25001 on"
	finds swap "wrong from byte 25000 on: 1[0-6] of "
	finds mix "wrong from byte 25000 on"
	finds long "byte .* were sent"
	finds reset "Connection reset by peer"
	finds split "record .* bytes, expected" --type seqpacket
	finds leak "left over" --gone $((300 / slow)) --end shut
}

any="--type both --dir both --send any --recv any"

clean() {
	local io

	# shellcheck disable=SC2086 # options
	shows "clean wire, odd buffers, pauses" transfer --clean --ms "$ms" $any \
		--links 8 --buffers --pauses --more
	shows "clean wire, opened and closed" transfer --clean --ms "$ms" \
		--churn --type both --links 4 --vcs
	# shellcheck disable=SC2086
	shows "with oneself" talk --ms "$ms" $any --links 6 --vcs
	[ -z "$brief" ] || return
	for io in poll epoll block mmsg splice; do
		shows "clean wire, $io" transfer --clean --ms "$ms" --type both \
			--dir both --links 4 --send "$io" --recv "$io"
	done
	shows "clean wire, one way, three channels, MSG_MORE" transfer --clean \
		--ms "$ms" --type both --send any --recv any --links 6 --vcs --more
	# shellcheck disable=SC2086
	shows "clean wire, 64 links" transfer --ms "$ms" --min 10000 $any --links 64
	shows "with oneself, opened and closed" talk --ms "$ms" --churn \
		--type both --links 4
}

# bad WORDS QDISC...: all kinds of links over it, some with odd buffers
bad() {
	local words=$1

	shift
	shape "$@" || result 1 "$words: no such wire"
	# shellcheck disable=SC2086
	shows "$words" transfer --ms "$ms" --gone 10000 $any --links 5 --vcs \
		"${more[@]}"
	more=()
}

churn() {
	local words=$1

	shift
	shape "$@" || result 1 "$words: no such wire"
	shows "$words, opened and closed" transfer --ms "$ms" --gone 10000 \
		--churn --type both --links 4 "${more[@]}"
	more=()
}

lossy() {
	more=(--pauses)
	bad "5 % lost" netem limit 10000 loss 5%
	more=(--buffers --pauses --more)
	bad "everything at once" netem limit 10000 loss 2% duplicate 2% \
		delay 2ms 1ms reorder 5%
	churn "everything at once" netem limit 10000 loss 2% duplicate 2% \
		delay 1ms 500us
	more=(--flap 200)
	bad "interrupted"
	[ -z "$brief" ] || return
	more=(--more)
	bad "0.1 % lost" netem limit 10000 loss 0.1%
	more=(--buffers)
	bad "1 % lost" netem limit 10000 loss 1%
	more=(--min 20000 --max 60000)
	bad "20 % lost" netem limit 10000 loss 20%
	bad "bursts lost" netem limit 10000 loss gemodel 2% 30% 80% 0
	more=(--buffers)
	bad "10 % twice" netem limit 10000 duplicate 10%
	bad "overtaken" netem limit 10000 delay 2ms reorder 10% 50%
	bad "jitter" netem limit 10000 delay 3ms 1ms
	churn "5 % lost" netem limit 10000 loss 5%
	more=(--flap 200)
	bad "interrupted, 1 % lost" netem limit 10000 loss 1%
	more=(--flap 200)
	churn "interrupted"
}

narrow() {
	more=(--max 100000)
	bad "token bucket, 30 KB" tbf rate 20mbit burst 10kb limit 30kb
	[ -z "$brief" ] || return
	more=(--max 100000)
	bad "20 Mbit/s, 20 frames" netem rate 20mbit limit 20
	more=(--min 20000 --max 40000)
	bad "10 Mbit/s, 5 frames, 1 % lost" netem rate 10mbit limit 5 loss 1%
}

topologies() {
	wires bridge-vlan 9000 slots 32
	bad "bridge, VLAN, MTU 9000, 32 slots, 1 % lost" netem limit 10000 loss 1%
	wires veth 576
	bad "MTU 576, 1 % lost" netem limit 10000 loss 1%
	[ -z "$brief" ] || return
	wires veth 9000
	bad "MTU 9000, 1 % lost, overtaken" netem limit 10000 loss 1% \
		delay 1ms reorder 5%
	wires vlan 1500
	bad "VLAN, 1 % lost" netem limit 10000 loss 1%
	wires bridge 1500
	more=(--max 100000)
	bad "bridge, 20 Mbit/s, 20 frames" netem rate 20mbit limit 20
	bad "bridge, 1 % lost, 1 % twice" netem limit 10000 loss 1% duplicate 1%
	more=(--flap 200)
	bad "bridge, interrupted"
}

# Every link that there was has been freed: in a cache of its own it shows.
memory() {
	local slab=/sys/kernel/slab/ttp_link

	if [ ! -d "$slab" ] || [ -L "$slab" ]; then
		skip "no link is left in memory" "links share a cache with others"
		return
	fi
	check "no link is left in memory" wait_for 5 no_objects "$slab"
}

# shellcheck disable=SC2317 # called by wait_for
no_objects() {
	echo 1 >"$1/shrink" && [ "$(sed 's/ .*//' "$1/objects")" = 0 ]
}

# ---- random ones ----

# pick WORDS...: one of them into $picked
pick() {
	shift $((RANDOM % $#))
	picked=$1
}

# Some netem words, each wanted with a chance
random_wire() {
	local chance=$((RANDOM % 4))

	words=()
	if [ $((RANDOM % 3)) -eq 0 ]; then
		pick 5 20 100
		words+=(rate "${picked}mbit")
		pick 5 20 100 1000
		words+=(limit "$picked")
	else
		words+=(limit 10000)
	fi
	if [ $((RANDOM % 4)) -lt "$chance" ]; then
		pick "loss 0.1%" "loss 1%" "loss 5%" "loss 20%" \
			"loss gemodel 2% 30% 80% 0"
		# shellcheck disable=SC2206 # words
		words+=($picked)
	fi
	if [ $((RANDOM % 4)) -lt "$chance" ]; then
		pick 1 10
		words+=(duplicate "$picked%")
	fi
	if [ $((RANDOM % 4)) -lt "$chance" ]; then
		pick "delay 200us" "delay 1ms" "delay 2ms 1ms" "delay 10ms 5ms" \
			"delay 3ms reorder 10% 50%" "delay 1ms 500us reorder 5%"
		# shellcheck disable=SC2206
		words+=($picked)
	fi
}

random_options() {
	options=()
	pick 1 2 3 8 16 64
	options+=(--links "$picked")
	[ "$picked" -lt 16 ] || options+=(--min 10000)
	pick stream seqpacket both
	options+=(--type "$picked")
	pick ab ba both both
	options+=(--dir "$picked")
	pick any any any poll epoll block mmsg
	options+=(--send "$picked")
	pick any any any poll epoll block mmsg
	options+=(--recv "$picked")
	pick 100 1500 20000 65536 65536 262144
	options+=(--size "$picked")
	pick any any any shut close
	options+=(--end "$picked")
	[ $((RANDOM % 3)) -ne 0 ] || options+=(--buffers)
	[ $((RANDOM % 3)) -ne 0 ] || options+=(--pauses)
	[ $((RANDOM % 3)) -ne 0 ] || options+=(--more)
	[ $((RANDOM % 2)) -ne 0 ] || options+=(--vcs)
	[ $((RANDOM % 4)) -ne 0 ] || options+=(--churn)
	pick 50 100 300
	[ $((RANDOM % 5)) -ne 0 ] || options+=(--flap "$picked")
}

# One case; everything about it comes from its seed
random_case() {
	local kind mtu setting status

	RANDOM=$1
	pick veth veth bridge bridge vlan bridge-vlan
	kind=$picked
	pick 576 1000 1500 1500 1500 4000 9000
	mtu=$picked
	pick "" "" "" "slots 16" "slots 64" "link-slots 1" "link-slots 7"
	setting=$picked
	random_wire
	random_options
	what="$kind, MTU $mtu $setting, ${words[*]}: ${options[*]}"
	# shellcheck disable=SC2086
	wires "$kind" "$mtu" $setting
	shape netem "${words[@]}" || return
	out=$(transfer --ms $((ms * 3)) --gone 20000 --seed "$1" \
		"${options[@]}" 2>&1)
	status=$?
	[ "$status" -eq 0 ] || return
	if [ $((RANDOM % 8)) -eq 0 ]; then
		what="with oneself, $what"
		out=$(talk --ms 1000 --seed "$1" "${options[@]}" 2>&1)
	fi
}

failure() {
	echo "not ok $ktap_n case $1: $what"
	head -n 300 <<<"$out"
	echo "# again: make soak SEED=$1 KERNEL=${TTP_KERNEL:-stock}"
}

soak() {
	local end=$((SECONDS + $1)) seed=${2:-$((EPOCHSECONDS % 10000000 * 100))}
	local minute=$((SECONDS + 60)) bad=0

	echo "# soak: $1 s from seed $seed on"
	while [ "$SECONDS" -lt "$end" ] && [ "$bad" -lt 10 ]; do
		ktap_n=$((ktap_n + 1))
		if ! random_case "$seed"; then
			failure "$seed"
			bad=$((bad + 1))
		fi
		if [ "$SECONDS" -ge "$minute" ]; then
			minute=$((minute + 60))
			echo "# $((SECONDS / 60)) min: $ktap_n cases, $bad failed"
		fi
		seed=$((seed + 1))
	done
	echo "# $ktap_n cases, $bad failed"
	memory
	# shellcheck disable=SC2154 # from lib.sh
	[ "$bad" -eq 0 ] && [ "$ktap_bad" -eq 0 ]
	exit
}

# ---- all of them ----

ns_add a
ns_add b
ns_add c
more=()
case ${1:-} in
soak)
	soak "$2" "${3:-}"
	;;
case)
	if random_case "$2"; then
		echo "# $what"
		echo "$out"
		exit 0
	fi
	failure "$2"
	exit 1
	;;
esac

plan $((brief ? 15 : 48))
wires veth 1500
faults
clean
lossy
narrow
topologies
wires_down
memory
finished
