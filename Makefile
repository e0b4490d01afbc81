# moonherd: `make help` lists the targets.

# ---- settings -----------------------------------------------------------------------------------
B ?= build
CC ?= gcc
PKG_CONFIG ?= pkg-config
OPTIMIZE ?= -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
SANITIZE ?=
FUZZ_SECONDS ?= 60
V ?= 0
COMMA = ,

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla -Werror
LUA_PACKAGES = lua5.4-cjson lua5.4
PACKAGES = $(LUA_PACKAGES) libuv libcurl libmicrohttpd sqlite3 libcrypto

# ---- no need to change anything below -------------------------------------------------------------
# $(call once,NAME,COMMAND): the output of a command, run at the first use and never again, so that
# nothing is asked of packages that set-up has yet to install.
once = $(eval $1 := $(shell $2))$($1)
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(PKG_CONFIG) --cflags $(PACKAGES))
PKG_LIBS = $(call once,PKG_LIBS,$(PKG_CONFIG) --libs $(filter-out $(LUA_PACKAGES),$(PACKAGES)))
LUA_LIBS = $(call once,LUA_LIBS,$(PKG_CONFIG) --libs $(LUA_PACKAGES))
# Lua is linked into the programs: a call into a shared library costs more, and scripts live on calls
# (5 to 8 % of an API call and of the start). -E lets modules written in C find it there. The shared
# library links Lua's own, which its host and modules written in C may use too.
LIBS = -Wl,-E -Wl,-Bstatic $(LUA_LIBS) -Wl,-Bdynamic $(PKG_LIBS) -lm
CLI_LIBS = $(call once,CLI_LIBS,$(PKG_CONFIG) --libs libedit)
CMOCKA_LIBS = $(call once,CMOCKA_LIBS,$(PKG_CONFIG) --libs cmocka)
ARGPARSE = $(call once,ARGPARSE,lua5.4 -e 'print(package.searchpath("argparse", package.path))')

COMPILE = $(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) $(OPTIMIZE) $(SANITIZE) -fPIC \
  -fvisibility=hidden -Iruntime -I. $(PKG_CFLAGS) $(CFLAGS)
LINK = $(CC) $(OPTIMIZE) $(SANITIZE) -Wl,--as-needed $(LDFLAGS)

C_DOCS = $(B)/moonherd.docs.c.lua
LUA = $(shell find lua -name '*.lua' 2>/dev/null)
CLI = $(wildcard runtime/cli/*.c)
MODULE = runtime/luaopen.c
LIBRARY = $(filter-out $(CLI) $(MODULE),$(wildcard runtime/*.c runtime/*/*.c bindings/*.c))
TESTS = $(wildcard tests/c/test_*.c tests/embed/test_*.c)
TESTS_SHARED = $(filter-out $(TESTS),$(wildcard tests/c/*.c))
FUZZERS = $(wildcard tests/fuzz/*.c)
BENCHES = $(wildcard tests/bench/*.c)

object = $(1:%.c=$(B)/%.o)
TIDY = $(patsubst %.c,$(B)/%.tidy,$(LIBRARY) $(MODULE) $(CLI))
OBJECTS = $(call object,$(LIBRARY) $(MODULE) $(CLI) $(TESTS) $(TESTS_SHARED) $(BENCHES) $(FUZZERS)) $(B)/embedded.o
PROGRAM = $(if $(CLI),$(B)/moonherd)
TEST_PROGRAMS = $(TESTS:%.c=$(B)/%)
FUZZ_PROGRAMS = $(FUZZERS:%.c=$(B)/%)
BENCH_PROGRAMS = $(BENCHES:tests/%.c=$(B)/%)

Q = $(if $(filter 1,$(V)),,@)
SAY = $(if $(filter 1,$(V)),@:,@printf '%-5s %s\n')
AGAIN = +$(Q)$(MAKE) --no-print-directory

all: $(B)/libmoonherd.a $(PROGRAM) libraries  ## build the libraries and the program (default)

include runtime/install.mk

# ---- building -------------------------------------------------------------------------------------
$(B)/libmoonherd.a: $(call object,$(LIBRARY)) $(B)/embedded.o $(B)/sources
	$(SAY) AR $@
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

$(B)/moonherd: $(call object,$(CLI)) $(B)/libmoonherd.a
	$(SAY) LD $@
	$(Q)$(LINK) $^ -o $@ $(LIBS) $(CLI_LIBS)

$(TEST_PROGRAMS): $(B)/%: $(B)/%.o $(call object,$(TESTS_SHARED) $(MODULE)) $(B)/libmoonherd.a
	$(SAY) LD $@
	$(Q)$(LINK) $^ -o $@ $(LIBS) $(CMOCKA_LIBS)

# Whoever asks for memory in this one asks the test, which may refuse.
$(B)/tests/embed/test_no_memory: LDFLAGS += $(addprefix -Wl$(COMMA)--wrap=,malloc calloc realloc strdup)

$(BENCH_PROGRAMS): $(B)/%: $(B)/tests/%.o $(B)/libmoonherd.a
	$(SAY) LD $@
	$(Q)mkdir -p $(@D) && $(LINK) $^ -o $@ $(LIBS)

$(FUZZ_PROGRAMS): $(B)/%: $(B)/%.o $(B)/libmoonherd.a
	$(SAY) LD $@
	$(Q)$(LINK) -fsanitize=fuzzer $^ -o $@ $(LIBS)

$(B)/%.o: %.c $(B)/flags
	$(SAY) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c $< -o $@

# The Lua sources, as read-only data. The C file names them; their bytes come in when it is
# assembled, so that a changed Lua file costs one small object and a link.
$(B)/embedded.o: $(B)/embedded.c $(B)/flags $(LUA) $(C_DOCS)
	$(SAY) EMBED lua
	$(Q)$(COMPILE) -MMD -MP -c $< -o $@

# The doc comments of the modules in C, for those who read all of them where they are embedded.
$(C_DOCS): $(filter bindings/%,$(LIBRARY))
	$(Q)mkdir -p $(@D) && awk '/^\/\/\// { print "---" substr($$0, 4); on = 1; next } \
	  on { print ""; on = 0 }' $^ > $@

# Written anew in every run, touched only when they differ: another compiler or flag rebuilds
# everything, an added or removed source the library or the table of modules.
renew = @mkdir -p $(@D); $1 > $@.new && { cmp -s $@.new $@ || cp $@.new $@; } && rm $@.new
$(B)/flags: FORCE
	$(if $(PKG_CFLAGS),,$(error Packages are missing: `.ci/setup build` installs them))
	$(call renew,echo '$(COMPILE)')
$(B)/sources: FORCE
	$(call renew,echo '$(LIBRARY)')
$(B)/embedded.c: $(C_DOCS) FORCE
	$(call renew,sh runtime/core/embed.sh lua $(ARGPARSE) $(C_DOCS))

-include $(OBJECTS:.o=.d)

# ---- set-up ---------------------------------------------------------------------------------------
$(B)/setup-%: .ci/setup
	@.ci/setup $* && mkdir -p $(B) && touch $@
$(B)/setup-test $(B)/setup-lint: $(B)/setup-build

# ---- running --------------------------------------------------------------------------------------
demo: $(B)/setup-build  ## install what is missing, build, deploy 60 tenants to the embedded platform
	$(AGAIN) all
	$(Q)$(B)/moonherd run --target local --state $(B)/demo examples/demo.lua

test: $(B)/setup-test  ## install what is missing, build, run every test
	$(AGAIN) all tests
	$(Q)B=$(B) tests/run.sh

tests: $(TEST_PROGRAMS)
	@:
test-c: tests  ## run the C tests alone
	$(Q)B=$(B) tests/run.sh c
test-lua: all  ## run the Lua specs alone
	$(Q)B=$(B) tests/run.sh lua

test-e2e: all  ## run wrangler and the SDKs, from npm, against the platform; RECORD=1 keeps what they send
	$(Q)command -v npm >/dev/null || .ci/setup clients
	$(Q)B=$(B) RECORD=$(RECORD) tests/run.sh clients

docs: all  ## write the man page and the reference to build/docs
	$(Q)$(B)/moonherd docs $(B)/docs

conformance: all  ## hold a server against the contract: BASE=URL TOKEN_FILE=FILE ACCOUNT=ID, or our own
	$(Q)$(B)/moonherd run --target local --log error tests/conformance/run.lua \
	  $(if $(BASE),--base=$(BASE) --token-file=$(TOKEN_FILE) --account=$(ACCOUNT))

asan:  ## run every test under AddressSanitizer, UBSan and leak detection
	$(AGAIN) test B=$(B)/asan OPTIMIZE='-O1 -g -fno-omit-frame-pointer' \
	  SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all'

tsan:  ## run handles on several threads under ThreadSanitizer
	$(AGAIN) $(B)/tsan/tests/embed/test_threads B=$(B)/tsan OPTIMIZE='-O1 -g' \
	  SANITIZE=-fsanitize=thread
	$(Q)TSAN_OPTIONS=suppressions=tests/tsan.supp $(B)/tsan/tests/embed/test_threads

bench: all $(BENCH_PROGRAMS)  ## measure, each figure beside its rival (one runs on Node, if npm has it)
	$(Q)B=$(B) sh tests/bench/run.sh

check-long: all tests  ## run the slow, hard modes of the tests
	$(Q)B=$(B) tests/run.sh long

fuzz:  ## feed the parsers with nonsense, a minute each (needs clang)
	$(AGAIN) fuzzers B=$(B)/fuzz CC=clang OPTIMIZE='-O1 -g' \
	  SANITIZE='-fsanitize=fuzzer-no-link,address,undefined'
fuzzers: $(FUZZ_PROGRAMS)
	$(Q)for program in $^; do mkdir -p $$program.corpus; \
	  $$program -max_total_time=$(FUZZ_SECONDS) -timeout=10 -artifact_prefix=$$program- \
	    $$program.corpus tests/fuzz/corpus/$${program##*/} || exit 1; done

lint: $(B)/setup-lint  ## check layers, format, globals, doc comments, likely bugs, clang
	$(AGAIN) all
	$(Q)B=$(B) tests/lint/run.sh
	$(AGAIN) -k tidy
	$(AGAIN) -k all tests CC=clang B=$(B)/clang

tidy: $(TIDY)
	@:

# Behind the object, whose dependencies name the headers.
$(B)/%.tidy: %.c $(B)/%.o .clang-tidy
	$(SAY) TIDY $<
	$(Q)clang-tidy --quiet $< -- $(wordlist 2,99,$(COMPILE)) 2>/dev/null && touch $@

fmt:  ## format the C sources
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

clean:  ## remove what was built
	rm -rf $(B)

help:  ## list the targets
	@awk -F ':.*## *' '/^[a-z-]+:.*##/ { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

FORCE:
.DELETE_ON_ERROR:
.PHONY: all libraries install uninstall demo test tests test-c test-lua test-e2e conformance asan tsan bench check-long fuzz fuzzers lint tidy fmt clean help FORCE
.SECONDARY:
