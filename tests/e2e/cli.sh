# The command line: what runs, where output goes, exit codes, signals, and wrong calls.
. tests/shell.sh

cd "$scratch" || exit 1
out=$scratch/out err=$scratch/err

# gives CODE COMMAND…: the exit code is CODE; stdout and stderr are kept.
gives() {
  want=$1
  shift
  "$@" > "$out" 2> "$err" < /dev/null
  got=$?
  [ "$got" = "$want" ] || { echo "exit code $got, not $want"; cat "$out" "$err"; return 1; }
}
prints() { [ "$(cat "$out")" = "$1" ] || { cat "$out"; return 1; }; }
says() { grep -qF -- "$1" "$err" || { cat "$err"; return 1; }; }

cat > hello.lua <<'LUA'
#!/usr/bin/env moonherd
print("hello", ...)
io.stderr:write("aside\n")
return tonumber(arg[1])
LUA
chmod +x hello.lua
cat > lib.lua <<'LUA'
require "moonherd".sleep(0)
return { name = "lib" }
LUA
echo 'print(require "lib".name)' > main.lua
mkdir folder

check 'run SCRIPT' gives 3 "$moonherd" run hello.lua 3 x
check 'output is stdout' prints 'hello	3	x'
check 'stderr is stderr' says aside
check 'SCRIPT alone' gives 4 "$moonherd" hello.lua 4
check 'a shebang line' sh -c "PATH='$(dirname "$moonherd")':\$PATH ./hello.lua 0 | grep -q 'hello	0'"
check '-e' gives 0 "$moonherd" -e 'print(arg[0], ...)' a b
check '-e passes arguments' prints '-e	a	b'
check '- is standard input' sh -c "echo 'print(1 + 1)' | '$moonherd' - | grep -qx 2"
check 'run - too' sh -c "echo 'print(...)' | '$moonherd' run - x | grep -qx x"
check 'modules beside the script, from anywhere' sh -c "cd / && '$moonherd' '$scratch/main.lua' | grep -qx lib"
check 'version' gives 0 "$moonherd" version
check 'version prints' sh -c "grep -q '^moonherd [0-9]' '$out'"
check 'help' gives 0 "$moonherd" help
check 'help goes to stdout' grep -q '^usage: moonherd run' "$out"
check 'help of a command' gives 0 "$moonherd" help serve
check 'is that command'"'"'s own' grep -q -- '--listen ADDRESS' "$out"
check 'help of a command that C runs' gives 0 "$moonherd" help run
check 'help of a part of a name' gives 2 "$moonherd" help wrangler
check 'names the whole' says "did you mean 'moonherd.read_wrangler'"
check 'help of what is not there' gives 2 "$moonherd" help srve
check 'names the nearest command' says "did you mean 'serve'"
check 'help of a word' gives 2 "$moonherd" help redirects
check 'lists what speaks of it' grep -q '^  moonherd.http' "$out"
check 'help of the module' gives 0 "$moonherd" help moonherd
check 'is a list of all names' grep -q '^  moonherd.map  *Calls' "$out"
check 'help of Lua' gives 0 "$moonherd" help lua
check 'says what differs' grep -q '^  os.exit$' "$out"
check 'help of errors' gives 0 "$moonherd" help errors
check 'lists the codes of the API' grep -q '^  10021  validation$' "$out"
check 'help of a code' gives 0 "$moonherd" help 100119
check 'has its hint' grep -q 'Hint: check the name and the account' "$out"
check 'help of run' gives 0 "$moonherd" help run
check 'has the options' grep -q '^   --dry-run$' "$out"
check 'help of an option, as it is written' gives 0 "$moonherd" help --dry-run
check 'is there' grep -q 'send none' "$out"
check 'also of one with a value' gives 0 "$moonherd" help --target
check 'help --help is that of help' sh -c "'$moonherd' help --help | grep -q '^Usage: moonherd help'"
check 'help of an option' gives 0 "$moonherd" help dry-run
check 'is what it does' grep -q 'send none' "$out"
check 'help of the method of another class' gives 2 "$moonherd" help ns:upload
check 'lists those that have it' grep -q '^  script:upload' "$out"
check 'help of a word from elsewhere' gives 0 "$moonherd" help fetch
check 'is that of what does it here' grep -q '^moonherd.http' "$out"
check 'a mistyped action' gives 2 "$moonherd" jobs lst
check 'is told the nearest' says "(did you mean 'list'?)"
check 'version takes no arguments' gives 2 "$moonherd" version 3
check 'nothing at all is a wrong call' gives 2 "$moonherd"

check 'a missing file exits 2' gives 2 "$moonherd" run nothing.lua
check 'a missing file is named' says 'nothing.lua: no such file'
check 'a folder exits 2' gives 2 "$moonherd" run folder
check 'a wrong flag exits 2' gives 2 "$moonherd" --taget local hello.lua
check 'the nearest flag is named' says "did you mean '--target'"
check 'a wrong command exits 2' gives 2 "$moonherd" serv
check 'the nearest command is named' says "did you mean 'serve'"
check 'a flag without its value' gives 2 "$moonherd" --state
check 'a flag given twice' gives 2 "$moonherd" --state a --state b hello.lua
for line in '--state' '--state=' '--account a --account b' '--target local --target local' \
  '--log loud' '--log info --log warn' '--log json --log json' '--timeout soon' '--timeout 0' \
  '--timeout 1e400' '--clock x' '--clock virtual --clock virtual' '--timeout 1s --timeout 2s' '--read-only --read-only' '--read-only=yes' \
  '--dry-run --dry-run' '--insecure-base-url --insecure-base-url' '--env-file nothing.env' \
  '--state-dir x' '--tiemout 1' '-x' 'run' 'run --target local' '-e' 'version 1' 'help help help' \
  'serve --listen' 'serve --listen x' 'serve --listen 127.0.0.1:99999' 'serve extra' \
  'serve --token a --token b' 'serve --token a --token-file b' 'serve --fautls x' \
  'api' 'api GET' 'api FETCH /x' 'api GET x' 'api GET /x /y' 'api GET /x --json' \
  'api PUT /x --json {' 'api PUT /x --json {} --body x' 'api GET /x --query a' \
  'api GET /x --field a..b' 'api GET /x --field' 'api PUT /x --paginate' 'api PUT /x --form a' 'api PUT /x --content-type text/plain' 'api GET /x --jsn 1' \
  'jobs' 'jobs lst' 'jobs show' 'jobs list --json --json' 'jobs list --ledgr x' 'doctor x' \
  'doctor --namespace' 'doctor --jsn' 'doctor --namespace a --namespace b' 'types' 'types a b' \
  'docs' 'docs a --all' 'completion' 'completion tcsh' 'completion bash zsh' 'new' 'new A B' 'new --x' \
  'test nothing_spec.lua' 'test --otput tap' 'test --output xml' 'test --timeout soon' 'help a b'; do
  check "wrong: $line" gives 2 timeout 10 "$moonherd" --state s $line
  check 'one line says so' sh -c "[ \$(wc -l < '$err') = 1 ] && ! [ -s '$out' ]"
done
check 'a wrong log level' gives 2 "$moonherd" --log loud hello.lua
check 'an option of other tools' gives 2 "$moonherd" run --verbose hello.lua
check 'is told by what it is here' says "unknown option '--verbose' (did you mean '--log debug'?)"
check 'that of a command, too' gives 2 "$moonherd" serve --port 80
check 'by its own' says "unknown option '--port' (did you mean '--listen'?)"
check 'for that command alone' gives 2 "$moonherd" run --port 80
check 'others list theirs' says "unknown option '--port'; 'moonherd help' lists them"
check 'a wrong duration' gives 2 "$moonherd" --timeout soon hello.lua
check 'a wrong target' gives 2 "$moonherd" --target locl hello.lua
check 'the nearest target is named' says "did you mean 'local'"
check 'a wrong flag of serve' gives 2 "$moonherd" serve --listn 1
check 'its nearest flag in one line' says "(did you mean '--listen'?)"

echo 'local t = = 1' > broken.lua
check 'a syntax error exits 1' gives 1 "$moonherd" broken.lua
check 'it shows file and line' says 'broken.lua:1:'
check 'and the line itself' says '1 | local t = = 1'
printf 'local t = {\n' > unfinished.lua
check 'something missing at the end' gives 1 "$moonherd" unfinished.lua
check 'shows the last line' says '1 | local t = {'
check 'a syntax error in a module' gives 1 "$moonherd" -e 'require "unfinished"'
check 'shows the line of the module' says '1 | local t = {'
check 'and frames of the script alone' sh -c "! grep -q 'tail calls' '$err'"
cat > fails.lua <<'LUA'
local moonherd = require "moonherd"
moonherd.spawn(function ()
  moonherd.sleep(0)
  error "went wrong"
end)
LUA
check 'a failing script exits 1' gives 1 "$moonherd" fails.lua
check 'its message' says 'moonherd: fails.lua:4: went wrong'
check 'its line' says '4 |   error "went wrong"'
check 'and those beside it' says '3 |   moonherd.sleep(0)'
check 'marked which is which' says '>    4 |'
check 'who spawned the task' says 'spawned at fails.lua:2'
check 'one JSON object with --log json' gives 1 "$moonherd" --log json fails.lua
check 'with the fields of the error' grep -q '"kind":"script".*"message":"fails.lua:4: went wrong"' "$err"
check 'an unknown method' gives 1 "$moonherd" --target local --state s -e \
  'require "moonherd".connect():creat_namespace "a"'
check 'names the nearest one of the API' says 'did you mean client:create_namespace?'
check 'an unknown function' gives 1 "$moonherd" -e 'require "moonherd".fs.raed "x"'
check 'too' says 'did you mean moonherd.fs.read'
check 'an unknown global' gives 1 "$moonherd" -e 'prnt(1)'
check 'is one of Lua' says 'did you mean print?'
check 'as JSON' gives 1 "$moonherd" --log json -e 'prnt(1)'
check 'too, in one line' sh -c "[ \$(grep -c '\"hint\":\"did you mean print' '$err') = 1 ]"
check 'a call that failed' gives 1 "$moonherd" --target local --state s -e \
  'require "moonherd".connect():namespace("no"):details()'
check 'with its request' says 'request: GET /accounts/00000000000000000000000000000000/workers/dispatch/namespaces/no, 1 attempt, ray id'
check 'what to do' says 'hint: check the name and the account'
check 'an unknown option of a call' gives 1 "$moonherd" -e "require'moonherd'.map({}, {concurency=1}, print)"
check 'names the nearest one' says "did you mean 'concurrency'"

check '--clock virtual takes no time' gives 0 "$moonherd" --target local --clock virtual:1000 -e \
  'local m = require "moonherd" m.sleep(1e5) print(m.time.wall())'
check '--clock virtual begins where it is told' prints 101000.0
check '--clock virtual is not for what is out there' gives 2 "$moonherd" --clock virtual \
  --target https://api.example.com/v4 -e 'require "moonherd".connect { api_token = "t-1234" }'
check 'a wrong clock' gives 2 "$moonherd" --target local --clock sun hello.lua
check '--timeout exits 124' gives 124 "$moonherd" --timeout 50ms -e 'require "moonherd".sleep "1h"'
check '--timeout lets cleanup run' gives 124 "$moonherd" --timeout 50ms -e \
  'local m = require "moonherd" pcall(m.sleep, "1h") m.sleep(0.01) print "clean"'
check 'cleanup ran' prints clean
check '--timeout ends a loop that never waits' gives 124 "$moonherd" --timeout 100ms -e \
  'local x <close> = setmetatable({}, { __close = function () print "closed" end }) while true do end'
check 'cleanup runs there, too' prints closed
check 'what runs then is shown' says 'timed out after 0.1 s'
check '--timeout ends what cannot be stopped' gives 124 "$moonherd" --timeout 100ms -e \
  'string.match(("a"):rep(30), ("a*"):rep(30) .. "b")'
check 'that is said' says 'does not let itself be stopped'

echo 'NAME="from file"' > good.env
echo 'secret text' > bad.env
check '--env-file' gives 0 "$moonherd" --env-file good.env -e 'print(os.getenv "NAME")'
check '--env-file sets' prints 'from file'
printf 'export A="one\ntwo" # x\nHOME=/elsewhere\nEMPTY=full\n' > more.env
check 'it is read as moonherd.env.load reads it' gives 0 env EMPTY= "$moonherd" --env-file more.env \
  --env-file good.env -e 'print(#os.getenv "A", os.getenv "NAME", os.getenv "EMPTY")'
check 'lines, quotes, export' prints '7	from file	full'
check 'the environment comes first' gives 0 "$moonherd" --env-file more.env -e \
  'print(os.getenv "HOME" ~= "/elsewhere")'
check 'it stays as it is' prints true
mkdir -p project/elsewhere
echo 'NAME=beside the script' > project/elsewhere/a.env
echo 'NAME=of the working folder' > project/a.env
echo 'require "moonherd".env.load "a.env" print(os.getenv "NAME", require "moonherd".env.get "NAME")' > project/elsewhere/env.lua
check 'the path of --env-file is from the working folder' gives 0 sh -c "cd project && '$moonherd' --env-file a.env -e 'print(os.getenv \"NAME\")'"
check 'is read' prints 'of the working folder'
check 'that of moonherd.env.load from the script' gives 0 sh -c "cd project && '$moonherd' elsewhere/env.lua"
check 'is read, too' prints 'nil	beside the script'
check 'the help says both' sh -c "'$moonherd' help | grep -A1 -- '--env-file' | grep -q 'moonherd.env.load from the script'"
check 'a bad env file' gives 2 "$moonherd" --env-file bad.env hello.lua
check 'is not shown' sh -c "! grep -q secret '$err'"

# state_error REASON DIR: connecting raises one error, with the reason of the state directory.
state_error() {
  gives 1 "$moonherd" --target local --state "$2" -e \
    'local ok, err = pcall(require "moonherd".connect) print(err.kind, err.reason) error(err)' &&
    prints "io	$1" && [ "$(grep -c '^moonherd:' "$err")" = 1 ]
}
mkdir -m 700 garbage
head -c 9000 /dev/zero | tr '\0' x > garbage/platform.db
chmod 600 garbage/platform.db # else there is a warning, too
check 'a state directory that is a file' state_error exists hello.lua
check 'a database that is none' state_error corrupt garbage
check 'is left as it was' sh -c "[ \$(wc -c < garbage/platform.db) = 9000 ]"
"$moonherd" --target local --state newer -e 'require "moonherd".connect()' 2> "$err"
printf '\0\0\3\347' | dd of=newer/platform.db bs=1 seek=60 conv=notrunc 2> "$err" # user_version
check 'a database of a newer program' state_error newer newer

# The embedded platform has every account: each has its own namespaces.
of_account() { # NAMES OPTION…
  names=$1
  shift
  gives 0 "$moonherd" --target local --state accounts --log error "$@" -e 'local client = require "moonherd".connect()
    client:ensure_namespace("of-" .. client.account_id:sub(-1))
    print(client:namespaces()[1].namespace_name, #client:namespaces())' && prints "$names"
}
check 'an account of the embedded platform' of_account 'of-f	1' --account 0123456789abcdef0123456789abcdef
check 'is another than the usual one' of_account 'of-0	1'
check 'which the environment does not name' of_account 'of-0	1' --account 00000000000000000000000000000000
check 'what is no account' gives 1 "$moonherd" --target local --state accounts --account x -e \
  'require "moonherd".connect():namespaces()'
check 'is refused, with what it is like' says '32 hex digits'

cat > options.lua <<'LUA'
local options = require "moonherd".args { name = "tool", { "--count", type = "integer" }, { "--log" } }
print(options.count, options.log)
LUA
check 'an option behind the script is its own' gives 0 "$moonherd" options.lua --log loud --count 3
check 'whatever moonherd has' prints '3	loud'
check 'one that it does not have' gives 2 "$moonherd" options.lua --result out.json
check 'is told where that of moonherd stands' says \
  "tool: unknown option '--result'; moonherd's own --result stands before the script's name"
check 'but for others' gives 2 "$moonherd" options.lua --reslt out.json
check 'nothing is said of that' sh -c "! grep -q 'own --' '$err'"

# safe WORD… -- ARGUMENT…: whether a run is dry and its calls are refused, and what the script sees.
cat > safe.lua <<'LUA'
local client = require "moonherd".connect()
print(client.dry_run, client._gate ~= nil, table.concat(arg, " "))
LUA
safe() { expected=$1; shift; gives 0 "$moonherd" --target local --log error "$@" && prints "$(printf "$expected")"; }
check '--dry-run behind the script holds, and is seen' safe 'true\ttrue\tacme --dry-run' safe.lua acme --dry-run
check 'also behind run' safe 'true\ttrue\t--dry-run acme' run safe.lua --dry-run acme
check 'behind -e' safe 'true\ttrue\t--dry-run' -e "$(cat safe.lua)" --dry-run
check 'of standard input' sh -c "'$moonherd' --target local --log error - --dry-run < safe.lua | grep -q ^true"
check 'in both places' safe 'true\ttrue\t--dry-run' --dry-run safe.lua --dry-run
check 'so does --read-only' safe 'false\ttrue\tacme --read-only' safe.lua acme --read-only
check 'behind -- they are the script'"'"'s alone' safe 'false\tfalse\t-- --dry-run --read-only' safe.lua -- --dry-run --read-only
check 'only these words are meant' safe 'false\tfalse\t--dry-run=no --dry' safe.lua --dry-run=no --dry
echo 'local o = require "moonherd".args { { "tenant", many = true } } print(#o.tenant, o.tenant[1], arg[2])' > tenants.lua
check 'moonherd.args does not take them for arguments' safe '1\tacme\t--read-only' tenants.lua acme --read-only --dry-run
echo 'local o = require "moonherd".args { { "--dry-run", type = "boolean" } } print(o.dry_run)' > own.lua
check 'but for an option that the script has, too' safe true own.lua --dry-run

connects() { # TARGET: a script that asks for one
  echo "require 'moonherd'.connect { target = '$1' }"
}
check '--read-only lets reads through' gives 0 "$moonherd" --read-only --target local --state s -e \
  'print(#require "moonherd".connect():namespaces())'
check 'and refuses a write' gives 1 "$moonherd" --read-only --target local --state s -e \
  'require "moonherd".connect():create_namespace "a"'
check 'by method and path' says 'POST /accounts/00000000000000000000000000000000/workers/dispatch/namespaces'
check 'for moonherd api too' gives 1 "$moonherd" api --read-only --target local --state s DELETE /x
echo '{"namespaces":["prod-*"]}' >guard.json
echo '{"namespace":["prod-*"]}' >bad-guard.json
check '--guard refuses what its file does not grant' gives 1 "$moonherd" --guard guard.json \
  --target local --state s -e 'require "moonherd".connect():namespace("other"):details()'
check 'and says which rule it is' grep -q '"namespaces" of the guard' err
check 'a guard with an unknown member' gives 2 "$moonherd" --guard=bad-guard.json hello.lua
check 'a guard that is not there' gives 2 "$moonherd" --guard none.json hello.lua
for command in 'test spec' 'repl' 'api GET /x' 'new y' 'jobs list'; do
  check "a guard is not for $command" gives 2 "$moonherd" --guard guard.json $command
  check 'as is said' says "--guard is for scripts, not for moonherd ${command%% *}"
done
check 'the target of the line and of the script agree' gives 0 "$moonherd" --target local --state s -e "$(connects local)"
check 'or the script stops with exit 2' gives 2 "$moonherd" --target=local -e "$(connects cloudflare)"
check 'it says which is which' says 'the command line'
check 'with CI set there is no default target' gives 2 env CI=true "$moonherd" -e 'require "moonherd".connect()'
check 'it says what to do' says '--target local'
check 'and --target local is one' gives 0 env CI=true "$moonherd" --target local --state s -e 'require "moonherd".connect()'
check 'a credential without an account exits 2' gives 2 env CLOUDFLARE_API_TOKEN=not-a-real-token \
  "$moonherd" -e 'require "moonherd".connect()'
check 'so does one that would travel in plain text' gives 2 env CLOUDFLARE_API_TOKEN=not-a-real-token \
  CLOUDFLARE_ACCOUNT_ID=0123456789abcdef0123456789abcdef "$moonherd" --target http://example.com/ \
  -e 'require "moonherd".connect()'
check 'a credential makes Cloudflare the default' gives 0 env CLOUDFLARE_API_TOKEN=not-a-real-token \
  CLOUDFLARE_ACCOUNT_ID=0123456789abcdef0123456789abcdef "$moonherd" -e 'print(require "moonherd".connect().target)'
check 'and the first line says so' says 'target cloudflare, account 0123456789abcdef0123456789abcdef'
check 'but not the token' sh -c "! grep -q not-a-real '$out' '$err'"

cat > waits.lua <<'LUA'
local moonherd = require "moonherd"
print "started"
local ok, err = pcall(moonherd.sleep, "1h")
print(err.kind)
moonherd.sleep(arg[1] or 0)
print "cleaned"
LUA
# Before it has started a signal ends it at once. Half a minute, for a machine that is busy.
has_started() {
  for _ in $(seq 600); do grep -q started "$out" && return 0; sleep 0.05; done
  echo 'it did not start'
  return 1
}
# interrupted SIGNAL CODE: once started, it is sent the signal.
interrupted() {
  "$moonherd" waits.lua > "$out" 2> "$err" &
  pid=$!
  has_started
  kill -"$1" "$pid"
  wait "$pid"
  got=$?
  [ "$got" = "$2" ] && grep -q cleaned "$out" || { echo "exit code $got"; cat "$out" "$err"; return 1; }
}
twice() {
  "$moonherd" -e 'print "started" io.stdout:flush() while true do end' > "$out" 2> "$err" &
  pid=$!
  has_started
  # Two signals that come before the first is seen are one.
  while grep -q '^State:.[^Z]' "/proc/$pid/status"; do
    kill -INT "$pid"
    sleep 0.1
  done 2> /dev/null
  wait "$pid"
  [ $? = 130 ]
}
check 'Ctrl-C cancels, cleanup runs, exit 130' interrupted INT 130
check 'SIGTERM too, exit 143' interrupted TERM 143
check 'Ctrl-C twice ends a busy loop' twice

# What a server says reaches people as text: it neither steers the terminal nor picks a file of which a
# line is shown.
echo 'THE_SECRET=1234567' > .env
cat > server_says.lua <<'LUA'
local said = "\27]0;title\7\u{9b}2J bad\n.env:1: oh\n\t.env:1:"
local fields = { kind = "api", reason = "x", message = said, hint = "try \27[2J" }
if arg[1] then require "moonherd.log".warn(said) end
require "moonherd.error".raise(fields)
LUA
is_text() { ! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]\|\302\233')" "$err"; }
check 'a failure in the words of a server' gives 1 "$moonherd" server_says.lua log
check 'is shown' says '?]0;title??2J bad'
check 'steers no terminal' is_text
check 'shows no other file' sh -c "! grep -q THE_SECRET '$err'"
check 'but the line that raised it' says '4 | require'

check 'a closed pipe ends quietly' sh -c \
  "'$moonherd' -e 'for i = 1, 1e5 do print(i) end' 2> '$err' | head -1 | grep -qx 1 && ! [ -s '$err' ]"
check 'closed streams do no harm' sh -c \
  "'$moonherd' run --target local -e 'require \"moonherd\".connect():create_namespace \"x\" print(1)' \
  --state '$scratch/closed' <&- >&- 2>&-"
check 'a full disk is said' gives 1 sh -c "'$moonherd' -e 'print(1)' > /dev/full"
check 'and why' says 'cannot write to standard output: No space left'
slow_reader() {
  lua5.4 -e 'for i = 1, 1e5 do print(i) end' > expected
  python3 - "$moonherd" <<'PY' > "$out"
import fcntl, os, subprocess, sys, time
r, w = os.pipe()
fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
child = subprocess.Popen([sys.argv[1], "-e", "for i = 1, 100000 do print(i) end"], stdout=w)
os.close(w)
time.sleep(0.3)
while (block := os.read(r, 65536)):
    sys.stdout.buffer.write(block)
sys.exit(child.wait())
PY
  cmp -s expected "$out"
}
if command -v python3 > /dev/null; then check 'a pipe that does not block' slow_reader
else skip 'a pipe that does not block' 'no python3'; fi
check 'an exit code of 256 is not success' gives 255 "$moonherd" -e 'return 256'
check 'nor is one of 1 << 40' gives 255 "$moonherd" -e 'return 1 << 40'
check 'a byte order mark' sh -c "printf '\357\273\277#!x\nprint(...)' | '$moonherd' - y | grep -qx y"
check 'standard input that cannot be read' sh -c "'$moonherd' - < / 2> '$err'; [ \$? = 2 ]"
check 'is no empty script' says 'cannot read standard input: Is a directory'
check 'a file that cannot be read' gives 2 "$moonherd" /proc/self/mem
mkfifo fifo
echo 'print "from a pipe"' > fifo &
check 'a script that is a pipe' gives 0 timeout 10 "$moonherd" fifo
check 'is read once' prints 'from a pipe'
check 'an error that names a pipe' gives 1 timeout 10 "$moonherd" -e 'error("fifo:1: x", 0)'
check 'where a line of -e spawned a task' gives 1 "$moonherd" -e 'require "moonherd".spawn(error, "x")'
check 'is named' says 'spawned at -e:1'
finish
