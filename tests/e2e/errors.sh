# What a person gets to read when a script fails: the place in the source, who spawned the task, what to
# do about it. Whole, nothing twice, nothing cut in a character.
. tests/shell.sh

cd "$scratch" || exit 1

# fails FILE…: runs a script that fails, and keeps what it says.
fails() {
  "$moonherd" --target local --log warn run "$@" > out 2> err
  [ $? = 1 ] || { cat out err; return 1; }
}
says() { grep -qF -- "$1" err || { cat err; return 1; }; }
is_silent_on() { ! grep -qF -- "$1" err || { cat err; return 1; }; }
is_text() { iconv -f UTF-8 -t UTF-8 err > /dev/null || { cat err; return 1; }; }
said() { [ "$(cat err)" = "$1" ] || { cat err; return 1; }; }

cat > nested.lua <<'LUA'
local function name_of(tenant)
  return tenant.owner.name
end
local function show(tenant) print((name_of(tenant))) end
show { id = 1 }
LUA
check 'a nil that is indexed in a nested function' fails nested.lua
check 'has its place, its line with context, and its callers' said \
"moonherd: nested.lua:2: attempt to index a nil value (field 'owner')
     1 | local function name_of(tenant)
>    2 |   return tenant.owner.name
     3 | end
  nested.lua:2: in upvalue 'name_of'
  nested.lua:4: in local 'show'
  nested.lua:5: in main chunk"

cat > tasks.lua <<'LUA'
local moonherd = require "moonherd"
moonherd.spawn(function ()
  moonherd.spawn(function ()
    moonherd.sleep "1ms"
    error "deep down"
  end)
end)
LUA
check 'a task of a task' fails tasks.lua
check 'shows where each was spawned' said \
"moonherd: tasks.lua:5: deep down
     4 |     moonherd.sleep \"1ms\"
>    5 |     error \"deep down\"
     6 |   end)
  tasks.lua:5: in function <tasks.lua:3>
  in task 3, spawned at tasks.lua:3
  in task 2, spawned at tasks.lua:2"

cat > api.lua <<'LUA'
local moonherd = require "moonherd"
moonherd.connect():namespace "nope":script "shop":details()
LUA
check 'a refusal of the API' fails api.lua
check 'has its code and status' says '(code 100119, status 404)'
check 'and its request, with attempts and the ray' sh -c \
  "grep -q 'request: GET /accounts/.*/nope/scripts/shop, 1 attempt, ray id [0-9a-f]*-LUA' err"
check 'and a hint' says 'hint: check the name and the account, or create the namespace'
check 'each of them once' sh -c "[ \"\$(grep -c 'hint:' err)\" = 1 ] && [ \"\$(grep -c 100119 err)\" = 1 ]"
check 'as JSON it is one object' sh -c \
  "'$moonherd' --target local --log json run api.lua 2>&1 | grep -c '\"code\":100119' | grep -qx 1"

cat > slow.lua <<'LUA'
local moonherd = require "moonherd"
local job = moonherd.job { name = "nightly" }
job:add("one", function () moonherd.sleep "1h" end)
moonherd.timeout("10ms", job.run, job)
LUA
check 'a time limit' fails --clock virtual slow.lua
check 'names the job that was waited for' says "timed out after 0.01 s while waiting for job 'nightly'"

echo 'require "moonherd".connect():ensure_namespace "shop":script "x":upload { fil = "w.mjs" }' > option.lua
check 'a mistyped option' fails option.lua
check 'is told the nearest' says "script:upload: unknown option 'fil' (did you mean 'file'?)"

printf 'do\n  local f <close> = setmetatable({}, { __close = function () error "stuck" end })\nend\n' > close.lua
check 'an error in a <close>' fails close.lua
check 'shows its line' says '>    2 |   local f <close>'

printf 'if x then\n  print(x)\n\n' > open.lua
check 'a syntax error at the end' fails open.lua
check 'says what is missing' says "'end' expected (to close 'if' at line 1) near <eof>"

echo 'error { code = 7, tenants = { "a", "b" } }' > table.lua
check 'a table that is raised' fails table.lua
check 'is shown' says 'moonherd: { code = 7, tenants = { "a", "b" } }'
check 'and none is named by its address' is_silent_on 'table: 0x'
echo 'error()' > nothing.lua
check 'nothing that is raised' fails nothing.lua
check 'is told' says '(error object is a nil value)'

echo 'local f = coroutine.wrap(function ()
  error "in a coroutine"
end)
f()' > wrapped.lua
check 'an error in a coroutine' fails wrapped.lua
check 'shows its own line' says '>    2 |   error "in a coroutine"'

printf 'local function f(n) return f(n + 1) + 1 end\nf(1)\n' > endless.lua
check 'a stack that overflows' fails endless.lua
check 'is shown once' sh -c "grep -q 'and [0-9]* more of them' err && [ \"\$(wc -l < err)\" -lt 10 ]"

# Lua keeps the last 60 bytes of a file's name: here they begin in the middle of a character.
for n in 20 21; do
  folder=$scratch/$(printf '\303\274%.0s' $(seq $n))/a-folder-with-a-long-name-too
  mkdir -p "$folder/x"
  cp nested.lua tasks.lua open.lua "$folder/x"
  echo 'require "nested"' > "$folder/x/asks.lua"
  for script in nested tasks open asks; do
    check "a long path, $script" fails "$folder/x/$script.lua"
    check 'is shown whole, with its source' sh -c "grep -q '^moonherd: $folder/x/.*lua:[0-9]' err && grep -q '^> ' err"
    check 'in whole characters' is_text
  done
done

printf 'require "tenant"' > missing.lua
check 'a module that is not there' fails missing.lua
check 'says where it was looked for' says "no file './tenant.lua'"
for typo in 'require "moonherd.fss":moonherd.fs' 'require "moonherd".slep(1):moonherd.sleep' \
  'prnt(1):print' 'table.cocnat {}:table.concat' 'moonhred.sleep(1):moonherd'; do
  echo "${typo%:*}" > typo.lua
  check "${typo%:*}" fails typo.lua
  check "suggests ${typo##*:}" says "hint: did you mean ${typo##*:}?"
done
finish
