#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The first socket() of a machine loads the module. Later tests need it loaded.

. "$(dirname "$0")/lib.sh"

make_socket='
import socket, sys
try:
    socket.socket(18, int(sys.argv[1]), int(sys.argv[2]))
except OSError as e:
    sys.exit(e.strerror)
'

py_socket() {
	python3 -c "$make_socket" "$@"
}

loaded() {
	[ -e /sys/module/ttp ]
}

plan 4
if loaded && ! rmmod ttp 2>/dev/null; then
	skip "socket() loads the module" "it is loaded and in use"
else
	check "socket() loads the module" py_socket 1 0
fi
check "it is there" loaded
check "modules.alias knows genetlink, too" \
	modprobe -n net-pf-16-proto-16-family-ttp
refused 1 "not supported" "an unknown protocol is refused" py_socket 1 77
finished
