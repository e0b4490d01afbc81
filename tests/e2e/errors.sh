# What a person gets to read when a script fails: the place in the source, who spawned the task, what to
# do about it. Whole, nothing twice, nothing cut in a character.
. tests/shell.sh

top=$PWD
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

cat > two.lua <<'LUA'
local moonherd = require "moonherd"
moonherd.gather(
  function () moonherd.sleep "10ms" error "one fails" end,
  function () moonherd.sleep "10ms" error "two fails" end)
LUA
check 'two tasks that fail at once' fails --clock virtual two.lua
check 'are both told of' sh -c "grep -q '^moonherd: two.lua:3: one fails' err && grep -qx '  also: two.lua:4: two fails' err"
cat > answers.lua <<'LUA'
local moonherd = require "moonherd"
local server = require("moonherd.serve").listen { port = 0 }
moonherd.spawn(function ()
  server:accept():respond(400, { ["content-type"] = "application/json" },
    '{"success":false,"errors":[{"code":99999,"message":"the moon is full"},' ..
    '{"code":99998,"message":"and\\n/etc/passwd:1: blue"}],"messages":[],"result":null}')
end)
moonherd.connect {
  base_url = "http://127.0.0.1:" .. server.port, account_id = ("0"):rep(32), api_token = "a-test-token",
}:namespace "x":details()
LUA
unset_target() { "$moonherd" --log warn run "$@" > out 2> err; [ $? = 1 ]; }
check 'a code of the API that is not known' unset_target answers.lua
check 'is told, with what else the answer has, in a line' sh -c \
  "grep -q 'the moon is full .*(code 99999, status 400)' err && grep -qx '  also: and /etc/passwd:1: blue (code 99998)' err"
check 'and no file that an answer names is shown' is_silent_on 'root:'

echo 'local moonherd = require "moonherd"
local task = moonherd.spawn(moonherd.sleep, "1h")
task:cancel "no longer needed"
task:wait()' > cancelled.lua
check 'a task that was cancelled' fails cancelled.lua
check 'says so, and where it began' said \
"moonherd: cancelled: no longer needed
  spawned at cancelled.lua:2
     1 | local moonherd = require \"moonherd\"
>    2 | local task = moonherd.spawn(moonherd.sleep, \"1h\")
     3 | task:cancel \"no longer needed\"
  in task 2, spawned at cancelled.lua:2"

echo 'error(("\u{FC}"):rep(1 << 20))' > huge.lua
check 'a message of 2 MB' fails huge.lua
check 'leaves the screen to the rest' sh -c "[ \"\$(wc -c < err)\" -lt 9000 ] && grep -q '  ... ([0-9]* bytes in all)' err && grep -q '^>    1 |' err"
check 'in whole characters' is_text
echo 'local ok, err = pcall(function () local x; x.y = 1 end)
error("wrapped: " .. err, 0)' > rethrown.lua
check 'an error that was caught and raised again' fails rethrown.lua
check 'has the place of both' sh -c "grep -q '^moonherd: wrapped: rethrown.lua:1: attempt' err && grep -q '^>    2 |' err"
echo 'local s = require("moonherd").log.hide "sekret-token-1"
error("esc \27[31m red \7 bell " .. s)' > steering.lua
check 'a message that steers terminals and has a secret' fails steering.lua
check 'does neither' says 'steering.lua:2: esc ?[31m red ? bell [hidden]'

network() { echo "require(\"moonherd\").http.get $1" > network.lua; fails network.lua && says "hint: $2"; }
check 'a refused connection has a hint' network '"http://127.0.0.1:1/"' 'nothing listens there'
echo 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000000) .. i end' > memory.lua
if grep -q fsanitize "$top/$B/flags"; then
  skip 'no memory' 'sanitizers need more than can be allowed'
else
  check 'no memory' sh -c "ulimit -v 2000000; '$moonherd' run memory.lua > out 2> err; [ \$? = 1 ]"
  check 'is told, with a hint' sh -c "grep -q 'not enough memory' err && grep -q 'hint: less must be held at once' err"
fi

# The same facts for machines: one object a line.
for script in nested tasks api two cancelled close table wrapped; do
  "$moonherd" --target local --log json run $script.lua > out 2> err
  check "--log json, $script: one object" sh -c \
    "[ \"\$(grep -c '\"level\":\"error\"' err)\" = 1 ] && ! grep -v '^{.*}\$' err"
  check "--log json, $script: with kind, message and trace" sh -c \
    "grep '\"level\":\"error\"' err | grep '\"kind\":\"' | grep '\"message\":\"' | grep -q '\"trace\":\"'"
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
