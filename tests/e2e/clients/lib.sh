# For the tests with real clients: `. tests/e2e/clients/lib.sh`. Gives each scenario a platform of
# its own.
. tests/shell.sh
. tests/e2e/clients/npm.sh

tree=$PWD
account=0123456789abcdef0123456789abcdef
out=$scratch/out err=$scratch/err
recorded=$tree/tests/e2e/recorded

# ---- the platform ---------------------------------------------------------------------------------

platform_pid= recorder_pid=
end_scenario() {
  for pid in $recorder_pid $platform_pid; do
    kill "$pid" && wait "$pid"
  done 2>/dev/null
  platform_pid= recorder_pid=
}
trap 'end_scenario; rm -rf "$scratch"' EXIT

# wait_for FILE PATTERN: the first match of the pattern's group in a file that is being written.
wait_for() {
  for _ in $(seq 200); do
    found=$(sed -n "s/$2/\1/p" "$1" | head -n 1)
    [ -z "$found" ] || return 0
    sleep 0.05
  done
  cat "$1"
  return 1
}

# scenario NAME [OPTIONS…]: a new platform; all that clients say from here on is one recording.
scenario() {
  end_scenario
  name=$1
  shift
  state=$scratch/$name
  "$moonherd" serve --listen 127.0.0.1:0 --state "$state" "$@" > "$scratch/serve" 2> "$scratch/log" &
  platform_pid=$!
  wait_for "$scratch/serve" '^serving http:\/\/127.0.0.1:\([0-9]*\).*' || exit 1
  port=$found
  if [ -n "${RECORD:-}" ]; then
    rm -f "$recorded/$name.json"
    "$moonherd" run --log error tests/e2e/clients/recorder.lua "$port" "$state/token" \
      "$recorded/$name.json" > "$scratch/recorder" 2>&1 &
    recorder_pid=$!
    wait_for "$scratch/recorder" '^\([0-9][0-9]*\)$' || exit 1
    port=$found
  fi
  base=http://127.0.0.1:$port/client/v4
  export CLOUDFLARE_API_TOKEN="$(cat "$state/token")" CLOUDFLARE_ACCOUNT_ID=$account
  export CLOUDFLARE_API_BASE_URL=$base CLOUDFLARE_BASE_URL=$base
  echo "# $name"
}

# holds PATH EXPRESSION: what the platform answers to GET PATH, below the namespaces, makes a Lua
# expression true; `result` is the answer's.
holds() {
  "$moonherd" run --log error --target "$base" "$tree/tests/e2e/clients/holds.lua" "$1" "$2"
}

# ---- running clients --------------------------------------------------------------------------------

# gives CODE COMMAND…: the exit code is CODE; what is printed is kept, without colours.
gives() {
  want=$1
  shift
  "$@" > "$scratch/raw-out" 2> "$scratch/raw-err" < /dev/null
  got=$?
  sed 's/\x1b\[[0-9;]*m//g' "$scratch/raw-out" > "$out"
  sed 's/\x1b\[[0-9;]*m//g' "$scratch/raw-err" > "$err"
  [ "$got" = "$want" ] || { echo "exit code $got, not $want"; cat "$out" "$err"; return 1; }
}
prints() { cat "$out" "$err" | grep -qF -- "$1" || { cat "$out" "$err"; return 1; }; }
