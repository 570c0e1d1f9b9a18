# SPDX-License-Identifier: GPL-2.0
#
# What the Makefiles of the tools share. A tool sets PROG, OBJS and MAN before
# it includes this file, and LIBS and PKGS (names for pkg-config) if it needs
# more than libc. Man pages go where their number says.

tools := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
top := $(tools)/..
lib := $(tools)/lib/libttptool.a

PREFIX ?= /usr/local
prefix ?= $(PREFIX)
bindir ?= $(prefix)/bin
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
compdir ?= $(datadir)/bash-completion/completions

VERSION ?= $(or $(shell sed -n 's/^PACKAGE_VERSION="\{0,1\}\([^"]*\)"\{0,1\}$$/\1/p' \
	$(top)/dkms.conf 2>/dev/null),unreleased)

INSTALL ?= install
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
WERROR ?= -Werror

ttp_cflags := -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2 $(WERROR) \
	-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DTTP_VERSION='"$(VERSION)"' \
	-I$(tools)/lib -I$(top)/include/uapi

ifneq ($(filter-out clean,$(or $(MAKECMDGOALS),all)),)
ifneq ($(PKGS),)
pkg_cflags := $(shell $(PKG_CONFIG) --cflags $(PKGS))
pkg_libs := $(shell $(PKG_CONFIG) --libs $(PKGS) || echo missing)
ifeq ($(pkg_libs),missing)
$(error $(PROG) needs $(PKGS): apt-get install $(DEBS))
endif
endif
endif

all: $(PROG)

$(PROG): $(OBJS) $(lib)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJS) $(lib) $(pkg_libs) $(LIBS)

$(lib): FORCE
	@+$(MAKE) --no-print-directory -C $(tools)/lib

%.o: %.c
	$(CC) $(CPPFLAGS) $(CFLAGS) $(ttp_cflags) $(pkg_cflags) -MMD -c -o $@ $<

install: all
	$(INSTALL) -d $(DESTDIR)$(bindir)
	$(INSTALL) -m 755 $(PROG) $(DESTDIR)$(bindir)
	$(foreach m,$(MAN),$(INSTALL) -D -m 644 $m \
		$(DESTDIR)$(mandir)/man$(subst .,,$(suffix $m))/$m;)
ifneq ($(COMPLETION),)
	$(INSTALL) -D -m 644 $(COMPLETION) $(DESTDIR)$(compdir)/$(PROG)
endif

clean:
	rm -f $(PROG) $(OBJS) $(OBJS:.o=.d)

FORCE:

.PHONY: all install clean FORCE

-include $(OBJS:.o=.d)
