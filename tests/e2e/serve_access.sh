# Who gets in: nobody without the token, on any route; nobody who was led here by another host name;
# no page of another origin. And what a server says when it listens to more than this machine.
. tests/shell.sh
. tests/traffic/server.sh

list=/client/v4/accounts/00000000000000000000000000000000/workers/dispatch/namespaces

# answers STATUS TARGET HEADER…: to a GET with the token and these headers, and no others.
answers() {
  want=$1 target=$2
  shift 2
  {
    printf 'GET %s HTTP/1.1\r\nAuthorization: Bearer %s\r\nConnection: close\r\n' "$target" "$token"
    for header; do printf '%s\r\n' "$header"; done
    printf '\r\n'
  } > "$scratch/request"
  raw "$scratch/request" > "$scratch/answer" 2> /dev/null
  head -n 1 "$scratch/answer" | grep -q "^HTTP/1.1 $want " || { head -n 1 "$scratch/answer"; return 1; }
}

serve_options='--log debug'
check 'it starts' start_server
check 'no route lets anybody in without its credential, and none speaks of origins' \
  "$moonherd" run --target local tests/e2e/serve_access.lua "$base" "$token"

for host in 127.0.0.1 "127.0.0.1:$port" localhost "LocalHost:$port" '[::1]' "[::1]:$port" \
  'localhost:1'; do
  check "Host: $host is let in" answers 200 "$list" "Host: $host"
done
for host in evil.example "evil.example:$port" 127.0.0.1.evil.example localhost.evil.example \
  evil.localhost 'localhost@evil.example' 'evil.example@localhost' "127.0.0.1:$port:$port" \
  '127.0.0.1:x' '127.0.0.1 x' 'localhost,evil.example' '[::1' '::1' '[::1]x' '[::2]' '0.0.0.0' \
  '127.1' '2130706433' '0x7f000001' 'localhost.' '/' "$(printf 'x%.0s' $(seq 10240))"; do
  check "Host: $(echo "$host" | cut -c 1-30) is refused" answers 403 "$list" "Host: $host"
done
check 'a request without Host is refused' answers 403 "$list"
check 'an empty Host is refused' answers 403 "$list" 'Host: '
check 'two of them are refused' answers 403 "$list" 'Host: localhost' 'Host: localhost'
check 'also in the other order' answers 403 "$list" 'Host: evil.example' 'Host: localhost'
check 'the host of a URL as target is none of ours' answers 404 "http://evil.example$list" \
  'Host: localhost'
check 'nor is our own' answers 404 "http://localhost:$port$list" 'Host: localhost'
check 'and the header counts there too' answers 403 "http://localhost:$port$list" \
  'Host: evil.example'
check 'X-Forwarded-Host is not listened to' answers 403 "$list" 'Host: evil.example' \
  'X-Forwarded-Host: localhost' 'Forwarded: host=localhost'
stop_server
no_token() { ! grep -rqF "$token" "$scratch/log" "$scratch/served" "$scratch/state"; }
check 'the token is in nothing that was written' no_token

# ---- listening -----------------------------------------------------------------------------------

# serve_at ADDRESS OPTION…
serve_at() {
  : > "$scratch/log"
  listen=$1
  shift
  serve_options=$*
  start_server
}
warns() { grep -q 'other machines can reach it, without encryption' "$scratch/log"; }

serve_at 127.0.0.1:0
check 'nothing is said of the loopback interface' eval '! warns'
stop_server
serve_at 127.0.0.2:0
check 'nor of another address of it' eval '! warns'
stop_server
serve_at 0.0.0.0:0 --allow-host my.example
check 'listening to every machine is warned of' warns
check 'names are checked all the same' answers 403 "$list" "Host: evil.example"
check 'an allowed one is let in' answers 200 "$list" 'Host: my.example'
check 'without regard to case' answers 200 "$list" 'Host: MY.Example:80'
check 'the wildcard is no name' answers 403 "$list" 'Host: 0.0.0.0'
stop_server
serve_at '[::]:0'
check 'also by IPv6' warns
stop_server
finish
