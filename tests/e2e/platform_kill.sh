# The platform is killed at random moments while it is being written to. When it starts again,
# everything it had acknowledged is there, of every other change the whole or nothing, and its
# database is sound; a session of assets goes on.
#   KILLS=100 SEED=7 sh tests/e2e/platform_kill.sh    more of it, or one run again
. tests/shell.sh
. tests/traffic/server.sh

KILLS=${KILLS:-10}
seed=${SEED:-$(date +%s)}

kill_server() {
  kill -9 $server 2> /dev/null
  wait $server 2> /dev/null
}

# survives: kills a server that was just started, after some acknowledged changes.
survives() {
  start_server || return 1
  traffic seed="$seed" pid=$server signal=KILL after=$((seed * 7919 % 97 + 1))
  result=$?
  kill_server
  return $result
}

has_everything() {
  start_server && traffic && stop_server
}

# session load|resume: what platform_kill_assets.lua does.
session() {
  "$moonherd" run --target local tests/e2e/platform_kill_assets.lua "$1" "$base" "$token" \
    "$scratch/session"
}

# Killed right behind the first file that was acknowledged.
session_goes_on() {
  start_server || return 1
  : > "$scratch/first"
  session load > "$scratch/first" & load=$!
  for _ in $(seq 400); do
    [ -s "$scratch/first" ] && break
    sleep 0.025
  done
  kill_server
  wait $load && start_server && session resume
  result=$?
  stop_server
  return $result
}

for _ in $(seq "$KILLS"); do
  check "killed, seed $seed" survives
  seed=$((seed + 1))
done
check 'everything is there' has_everything
check 'killed in the middle of a session of assets' session_goes_on
finish
