# moonherd jobs: every state of a job, and what is done with it afterwards.
. tests/shell.sh

mkdir "$scratch/home" "$scratch/elsewhere"
cp tests/e2e/job_items.lua "$scratch/home/items.lua"
log="$scratch/the log"
: > "$log"
ledger="$scratch/jobs of mine.db"

# jobs ARGUMENTS…: moonherd jobs, in a folder that has nothing to do with the job.
jobs() { (cd "$scratch/elsewhere" && "$moonherd" jobs "$@") > "$scratch/out" 2>&1; }

# begin COUNT PAUSE HOW: the job in the background, once it has begun; its process is $run.
begin() {
  (cd "$scratch/home" && exec "$moonherd" run --target local items.lua "$ledger" "$log" "$@") \
    > "$scratch/run" 2>&1 & run=$!
  for _ in $(seq 400); do
    grep -q did "$log" && return
    sleep 0.025
  done
  return 1
}

count() { grep -c "$1" "$log"; }

# says TEXT…: the output has every text.
says() {
  for text; do
    grep -qF -- "$text" "$scratch/out" || { cat "$scratch/out"; return 1; }
  done
}

# refused TEXT: exit 2 with that text.
refused() {
  text=$1
  shift
  jobs "$@"
  [ $? = 2 ] && says "$text"
}

# ---- states --------------------------------------------------------------------------------------

check 'no ledger is an error' sh -c "! '$moonherd' jobs show nothing 2> /dev/null"
check 'it says where jobs are listed' sh -c "cd '$scratch' && '$moonherd' jobs show 7 2>&1 | grep -q 'moonherd jobs list'"
near_job() {
  mkdir -p "$scratch/near/jobs" && : > "$scratch/near/jobs/rollout.db"
  "$moonherd" --state "$scratch/near" jobs show rolout 2>&1 | grep -q "no job 'rolout' in .*near/jobs (did you mean 'rollout'?)"
}
check 'and names the nearest' near_job
check 'a folder without jobs has none' sh -c "cd '$scratch/elsewhere' && '$moonherd' jobs list |
  grep -q 'no jobs'"
# stopped: the process stands still while it holds items.
stopped() {
  for _ in $(seq 100); do
    kill -STOP $run
    jobs show --ledger "$ledger" --json
    held=$(sed -n 's/^  "running": \([0-9]*\).*/\1/p' "$scratch/out")
    [ "$held" = 0 ] || return 0
    kill -CONT $run
    sleep 0.03
  done
  return 1
}

begin 40 50ms ok
check 'a job is stopped in its midst' stopped
check 'it counts as running' says '"state": "running"' "(pid $run)" '"interrupted": 0'
check 'and is not forgotten' refused 'is being run by' forget --ledger "$ledger"
check 'nor rolled back' refused 'is being run by' rollback --ledger "$ledger"
kill -9 $run
wait $run 2> /dev/null
jobs list --ledger "$ledger" --json
held=$(sed -n 's/^ *"interrupted": \([0-9]*\).*/\1/p' "$scratch/out")
check 'one that was killed' says '"state": "interrupted"' '"running": 0'
jobs show --ledger "$ledger"
check 'is shown with its command' says "'$log' 40 50ms ok"

# ---- resume --------------------------------------------------------------------------------------

check 'what to type next is said' says 'next     moonherd jobs resume --ledger '
check 'it is resumed from another folder' jobs resume --ledger "$ledger"
check 'to its end' says ' 0 failed'
check 'what was in flight is looked at' [ "$(count looked)" = "$held" ]
check 'and nothing is done twice' [ "$(count did)" = 40 ]
jobs show --ledger "$ledger" --json
check 'then it has ended' says '"state": "ended"' '"done": 40' '"failures": []'

mv "$scratch/home/items.lua" "$scratch/home/moved.lua"
check 'a script that was moved away is named' sh -c \
  "! '$moonherd' jobs resume --ledger '$ledger' 2>&1 | grep -q 'items.lua.*no such file' && exit 1
  exit 0"
mv "$scratch/home/moved.lua" "$scratch/home/items.lua"

ledger=$scratch/secret.db
: > "$log"
begin 3 1ms secret-word-of-jobs
wait $run
check 'a secret among the arguments is in no file of the ledger' \
  sh -c "! grep -q secret-word-of-jobs '$ledger'*"
check 'so it is not resumed' refused 'a secret among its arguments' resume --ledger "$ledger"
jobs show --ledger "$ledger"
check 'nor shown' sh -c "! grep -q secret-word '$scratch/out'"

# ---- failures ------------------------------------------------------------------------------------

ledger=$scratch/failed.db
: > "$log"
(cd "$scratch/home" && "$moonherd" run --target local items.lua "$ledger" "$log" 30 0s fail) \
  > /dev/null 2>&1
jobs show --ledger "$ledger"
check 'failures are shown' says 'failed   item-1:' 'no item-1' '(attempt 1' 'more with --json'
check 'twenty of them' [ "$(grep -c '^failed ' "$scratch/out")" = 20 ]
jobs show --ledger "$ledger" --json
check 'or all, as JSON' [ "$(grep -c '"attempts": 1' "$scratch/out")" = 30 ]
: > "$log"
(cd "$scratch/home" && "$moonherd" run --target local items.lua "$scratch/stop.db" "$log" 90 0s \
  stop) > /dev/null 2>&1
check 'one that shall stop begins no more' [ "$(count began)" -lt 12 ]

# ---- several -------------------------------------------------------------------------------------

mkdir -p "$scratch/elsewhere/.moonherd/jobs"
for name in one two; do
  cp "$scratch/failed.db" "$scratch/elsewhere/.moonherd/jobs/$name.db"
done
echo 'not a ledger' > "$scratch/elsewhere/.moonherd/jobs/notes.db"
echo 'nor this' > "$scratch/elsewhere/.moonherd/jobs/notes.txt"
chmod 600 "$scratch"/elsewhere/.moonherd/jobs/*
jobs list
check 'a folder is listed' [ "$(grep -c '^items ' "$scratch/out")" = 2 ]
check 'what else is in it is told' says notes.db
check 'a job is forgotten' jobs forget one
check 'with all its files' sh -c "! ls '$scratch'/elsewhere/.moonherd/jobs/one.db* 2> /dev/null"
jobs list --json
check 'and the other stays' [ "$(grep -c '"name": "items"' "$scratch/out")" = 1 ]

odd() {
  (cd "$scratch/home" && "$moonherd" run --target local -e 'local moonherd = require "moonherd"
    local job = moonherd.job { name = "odd" }
    job:add("a\27[2Jb\u{9b}2J\nc", function () error("no\27]0;x\7", 0) end)
    job:run()') > /dev/null 2>&1
  (cd "$scratch/home" && "$moonherd" jobs show odd) > "$scratch/out"
}
check 'a job whose names and errors are commands to terminals' odd
check 'shows them as text' says 'failed   a?[2Jb?2J?c: no?]0;x? (attempt 1'
# ---- rollback ------------------------------------------------------------------------------------

cat > "$scratch/home/release.lua" << 'END'
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "shops"
local spec = { modules = { ["a.mjs"] = "export default {}" }, compatibility_date = "2026-10-01" }
if arg[1] then return ns:script(arg[1]):add_tag "theirs" end
local job = moonherd.job { name = "release", snapshot = true }
for _, name in ipairs { "acme", "globex" } do job:upload(ns, name, spec) end
return #job:run().failed == 0
END
release() { (cd "$scratch/home" && "$moonherd" run --target local release.lua "$@") > /dev/null 2>&1; }
ledger=$scratch/home/.moonherd/jobs/release.db
dry_release() {
  (cd "$scratch/home" && "$moonherd" run --target local --dry-run release.lua) 2>&1 |
    grep -q 'dry run: PUT .*acme' && [ ! -e "$ledger" ]
}
check 'a dry run of a release, which records nothing' dry_release
check 'a release' release
check 'a rollback in a dry run' jobs rollback --dry-run --ledger "$ledger"
check 'is as good' says 'rolled back release: 2 done, 0 failed'
check 'forgetting in a dry run' jobs forget --dry-run --ledger "$ledger"
check 'says what it would forget' says 'would forget release: 2 done'
release acme
jobs rollback --ledger "$ledger"
check 'a rollback that leaves something fails' [ $? = 1 ]
check 'and says what and why' says 'failed   acme: ' 'changed by somebody since' '1 done, 1 failed'
check 'forced, it does not' jobs rollback --ledger "$ledger" --force --json
check 'and says so as JSON' says '"done": 1' '"failed": []' '"not_restored": []'
check 'then there is nothing left to do' jobs rollback --ledger "$ledger"
check 'which is said' says 'rolled back release: 0 done, 0 failed'

cat > "$scratch/home/rotate.lua" << 'END'
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "shops"
ns:script "keyed":upload {
  modules = { ["a.mjs"] = "export default {}" }, compatibility_date = "2026-10-01",
  tags = { "keyed" }, bindings = { KEY = moonherd.secret "one-of-many" },
}
ns:tag({ "keyed" }, { add = { "more" } }, { ledger = "bare.db" })
ns:rotate_secret({ "keyed" }, "KEY", "two-of-many", { ledger = "kept.db", snapshot = true })
END
(cd "$scratch/home" && "$moonherd" run --target local rotate.lua) > /dev/null 2>&1
jobs rollback --ledger "$scratch/home/kept.db"
check 'a rollback that cannot give a secret back fails' [ $? = 1 ]
check 'and says which' says 'left     keyed: secret KEY is not the old one' \
  '1 done, 1 of them with something left'
jobs rollback --ledger "$scratch/home/bare.db"
check 'a rollback without snapshots fails' [ $? = 1 ]
check 'and says that there are none' says 'no snapshots: nothing can be put back'
finish
