# Every figure beside its rival, in one run. Absolute times mean little; the ratios are to be kept.
#   make bench
set -eu
B=${B:-build}
bench=$B/bench moonherd=$B/moonherd
dir=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null || true; rm -rf "$dir"' EXIT
unset CI $(env | sed -n 's/^\(\(CLOUDFLARE\|MOONHERD\)_[A-Z_]*\)=.*/\1/p')

# median FILE: of its numbers, one a line.
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) / 2)] }'; }
title() { printf '\n%s\n' "$1"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
# first FILE: its first line, once it is there.
first() {
  for _ in $(seq 100); do
    [ -s "$1" ] && break
    sleep 0.05
  done
  head -1 "$1"
}

title "first line of a script against curl --version (at most 1; memory under 14 MB)"
"$bench/compare" 40 "$moonherd" -e 'print(1)' -- curl --version

title "100,000 sleeping tasks (under 250 MB)"
"$bench/compare" 1 "$moonherd" tests/bench/sleepers.lua

title "CPU per API call against plain libcurl (at most 2)"
answer='{"success":true,"errors":[],"messages":[],"result":{"namespace_id":"6446f71d-13b3-4bbc-a8a4-9e18760499c8","namespace_name":"production","created_on":"2026-02-20T17:26:15.413400Z","created_by":"4e599df4216133509abaac54b109a647","modified_on":"2026-02-20T17:26:15.413400Z","modified_by":"4e599df4216133509abaac54b109a647","script_count":3,"trusted_workers":false}}'
mkfifo "$dir/stdin"
"$bench/bare_mhd" "$answer" 0 < "$dir/stdin" > "$dir/port" & pids="$pids $!"
exec 3> "$dir/stdin"
port=$(first "$dir/port")
for _ in 1 2 3 4 5; do
  ours=$("$moonherd" --log error --target "http://127.0.0.1:$port/client/v4" tests/bench/api_calls.lua 20000)
  plain=$("$bench/plain_curl" "http://127.0.0.1:$port/x" 20000 64)
  ratio "${ours%% *}" "${plain%% *}" | tee -a "$dir/calls" > "$dir/ratio"
  echo >> "$dir/calls"
  echo "$ours; rival $plain; ratio $(cat "$dir/ratio")"
done
echo "median ratio $(median "$dir/calls")"

title "GET script on the platform, 64 connections, against bare libmicrohttpd (at least 0.167)"
token=bench-token-0123456789
echo $token > "$dir/token"
"$moonherd" serve --listen 127.0.0.1:0 --state "$dir/state" --token-file "$dir/token" \
  > "$dir/served" 2> "$dir/log" & pids="$pids $!"
base=$(first "$dir/served" | sed 's/^serving //')
account=00000000000000000000000000000000
CLOUDFLARE_API_TOKEN=$token "$moonherd" --log error --account $account --target "$base" -e '
  local ns = require "moonherd".connect():ensure_namespace "bench"
  ns:script "one":upload { script = "addEventListener(\"fetch\", () => {})", compatibility_date = "2026-10-01" }'
served=$(echo "$base" | sed 's/.*:\([0-9]*\).*/\1/')
path=/client/v4/accounts/$account/workers/dispatch/namespaces/bench/scripts/one
for _ in 1 2 3 4 5; do
  ours=$("$bench/http_load" 64 2 "$served" $path "Authorization: Bearer $token")
  bare=$("$bench/http_load" 64 2 "$port" $path)
  ratio "$ours" "$bare" | tee -a "$dir/gets" > "$dir/ratio"
  echo >> "$dir/gets"
  echo "$ours requests/s; rival $bare; ratio $(cat "$dir/ratio")"
done
echo "median ratio $(median "$dir/gets")"

title "listing 100,000 scripts by pages: the last ones against the first (at most 1.2)"
"$moonherd" run --target local --log error tests/bench/list_pages.lua

title "JSON against bare lua-cjson"
"$bench/json"

title "the store against plain SQLite"
"$bench/store"
