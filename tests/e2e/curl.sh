# curl against `moonherd serve`, in the forms that Cloudflare's documentation shows: metadata as a
# field and as a file, parts of modules named freely, tags and assets from a shell.
. tests/shell.sh

cd "$scratch" || exit 1
: > serve.out
"$moonherd" serve --listen 127.0.0.1:0 --state state > serve.out 2> serve.err &
server=$!
trap 'kill $server; wait $server; rm -rf "$scratch"' EXIT
for _ in $(seq 200); do
  base=$(sed -n 's/^serving //p' serve.out)
  [ -z "$base" ] || break
  sleep 0.05
done

account=$base/accounts/0123456789abcdef0123456789abcdef
namespaces=$account/workers/dispatch/namespaces
script=$namespaces/prod/scripts/customer-a
session=$(cat state/token)

# call STATUS CURL-ARGUMENTS…: the answer's status is STATUS; its body is kept in `body`.
call() {
  want=$1
  shift
  got=$(curl -s -o body -w '%{http_code}' -H "Authorization: Bearer $session" "$@")
  [ "$got" = "$want" ] || { echo "status $got, not $want"; cat body; return 1; }
}
has() { grep -qF -- "$1" body || { cat body; return 1; }; }

cat > worker.mjs <<'JS'
export default { fetch(request, env) { return new Response(env.MESSAGE) } };
JS
cat > metadata.json <<'JSON'
{ "main_module": "worker.mjs", "compatibility_date": "2026-10-01",
  "bindings": [{ "type": "plain_text", "name": "MESSAGE", "text": "hello" }], "tags": ["customer-123", "production"] }
JSON
ESM='type=application/javascript+module'

check 'a namespace' call 200 "$namespaces" -d '{"name":"prod"}' -H 'Content-Type: application/json'
check 'a namespace without a content type of JSON' call 200 "$namespaces" -d '{"name":"other"}'

check 'metadata as a field' call 200 -X PUT "$script" -F "metadata=$(cat metadata.json);type=application/json" \
  -F "worker.mjs=@worker.mjs;$ESM"
check 'entry' has '"entry_point":"worker.mjs"'
check 'metadata as a file' call 200 -X PUT "$script" -F 'metadata=@metadata.json;type=application/json' \
  -F "worker.mjs=@worker.mjs;$ESM"
check 'a part named freely' call 200 -X PUT "$script" -F 'metadata=@metadata.json' \
  -F "script=@worker.mjs;$ESM"
check 'is found by its file name' has '"entry_point":"worker.mjs"'
check 'the file before the metadata' call 200 -X PUT "$script" -F "files=@worker.mjs;$ESM" \
  -F 'metadata=@metadata.json'
check 'a Worker of the older syntax' call 200 -X PUT "$namespaces/prod/scripts/old" \
  -H 'Content-Type: application/javascript' --data-binary 'addEventListener("fetch", () => {})'
check 'main_module that names no part' call 400 -X PUT "$script" \
  -F 'metadata={"main_module":"none.mjs"}' -F "worker.mjs=@worker.mjs;$ESM"
check 'is named' has 'No such module \"none.mjs\".'

check 'settings' call 200 -X PATCH "$script/settings" -F 'settings={"logpush":true}'
check 'logpush' has '"logpush":true'
check 'a secret' call 200 -X PUT "$script/secrets" -H 'Content-Type: application/json' \
  -d '{"name":"API_KEY","text":"a-secret-of-the-tests","type":"secret_text"}'
check 'is not shown' sh -c '! grep -q a-secret body'

check 'tags' call 200 -X PUT "$script/tags" -H 'Content-Type: application/json' -d '["customer-123","staging"]'
check 'a tag' call 200 -X PUT "$script/tags/production"
check 'three tags' call 200 "$script/tags"
check 'in order' has '["customer-123","staging","production"]'
check 'the Python list of older documentation' call 400 -X PUT "$script/tags" \
  -H 'Content-Type: application/json' -d "['TAG1']"
check 'is no JSON' has '"code":10026'
check 'a list by tags' call 200 "$namespaces/prod/scripts?tags=customer-123:yes,old:no"
check 'the script' has '"id":"customer-a"'

# The three steps of a direct upload of assets.
check 'an asset session' call 200 "$script/assets-upload-session" -H 'Content-Type: application/json' \
  -d '{"manifest":{"/index.html":{"hash":"08f1dfda4574284ab3c21666d1ee8c7d","size":6}}}'
token=$session
session=$(sed -n 's/.*"jwt":"\([^"]*\)".*/\1/p' body)
check 'the file' call 201 "$account/workers/assets/upload?base64=true" \
  -F "08f1dfda4574284ab3c21666d1ee8c7d=$(printf 'hello\n' | base64);type=text/html"
jwt=$(sed -n 's/.*"jwt":"\([^"]*\)".*/\1/p' body)
check 'a session is no credential' call 401 "$script"
session=$token
check 'a Worker with assets' call 200 -X PUT "$script" -F "worker.mjs=@worker.mjs;$ESM" -F "metadata={
  \"main_module\": \"worker.mjs\", \"assets\": { \"jwt\": \"$jwt\", \"config\": { \"html_handling\": \"none\" } },
  \"bindings\": [{ \"name\": \"ASSETS\", \"type\": \"assets\" }] };type=application/json"
check 'has them' has '"has_assets":true'

check 'delete by tag' call 200 -X DELETE "$namespaces/prod/scripts?tags=customer-123:yes&limit=10"
check 'one' has '"deleted_count":1'
session=wrong
check 'a wrong token' call 401 "$namespaces"
finish
