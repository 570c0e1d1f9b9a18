#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ttp_run with a program that knows of TCP only: the same cases as TCP and as
# TTP, and which of the two it is, by what the kernel has counted.

. "$(dirname "$0")/lib.sh"

prog=$top/selftests/run_prog
a4=10.77.0.1
b4=10.77.0.2
a6=fd77::1
b6=fd77::2

# TCP segments that a node has sent, and what TTP has brought it: two numbers
counted() {
	on "$1" awk '
		$1 == "Tcp:" || $1 == "TtpExt:" {
			if ($2 ~ /^[0-9]/)
				for (i = 2; i <= NF; i++)
					v[name[i]] = $i
			else
				for (i = 2; i <= NF; i++)
					name[i] = $i
		}
		END { print v["OutSegs"], v["payload_in"] + v["opens_passive"] }
	' /proc/net/snmp /proc/net/ttp/netstat
}

# by ttp|tcp NODE COMMAND...: it succeeds, and this is what it used
by() {
	local what=$1 node=$2 before after status

	shift
	read -ra before < <(counted "$node")
	on "$@"
	status=$?
	read -ra after < <(counted "$node")
	tcp=$((after[0] - before[0]))
	ttp=$((after[1] - before[1]))
	echo "status $status, $tcp segments of TCP, $ttp of TTP"
	[ "$status" -eq 0 ] || return 1
	case $what in
	ttp) [ "$tcp" -eq 0 ] && [ "$ttp" -gt 0 ] ;;
	tcp) [ "$tcp" -gt 0 ] && [ "$ttp" -eq 0 ] ;;
	esac
}

# cases WORDS COMMAND...: all of run_prog's, a result for each
cases() {
	local words=$1 status name

	shift
	while read -r status name; do
		case $status in
		[01]) result "$status" "$name: $words" ;;
		*) echo "# $name" ;;
		esac
	done < <(on a "$@" 2>&1)
}

# serve NODE [RUN...] -- HOW ADDR PORT N: a server that is ready; $server
serve() {
	local node=$1 run=()

	shift
	while [ "$1" != -- ]; do
		run+=("$1")
		shift
	done
	start "$node" "${run[@]}" "$prog" serve "${@:2}" >"$tmp/served" 2>"$tmp/said"
	server=$started
	wait_for 10 grep -q ready "$tmp/served"
}

# both HOW ADDR PORT: client and server under ttp_run, the names are as with TCP
both() {
	serve b ttp_run -v -- "$1" "$2" "$3" 1 || return
	by ttp a ttp_run --only-ttp "$prog" ask "$1" "$2" "$3" >"$tmp/asked" || return
	wait "$server" || return
	cat "$tmp/asked" "$tmp/served" "$tmp/said"
	[ "$(sed -n 's/^asked \(.*\) from \(.*\)/\2 from \1/p' "$tmp/asked")" = \
		"$(sed -n 's/^served //p' "$tmp/served")" ] &&
		grep -q "^served $4" "$tmp/served" &&
		grep -q "accept .*: TTP, wire0 $(mac_of a) vc 0" "$tmp/said"
}

any_to_any() {
	local here=${1%/*} there=${1#*/}

	serve b ttp_run -- poll "$there" 4100 1 || return
	by ttp a ttp_run --only-ttp "$prog" ask block "$here" 4100 || return
	wait "$server"
}

# A server without ttp_run, and a client with: TTP is refused
server_is_tcp() {
	serve b -- block "$b4" 4200 1
	by tcp a ttp_run -v "$prog" ask "$1" "$b4" 4200 >"$tmp/asked" 2>&1 || return
	wait "$server"
	cat "$tmp/asked"
	grep -q "connect $b4:4200: stays TCP: nobody listens there by TTP" "$tmp/asked"
}

client_is_tcp() {
	serve b ttp_run -v -- "$1" "$b4" 4300 2 || return
	by tcp a "$prog" ask block "$b4" 4300 || return
	by ttp a ttp_run "$prog" ask block "$b4" 4300 || return
	wait "$server" || return
	cat "$tmp/said"
	grep -q "accept $a4:.*: TCP$" "$tmp/said"
}

peer_not_enabled() {
	local status

	on b ttpctl dev del wire0
	serve b ttp_run -- block "$b4" 4400 1
	by tcp a ttp_run -v "$prog" ask poll "$b4" 4400 >"$tmp/asked" 2>&1
	status=$?
	on b ttpctl dev add wire0
	cat "$tmp/asked"
	[ "$status" -eq 0 ] && wait "$server" &&
		grep -q "stays TCP: no answer by TTP" "$tmp/asked"
}

own_not_enabled() {
	local status

	on a ttpctl dev del wire0
	serve b ttp_run -- block "$b4" 4450 1
	by_tcp_alone a ttp_run -v "$prog" ask block "$b4" 4450 >"$tmp/asked" 2>&1
	status=$?
	on a ttpctl dev add wire0
	cat "$tmp/asked"
	[ "$status" -eq 0 ] && wait "$server" &&
		grep -q "stays TCP: TTP is not enabled on the device" "$tmp/asked"
}

by_tcp_alone() {
	by tcp "$@"
}

behind_router() {
	on b ip addr add 10.78.0.1/32 dev lo
	on a ip route add 10.78.0.1/32 via "$b4"
	serve b ttp_run -- block 0.0.0.0 4500 1
	by tcp a ttp_run -v "$prog" ask block 10.78.0.1 4500 >"$tmp/asked" 2>&1 || return
	wait "$server"
	cat "$tmp/asked"
	grep -q "stays TCP: behind a router" "$tmp/asked"
}

# What listens on the loopback stays there.
on_loopback() {
	serve b ttp_run -v -- poll 127.0.0.1 4600 1
	on a ttpcat -z "$(mac_of b)" 4600 && return 1
	by tcp b ttp_run -v --only-ttp "$prog" ask poll 127.0.0.1 4600 || return
	wait "$server" && grep -q "listen 127.0.0.1:4600: stays TCP: the loopback" "$tmp/said"
}

only_ttp() {
	local status

	serve b -- block "$b4" 4700 1
	on a ttp_run -v --only-ttp "$prog" ask "$1" "$b4" 4700 >"$tmp/asked" 2>&1
	status=$?
	end "$server"
	cat "$tmp/asked"
	[ "$status" -eq 2 ] && grep -q "connect: Connection refused" "$tmp/asked" &&
		grep -q "connect $b4:4700: refused: nobody listens" "$tmp/asked"
}

no_way() {
	on a ttp_run --only-ttp "$prog" ask block 10.99.0.1 1 >"$tmp/asked" 2>&1
	status=$?
	cat "$tmp/asked"
	[ "$status" -eq 2 ] && grep -q "connect: Network is unreachable" "$tmp/asked"
}

on_channel() {
	serve b ttp_run -v -- block "$b4" 4800 1
	by ttp a ttp_run --vc 2 -v "$prog" ask block "$b4" 4800 >"$tmp/asked" 2>&1 || return
	wait "$server" || return
	cat "$tmp/asked" "$tmp/said"
	grep -q "connect $b4:4800: TTP, wire0 $(mac_of b) vc 2" "$tmp/asked" &&
		grep -q "accept $a4:.*: TTP, wire0 $(mac_of a) vc 2" "$tmp/said"
}

# While a connection stands, ttpctl shows it.
is_shown() {
	local client status

	serve b ttp_run -- block "$b4" 4850 1
	start a ttp_run "$prog" hold "$b4" 4850 >"$tmp/asked"
	client=$started
	wait_for 10 links_to 4850
	status=$?
	end "$client"
	wait "$server"
	return "$status"
}

links_to() {
	on a ttpctl link show port "$1" | grep -q "port .* > $1 "
}

hosts_file() {
	cat >"$tmp/hosts" <<-LINES
		# name address device MAC
		far   10.79.0.9  wire0 $(mac_of b)  # nobody answers for it by ARP

		bad   10.79.0.10 wire0
		worse 10.79.0.x  wire0 $(mac_of b)
	LINES
	serve b ttp_run -v -- block 0.0.0.0 4900 2
	by ttp a ttp_run -v --hosts="$tmp/hosts" "$prog" ask "$1" far 4900 \
		>"$tmp/asked" 2>&1 || return
	cat "$tmp/asked"
	grep -q "^asked $a4 .* from 10.79.0.9 4900" "$tmp/asked" &&
		grep -q "hosts:4: not a name" "$tmp/asked" &&
		grep -q "hosts:5: the IP address is none" "$tmp/asked" &&
		[ "$(grep -c "hosts:4" "$tmp/asked")" -eq 1 ] || return
	# The same name elsewhere is the resolver's.
	by ttp a ttp_run --hosts="$tmp/none" "$prog" ask block "$b4" 4900 &&
		wait "$server"
}

# By getaddrinfo() and gethostbyname2(); other names are the resolver's.
lookups() {
	local run=(on a ttp_run --hosts="$tmp/hosts")

	printf 'x 10.79.0.20 wire0 %s\nx fd79::2 wire0 %s\n' "$(mac_of b)" \
		"$(mac_of b)" >"$tmp/hosts"
	[ "$("${run[@]}" getent ahostsv4 x | awk '{ print $1; exit }')" = 10.79.0.20 ] &&
		[ "$("${run[@]}" getent ahostsv6 x | awk '{ print $1; exit }')" = fd79::2 ] &&
		"${run[@]}" getent hosts x | grep -q "^fd79::2 " &&
		! "${run[@]}" getent hosts y
}

# Nobody there has an IP address: names are made from MAC addresses.
without_ip() {
	on a ip addr flush dev wire0
	on b ip neigh flush dev wire0
	echo "far 10.79.0.9 wire0 $(mac_of b)" >"$tmp/hosts"
	serve b ttp_run -- block 0.0.0.0 4950 1
	by ttp a ttp_run --hosts="$tmp/hosts" "$prog" ask block far 4950
	status=$?
	on a ip addr add "$a4/24" dev wire0
	on a ip addr add "$a6/64" dev wire0 nodad
	wait "$server" || return
	cat "$tmp/served"
	[ "$status" -eq 0 ] && grep -q "from 169.254.1.10 " "$tmp/served"
}

log_file() {
	serve b ttp_run --log="$tmp/log" -- block "$b4" 5000 1
	by ttp a ttp_run --log="$tmp/log" "$prog" ask block "$b4" 5000 2>"$tmp/asked" || return
	wait "$server"
	[ ! -s "$tmp/asked" ] && grep -q "listen $b4:5000: TTP on wire0, and TCP" "$tmp/log" &&
		grep -q "accept $a4:" "$tmp/log" && grep -q "connect $b4:5000: TTP" "$tmp/log"
}

# For IPv6 and IPv4 apart, IPv4's second: it has the connections by TTP.
two_listeners() {
	start b ttp_run "$prog" twins 5100 >"$tmp/served"
	server=$started
	wait_for 10 grep -q ready "$tmp/served"
	by ttp a ttp_run "$prog" ask block "$b4" 5100 || return
	wait "$server"
	cat "$tmp/served"
	grep -q "^served $b4 5100 from $a4 " "$tmp/served"
}

# What only guards TCP leaves no way in by TTP.
guards() {
	local status=0

	start b ttp_run -v "$prog" guarded 5200 >"$tmp/served" 2>"$tmp/said"
	server=$started
	wait_for 10 grep -q ready "$tmp/served" || return
	cat "$tmp/said"
	on a ttpcat -z "$(mac_of b)" 5200-5201 && status=1
	end "$server"
	[ "$status" -eq 0 ] && grep -q "5200: stays TCP: IP_TRANSPARENT" "$tmp/said" &&
		grep -q "TCP alone from now on: IP_TRANSPARENT" "$tmp/said"
}

# A connection that comes when its number is somebody else's
number_is_gone() {
	local status

	echo "far 10.79.0.9 wire0 $(mac_of b)" >"$tmp/hosts"
	start b ttp_run "$prog" serve block 0.0.0.0 5300 1 >"$tmp/served"
	server=$started
	wait_for 10 grep -q ready "$tmp/served"
	on a tc qdisc add dev wire0 root netem delay 500ms
	on a ttp_run -v --hosts="$tmp/hosts" "$prog" stolen far 5300 >"$tmp/asked" 2>&1
	status=$?
	on a tc qdisc del dev wire0 root
	end "$server"
	cat "$tmp/asked"
	[ "$status" -eq 0 ] && grep -q "connect: -1 Bad file descriptor" "$tmp/asked"
}

# Of two processes that have nothing to do with each other the first one has it.
one_of_two() {
	local first status program="
import signal, socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(('$b4', 5400))
s.listen()
print('ready', flush=True)
signal.pause()"

	start b ttp_run -v python3 -c "$program" >"$tmp/first" 2>&1
	first=$started
	wait_for 20 grep -q ready "$tmp/first" || return
	start b ttp_run -v python3 -c "$program" >"$tmp/second" 2>&1
	server=$started
	wait_for 20 grep -q ready "$tmp/second"
	status=$?
	end "$first"
	end "$server"
	cat "$tmp/first" "$tmp/second"
	[ "$status" -eq 0 ] && grep -q "5400: TTP on wire0, and TCP" "$tmp/first" &&
		grep -q "5400: stays TCP: somebody listens there" "$tmp/second"
}

web_server() {
	local get=(python3 -c "
import sys, urllib.request
sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())")

	! command -v curl >/dev/null || get=(curl -s)
	mkdir "$tmp/web"
	head -c 300000 /dev/urandom >"$tmp/web/file"
	start b ttp_run python3 -u -m http.server -d "$tmp/web" 8000 >"$tmp/served" 2>&1
	server=$started
	wait_for 20 grep -q "Serving HTTP" "$tmp/served" || return
	by ttp a ttp_run "${get[@]}" "http://$b4:8000/file" >"$tmp/got" || return
	end "$server"
	cat "$tmp/served"
	grep -q "^$a4 .*GET /file" "$tmp/served" &&
		head -c 300000 "$tmp/got" | cmp - "$tmp/web/file"
}

scripts() {
	printf '#!/bin/sh\nexec "%s" case names %s\n' "$prog" "$a4" >"$tmp/script"
	chmod +x "$tmp/script"
	by ttp a ttp_run "$tmp/script"
}

set_user_id() {
	cp "$prog" "$tmp/suid"
	chown nobody "$tmp/suid"
	chmod 4755 "$tmp/suid"
	ttp_run "$tmp/suid" list
}

# What differs by how a program waits has a case; a slow machine does some only.
all=(block poll select epoll)
some=(block epoll)
cases=$("$prog" list | wc -l)
[ "$slow" -eq 1 ] || all=("${some[@]}")
plan $((23 + ${#all[@]} * 4 + 2 + (slow > 1 ? 1 : 3) * cases))
wire_up
on a ip addr add "$a4/24" dev wire0
on b ip addr add "$b4/24" dev wire0
on a ip addr add "$a6/64" dev wire0 nodad
on b ip addr add "$b6/64" dev wire0 nodad

cases "TTP" ttp_run "$prog" cases ttp "$a4"
if [ "$slow" -eq 1 ]; then
	cases "TCP" "$prog" cases tcp "$a4"
	cases "TTP, IPv6" ttp_run "$prog" cases ttp "$a6"
fi

for how in "${all[@]}"; do
	check "IPv4, $how" both "$how" "$b4" 4001 "$b4 4001 from $a4"
	check "a server of TCP, $how" server_is_tcp "$how"
	check "a client of TCP, $how" client_is_tcp "$how"
	check "--only-ttp, $how" only_ttp "$how"
done
for how in "${some[@]}"; do
	check "IPv6, $how" both "$how" "$b6" 4002 "$b6 4002 from $a6"
done
check "a listener for all of IPv4" any_to_any "$b4/0.0.0.0"
check "a listener for everything" any_to_any "$b4/::"
check "a listener for everything, by IPv6" any_to_any "$b6/::"
check "link-local addresses" any_to_any "fe80::70:ff:fe00:b%wire0/::"
check "the peer's device is not enabled" peer_not_enabled
check "our device is not enabled" own_not_enabled
check "behind a router" behind_router
check "the loopback" on_loopback
check "--only-ttp, no way" no_way
check "--vc" on_channel
check "ttpctl link show" is_shown
check "a file of hosts" hosts_file block
check "lookups" lookups
check "a peer without IP address" without_ip
check "--log" log_file
check "listeners for IPv6 and IPv4" two_listeners
check "options that guard" guards
check "a number that is gone" number_is_gone
check "one port, two processes" one_of_two
check "python's web server" web_server
check "a script" scripts
refused 126 "statically linked" "a static program" ttp_run /sbin/ldconfig -p
refused 126 "set-user-ID" "a set-user-ID program" set_user_id
finished
