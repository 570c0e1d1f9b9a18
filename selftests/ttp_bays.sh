#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Bays under pressure, beside TCP in the same place: sixteen senders and one
# receiver on a bridge, whose port to the receiver has a rate and a queue of
# 1 MB that drops what does not fit. TCP sends frame by frame, as TTP does.
#
# For a machine in which only waiting takes time (selftests/vm/run --kernel uml
# --time-travel): rates are exact there, no processor is the bottleneck, and
# each run gives much the same figures. Losses are counted out, not drawn.

. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")" || exit 1

senders=16
queue=1000000

if [ -z "${TTP_TIME_TRAVEL:-}" ]; then
	plan 0
	echo "# SKIP: the time of this machine is not virtual"
	exit 0
fi

# All in one call of ip: processes are what costs here
nodes() {
	local i n

	for ((i = 0; i <= senders; i++)); do
		echo "netns add bays-$i"
		ns_made+=("bays-$i")
	done >"$tmp/names"
	echo "netns add bays-br" >>"$tmp/names"
	ns_made+=(bays-br)
	ip -batch "$tmp/names" || exit 1
	for ((i = 0; i <= senders; i++)); do
		n=$((i ? i : 254))
		echo link add wire0 netns "bays-$i" gso_max_segs 1 \
			address "$(printf '02:70:00:00:00:%02x' "$n")" \
			type veth peer name "p$i" netns bays-br
	done | ip -batch - || exit 1
	{
		echo link add br0 type bridge
		echo link set br0 up
		for ((i = 0; i <= senders; i++)); do
			echo "link set p$i master br0 up"
		done
	} | ip -n bays-br -batch - || exit 1
	for ((i = 0; i <= senders; i++)); do
		n=$((i ? i : 254))
		printf 'link set wire0 up\naddr add 10.70.0.%d/24 dev wire0\n' "$n" |
			ip -n "bays-$i" -batch - || exit 1
		ttpctl -n "bays-$i" dev add wire0 || exit 1
	done
}

# port RATE RTT [SENDERS]: the way of the first so many senders
port() {
	local i

	tc -n bays-br qdisc replace dev p0 root \
		tbf rate "$1" burst 4000 limit "$queue" || exit 1
	for ((i = 1; i <= ${3:-senders}; i++)); do
		tc -n "bays-$i" qdisc replace dev wire0 root \
			netem delay "$2" limit 20000 || exit 1
	done
}

# Of so many frames of sender 1 one is lost; 0: none. Were it each so many'th,
# bays or a congestion window could fall into step with it: two periods, without
# a common divisor, lose as many together.
lose() {
	tc -n bays-br qdisc del dev p1 clsact 2>/dev/null
	[ "$1" -gt 0 ] || return 0
	tc -n bays-br qdisc add dev p1 clsact || exit 1
	tc -n bays-br filter add dev p1 ingress matchall \
		action pipe random determ drop $((2 * $1 - 3)) \
		action ok random determ drop $((2 * $1 + 3)) || exit 1
}

# of KIND FIELD: from the last output of the program
of() {
	awk -v kind="$1" -v field="$2" '$1 == kind {
		for (i = 2; i < NF; i++)
			if ($i == field)
				print $(i + 1)
	}' "$tmp/out"
}

drops() {
	tc -n bays-br -s qdisc show dev p0 |
		sed -n 's/.*dropped \([0-9]*\).*/\1/p' | head -n 1
}

load() {
	local before

	before=$(drops)
	timeout 1000 ./ttp_load_gen "$@" >"$tmp/out" 2>&1 || {
		indent "$(cat "$tmp/out")"
		return 1
	}
	sed "s/^/# /;s/\$/ dropped $(($(drops) - before))/" "$tmp/out"
}

holds() {
	awk "BEGIN { exit !($1) }"
}

# both ARGUMENTS: the same for TTP and for TCP; sets rate_* and p99_*
both() {
	load -t "$@" || return
	rate_ttp=$(of ttp mbit)
	p99_ttp=$(of ttp p99)
	load -T "$@" || return
	rate_tcp=$(of tcp mbit)
	p99_tcp=$(of tcp p99)
}

# Two in a hundred are what a header that is two bytes longer and an OPEN as
# long as a frame cost where both fill the wire.
incast() {
	local words=$1 status

	shift
	both "$senders" "$@"
	status=$?
	result "$status" "$words: all arrives"
	holds "${rate_ttp:-0} >= 0.98 * ${rate_tcp:-1}"
	result $? "$words: goodput $rate_ttp Mbit/s, TCP $rate_tcp"
	holds "${p99_ttp:-1} <= 1.02 * ${p99_tcp:-0}"
	result $? "$words: 99 of 100 in $p99_ttp ms, TCP $p99_tcp"
}

# All that the receiver grants fits the queue, however long that takes to pass:
# nothing is dropped, and all get much the same.
granted() {
	local words=$1 before most

	shift
	before=$(drops)
	load -t "$senders" -s 262144 "$@"
	result $? "$words: all arrives"
	before=$(($(drops) - before))
	result "$before" "$words: $before frames dropped"
	# What the wire takes for one transfer of each, and a fifth
	most=$((senders * 262144 * 8 * 12 / 1000000))
	holds "$(of ttp p99) <= $most"
	result $? "$words: 99 of 100 in $(of ttp p99) ms, of $most"
}

beside() {
	local words=$1 ttp tcp

	shift
	load -t 1 -T 1 -s 0 "$@"
	ttp=$(of ttp mbit)
	tcp=$(of tcp mbit)
	holds "${ttp:-0} >= 0.25 * (${ttp:-0} + ${tcp:-0}) &&
		${tcp:-0} >= 0.25 * (${ttp:-0} + ${tcp:-0})"
	result $? "$words: $ttp Mbit/s beside TCP's $tcp"
}

# The one in the middle of an odd number
median() {
	printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"
}

# lossy EVERY MS RUNS: TTP's runs are much alike, TCP's are not (it waits 200 ms
# where what it sent again is lost as well), so each is taken by its median. A run
# whose first frame of all was lost is over before TCP sends that again, and
# tells nothing of a stream.
lossy() {
	local every=$1 ms=$2 runs=$3 ttp=() tcp=() i try

	for ((i = 0; i < runs; i++)); do
		lose "$every"
		rate_ttp=0
		rate_tcp=0
		for try in 1 2 3; do
			both 1 -s 0 -d "$ms"
			! holds "$rate_tcp > 0" || break
			echo "# nothing by TCP, try $try"
		done
		ttp+=("$rate_ttp")
		tcp+=("$rate_tcp")
	done
	lose 0
	rate_ttp=$(median "${ttp[@]}")
	rate_tcp=$(median "${tcp[@]}")
	holds "$rate_ttp > 0 && $rate_tcp > 0 && $rate_ttp >= 0.98 * $rate_tcp"
	result $? "one of $every lost: $rate_ttp Mbit/s, TCP $rate_tcp"
}

# counted NAME: of sender 1
counted() {
	ttpctl -n bays-1 stat show | awk -v n="$1" '$1 == n { print $2 }'
}

# The sender's own queue holds ten frames.
short_queue() {
	local frames nacks replays refused

	tc -n bays-1 qdisc replace dev wire0 root handle 1: \
		tbf rate 50mbit burst 4000 limit 100000 || exit 1
	tc -n bays-1 qdisc replace dev wire0 parent 1: pfifo limit 10 || exit 1
	frames=$(counted payload_out)
	nacks=$(counted nacks_in)
	replays=$(counted replays)
	refused=$(counted xmit_drops)
	load -t 1 -s 4000000 -r 1
	result $? "a local queue of ten frames: all arrives"
	frames=$(($(counted payload_out) - frames))
	nacks=$(($(counted nacks_in) - nacks))
	replays=$(($(counted replays) - replays))
	refused=$(($(counted xmit_drops) - refused))
	echo "# $frames frames, $refused refused, $nacks NACKs, $replays replays"
	[ "$refused" -gt 0 ] && [ $((nacks * 20)) -le "$frames" ] &&
		[ $((replays * 5)) -le "$frames" ]
	result $? "a local queue of ten frames: $nacks NACKs, $replays replays of $frames"
	holds "$(of ttp mbit) >= 0.8 * 50"
	result $? "a local queue of ten frames: $(of ttp mbit) of 50 Mbit/s"
}

plan 20
nodes
port 1gbit 0.1ms
# Neighbours, and what a program that runs reads from the disk
load -t 16 -T 16 -s 1000 >/dev/null

incast "1 Gbit/s, 0.1 ms" -s 262144 -r 4
incast "1 Gbit/s, 0.1 ms, waves over open links" -s 262144 -r 3 -w 20
port 1gbit 1ms
incast "1 Gbit/s, 1 ms, 1 MB" -s 1048576 -r 2

port 100mbit 1ms
granted "100 Mbit/s, 1 ms" -r 4

port 100mbit 1ms 2
beside "100 Mbit/s, 1 ms" -d 8000

port 1gbit 1ms 1
# Or what one run has learnt of the path is the next one's beginning
for node in bays-0 bays-1; do
	ip netns exec $node sysctl -q net.ipv4.tcp_no_metrics_save=1 || exit 1
done
lossy 1000 300 3
lossy 100 800 1
lossy 50 1000 3
lossy 20 1000 3

short_queue
finished
