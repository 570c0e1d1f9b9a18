#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Against the public reference module of TTP over Ethernet (modttpoe), on two
# machines that a wire joins: node a runs that module, node b this one. The
# module is not part of this tree; Documentation/interop.rst says how to build
# it. MODTTPOE names the file, which both machines can read.
#
#   selftests/vm/run --wire e1000 --env MODTTPOE=... -- selftests/interop_host.sh

cd "$(dirname "$0")" || exit 1
. ./lib.sh

: "${NODE:?a or b}" "${TTP_VM:?}" "${MODTTPOE:?modttpoe.ko, under another name}"
mac_a=98:ed:5c:00:00:0a
mac_b=98:ed:5c:00:00:0b
params=/sys/module/modttpoe/parameters
page=/dev/noc_debug

meet() {
	"$TTP_VM/barrier" "$1" 240 || exit 1
}

# address MAC
address() {
	ip link set eth0 down
	ip link set eth0 address "$1"
	ip link set eth0 up
	sleep 2
}

load() {
	insmod "$MODTTPOE" dev=eth0 verbose=0 || exit 1
	[ -e "$page" ] || mknod "$page" c 446 0
}

# Its page holds so many bytes: until then, and then what they are
page_has() {
	local end=$((SECONDS + 60))

	until [ "$(wc -c <"$page")" -ge "$1" ]; do
		[ "$SECONDS" -lt "$end" ] || { wc -c <"$page"; return 1; }
		sleep 0.05
	done
}

page_clear() {
	: >"$page"
}

# lines FIRST RECORDS BYTES: what bare_talk says
lines() {
	python3 - "$@" <<-'END'
		import sys
		first, n, size = map(int, sys.argv[1:])
		for i in range(first, first + n):
		    print(f"{i:06d}".ljust(size - 1, "."))
	END
}

# Its page is exactly these records
page_is() {
	page_has $(($2 * $3)) && cmp "$page" <(lines "$@")
}

# write FIRST RECORDS BYTES [SECONDS between]: one record a write
write() {
	python3 - "$page" "$@" <<-'END'
		import os, sys, time
		first, n, size = map(int, sys.argv[2:5])
		pause = float((sys.argv + ["0"])[5])
		fd = os.open(sys.argv[1], os.O_WRONLY)
		for i in range(first, first + n):
		    line = f"{i:06d}".ljust(size - 1, ".") + "\n"
		    while True:
		        try:
		            os.write(fd, line.encode())
		            break
		        except OSError:         # no event left: later
		            time.sleep(0.1)
		    time.sleep(pause)
	END
}

# target VC: opens a link to node b, or does so again
target() {
	echo "$1" >"$params/vci"
	echo "${mac_b:9}" | tr -d : >"$params/target"
}

# close its link to the target
untarget() {
	echo 0 >"$params/target"
}

reload() {
	rmmod modttpoe && load
}

# step NAME A B: commands of the two nodes, at the same time
step() {
	local name=$1 out line status

	meet "$name-begin"
	if [ "$NODE" = a ]; then
		out=$(eval "$2" 2>&1)
	else
		out=$(eval "$3" 2>&1)
	fi
	status=$?
	if [ -n "$out" ]; then
		while IFS= read -r line; do
			echo "# $NODE $name: $line"
		done <<<"$out"
	fi
	result $status "node $NODE: $name"
	meet "$name-end"
}

# In its page: a record is lost if somebody empties it between two looks. A
# full one takes nothing until then: four of 1000 bytes.
by_pages() {
	local i

	for ((i = 0; i < $1; i += 4)); do
		page_is "$i" 4 1000 || return
		page_clear
	done
}

# One record a second: it is loaded anew between two of them
forget_half_way() {
	page_has 320 && reload && page_is 5 7 64
	page_clear
}

lossy() {
	echo 10 >"$params/drop_pct"
	target 0
	write 0 150 24 0.05 && page_is 0 150 24
	echo 0 >"$params/drop_pct"
	page_clear
}

talk=$PWD/bare_talk
plan 11
if [ "$NODE" = a ]; then
	address $mac_a
	load
	page_clear
else
	address $mac_b
	modprobe ttp
	ttpctl dev add eth0 bare socket
	tcpdump -i eth0 -s 128 -U -w "${RESULTS:-/tmp}/interop.pcap" ether proto 0x9ac6 2>/dev/null &
	sleep 1
fi

step we_open_send_close 'page_is 0 50 64; page_clear' \
	"$talk -s 50 eth0 $mac_a"
for vc in 0 1 2; do
	step "vc${vc}_both_ways" \
		"page_is 0 40 64 && page_clear; target $vc && write 0 40 64 && sleep 1" \
		"$talk -v $vc -s 40 -r 40 eth0 $mac_a"
done
step sizes 'page_has 2526; wc -c <"$page"; page_clear' \
	"$talk -s 1 -z 1454 eth0 $mac_a && $talk -s 1 -z 1008 eth0 $mac_a && $talk -s 60 -z 1 eth0 $mac_a && $talk -s 2 -z 2 eth0 $mac_a"
step page_full 'by_pages 40' "$talk -s 40 -z 1000 -t 60000 eth0 $mac_a"
step it_opens 'sleep 1; target 0 && write 0 100 64 && page_is 0 50 64 && page_clear' \
	"$talk -l -s 50 -r 100 eth0"
step it_closes 'sleep 1; target 1 && write 0 20 64 && sleep 1; untarget; sleep 1' \
	"$talk -l -v 1 -r 21 eth0 | tee /tmp/out; grep 'received 20 end' /tmp/out"
step bulk_from_it 'sleep 1; target 2; write 0 1000 64' \
	"$talk -l -v 2 -r 1000 -t 120000 eth0"
step it_forgets forget_half_way \
	"$talk -s 12 -p 1000 -t 60000 eth0 $mac_a"
step lossy lossy "$talk -s 150 -r 150 -z 24 -p 50 -t 90000 eth0 $mac_a"

if [ "$NODE" = b ]; then
	kill %1
	wait
	ttpctl stat show | grep -v ' 0$' | sed 's/^/# /'
	ttpctl link show | sed 's/^/# /'
else
	dmesg | grep -i 'modttpoe\|ttp' | tail -n 20 | sed 's/^/# /'
fi
finished
