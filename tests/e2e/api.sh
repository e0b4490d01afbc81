# moonherd api: raw calls from a shell. What is printed is the API's answer; what fails exits 1 and
# prints what the API said; what is wrong with the command line exits 2 and sends nothing.
. tests/shell.sh

cd "$scratch" || exit 1
out=$scratch/out err=$scratch/err
namespaces='/accounts/{account_id}/workers/dispatch/namespaces'
script="$namespaces/shop/scripts/acme"

# gives CODE ARGUMENTS…: `moonherd api ARGUMENTS` exits with CODE; stdout and stderr are kept.
gives() {
  want=$1
  shift
  "$moonherd" api --target local --state "$scratch/state" "$@" > "$out" 2> "$err"
  got=$?
  [ "$got" = "$want" ] || { echo "exit code $got, not $want"; cat "$out" "$err"; return 1; }
}
prints() { grep -qF -- "$1" "$out" || { cat "$out"; return 1; }; }
says() { grep -qF -- "$1" "$err" || { cat "$err"; return 1; }; }
is_silent() { [ ! -s "$out" ] || { cat "$out"; return 1; }; }

check 'a list' gives 0 GET "$namespaces"
check 'is printed as JSON' prints '"result": []'
check 'a JSON body' gives 0 POST "$namespaces" --json '{"name":"shop"}'
check 'the result' prints '"namespace_name": "shop"'
echo '{"name":"other"}' > body.json
check 'a body from a file' gives 0 post "$namespaces" --json=@body.json
from_stdin() { echo '{"name":"third"}' | gives 0 POST "$namespaces" --json @-; }
check 'a body from standard input' from_stdin

echo 'export default { fetch() { return new Response("hello") } }' > worker.mjs
metadata='{"main_module":"worker.mjs","compatibility_date":"2026-10-01","tags":["plan:pro"]}'
check 'a form' gives 0 PUT "$script" --form "metadata=$metadata" \
  --form 'worker.mjs=@worker.mjs;type=application/javascript+module'
check 'its result' prints '"entry_point": "worker.mjs"'
check 'an answer that is not JSON' gives 0 GET "$script/content"
check 'is printed as it came' prints 'return new Response("hello")'
check 'a raw body' gives 0 PUT "$script/content" --body @worker.mjs --content-type text/javascript
check 'a query' gives 0 GET "$namespaces/shop/scripts" --query tags=plan:pro:yes --query limit=1
check 'is sent' prints '"per_page": 1'
check 'a query beside that of the path' gives 0 GET "$namespaces/shop/scripts?limit=2" \
  --query tags=plan:pro:yes
check 'joins it' prints '"per_page": 2'
check 'the same with --log json' gives 0 --log json GET "$namespaces"

check 'a failed call exits 1' gives 1 GET "$namespaces/none"
check 'prints what the API said' prints '"code": 100119'
check 'and says it to people' says 'does not exist on this account'

check 'an unknown method exits 2' gives 2 FETCH "$namespaces"
check 'and is named' says "'FETCH' is not a method"
check 'a path without a slash' gives 2 GET accounts
check 'says how paths look' says '/accounts/{account_id}/workers'
check 'JSON that is none' gives 2 POST "$namespaces" --json '{"name":'
check 'says where it breaks' says 'line 1, column 9'
check 'prints nothing' is_silent
check 'a file that is not there' gives 2 POST "$namespaces" --json @none.json
check 'is named' says "cannot read 'none.json'"
check 'two bodies' gives 2 POST "$namespaces" --json '{}' --body x
check 'a part without a name' gives 2 PUT "$script" --form '{"main_module":"a"}'
check 'a type without a body' gives 2 GET "$namespaces" --content-type text/plain
check 'a mistyped option' gives 2 GET "$namespaces" --jsn '{}'
check 'gets the nearest one' says "(did you mean '--json'?)"
check 'help' gives 0 --help
check 'goes to stdout' prints 'Usage: moonherd api'
check 'and is all there is' test ! -s "$err"

# What stands on the command line can be read by every user of the machine.
leaves_no_trace() {
  mkfifo "$scratch/pipe"
  "$moonherd" api --target local --state "$scratch/state" PUT "$script" \
    --form 'metadata=hush-hush' --form "x=@$scratch/pipe" > /dev/null 2>&1 &
  pid=$!
  tries=0
  while ! tr '\0' ' ' < "/proc/$pid/cmdline" | grep -q xxxx && [ $tries -lt 100 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
  tr '\0' ' ' < "/proc/$pid/cmdline" > "$scratch/cmdline"
  : > "$scratch/pipe"
  wait $pid
  grep -q 'moonherd api' "$scratch/cmdline" && ! grep -q hush-hush "$scratch/cmdline" ||
    { cat "$scratch/cmdline"; return 1; }
}
check 'values are wiped from the command line' leaves_no_trace

for tenant in b c; do
  gives 0 PUT "$namespaces/shop/scripts/$tenant" --form "metadata=$metadata" \
    --form 'worker.mjs=@worker.mjs;type=application/javascript+module'
done
is_exactly() { [ "$(cat "$out")" = "$1" ] || { cat "$out"; return 1; }; }
check '--paginate' gives 0 GET "$namespaces/shop/scripts" --query limit=1 --paginate --field 'result[].id'
check 'follows the cursors' is_exactly "$(printf 'acme\nb\nc')"
check '--field of one item' gives 0 GET "$namespaces/shop/scripts" --field 'result[0].tags'
check 'is JSON where it is no text' is_exactly '["plan:pro"]'
check '--field of a single value' gives 0 GET "$namespaces/shop" --field result.namespace_name
check 'is its text' is_exactly shop
check '--field of what is not there' gives 1 GET "$namespaces/shop" --field result.namespace_nam
check 'is nothing' is_silent
check 'and is told' says "there is no 'namespace_nam' (did you mean 'namespace_name'?)"
check 'a --field that is no path' gives 2 GET "$namespaces" --field 'a..b'
check '--paginate of what is no list' gives 2 DELETE "$namespaces" --paginate
finish
