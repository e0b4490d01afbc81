# Every example runs, and runs again on what its first run left.
. tests/shell.sh

run_example() {
  "$moonherd" run --target local --state "$scratch/$(basename "$1").state" "$1" \
    > "$scratch/printed" 2>&1 < /dev/null || { cat "$scratch/printed"; return 1; }
}

for example in examples/*.lua; do
  check "$example" run_example "$example"
  check "$example, again" run_example "$example"
done
finish
