# Processes that share a request budget: none of them ever gets a 429, though together they want
# several windows' worth, and one of them is killed.
. tests/shell.sh
. tests/traffic/server.sh
export XDG_STATE_HOME="$scratch"

echo '{"limit":{"quota":120,"window":3,"block":60}}' > "$scratch/faults"
serve_options="--faults $scratch/faults"

# work COUNT: for the background, where it becomes the process that may be killed.
work() {
  export CLOUDFLARE_API_TOKEN="$token"
  exec "$moonherd" run --log error --target "$base" tests/e2e/budget.lua "$1"
}

answers() {
  curl -s -H "Authorization: Bearer $token" \
    "${base%/client/v4}/moonherd/requests?status=$1&limit=10000" | grep -o '"target"' | wc -l
}

several_and_one_killed() {
  work 150 & a=$!
  work 150 & b=$!
  work 10000 & killed=$!
  sleep 2
  kill -9 $killed
  wait $killed 2> /dev/null
  work 60 & c=$!
  wait $a && wait $b && wait $c
}

check 'a server starts' start_server
check 'several processes share its allowance' several_and_one_killed
check 'and none of them was refused' test "$(answers 429)" = 0
check 'all that they asked was answered' test "$(answers 200)" -ge 360
check 'the file is for its owner alone' test "$(stat -c %a "$scratch/moonherd/budget.db")" = 600
check 'and does not hold the token' sh -c "! grep -q '$token' '$scratch'/moonherd/*"
check 'the server ends well' stop_server
finish
