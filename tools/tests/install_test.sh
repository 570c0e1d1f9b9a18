#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is installed for programs, in KTAP: the header and pkg-config's file, and
# that they are enough for every compiler there is, without anything of the tree.

set -u
cd "$(dirname "$0")" || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export LC_ALL=C
n=0
failed=0

# result STATUS WORDS
result() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $n $2"
	sed 's/^/# /' "$tmp/out"
}

# check WORDS COMMAND...: succeeds without a word
check() {
	local words=$1

	shift
	"$@" >"$tmp/out" 2>&1 && [ ! -s "$tmp/out" ]
	result $? "$words"
}

install() {
	make -s --no-print-directory -C .. install-headers "$@"
}

# pkg ROOT DIRECTORY WORDS...: as if ROOT were the root of the system
pkg() {
	local root=$1 dir=$2

	shift 2
	PKG_CONFIG_LIBDIR=$root$dir PKG_CONFIG_SYSROOT_DIR=$root \
		pkg-config "$@"
}

flags_are() {
	[ "$(pkg "$1" "$2" --cflags ttp | sed 's/ *$//')" = "$3" ]
}

version_is_dkms() {
	[ "$(pkg "$tmp/root" /usr/local/share/pkgconfig --modversion ttp)" = \
		"$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' ../../dkms.conf)" ]
}

# builds COMPILER...: the header in a directory where nothing else is
builds() {
	(
		cd "$tmp/work" && "$@" -Wall -Wextra -Werror \
			-I"$tmp/root/usr/local/include" -c -o header.o header_test.c
	)
}

# The 32-bit library is not needed for that, and the kernel's own headers are
# the same on both.
builds_32() {
	builds gcc -m32 -std=c99 -pedantic -ffreestanding \
		-idirafter "/usr/include/$(gcc -print-multiarch)"
}

# A wrong size must be seen, or this file says nothing.
notices() {
	sed 's/== 144/== 140/' header_test.c >"$tmp/work/header_test.c"
	! builds gcc 2>/dev/null
}

cxx=$(command -v g++ || command -v clang++ || command -v clang)

echo "KTAP version 1"
echo 1..14
check "install-headers" install "DESTDIR=$tmp/root"
check "the header is the kernel's" cmp ../../include/uapi/linux/ttp.h \
	"$tmp/root/usr/local/include/linux/ttp.h"
check "pkg-config finds it" flags_are "$tmp/root" /usr/local/share/pkgconfig \
	"-I$tmp/root/usr/local/include"
check "nothing is to be linked" test -z \
	"$(pkg "$tmp/root" /usr/local/share/pkgconfig --libs ttp)"
check "the version is the module's" version_is_dkms
check "another prefix" install "DESTDIR=$tmp/other" prefix=/opt/ttp
check "pkg-config there" flags_are "$tmp/other" /opt/ttp/share/pkgconfig \
	"-I$tmp/other/opt/ttp/include"

mkdir "$tmp/work"
cp header_test.c "$tmp/work"
check "header: -std=c99 -pedantic" builds gcc -std=c99 -pedantic
check "header: -std=gnu90" builds gcc -std=gnu90
check "header: -m32" builds_32
if [ -n "$cxx" ]; then
	check "header: C++98" builds "$cxx" -x c++ -std=c++98
	check "header: C++17 -pedantic" builds "$cxx" -x c++ -std=c++17 -pedantic
else
	n=$((n + 2))
	echo "ok $((n - 1)) header: C++98 # SKIP no compiler for C++"
	echo "ok $n header: C++17 -pedantic # SKIP no compiler for C++"
fi
check "header: another layout would be noticed" notices
check "the examples, by pkg-config alone" make -s --no-print-directory -C ../../examples outside
exit $((failed > 0))
