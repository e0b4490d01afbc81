# The shared libraries and what `make install` puts where. Included by the Makefile.
# DESTDIR goes before every path, for those who make packages.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
INSTALL_CMOD ?= $(LIBDIR)/lua/5.4
DATADIR ?= $(PREFIX)/share

VERSION = $(call once,VERSION,sed -n 's/^\#define MOONHERD_VERSION "\(.*\)"/\1/p' runtime/moonherd.h)
SONAME = libmoonherd.so.0# the number grows when a host must be compiled anew
SHARED = libmoonherd.so.$(VERSION)
SHARED_LIBS = $(LUA_LIBS) $(PKG_LIBS) -lm

libraries: $(B)/libmoonherd.so $(B)/moonherd.so $(B)/moonherd.pc

$(B)/$(SHARED): $(B)/libmoonherd.a
	$(SAY) LD $@
	$(Q)$(LINK) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs \
	  -Wl,--whole-archive $^ -Wl,--no-whole-archive -o $@ $(SHARED_LIBS)

$(B)/libmoonherd.so: $(B)/$(SHARED)
	$(Q)ln -sf $(SHARED) $(B)/$(SONAME) && ln -sf $(SONAME) $@

# For `require` in a program that has its own Lua, which this one must not bring along. Stays loaded
# when the program's Lua lets go of it: libraries below it cannot be unloaded.
PARTS = $(filter-out _% init,$(basename $(notdir $(wildcard lua/moonherd/*.lua))))
$(B)/moonherd.so: $(call object,$(MODULE)) $(B)/libmoonherd.a
	$(SAY) LD $@
	$(Q)$(LINK) -shared -Wl,--exclude-libs,ALL -Wl,-z,nodelete $^ -o $@ \
	  $(foreach part,$(PARTS),-Wl,--defsym=luaopen_moonherd_$(part)=luaopen_moonherd_part) \
	  $(filter-out -llua5.4,$(SHARED_LIBS))

# Requires.private would bring the libraries of libcurl's libraries to `pkg-config --static`, most of
# which nobody has for linking: what libmoonherd.a itself needs stands in Libs.private.
#
# Below the prefix a path is written with ${prefix}, so that pkg-config can move it.
below_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$1)

define PC
prefix=$(PREFIX)
libdir=$(call below_prefix,$(LIBDIR))
includedir=$(call below_prefix,$(INCLUDEDIR))

Name: moonherd
Description: Lua-scriptable automation for Cloudflare Workers for Platforms
Version: $(VERSION)
Requires.private: $(LUA_PACKAGES)
Libs: -L$${libdir} -lmoonherd
Libs.private: $(PKG_LIBS) -lm -lpthread
Cflags: -I$${includedir}
endef
export PC
$(B)/moonherd.pc: FORCE
	$(call renew,printf '%s\n' "$$PC")

# ---- installing -----------------------------------------------------------------------------------
$(B)/completions: $(PROGRAM)
	$(Q)mkdir -p $@ && $(PROGRAM) completion bash > $@/moonherd && \
	  $(PROGRAM) completion zsh > $@/_moonherd && $(PROGRAM) completion fish > $@/moonherd.fish
	$(Q)touch $@

# MODE FILE FOLDER, three words each.
INSTALLED = \
  755 $(PROGRAM) $(BINDIR) \
  644 runtime/moonherd.h $(INCLUDEDIR) \
  644 runtime/moonherd_lua.h $(INCLUDEDIR) \
  644 $(B)/libmoonherd.a $(LIBDIR) \
  755 $(B)/$(SHARED) $(LIBDIR) \
  755 $(B)/moonherd.so $(INSTALL_CMOD) \
  644 $(B)/moonherd.pc $(PKGCONFIGDIR) \
  644 $(B)/docs/moonherd.1 $(DATADIR)/man/man1 \
  644 $(B)/completions/moonherd $(DATADIR)/bash-completion/completions \
  644 $(B)/completions/_moonherd $(DATADIR)/zsh/site-functions \
  644 $(B)/completions/moonherd.fish $(DATADIR)/fish/vendor_completions.d
LINKS = $(LIBDIR)/libmoonherd.so $(LIBDIR)/$(SONAME)

install: all docs $(B)/completions  ## install program, libraries and headers: PREFIX=/usr/local DESTDIR=
	$(Q)set -e; set -- $(INSTALLED); while [ $$# -gt 0 ]; do \
	  install -D -m $$1 $$2 $(DESTDIR)$$3/$${2##*/}; shift 3; done
	$(Q)for link in $(LINKS); do ln -sf $(SHARED) $(DESTDIR)$$link; done

uninstall:  ## remove what `make install` with the same PREFIX and DESTDIR has installed
	$(Q)set -- $(INSTALLED); while [ $$# -gt 0 ]; do rm -f $(DESTDIR)$$3/$${2##*/}; shift 3; done
	$(Q)for link in $(LINKS); do rm -f $(DESTDIR)$$link; done
