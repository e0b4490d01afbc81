# moonherd doctor: what it says and how it ends, at the embedded platform and at servers that refuse.
. tests/shell.sh
. tests/traffic/server.sh

out=$scratch/out err=$scratch/err

# gives CODE COMMAND…: the exit code is CODE; stdout and stderr are kept.
gives() {
  want=$1
  shift
  "$@" > "$out" 2> "$err" < /dev/null
  got=$?
  [ "$got" = "$want" ] || { echo "exit code $got, not $want"; cat "$out" "$err"; return 1; }
}
tells() { grep -q -- "$1" "$out" || { cat "$out"; return 1; }; }
account=0123456789abcdef0123456789abcdef

check 'the embedded platform is well' gives 0 "$moonherd" doctor --target local --state "$scratch/s"
check 'each check has a line' tells '^ok  *state  *'
check 'a warning says what to do' tells '→ client:ensure_namespace'
check 'versions are there' tells '^ok  *versions  *moonherd [0-9.]*, Lua 5.4, libcurl/'
check 'as JSON' gives 0 "$moonherd" doctor --target local --state "$scratch/s" --json
check 'with the number of problems' tells '"problems": 0'
check 'a namespace that is missing' gives 1 "$moonherd" doctor --target local --state "$scratch/s" --namespace prod

check 'no account id' gives 1 env CLOUDFLARE_API_TOKEN=not-a-real-token "$moonherd" doctor
check 'is a problem of the account' tells '^problem  *account'
check 'nobody listens' gives 1 env CLOUDFLARE_API_TOKEN=not-a-real-token "$moonherd" doctor \
  --account $account --target http://127.0.0.1:9/client/v4
check 'is a problem of the connection' tells '^problem  *connection'

serve_options="--account $account"
check 'a server' start_server
check 'lets its own token in' gives 0 env CLOUDFLARE_API_TOKEN="$token" "$moonherd" doctor \
  --account $account --target "$base"
check 'a revoked token' gives 1 env CLOUDFLARE_API_TOKEN=not-a-real-token "$moonherd" doctor \
  --account $account --target "$base"
check 'is told as such' tells '^problem  *token'
check 'and not shown' sh -c "! grep -q not-a-real '$out' '$err'"
check 'the wrong account' gives 1 env CLOUDFLARE_API_TOKEN="$token" "$moonherd" doctor \
  --account ffffffffffffffffffffffffffffffff --target "$base"
check 'is told as such, too' tells '^problem  *account'
stop_server
finish
