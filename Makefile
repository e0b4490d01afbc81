# moonherd: `make help` lists the targets.

# ---- settings -----------------------------------------------------------------------------------
CC ?= gcc
PREFIX ?= /usr/local
B ?= build
V ?= 0

PACKAGES = lua5.4 lua5.4-cjson libuv libcurl libmicrohttpd sqlite3 libcrypto
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Werror
OPTIMIZE ?= -O2 -g
SANITIZE ?=

# ---- no need to change anything below -------------------------------------------------------------
CFLAGS_ALL = -std=c11 -D_GNU_SOURCE $(WARNINGS) $(OPTIMIZE) $(SANITIZE) -fPIC -Iruntime -I. \
  $(shell pkg-config --cflags $(PACKAGES)) $(CFLAGS)
LIBS = $(shell pkg-config --libs $(PACKAGES)) -lpthread

SOURCES = $(filter-out runtime/cli/%, $(wildcard runtime/*.c runtime/*/*.c bindings/*.c))
OBJECTS = $(SOURCES:%.c=$(B)/%.o)
TESTS_C = $(basename $(notdir $(wildcard tests/c/test_*.c)))

Q = $(if $(filter 1,$(V)),,@)
SAY = $(if $(filter 1,$(V)),@:,@printf '%-5s %s\n')

all: $(B)/libmoonherd.a

$(B)/libmoonherd.a: $(OBJECTS)
	$(SAY) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c Makefile
	$(SAY) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(B)/tests/c/%: $(B)/tests/c/%.o $(B)/libmoonherd.a
	$(SAY) LD $@
	$(Q)$(CC) $(SANITIZE) $^ -o $@ $(LIBS) $$(pkg-config --libs cmocka)

test-c: $(TESTS_C:%=$(B)/tests/c/%)
	@for t in $^; do $$t || exit 1; done

clean:
	rm -rf $(B)

.PHONY: all test-c clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
