# A server and two scripts with platforms of their own write to one state directory at once: none
# loses a change of another, also of the script that all of them change, and none meets a lock.
. tests/shell.sh
. tests/traffic/server.sh

SECONDS_OF_LOAD=${SECONDS_OF_LOAD:-2}

# side NAME ARGUMENTS…: some clients of one process; their model is kept under its name.
side() {
  name=$1
  shift
  traffic reads=true seconds="$SECONDS_OF_LOAD" file="$scratch/$name.model" "$@" \
    > "$scratch/$name.out" 2>&1
}

all_at_once() {
  side server clients=8 first=1 & a=$!
  side script clients=8 first=9 base=local & b=$!
  side other clients=8 first=17 base=local & c=$!
  wait $a && wait $b && wait $c
}

# still NAME FIRST: what was acknowledged to a side is there at the end.
still() { traffic file="$scratch/$1.model" clients=8 first="$2"; }

check 'a server starts' start_server
check 'and shares its state with two scripts' all_at_once
cat "$scratch"/*.out | grep -v "the upload drops secret"
check 'what the server acknowledged is there' still server 1
check 'what one script acknowledged, too' still script 9
check 'and what the other did' still other 17
check 'the server ends well' stop_server
check 'and has met no error' sh -c "! grep -v 'the upload drops secret' '$scratch/log'"
finish
