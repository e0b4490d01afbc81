# moonherd test: what it says of specs that pass, fail, leave things behind, hang, or cannot be loaded.
. tests/shell.sh
work=$scratch/work
mkdir -p "$work/spec" "$work/none"

cat > "$work/spec/good_spec.lua" << 'EOF'
local moonherd = require "moonherd"
local test = require "moonherd.test"
describe("good", function ()
  it("has a platform of its own", function ()
    assert.equal(0, #moonherd.connect():namespaces())
    moonherd.connect():create_namespace "one"
  end)
  it("counts #requests", function ()
    local before = #test.requests "GET"
    moonherd.connect():namespaces()
    assert.equal(before + 1, #test.requests "GET")
  end)
  it("meets faults", function ()
    test.faults { { fault = "applied_error", status = 403 } }
    assert.has_error(function () moonherd.connect { retry = false }:namespaces() end)
  end)
  it("meets them no more", function () assert.equal(1, #moonherd.connect():namespaces()) end)
  it("names a fault that is none", function ()
    local _, err = moonherd.try(test.faults, { { fault = "rate_limted" } })
    assert.equal("usage", err.kind)
    assert.truthy(err.message:find "faults/0/fault")
  end)
  it("may count its requests", function ()
    assert.equal(1, #moonherd.connect { budget = {} }:namespaces())
  end)
  it("leaves no file beside it", function () assert.is_false(moonherd.fs.exists ".moonherd") end)
  pending "comes later"
end)
EOF
cat > "$work/spec/virtual_spec.lua" << 'EOF'
local moonherd = require "moonherd"
local test = require "moonherd.test"
test.virtual_clock()
it("sleeps for a day", function () moonherd.sleep "1d" end)
it("is fresh", function () assert.equal(0, #moonherd.connect():namespaces()) end)
it("never ends", function () require "moonherd._task".waitlist():wait "a sign" end)
EOF
cat > "$work/bad_spec.lua" << 'EOF'
local moonherd = require "moonherd"
describe("bad", function ()
  it("leaves a task", function () moonherd.spawn(moonherd.sleep, "1h") end)
  it("leaves a server", function () _G.left = require "moonherd.serve".listen() end)
  it("ends the process", function () os.exit(0) end)
  it("waits", function () moonherd.sleep "1h" end)
  it("loops", function () while true do end end)
  it("tells a <secret>", function () error(moonherd.log.hide "hunter-two-hunter") end)
end)
EOF
cat > "$work/odd_spec.lua" << 'EOF'
describe("odd \27]0;title\7", function ()
  it("name \u{9b}2J \xff\u{FFFE}", function () error "said \27[2J\r\u{9b}2J\nand more" end)
  it("values", function () assert.equal("a\27[2J", "b\x9b") end)
  it("waits", function () pending "for\27[2J <spring>" end)
end)
EOF
printf 'it("is cut off", function (' > "$work/broken_spec.lua"
echo 'os.exit(0)' > "$work/exits_spec.lua"

# Runs it in the folder; keeps what is printed in `out`, what is said in `err`.
export XDG_STATE_HOME="$scratch/user"
run() { (cd "$work" && "$moonherd" test --log warn "$@" > "$scratch/out" 2> "$scratch/err"); }
status() { want=$1; shift; run "$@"; got=$?; [ $got = "$want" ] || { echo "status $got"; cat "$scratch/out" "$scratch/err"; return 1; }; }
says() { grep -qF -- "$1" "$scratch/out" || { cat "$scratch/out"; return 1; }; }
complains() { [ "$(wc -l < "$scratch/err")" = 1 ] && grep -qF -- "$1" "$scratch/err" || { cat "$scratch/err"; return 1; }; }

check 'good specs' status 0 spec/good_spec.lua
check 'are a line a file' says 'ok spec/good_spec.lua (7, 1 skipped)'
check 'and a count' says '7 passed, 0 failed, 1 skipped'
check 'the folder spec is the default' status 1
check 'what never comes is not waited for' says 'the test would take for ever, waiting for a sign'
check 'each file has a platform of its own' says '9 passed, 1 failed'
check 'all bad ends' status 1 --timeout 1s bad_spec.lua
check 'a task that was left' says 'spawned at bad_spec.lua:3'
check 'a server that was left' says 'a server was left open, made at bad_spec.lua:4'
cat > "$work/left_spec.lua" <<'END'
it("watches", function () kept = require "moonherd".fs.watch "." end)
it("watches no more", function () require "moonherd".fs.watch(".") :close() end)
it("has its program done", function () require "moonherd".sh { "true" } end)
it("starts a program", function ()
  left = require "moonherd._proc".start({ "sleep", "60" }, nil, { max_output = 1, grace = 1 })
end)
END
check 'os.exit' says 'os.exit(0) was called: a test cannot end the program'
check 'a wait that is too long' says 'the test took longer than 1 s, waiting for sleep'
check 'a loop that never waits' says 'the test took longer than 1 s, and did not wait'
check 'names the test' says 'not ok bad_spec.lua:6: bad waits'
check 'and no secret' sh -c "! grep -q hunter '$scratch/out' '$scratch/err'"
check 'handles of other kinds' status 1 left_spec.lua
check 'a watch that was left' says 'a watch of files was left open, made at left_spec.lua:1'
check 'a program that was left' says 'a program was left open, made at left_spec.lua:5'
check 'what was closed, and what has ended, is none' says '2 passed, 2 failed'
check 'a file that does not compile' status 1 broken_spec.lua
check 'says where' says 'broken_spec.lua:1:'
check 'a file that ends the process' status 1 exits_spec.lua spec/good_spec.lua
check 'and the others are run' says 'ok spec/good_spec.lua (7'

check 'a filter' status 0 --filter 'meets %a+$' spec
check 'chooses' says '1 passed, 0 failed'
check 'a tag' status 0 --tags requests,other spec
check 'chooses too' says '1 passed, 0 failed'
check 'a tag leaves out' status 0 --exclude-tags requests spec/good_spec.lua
check 'what has it' says '6 passed, 0 failed'

check 'TAP' status 1 --output tap --output "junit=$scratch/junit.xml" --timeout 1s bad_spec.lua spec/good_spec.lua
check 'has a plan' says '1..14'
check 'and skips' says 'ok 14 - good comes later # SKIP'
check 'JUnit beside it' grep -q '<testsuites tests="14" failures="0" errors="6" skipped="1"' "$scratch/junit.xml"
check 'is escaped' grep -q 'name="bad tells a &lt;secret&gt;"' "$scratch/junit.xml"

# What tests and those they ask say is text: to a terminal, in TAP, in XML.
is_printable() { ! LC_ALL=C grep -q "$(printf '[\033\007\r\233]')" "$1" || { cat -v "$1"; return 1; }; }
is_xml() { "$moonherd" -e 'local bad = io.read "a":find "[%z\1-\8\11-\31]" or false
  assert(not bad, bad)' < "$1" && ! LC_ALL=C grep -q "$(printf '\357\277\276')" "$1"; }
check 'odd names and messages' status 1 odd_spec.lua
check 'are text' is_printable "$scratch/out"
check 'also in TAP' status 1 --output tap --output "junit=$scratch/odd.xml" odd_spec.lua
check 'which are lines' is_printable "$scratch/out"
check 'with what a test is skipped for' says '# SKIP odd_spec.lua:4: for?[2J <spring>'
check 'and in XML' is_xml "$scratch/odd.xml"
check 'which tells it too' grep -q '<skipped message="odd_spec.lua:4: for?\[2J &lt;spring&gt;"/>' "$scratch/odd.xml"

# The same on a terminal; script(1) gives it one.
on_terminal() {
  (cd "$work" && TERM=xterm script -qec "$* '$moonherd' test --log error broken_spec.lua spec/good_spec.lua" /dev/null) > "$scratch/out" 2> "$scratch/err" < /dev/null
  true
}
if command -v script > /dev/null; then
  check 'on a terminal' on_terminal env -u NO_COLOR
  check 'what is good is green' says "$(printf '\033[32mok\033[0m spec/good_spec.lua')"
  check 'what is not is red' says "$(printf '\033[31mnot ok\033[0m broken_spec.lua')"
  check 'NO_COLOR' on_terminal env NO_COLOR=1
  check 'has none' sh -c "! grep -q '$(printf '\033')' '$scratch/out'"
else skip 'colours' 'no script(1)'; fi

check 'no such file' status 2 gone_spec.lua
check 'is one line' complains 'cannot open gone_spec.lua: no such file or folder'
near() { status 2 "$1" && complains "(did you mean '$2'?)"; }
check 'a name that is nearly one' near spec/god_spec.lua spec/good_spec.lua
check 'one without its ending' near spec/good spec/good_spec.lua
check 'one of the file that is tested' near spec/virtual.lua spec/virtual_spec.lua
check 'a folder' near spce spec
check 'an empty folder' status 2 none
check 'is one line too' complains 'none has no files that end in _spec.lua'
check 'a file of another kind' status 2 ../err
# Spec files as they come.
mkdir "$work/odd"
printf '\357\273\277#!/usr/bin/env moonherd\r\nit("is", function () end)\r\n' > "$work/odd/bom_spec.lua"
check 'a mark, a shebang line, CRLF' status 0 odd/bom_spec.lua
printf 'it("is", function () end)\0' > "$work/odd/zero_spec.lua"
check 'a zero' status 1 odd/zero_spec.lua
check 'is where it is' says 'odd/zero_spec.lua:1: '
printf '\033Lua' > "$work/odd/binary_spec.lua"
check 'bytecode' status 1 odd/binary_spec.lua
: > "$work/odd/empty_spec.lua"
check 'a file without tests' status 2 odd/empty_spec.lua
check 'is said to be one' complains 'there is no test in odd/empty_spec.lua'
mkfifo "$work/odd/fifo_spec.lua"
check 'a FIFO' status 2 odd/fifo_spec.lua
check 'is told' complains 'odd/fifo_spec.lua is a fifo, not a file'
ln -s loop_spec.lua "$work/odd/loop_spec.lua"
check 'a link to itself' status 2 odd/loop_spec.lua
check 'is told, too' complains 'odd/loop_spec.lua'
echo 'error(nil)' > "$work/odd/nil_spec.lua"
check 'an error that is nothing' status 1 odd/nil_spec.lua
echo 'while true do end' > "$work/odd/endless_spec.lua"
check 'a file that never ends' status 1 --timeout 1s odd/endless_spec.lua
check 'is ended' says 'loading the file took longer than 1 s, and did not wait'
cat > "$work/odd/hooks_spec.lua" << 'END'
local moonherd = require "moonherd"
describe("a", function ()
  before_each(function () moonherd.sleep "1h" end)
  it("waits", function () end)
end)
describe("b", function ()
  teardown(function () while true do end end)
  it("goes", function () end)
end)
describe("c", function ()
  local beside
  setup(function () beside = moonherd.spawn(moonherd.sleep, "1h") end)
  teardown(function () beside:cancel() end)
  it("has something beside", function () moonherd.sleep "10ms" end)
end)
END
check 'what runs around tests' status 1 --timeout 1s odd/hooks_spec.lua
check 'before each: the test is late' says 'odd/hooks_spec.lua:3: timed out after 1 s while waiting for sleep'
check 'in the end: a loop' says 'teardown took longer than 1 s, and did not wait'
check 'beside tests: what a setup has spawned' says '2 passed, 2 failed'

check 'no such test' status 2 --filter nothing.like.it spec/good_spec.lua
check 'is said' complains 'no test has such a name'
check 'a bad pattern' status 2 --filter '[' spec
check 'is shown' complains "--filter: '[' is not a Lua pattern"
check 'a bad time' status 2 --timeout soon spec
check 'a bad format' status 2 --output tab spec
check 'names the nearest' complains "did you mean 'tap'?"
check 'a bad option' status 2 --fliter x spec
check 'names the nearest option' complains "did you mean '--filter'?"
check 'two formats cannot be shown' status 2 --output tap --output junit spec
check 'a state is refused' status 2 --state here spec
without_busted() { LUA_PATH="$scratch/?.lua" status 2 spec; }
check 'without busted' without_busted
check 'is one line that says how' complains 'apt install lua-busted'
check 'outside of a spec' sh -c \
  "'$moonherd' --target local -e 'require \"moonherd.test\".virtual_clock()' 2>&1 | grep -q 'only for spec files'"
check 'the example' sh -c "'$moonherd' test --log error examples/testing | grep -q '^4 passed, 0 failed'"
finish
