# --dry-run and --read-only: every example runs against a server that has things in it, and the log of
# the server has no write; nor is anything left of the scratch platform.
. tests/shell.sh

examples=$PWD/examples
cd "$scratch" || exit 1
export TMPDIR="$scratch/tmp"
mkdir tmp
: > serve.out
"$moonherd" serve --listen 127.0.0.1:0 --state state > serve.out 2> serve.err &
server=$!
trap 'kill $server; wait $server; rm -rf "$scratch"' EXIT
for _ in $(seq 100); do
  base=$(sed -n 's/^serving //p' serve.out)
  [ -n "$base" ] && break
  sleep 0.1
done
CLOUDFLARE_ACCOUNT_ID=0123456789abcdef0123456789abcdef
CLOUDFLARE_API_TOKEN=$(cat state/token)
export CLOUDFLARE_API_TOKEN CLOUDFLARE_ACCOUNT_ID

# on FLAGS… SCRIPT: runs it on the server; what it prints and says is kept.
on() { "$moonherd" --target "$base" "$@" > out 2> err < /dev/null; }
control() { # METHOD PATH: of the server's own log
  curl -s -X "$1" -H "Authorization: Bearer $CLOUDFLARE_API_TOKEN" "${base%/client/v4}/moonherd/requests$2"
}
writes() {
  for method in POST PUT PATCH DELETE; do control GET "?method=$method&limit=1000"; done |
    grep -o '"target":"[^"]*workers[^"]*"'
}
has_no_write() { [ -z "$(writes)" ] || { writes | head -3; return 1; }; }
is_clean() { [ -z "$(ls -d tmp/moonherd-dry-* 2> /dev/null)" ]; }

fill() {
  for example in "$examples"/*.lua; do
    on --log error "$example" || { cat err; return 1; }
  done
  # The demo lets a customer go. It is to find everybody again.
  on --log error -e 'local ns = require "moonherd".connect():namespace "tenants"
    local spec = ns:script("tenant-08"):content()
    spec.compatibility_date = "2026-10-01"
    spec.bindings = { API_KEY = { type = "secret_text", text = "another key" } }
    spec.tags = { "customer:tenant-04", "plan:free", "kind:shop" }
    ns:script("tenant-04"):upload(spec)'
}
check 'examples fill a server' fill
check 'whose log has their writes' sh -c "[ -n '$(writes | head -1)' ]"
control DELETE '' > answer
check 'and is emptied' has_no_write

dry() { on --dry-run "$1" || { cat err; return 1; }; }
tells() { grep -q "dry run: [A-Z]* /accounts/$CLOUDFLARE_ACCOUNT_ID/workers/" err || { cat err; return 1; }; }
for example in "$examples"/*.lua; do
  grep -q '\.connect' "$example" || continue
  name=$(basename "$example")
  check "$name in a dry run" dry "$example"
  check "$name says what it would do" tells
done
check 'no write has reached the server' has_no_write
check 'the scratch platform is gone' is_clean

refused() {
  on --read-only "$1" && { echo "it did not fail"; return 1; }
  grep -q 'is refused: the run is read-only' err && ! grep -q 'dry run' err || { cat err; return 1; }
}
for example in "$examples"/*.lua; do
  grep -q '\.connect' "$example" || continue
  name=$(basename "$example")
  case $name in
    3_errors.lua | 15_arguments.lua | 17_job.lua) continue ;; # tell of failures and go on
  esac
  check "$name read-only" refused "$example"
done
check 'no write has reached the server, again' has_no_write

namespaces="/accounts/{account_id}/workers/dispatch/namespaces"
raw() { "$moonherd" api --target "$base" --dry-run POST "$namespaces" --json '{"name":"raw"}' > out 2> err; }
check 'moonherd api in a dry run' raw
check 'prints the answer' grep -q '"namespace_name": "raw"' out
check 'says what it would do' grep -q 'dry run: POST .*: name raw' err
json() { on --log json --dry-run -e 'require "moonherd".connect():create_namespace "x"'; }
check 'with --log json' json
check 'a line is an object' grep -q '"event":"dry_run","method":"POST"' err

# A job takes down nothing of a dry run, and knows in one what was really done.
cat > job.lua << 'END'
local moonherd = require "moonherd"
local ns = moonherd.connect { dry_run = arg[1] == "dry" }:ensure_namespace "jobs"
local job = moonherd.job { name = "job", ledger = "job.db" }
for i = 1, tonumber(arg[2]) do
  job:upload(ns, "site-" .. i, {
    modules = { ["a.mjs"] = "export default { fetch() {} }" }, compatibility_date = "2026-10-01",
  })
end
local report = job:run()
local tagged = ns:tag({}, { add = { "t" } }, { all = true, ledger = "tag.db" })
print(report.done, report.skipped, tagged.done, tagged.skipped)
END
does() {
  expected=$1
  shift
  on "$@" > out 2> err && [ "$(cat out)" = "$(printf "$expected")" ] || { cat out err; return 1; }
}
check 'a job in a dry run' does '2\t0\t2\t0' --dry-run job.lua wet 2
check 'of a dry client' does '2\t0\t2\t0' job.lua dry 2
check 'has nothing done afterwards' does '2\t0\t2\t0' job.lua wet 2
check 'and knows what is done; what is not live is in no list' does '1\t2\t0\t2' --dry-run job.lua wet 3
check 'of a dry client, too' does '1\t2\t0\t2' job.lua dry 3
check 'as does the real one' does '1\t2\t1\t2' job.lua wet 3

# A scratch platform whose process was killed is swept by the next one.
mkdir -p tmp/moonherd-dry-999999999-abcdef/1 && : > tmp/moonherd-dry-999999999-abcdef/1/x
check 'what a killed run left' json
check 'is removed' is_clean
killed() {
  "$moonherd" --target "$base" --dry-run -e 'local m = require "moonherd"
    m.connect():create_namespace "y" print "made" io.stdout:flush() m.sleep "1h"' > out 2> err & run=$!
  for _ in $(seq 500); do grep -q made out && break; sleep 0.02; done
  is_clean && return 1
  kill -KILL $run
  wait $run 2> /dev/null
  ! is_clean
}
check 'a run that is killed leaves something' killed
check 'until the next one' json
check 'which removes it' is_clean
alive() { # another run's scratch platform is left alone while that lives
  "$moonherd" --target "$base" --dry-run -e 'local m = require "moonherd"
    m.connect():create_namespace "y" print "made" io.stdout:flush() m.sleep "1h"' > out 2> err & run=$!
  for _ in $(seq 500); do grep -q made out && break; sleep 0.02; done
  json && ! is_clean
  r=$?
  kill $run
  wait $run
  return $r
}
check 'a run that lives keeps its own' alive
check 'until it ends' is_clean
stopped() {
  "$moonherd" --target "$base" --dry-run --timeout 1s -e 'local m = require "moonherd"
    m.connect():create_namespace "y" m.sleep "1h"' > out 2> err
  [ $? = 124 ]
}
check 'a run that is stopped' stopped
check 'leaves nothing either' is_clean
finish
