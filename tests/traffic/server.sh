# For the shell tests that put a server under load, behind tests/shell.sh: a `moonherd serve` on
# $scratch/state and the clients of main.lua.
token=token-of-the-traffic-tests
echo "$token" > "$scratch/token"

# start_server: sets $server to its process and $base to its address.
start_server() {
  : > "$scratch/served"
  "$moonherd" serve --listen 127.0.0.1:0 --state "$scratch/state" --token-file "$scratch/token" \
    > "$scratch/served" 2>> "$scratch/log" &
  server=$!
  for _ in $(seq 400); do
    base=$(sed -n 's/^serving //p' "$scratch/served")
    [ -z "$base" ] || return 0
    sleep 0.025
  done
  cat "$scratch/log"
  return 1
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
