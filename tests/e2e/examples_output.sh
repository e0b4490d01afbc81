# What the small examples print is what they are meant to show.
. tests/shell.sh

# prints EXAMPLE: compares what it prints, run twice on the same state, with the text given to it.
prints() {
  cat > "$scratch/wanted"
  for turn in first second; do
    "$moonherd" run --target local --state "$scratch/state" "examples/$1" < /dev/null \
      > "$scratch/printed" 2> "$scratch/said" || { cat "$scratch/said"; return 1; }
    diff "$scratch/wanted" "$scratch/printed" || { echo "($turn run)"; return 1; }
  done
}

check 1_hello prints 1_hello.lua << 'END'
greeter starts with greeter.mjs; requests: 1
greeter	fetch
export default { fetch() { return new Response('Hello!') } }
END

check 2_folder prints 2_folder.lua << 'END'
tags      	customer:acme, plan:pro
modules   	data/rates.bin, index.mjs, lib/catalogue.mjs, lib/money.mjs, lib/router.mjs, templates/page.txt, wasm/money.wasm
END

check 3_errors prints 3_errors.lua << 'END'
api	namespace_not_found	100119
check the name and the account, or create the namespace
2 deployed, 1 refused
empty	no_handlers
namespace:delete: unknown option 'expects' (did you mean 'expect'?)
END

# The main job says how much came back as it was sent, and how many scripts are left.
deploy() {
  "$moonherd" run --target local --state "$scratch/deploy" examples/deploy.lua < /dev/null \
    > "$scratch/printed" 2> "$scratch/said" || { cat "$scratch/said" "$scratch/printed"; return 1; }
  grep -q "^The namespace 'tenants' on local held $1 scripts" "$scratch/printed" &&
    grep -q 'and 55 scripts are there now' "$scratch/printed" &&
    grep -q '^read back and compare *60 *60 *1.00' "$scratch/printed" &&
    grep -q '^[1-9][0-9]* bytes were read back, every one as it was sent' "$scratch/printed" ||
    { cat "$scratch/printed"; return 1; }
}
check 'the main job' deploy 0
check 'the main job, on what it left' deploy 55
finish
