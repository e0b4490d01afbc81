# --trace FILE: a timeline of tasks, waits and requests, in the format that Perfetto opens.
. tests/shell.sh
top=$PWD
cd "$scratch" || exit 1
reader=$top/tests/e2e/trace.lua

# traced STATUS ARGUMENT…: a run that writes trace.json exits so.
traced() {
  want=$1
  shift
  rm -f trace.json out
  "$moonherd" --trace trace.json "$@" > out 2> err < /dev/null
  got=$?
  [ $got = "$want" ] && return 0
  echo "status $got"
  cat err
  return 1
}
# holds CHECK ARGUMENT…: what tests/e2e/trace.lua finds in trace.json.
holds() { "$moonherd" "$reader" trace.json "$@"; }

cat > work.lua <<'END'
local moonherd = require "moonherd"
local secret = moonherd.log.hide "hunter-two-hunter"
local cf = moonherd.connect()
local ns = cf:ensure_namespace "production"
local shop = ns:script "shop"
shop:upload { script = "addEventListener('fetch', () => {}) // " .. secret,
  compatibility_date = "2026-10-01" }
shop:put_secret("KEY", secret)
moonherd.scope(function ()
  for _ = 1, 3 do
    moonherd.spawn(function () ns:details() moonherd.sleep(0.001) end)
  end
end)
moonherd.try(function () ns:script(secret):details() end)
moonherd.try(function () cf:namespace "gone":details() end)
END

check 'a run' traced 0 --target local work.lua
check 'the spans of a track lie inside one another' holds nest
check 'a task has its place' holds has task task spawned_at work.lua:11
check 'a wait has its name' holds has wait sleep
check 'a request has its method' holds has request 'get namespace' method GET
check 'its status' holds has request 'get namespace' status 404
check 'its attempt' holds has request 'get namespace' attempt 1
check 'its ray' holds has request 'get namespace' ray
check 'what failed' holds has request 'get namespace' error namespace_not_found
check 'the embedded platform has a group of its own' holds has __metadata process_name name 'embedded platform'
check 'every request of the client is one of the platform' holds pairs
check 'no secret is in it' sh -c '! grep -q hunter trace.json'
check 'nor a credential' sh -c '! grep -qi "bearer\|authorization" trace.json'
check 'with a virtual clock waits have their length' \
  traced 0 --clock virtual --target local -e 'require "moonherd".sleep(60)'
check 'of a minute' holds lasts sleep 60
check 'a failure is one of the task' traced 1 -e 'error "no"'
check 'and stands there' holds has task task outcome failed
check 'a script that does not compile leaves an empty array' traced 1 -e 'x x'
check 'which is JSON' holds nest
check 'a deadline' traced 124 --timeout 100ms -e 'require "moonherd".sleep(60)'
check 'leaves what was' holds has task task outcome cancelled

mkdir specs
echo "it('sleeps', function () require 'moonherd'.sleep(0.001) end)" > specs/sleep_spec.lua
check 'tests' traced 0 test specs
check 'are traced' holds has wait sleep

terminated() {
  rm -f trace.json out
  "$moonherd" --trace trace.json -e 'print "on" io.stdout:flush() require "moonherd".sleep(60)' > out 2> err & pid=$!
  for _ in $(seq 100); do [ -s out ] && break; sleep 0.05; done
  kill -TERM $pid
  wait $pid
  [ $? = 143 ] && holds has wait sleep
}
check 'SIGTERM ends it in order' terminated
# Enough events that some of them are in the file when it dies.
killed() {
  rm -f trace.json out
  "$moonherd" --trace trace.json -e '
    local m = require "moonherd"
    for _ = 1, 2000 do m.spawn(function () end):wait() end
    print "on" io.stdout:flush() m.sleep(60)' > out 2> err & pid=$!
  for _ in $(seq 100); do [ -s out ] && break; sleep 0.05; done
  kill -KILL $pid
  wait $pid 2> /dev/null
  [ "$(head -c 1 trace.json)" = '[' ] && printf '\n]\n' >> trace.json && holds has task task
}
check 'a process that is killed leaves whole events' killed

unwritable() {
  "$moonherd" --trace "$1" -e 'print "ran"' > out 2> err
  [ $? = 2 ] && [ ! -s out ] && [ "$(wc -l < err)" = 1 ] && grep -qF -- "--trace: cannot write $1: " err
}
check 'nothing runs without a folder for it' unwritable none/trace.json
check 'nor when it is a folder' unwritable specs
full() {
  "$moonherd" --trace /dev/full -e 'print "ran"' > out 2> err
  [ $? = 1 ] && grep -q ran out && [ "$(wc -l < err)" = 1 ] && grep -q 'No space left' err
}
check 'a full disk fails the run, at its end' full
twice() { "$moonherd" --trace a --trace b -e 'print "ran"' > out 2> err; [ $? = 2 ] && [ ! -e a ]; }
check 'one file' twice

finish
