# For the scenarios of fleets, in small (tests/e2e/fleet.sh) and in full (tests/long/fleet.sh): sizes
# are in variables. Time is virtual; what a run leaves lies below $scratch.
. tests/shell.sh

export XDG_STATE_HOME=$scratch/user
START=1790000000

# fleet NAME START SCENARIO ARG…: runs a scenario on a platform of that name.
fleet() {
  export STATE=$scratch/$1
  start=$2 scenario=$3
  shift 3
  "$moonherd" run --target local --clock "virtual:$start" --log warn --state "$STATE" \
    "tests/fleet/$scenario.lua" "$@"
}

# Where the last run of the uploads has ended.
ended() { tail -n 1 "$scratch/runs" | cut -d ' ' -f 1; }

# Dies at each of the points, and goes on from there.
uploads_survive() {
  echo "$START 0 0" > "$scratch/runs"
  for point in $POINTS; do
    fleet uploads "$(ended)" uploads "$scratch" "$UPLOADS" "$point"
    [ $? = 137 ] || return 1
  done
  fleet uploads "$(ended)" uploads "$scratch" "$UPLOADS" 0
}

uploads_are_right() {
  START=$START fleet uploads "$START" uploads "$scratch" "$UPLOADS" 0 check
}

# Nothing of a secret may lie in any file, but sealed, nor stand in what was printed.
rotates() {
  fleet rotate "$START" rotate "$scratch/rotate.db" "$PICKED" "$OTHERS" "$SEED" "$@" \
    > "$scratch/printed" 2>&1 || { cat "$scratch/printed"; return 1; }
}
is_nowhere() { ! grep -rl "$1" "$scratch"; }

accounts() {
  mkdir "$scratch/accounts"
  "$moonherd" run --clock "virtual:$START" --log warn tests/fleet/accounts.lua "$scratch/accounts" \
    "$ITEMS"
}

sites() { fleet "$1" "$START" sites "$scratch/$1" "$SITES" "$2" "${3-}"; }
sites_survive() {
  mkdir "$scratch/killed"
  sites killed $((SITES / 2))
  [ $? = 137 ] && sites killed 0
}

run_scenarios() {
  check "$UPLOADS uploads, killed at $POINTS" uploads_survive
  check 'each has its content, was accepted once, and was not refused' uploads_are_right
  SEED=${SEED:-$(date +%s)}
  export NEW_VALUE=sk_live_rotated_9f2c
  check "a secret rotated on $PICKED of $((PICKED + OTHERS)) scripts, seed $SEED" rotates
  check 'rotated again, which writes nothing' rotates again
  check 'the secret is nowhere' is_nowhere $NEW_VALUE
  check "$TAGGED scripts deleted by tag" fleet delete "$START" delete "$TAGGED" "$ALIKE"
  check "$AUDITED scripts audited" fleet audit "$START" audit "$AUDITED"
  check "twelve accounts, $ITEMS changes each" accounts
  mkdir "$scratch/shared" "$scratch/salted"
  check "$SITES sites that share files send these once" sites shared 0
  check 'with a salt each they share none' sites salted 0 salted
  check 'killed, they send nothing again that has arrived' sites_survive
}
