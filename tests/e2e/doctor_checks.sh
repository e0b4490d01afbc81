# moonherd doctor, check by check: what is ok, a warning and a problem, and that each of the latter says
# what to do. Everything it meets is on the loopback.
. tests/shell.sh
fake=$PWD/tests/e2e/doctor_fake.lua
cd "$scratch" || exit 1
account=0123456789abcdef0123456789abcdef
export CLOUDFLARE_API_TOKEN=not-a-real-token CLOUDFLARE_ACCOUNT_ID=$account XDG_STATE_HOME=$scratch/user
unset http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY SSL_CERT_FILE

# comes FILE PATTERN: it gets such a line.
comes() { for _ in $(seq 400); do grep -q "$2" "$1" && return 0; sleep 0.025; done; return 1; }

# is STATUS CHECK TEXT ADVICE ARGUMENT…: there is one line of that check, with the text; the advice stands
# behind it. Without an advice there is none.
is() {
  status=$1 name=$2 text=$3 advice=$4
  shift 4
  env "$@" > out 2> err < /dev/null
  [ "$(grep -c "^[a-z]*  *$name  " out)" = 1 ] && grep "^$status  *$name  " out | grep -qF -- "$text" || { cat out err; return 1; }
  line=$(sed -n "/^$status  *$name  /{n;p;}" out)
  case $line in
    *"→ "*) [ -n "$advice" ] && case $line in *"$advice"*) return 0 ;; esac ;;
    *) [ -z "$advice" ] && return 0 ;;
  esac
  echo "advice: $line"
  return 1
}
doctor="$moonherd doctor"

"$moonherd" --target local "$fake" > port 2> fake_err & server=$!
comes port '^[0-9]'
base=http://127.0.0.1:$(cat port)

# ---- the clock, the allowance ----------------------------------------------------------------------

while IFS='|' read -r way status name text advice; do
  check "$way: $name $status" is "$status" "$name" "$text" "$advice" $doctor --target "$base/$way"
done << 'END'
date=0|ok|clock|it agrees|
date=3|ok|clock|it agrees|
date=-60|warning|clock|s before the server's|set the clock of this machine, by NTP
date=60|warning|clock|s behind the server's|set the clock of this machine, by NTP
date=-400|problem|clock|s before the server's|set the clock of this machine, by NTP
date=90000|problem|clock|s behind the server's|set the clock of this machine, by NTP
left=1000|ok|budget|1000 requests left of 1200|
left=50|warning|budget|50 requests left of 1200|go slower
left=0|problem|budget|0 requests left of 1200|wait 30 s
no=allowance|ok|budget|does not tell|
date=0|ok|proxy|none: the target is on this machine|
date=0|ok|tls|not needed on this machine|
END
ends() { $doctor --target "$base/$1" > out 2> err; [ $? = "$2" ]; }
check 'a warning is no failure' ends date=-60 0
check 'a problem is one' ends date=-400 1

# ---- the proxy -------------------------------------------------------------------------------------

# The fake is the proxy of a host that is nowhere; a port that nobody listens at is one, too.
away="--insecure-base-url --target http://api.example.invalid/date=0"
dead=http://127.0.0.1:9
check 'a proxy that lets requests through' is ok proxy "$base, by http_proxy" '' http_proxy="$base" $doctor $away
check 'so all is well' is ok connection 'the API answers' '' http_proxy="$base" $doctor $away
check 'one for everything' is ok proxy "$base, by ALL_PROXY" '' ALL_PROXY="$base" $doctor $away
check 'a proxy that is not there' is warning proxy "$dead, by http_proxy; nothing came" 'NO_PROXY=api.example.invalid' \
  http_proxy=$dead $doctor $away
check 'is a problem of the connection' is problem connection 'port 9' 'the proxy' http_proxy=$dead $doctor $away
check 'its password is not shown' is warning proxy 'http://...@127.0.0.1:9' 'is it up' \
  http_proxy=http://me:hunter2@127.0.0.1:9 $doctor $away
check 'nowhere' sh -c '! grep -q hunter2 out err'
check 'one that is gone around' is ok proxy 'none: NO_PROXY names api.example.invalid' '' \
  http_proxy=$dead NO_PROXY=other.com,.example.invalid $doctor $away
check 'also in small letters' is ok proxy 'none: no_proxy names api.example.invalid' '' \
  http_proxy=$dead no_proxy=API.example.invalid $doctor $away
check 'but not by half a name' is warning proxy "$dead, by http_proxy" 'is it up' \
  http_proxy=$dead NO_PROXY=ple.invalid $doctor $away
check 'that of https is another' is ok proxy "$base, by http_proxy" '' HTTPS_PROXY=$dead http_proxy="$base" $doctor $away
check 'which is looked at' is warning proxy "$dead, by HTTPS_PROXY" 'is it up' \
  HTTPS_PROXY=$dead $doctor --target https://api.example.invalid/x
check 'plain http over a network' is warning tls 'travels in plain text' 'use https' http_proxy="$base" $doctor $away
kill $server
wait $server 2> /dev/null

# ---- TLS ---------------------------------------------------------------------------------------------

# openssl answers from files, which are whole answers.
certificate() { # NAME HOST
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$2" \
    -addext "subjectAltName=DNS:$2" -keyout "$1.key" -out "$1.pem" 2> /dev/null
}
tls_server() { # NAME: of its certificate
  : > accepts
  openssl s_server -accept 127.0.0.1:0 -cert "$1.pem" -key "$1.key" -HTTP > accepts 2> /dev/null & server=$!
  comes accepts '^ACCEPT' && base=https://localhost:$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' accepts)/v4
}
path=v4/accounts/$account/workers/dispatch
mkdir -p $path
printf 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n%s' \
  '{"success":true,"errors":[],"messages":[],"result":[]}' > $path/namespaces
if certificate mine localhost && certificate other localhost && certificate elsewhere example.com && tls_server mine; then
  check 'a certificate of nobody' is problem tls 'self-signed certificate' 'SSL_CERT_FILE=FILE' $doctor --target "$base"
  check 'one of a CA of our own' is ok tls 'checked against mine.pem' '' SSL_CERT_FILE=mine.pem $doctor --target "$base"
  check 'then the API answers' is ok connection 'the API answers' '' SSL_CERT_FILE=mine.pem $doctor --target "$base"
  check 'which tells no date' is warning clock 'no date' 'see for yourself' SSL_CERT_FILE=mine.pem $doctor --target "$base"
  check 'another CA' is problem tls 'certificate' 'SSL_CERT_FILE=FILE' SSL_CERT_FILE=other.pem $doctor --target "$base"
  check 'a file that is not there' is problem tls gone.pem 'SSL_CERT_FILE=FILE' SSL_CERT_FILE=gone.pem $doctor --target "$base"
  kill $server
  wait $server 2> /dev/null
  if tls_server elsewhere; then
    check 'a certificate of another host' is problem tls "target host name 'localhost'" 'whose certificate' \
      SSL_CERT_FILE=elsewhere.pem $doctor --target "$base"
    kill $server
    wait $server 2> /dev/null
  fi
else skip TLS 'no openssl'; fi

# ---- the state directory ---------------------------------------------------------------------------

local="$doctor --target local --state"
check 'a new state' is ok state 'new, ' '' $local new
check 'one that is there' is ok state 'new, ' '' $local new
chmod 750 new
check 'one that the group may read' is warning state 'new, ' 'chmod 700 new' $local new
chmod 707 new
check 'one that others may write' is problem state 'not safe to use' 'chmod go-w new' $local new
chmod 700 new
chmod 644 new/platform.key
check 'a key that others may read' is problem state 'every user of this machine may read it' 'chmod 600 new/platform.key' $local new
"$moonherd" --target local -e '
  local store, schema = require "moonherd.store", require "moonherd.store.platform_schema"
  require "moonherd".fs.mkdir("old", tonumber("700", 8))
  store.open("old/platform.db", { migrations = { schema[1] } }):close()'
version() { [ "$("$moonherd" -e 'local db <close> = require "moonherd".sqlite.open "old/platform.db"
  print(db:first("PRAGMA user_version").user_version)')" "$@" ]; }
check 'a state of an older program' version = 1
check 'is brought up to date' is ok state 'old, ' '' $local old
check 'for good' version -gt 1
printf '\0\0\3\347' | dd of=old/platform.db bs=1 seek=60 conv=notrunc 2> /dev/null # user_version
check 'a state of a newer program' is problem state 'made by a newer program' 'run the moonherd that made it' $local old
mkdir -m 700 broken
head -c 9000 /dev/zero | tr '\0' x > broken/platform.db
check 'a database that is none' is problem state broken 'move it away' $local broken
check 'a file in its place' is problem state err 'name another one' $local err
finish
