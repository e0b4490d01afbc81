# --result FILE: how a run ended, for programs.
. tests/shell.sh
. tests/traffic/server.sh
top=$PWD
cd "$scratch" || exit 1
export XDG_STATE_HOME="$scratch/user"

# result STATUS TEXT ARGUMENT…: a run exits so, and its result holds this.
result() {
  want=$1 text=$2
  shift 2
  rm -f result.json
  "$moonherd" --target local --result result.json "$@" > out 2> err < /dev/null
  got=$?
  [ $got = "$want" ] && grep -qF -- "$text" result.json && [ "$(wc -l < result.json)" = 1 ] && return 0
  echo "status $got"
  cat result.json err
  return 1
}

mkdir spec
cat > asks.lua << 'EOF'
local moonherd = require "moonherd"
local cf = moonherd.connect()
cf:ensure_namespace "shop"
moonherd.try(function () cf:namespace "gone":details() end)
EOF
check 'requests are counted' result 0 '"requests":{"made":3,"retries":0,"failed":2,"no_answer":0,' asks.lua
check 'by status' grep -q '"status_1xx":0,"status_2xx":1,"status_3xx":0,"status_4xx":2,"status_5xx":0,' result.json
check 'and what they waited for the budget' grep -q '"budget_waits":0,"budget_seconds":0.000}' result.json
nobody='require "moonherd".connect { base_url = "http://127.0.0.1:9/v4", api_token = "not-a-real-token",
  account_id = ("0"):rep(32), retry = { attempts = 2, backoff = 0.01 } }:namespaces()'
nobody_listens() { "$moonherd" --log error --result result.json -e "$nobody" 2> err; [ $? = 1 ] || { cat err; return 1; }; }
check 'where nobody listens' nobody_listens
check 'there is no answer' grep -q '"made":2,"retries":1,"failed":2,"no_answer":2,' result.json
check 'and no credential' sh -c '! grep -q not-a-real result.json'
check 'done' result 0 '{"outcome":"done","exit_code":0,"seconds":' -e 'return 0'
check 'there is no error' grep -q '"error":null}' result.json
check 'a code of its own' result 7 '{"outcome":"failed","exit_code":7,' -e 'return 7'
check 'failed' result 1 '"outcome":"failed"' -e 'require "moonherd".connect():namespace "gone":details()'
check 'the error has its reason' grep -q '"reason":"namespace_not_found"' result.json
check 'failed to compile' result 1 '"reason":"syntax"' -e 'x x'
check 'timed out' result 124 '"outcome":"timed_out"' --timeout 100ms -e 'require "moonherd".sleep(60)'
check 'no script' result 2 '"outcome":"usage"' run ./gone.lua
check 'usage' result 2 '"reason":"target_conflict"' -e 'require "moonherd".connect { target = "cloudflare" }'

# ---- a command line that cannot be read --------------------------------------------------------

# unread MESSAGE ARGUMENT…: the old result gives way to one that tells of the mistake, once.
unread() {
  text=$1
  shift
  echo '{"outcome":"done"}' > result.json
  "$moonherd" "$@" > out 2> err < /dev/null
  [ $? = 2 ] && grep -q '^{"outcome":"usage","exit_code":2,' result.json && [ "$(wc -l < err)" = 1 ] &&
    grep -qF -- "$text" result.json || { cat result.json err; return 1; }
}
echo 'print "ran"' > ok.lua
check 'a file that is not there' unread '"message":"cannot open nofile.lua: no such file"' --result result.json nofile.lua
check 'a word that is no command' unread "unknown command 'deplyo'" --result result.json deplyo
check 'an unknown option behind it' unread "'--timout' (did you mean '--timeout'?)" --result result.json --timout 3s ok.lua
check 'and before it' unread "'--timout'" --timout 3s --result=result.json ok.lua
check 'a wrong value' unread '"message":"--timeout: ' --timeout soon --result result.json ok.lua
check 'a value that is missing' unread '"message":"--target needs a value"' --result result.json --target
check 'two values' unread '"message":"--target is given twice"' --result result.json --target local --target local ok.lua
check 'no script' unread '"message":"run needs a script"' --result result.json run
check 'a guard that is not there' unread '"message":"--guard: cannot read' --result result.json --guard none.json ok.lua
check 'a folder' unread '"message":"cannot read spec: it is a folder"' --result result.json --target local spec
check 'an option of a command' unread '"message":"unknown option ' --result result.json serve --nope
check 'a value of a command' unread '"message":"--listen: ' serve --listen nowhere --result result.json
the_scripts() {
  echo old > result.json
  "$moonherd" nofile.lua --result result.json 2> err
  "$moonherd" --timout=3s ok.lua --result result.json 2> err
  [ "$(cat result.json)" = old ]
}
check 'behind a script it is the script'"'"'s' the_scripts

# in_json TEXT ARGUMENT…: standard error is one object, as those of the log, and has this.
in_json() {
  text=$1
  shift
  "$moonherd" "$@" > out 2> err < /dev/null
  [ "$(wc -l < err)" = 1 ] && grep -q '^{"time":"20[0-9-]*T[0-9:.]*Z","level":"error","message":"' err &&
    grep -qF -- "$text" err && "$moonherd" -e 'require "moonherd".json.decode(io.read "a")' < err || { cat err; return 1; }
}
check '--log json: an unknown option' in_json "'--timout'" --log json --timout 3s ok.lua
check '--log json behind it' in_json "'--timout'" --timout 3s --log=json ok.lua
check 'a missing file' in_json 'cannot open nofile.lua' --log json nofile.lua
check 'a wrong value' in_json '"message":"--timeout: ' --log json --timeout soon ok.lua
check 'an option of a command' in_json '"message":"unknown option ' --log json serve --nope
check 'a fatal error has its message beside its fields' in_json '"message":"-e:1: no","error":{' --log json -e 'error "no"'

check 'a secret is hidden' result 1 '"outcome":"failed"' -e 'error(require "moonherd".log.hide "hunter-two-hunter")'
check 'wherever it stands' sh -c '! grep -q hunter result.json'
check 'it can be read' "$moonherd" -e 'require "moonherd".json.decode(io.open("result.json"):read "a")'
interrupted() {
  "$moonherd" --result result.json -e 'print "on" io.stdout:flush() require "moonherd".sleep(60)' > out 2> err & pid=$!
  for _ in $(seq 100); do [ -s out ] && break; sleep 0.05; done
  kill -TERM $pid
  wait $pid
  grep -q '"outcome":"interrupted","exit_code":143' result.json
}
check 'interrupted' interrupted
nowhere() { "$moonherd" --result none/result.json -e 'print "ran"' > out 2> err; [ $? = 2 ] && [ ! -s out ]; }
check 'nothing runs when it cannot be written' nowhere
check 'that is one line' sh -c '[ "$(wc -l < err)" = 1 ] && grep -q "none/result.json: No such file" err'

# ---- where it cannot be written, and where it is no file -------------------------------------------

# keeps COMMAND…: exit code 1, one line that names the file, the old result whole, nothing beside it.
old='{"outcome":"old"}'
keeps() {
  mkdir -p kept && echo "$old" > kept/result.json
  "$@" > out 2> err < /dev/null
  got=$?
  [ $got = 1 ] && grep -q '^moonherd: --result: cannot write .*result.json: ' err &&
    [ "$(cat kept/result.json)" = "$old" ] && [ "$(ls kept)" = result.json ] || { echo "status $got"; cat err; ls kept; return 1; }
}
# beyond BLOCKS CODE: files may have so many. What is said goes through a pipe, which has no limit.
beyond() {
  { (ulimit -f "$1"; "$moonherd" --log error --result kept/result.json -e "$2" 2>&1; echo "status $?") | cat; } > both
  grep -v '^status' both >&2
  return "$(sed -n 's/^status //p' both)"
}
check 'no room for a single byte' keeps beyond 0 'return 0'
check 'is said' grep -q 'File too large' err
check 'room for some of it' keeps beyond 1 'error(("x"):rep(1e5))'
full_disk() {
  mkdir -p kept && mount -t tmpfs -o size=8k none kept 2> /dev/null || return 2
  echo "$old" > kept/result.json
  head -c 100000 /dev/zero > kept/filler 2> /dev/null
  "$moonherd" --log error --result kept/result.json -e 'error(("x"):rep(1e5))' > out 2> err
  got=$?
  rm kept/filler
  [ $got = 1 ] && grep -q 'No space left' err && [ "$(cat kept/result.json)" = "$old" ] && [ "$(ls kept)" = result.json ]
  r=$?
  umount kept
  return $r
}
if mkdir probe && mount -t tmpfs none probe 2> /dev/null; then
  umount probe
  check 'a full disk' full_disk
else skip 'a full disk' 'mounting one needs root'; fi
check 'a device that is full' sh -c "'$moonherd' --result /dev/full -e '' 2> err; [ \$? = 1 ] && grep -q '/dev/full: No space left' err"
is_folder() { mkdir -p folder && "$moonherd" --result folder -e 'print "ran"' > out 2> err; [ $? = 2 ] && [ ! -s out ] && grep -q 'folder: Is a directory' err; }
check 'a folder' is_folder
check 'a device stays one' sh -c "'$moonherd' --result /dev/null -e '' && [ -c /dev/null ]"
check 'standard output' sh -c "'$moonherd' --result /dev/stdout -e 'print(1)' | sed 1d | grep -q '^{\"outcome\":\"done\"'"
check 'which is a file' sh -c "'$moonherd' --result /dev/stdout -e 'print(1)' > both && [ \$(wc -l < both) = 2 ]"
from_fifo() { mkfifo fifo && (cat fifo > got &) && "$moonherd" --result fifo -e 'return 3'; [ $? = 3 ] && sleep 0.1 && grep -q '"exit_code":3' got && [ -p fifo ]; }
check 'a FIFO' from_fifo
through_link() {
  mkdir -p there && echo "$old" > there/real.json && chmod 600 there/real.json && ln -sf there/real.json link.json
  "$moonherd" --result link.json -e '' && [ -L link.json ] && grep -q '"done"' there/real.json &&
    [ "$(stat -c %a there/real.json)" = 600 ]
}
check 'a link stays one, and the file keeps its permissions' through_link
out_of_memory() {
  rm -f result.json
  (ulimit -v 300000; "$moonherd" --log error --result result.json -e 'local s = "x" while true do s = s .. s end' 2> err)
  [ $? = 1 ] && grep -q '"outcome":"failed","exit_code":1.*not enough memory' result.json || { cat err result.json; return 1; }
}
if grep -q fsanitize "$top/$B/flags"; then
  skip 'a script that takes all memory' 'sanitizers need more than can be allowed'
else check 'a script that takes all memory' out_of_memory; fi
twice() { # the second signal ends it where it is
  echo "$old" > result.json
  "$moonherd" --result result.json -e 'print "on" io.stdout:flush()
    local m = require "moonherd" pcall(m.sleep, 60) print "cleans" io.stdout:flush() m.sleep(60)' > out 2> err & pid=$!
  for signal in on cleans; do
    for _ in $(seq 200); do grep -q $signal out && break; sleep 0.02; done
    kill -TERM $pid
  done
  wait $pid
  [ $? = 143 ] && [ "$(cat result.json)" = "$old" ]
}
check 'killed in its cleanup, the old one stays' twice

# The server lets 10 requests a second through.
echo '{"limit":{"quota":10,"window":1,"block":5}}' > faults
serve_options="--faults $scratch/faults"
waits() {
  start_server > /dev/null || return 1
  CLOUDFLARE_API_TOKEN=$token "$moonherd" --log error --result result.json --target "$base" -e '
    local cf = require "moonherd".connect { account_id = ("0"):rep(32), budget = { reserve = 0 } }
    for _ = 1, 15 do cf:namespaces() end' 2> err || { cat err; return 1; }
  stop_server > /dev/null
  grep -q '"made":15,.*"budget_waits":[1-9].*"budget_seconds":[01]' result.json || { cat result.json; return 1; }
}
check 'waits for the budget are counted' waits
check 'nothing is left beside it' sh -c '! ls | grep -q tmp'
finish
