#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Files both ways at once over bad wires: whole and unchanged, replays where
# something was lost, and next to none where nothing was.

. "$(dirname "$0")/lib.sh"

size=3000000
[ "$slow" -eq 1 ] || size=250000

wire_is() {
	local node

	for node in a b; do
		on "$node" tc qdisc del dev wire0 root 2>/dev/null
		[ $# -eq 0 ] || on "$node" tc qdisc add dev wire0 root netem \
			limit 10000 "$@" || return
		# A queue sees a run as one packet: single frames are to be lost
		on "$node" ethtool -K wire0 gso "$gso" >/dev/null || return
	done
}

counters() {
	replays=$(($(counter a replays) + $(counter b replays)))
	frames=$(($(counter a payload_out) + $(counter b payload_out)))
}

files() {
	head -c "$1" /dev/urandom >"$tmp/one"
	head -c "$(($1 / 2 + 12345))" /dev/urandom >"$tmp/two"
}

# A file from a to b and another one from b to a, on one link
exchange() {
	local port=$1 limit=$((40 * slow)) listener status

	shift
	start b timeout "$limit" ttpcat -l "$@" "$port" <"$tmp/two" >"$tmp/at-b"
	listener=$started
	input=$tmp/one dial a timeout "$limit" ttpcat "$@" "$(mac_of b)" "$port" \
		>"$tmp/at-a"
	status=$?
	wait "$listener" || return
	[ "$status" -eq 0 ] || return
	same "$tmp/one" "$tmp/at-b" && same "$tmp/two" "$tmp/at-a"
}

same() {
	local one two

	one=$(sha256sum <"$1")
	two=$(sha256sum <"$2")
	[ "$one" = "$two" ] || {
		echo "$1 $(stat -c %s "$1") $one"
		echo "$2 $(stat -c %s "$2") $two"
		return 1
	}
}

port=1000
# over WORDS NETEM...: both types of socket; replays expected unless clean
over() {
	local words=$1 before type options

	shift
	for type in stream seqpacket; do
		options=()
		files "$size"
		if [ "$type" = seqpacket ]; then
			options=(-S -b 50000)
			files $((size / 3))
		fi
		port=$((port + 1))
		wire_is "$@"
		counters
		before=$replays
		check "$words, $type: both files arrive unchanged" \
			exchange "$port" "${options[@]}"
		counters
		echo "# $words, $type: $((replays - before)) replays"
		[ "$loses" -eq 0 ] || check "$words, $type: it was replayed" \
			test "$((replays - before))" -gt 0
	done
}

# A machine that has better things to do looks like a bad wire: some rounds.
few_replays() {
	local i before sent

	files "$size"
	for i in 1 2 3 4 5; do
		counters
		before=$replays sent=$frames
		exchange $((900 + i)) || return
		counters
		echo "$((replays - before)) replays of $((frames - sent)) frames"
		[ "$(((replays - before) * 100))" -gt \
			"$(((frames - sent) * slow))" ] || return 0
	done
	return 1
}

plan 27
wire_up

gso=on
loses=0
over "clean wire"
wire_is
check "clean wire: less than one replay in a hundred frames" few_replays
gso=off
over "delay and jitter" delay 3ms 1ms distribution normal
loses=1
over "5 % lost" loss 5%
over "5 % lost, slow wire" loss 5% delay 2ms
over "bursts lost" loss gemodel 5% 30% 80% 0
loses=0
gso=on
over "5 % of runs lost" loss 5%
gso=off
over "10 % twice" duplicate 10%
over "10 % overtaken" delay 2ms reorder 10% 50%
over "everything at once" loss 2% duplicate 2% delay 2ms 1ms reorder 5%
gso=on
over "everything at once, runs" loss 2% duplicate 2% delay 2ms 1ms reorder 5%

finished
