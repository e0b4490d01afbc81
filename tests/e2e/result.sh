# --result FILE: how a run ended, for programs.
. tests/shell.sh
cd "$scratch" || exit 1

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

check 'done' result 0 '{"outcome":"done","exit_code":0,"seconds":' -e 'return 0'
check 'there is no error' grep -q '"error":null}' result.json
check 'a code of its own' result 7 '{"outcome":"failed","exit_code":7,' -e 'return 7'
check 'failed' result 1 '"outcome":"failed"' -e 'require "moonherd".connect():namespace "gone":details()'
check 'the error has its reason' grep -q '"reason":"namespace_not_found"' result.json
check 'failed to compile' result 1 '"reason":"syntax"' -e 'x x'
check 'timed out' result 124 '"outcome":"timed_out"' --timeout 100ms -e 'require "moonherd".sleep(60)'
check 'no script' result 2 '"outcome":"usage"' run ./gone.lua
check 'usage' result 2 '"reason":"target_conflict"' -e 'require "moonherd".connect { target = "cloudflare" }'
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
check 'nothing is left beside it' sh -c '! ls | grep -q tmp'
finish
