# The platform is killed while it is being written to: every upload it had acknowledged is there
# when it starts again, a session of assets goes on, and its database is sound.
. tests/shell.sh

helper=$PWD/tests/e2e/platform_kill.lua
assets_helper=$PWD/tests/e2e/platform_kill_assets.lua
token=token-of-the-kill-test
echo "$token" > "$scratch/token"

# await FILE: until something is in it.
await() {
  for _ in $(seq 200); do
    [ -s "$1" ] && break
    sleep 0.05
  done
}

start() {
  : > "$scratch/served"
  "$moonherd" serve --listen 127.0.0.1:0 --state "$scratch/state" --token-file "$scratch/token" \
    > "$scratch/served" 2> "$scratch/log" &
  server=$!
  await "$scratch/served"
  base=$(sed -n 's/^serving //p' "$scratch/served")
}

drive() {
  "$moonherd" run --target local "$helper" "$1" "$base" "$token" "$scratch/acknowledged" "$2"
}

drive_assets() {
  "$moonherd" run --target local "$assets_helper" "$1" "$base" "$token" "$scratch/acknowledged"
}

# survives ROUND SECONDS: kills it so long after the first upload that it acknowledged.
survives() {
  start
  : > "$scratch/first"
  drive load "$1" > "$scratch/first" & load=$!
  await "$scratch/first"
  sleep "$2"
  kill -9 $server
  wait $server 2> /dev/null
  wait $load || return 1
  start
  drive compare "$1"
  result=$?
  kill $server
  wait $server 2> /dev/null
  return $result
}

# Killed right behind the first file that it acknowledged.
session_goes_on() {
  start
  : > "$scratch/first"
  drive_assets load > "$scratch/first" & load=$!
  await "$scratch/first"
  kill -9 $server
  wait $server 2> /dev/null
  wait $load || return 1
  start
  drive_assets resume
  result=$?
  kill $server
  wait $server 2> /dev/null
  return $result
}

is_sound() {
  "$moonherd" -e 'local db = require "moonherd.store".open(arg[1])
    local checks, keys = db:read { { "PRAGMA integrity_check" }, { "PRAGMA foreign_key_check" } }
    return checks[1].integrity_check == "ok" and #keys == 0' "$scratch/state/platform.db"
}

check 'killed early' survives 1 0.05
check 'killed later' survives 2 0.5
check 'killed once more' survives 3 0.2
check 'killed in the middle of a session of assets' session_goes_on
check 'the database is sound' is_sound
finish
