# What is private stays so: files and sockets with their modes, whatever the umask; folders and files
# that others could have planted; secrets in what is written, logged and shown.
. tests/shell.sh

umask 000
cd "$scratch" || exit 1
unset XDG_RUNTIME_DIR
export TMPDIR="$scratch/tmp"
mkdir tmp
sockets=$TMPDIR/moonherd-$(id -u)
modes() { stat -c '%a %n' "$@" | sort -u; }
fails_with() {
  want=$1
  shift
  "$@" > out 2>&1 < /dev/null && return 1
  grep -qF -- "$want" out || { cat out; return 1; }
}
lists() {
  "$moonherd" run --target local --state "${1:-state}" - <<'LUA'
require "moonherd".connect():namespaces()
LUA
}

cat > deploy.lua <<'LUA'
local moonherd = require "moonherd"
local client = moonherd.connect { account_id = ("a"):rep(32) }
local script = client:ensure_namespace("n"):script "s"
local secret = "correct-horse/\"battery\"-staple"
local key = require "moonherd.hash".base64("a key that nobody may see, ever")
script:upload {
  script = "addEventListener('fetch', f)", compatibility_date = "2026-10-01",
  bindings = {
    S = { type = "secret_text", text = secret },
    K = { type = "secret_key", format = "raw", algorithm = { name = "HMAC" }, usages = { "sign" },
      key_base64 = key },
    M = { type = "secret_text", text = secret, key_base64 = key },
  },
}
require "moonherd.log".warn("said " .. secret, { field = secret, url = "/x?" .. key })
local ok, err = pcall(script.upload, script, { script = "", compatibility_date = "2026-10-01",
  bindings = { S = { type = "secret_text", text = secret:rep(300) } } })
require "moonherd.log".warn(require "moonherd.error".to_json(err))
os.execute(("ls -l %s; stat -c '%%a %%n' state/* state/.gitignore %s/*.sock >> modes"):format(
  os.getenv "TMPDIR", os.getenv "TMPDIR" .. "/moonherd-*"))
moonherd.spawn(function () error("lost " .. secret) end)
LUA
"$moonherd" run --target local --state state --log debug deploy.lua > shown 2>&1 < /dev/null
"$moonherd" run --target local --state state --log json deploy.lua >> shown 2>&1 < /dev/null
no_secret_in() {
  ! grep -alE 'correct-horse|battery|YSBrZXkgdGhhdCBub2JvZHkgbWF5IHNlZSwgZXZlcg|a key that nobody' "$@"
}
is_hidden() { grep -qF "$1" shown || { cat shown; return 1; }; }
check 'the log hides a secret' is_hidden 'said [hidden]'
check 'an uncaught error hides it' is_hidden 'lost [hidden]'
check 'nothing shown holds a secret' no_secret_in shown
check 'no file of the state holds a secret' no_secret_in state/*
check 'no file that was left holds a secret' no_secret_in -r tmp
check 'the state directory is the owner'\''s' [ "$(modes state)" = '700 state' ]
check 'and so is each file in it, and the socket' sh -c "grep -q platform.db-wal modes &&
  grep -q '\.sock' modes && ! grep -v '^600 ' modes"
check 'and the folder of the socket' [ "$(modes "$sockets")" = "700 $sockets" ]

cat > literal.lua <<'LUA'
local key = require "moonherd.log".hide "literal-secret" error("near it: " .. #key)
LUA
"$moonherd" literal.lua > literal 2>&1 < /dev/null
check 'the line of the script that is shown hides it' grep -qF '1 | local key = require "moonherd.log".hide "[hidden]"' literal
check 'and nothing else of the report holds it' sh -c '! grep -q literal-secret literal'

# Sockets of processes that are gone go; nothing else does.
touch "$sockets/4194305-abcd.sock" "$sockets/4194305-notes.txt" "$sockets/1-abcd.sock" \
  "$sockets/+4194305-x.sock" "$sockets/4194305.sock"
check 'a run makes room' lists
check 'a dead socket goes' [ ! -e "$sockets/4194305-abcd.sock" ]
check 'others stay' [ "$(ls "$sockets" | wc -l)" = 4 ]

planted='no private folder for its socket'
rm -r "$sockets" && mkdir elsewhere && ln -s ../elsewhere "$sockets"
check 'a link in the place of the folder' fails_with "$planted" lists
check 'is not followed' [ -z "$(ls elsewhere)" ]
rm "$sockets" && mkdir -m 777 "$sockets"
check 'a folder that others may enter' fails_with "$planted" lists
rm -r "$sockets" && touch "$sockets"
check 'a file in the place of the folder' fails_with "$planted" lists
rm "$sockets"
if [ "$(id -u)" = 0 ]; then
  mkdir -m 700 "$sockets" && chown 12345 "$sockets"
  check 'a folder of somebody else' fails_with "$planted" lists
  rm -r "$sockets"
fi

says_with() { "$@" 2>&1 < /dev/null | grep -qF -- "$want"; }
chmod 644 state/platform.db
want='every user of this machine may read state/platform.db; chmod 600 state/platform.db'
check 'a database that all may read is warned of' says_with lists
chmod 600 state/platform.db

mkdir -m 777 open
check 'a state directory that all may write' fails_with 'chmod go-w open' lists open
chmod 644 state/platform.key
check 'a key that all may read' fails_with 'chmod 600 state/platform.key' lists
mv state/platform.key . && chmod 600 platform.key && ln -s ../platform.key state/platform.key
check 'a key that is a link' fails_with 'it is a link' lists
finish
