# For the shell tests that put a server under load, behind tests/shell.sh: a `moonherd serve` on
# $scratch/state and the clients of main.lua.
token=token-of-the-traffic-tests
echo "$token" > "$scratch/token"

# start_server: sets $server to its process, $base to its address and $port to the port of that. It
# listens at $listen, with $serve_options.
listen=127.0.0.1:0
serve_options=
start_server() {
  : > "$scratch/served"
  # shellcheck disable=SC2086
  "$moonherd" serve --listen "$listen" --state "$scratch/state" --token-file "$scratch/token" \
    $serve_options > "$scratch/served" 2>> "$scratch/log" &
  server=$!
  for _ in $(seq 400); do
    base=$(sed -n 's/^serving //p' "$scratch/served")
    port=$(echo "$base" | sed 's/.*:\([0-9]*\)\/.*/\1/')
    [ -z "$base" ] || return 0
    sleep 0.025
  done
  cat "$scratch/log"
  return 1
}

# raw FILE: what the server answers to these bytes.
raw() {
  bash -c 'exec 3<>/dev/tcp/127.0.0.1/"$0" && cat "$1" >&3 && timeout 10 cat <&3' "$port" "$1"
}

# stop_server: its exit code.
stop_server() {
  kill $server
  wait $server 2> /dev/null
}

# traffic NAME=VALUE…: as main.lua takes them.
traffic() {
  "$moonherd" run --target local --state "$scratch/unused" tests/traffic/main.lua base="$base" \
    token="$token" directory="$scratch/state" file="$scratch/model" "$@"
}
