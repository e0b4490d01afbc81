# Requests as nobody in earnest would send them, over a bare socket: each has its answer, and the
# server goes on. What happens with connections and time is tested in tests/c/test_serve_limits.c.
. tests/shell.sh
. tests/traffic/server.sh

account=/client/v4/accounts/00000000000000000000000000000000
list=$account/workers/dispatch/namespaces
many() { head -c "$2" /dev/zero | tr '\0' "$1"; }

# gives STATUS CODE METHOD TARGET [HEADER…] with a body on standard input, if it is a file.
gives() {
  status=$1 code=$2 method=$3 target=$4
  shift 4
  body=$scratch/body
  {
    printf '%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n' "$method" "$target" \
      "$token"
    printf 'Connection: close\r\n'
    for header; do printf '%s\r\n' "$header"; done
    [ ! -s "$body" ] || printf 'Content-Length: %s\r\n' "$(stat -c %s "$body")"
    printf '\r\n'
    cat "$body"
  } > "$scratch/request"
  : > "$body"
  raw "$scratch/request" > "$scratch/answer" 2> /dev/null
  head -n 1 "$scratch/answer" | grep -q "^HTTP/1.1 $status " &&
    { [ "$code" = - ] || grep -q "\"code\":$code\b" "$scratch/answer"; } ||
    { head -c 600 "$scratch/answer"; return 1; }
}
: > "$scratch/body"

serve_options='--log error'
check 'it starts' start_server
printf '{"name":"n"}' > "$scratch/body"
check 'a namespace' gives 200 - POST "$list" 'Content-Type: application/json'

# ---- targets -------------------------------------------------------------------------------------

# Segments are split before they are decoded, and nothing is resolved.
while read -r status code path; do
  check "GET $path" gives "$status" "$code" GET "$path"
done <<TARGETS
404 7003 $account/../accounts/x
404 7003 $account/%2e%2e/accounts
404 7003 $list/n/../n
404 7003 $list/n/scripts/../../n
400 10021 $list/..
400 10021 $list/%2e%2e
400 10021 $list/.
404 100119 $list/n%2e%2e
400 10016 $list/n/scripts/..
400 10016 $list/n/scripts/%2E%2E
404 10092 $list/n/scripts/..%5c..
400 10016 $list/n/scripts/..%2f..%2fplatform.key
400 10021 $list/..%2F..%2Fetc%2Fpasswd
400 10016 $list/n/scripts/a%00b
400 10016 $list/n/scripts/%00
400 10021 $list/n%00
400 10016 $list/n/scripts/%C0%AF
400 10016 $list/n/scripts/%E0%80%AF
400 10016 $list/n/scripts/%F0%80%80%AF
400 10016 $list/n/scripts/%C0%AE%C0%AE
400 10016 $list/n/scripts/%ED%A0%80
400 10016 $list/n/scripts/%FF
400 10016 $list/n/scripts/a%0d%0aX:%20y
404 10092 $list/n/scripts/%252e%252e
404 10092 $list/n/scripts/a;b=c
404 10092 $list/n/scripts/%
404 10092 $list/n/scripts/%zz
404 7003 $list//n
404 7003 /$list/n
404 7003 $list/n/
404 7003 $list/n//scripts
404 7003 http://127.0.0.1$list
404 7003 *
404 7003 /client/v4
404 7003 /
200 - /client/v4/%61ccounts
TARGETS
check 'a name of 10 KB' gives 400 10016 GET "$list/n/scripts/$(many x 10240)"
check 'a namespace of 10 KB' gives 400 10021 GET "$list/$(many x 10240)"
check 'five thousand segments' gives 404 7003 GET "$list$(many / 5000)"
check 'ten thousand parameters' gives 200 - GET "$list?$(many '&' 10000)a=b"

# ---- caps ----------------------------------------------------------------------------------------

check 'headers over 64 KiB' gives 431 - GET "$list" "X-Large: $(many x 70000)"
# Cut off in the middle of them: who still sends may not see the answer.
is_cut_off() { ! gives 200 - GET "$list" "X-Large: $(many x 300000)" > "$scratch/cut"; }
check 'headers over all limits' is_cut_off
check 'a body that says it is 200 MB' gives 413 10027 PUT "$list/n/scripts/s" \
  'Content-Type: multipart/form-data; boundary=b' 'Content-Length: 200000000'
check 'two lengths' gives 400 - POST "$list" 'Content-Length: 1' 'Content-Length: 2'
check 'a negative length' gives 400 - POST "$list" 'Content-Length: -1'
check 'a coding of the body' gives 415 10001 POST "$list" 'Content-Encoding: gzip' \
  'Content-Length: 0'

json() {
  name=$1 status=$2 code=$3
  check "JSON: $name" gives "$status" "$code" POST "$list" 'Content-Type: application/json'
}
{ many '[' 200; many ']' 200; } > "$scratch/body"
json '200 levels' 400 10026
many '[' 1000000 > "$scratch/body"
json 'a million brackets' 400 10026
{ printf '"'; many x 2000000; printf '"'; } > "$scratch/body"
json '2 MB' 413 10027
printf '{"name":"\377"}' > "$scratch/body"
json 'bytes that are no UTF-8' 400 10026
printf '{"name":1e999}' > "$scratch/body"
json 'a number that is too large' 400 10026

form() {
  name=$1 status=$2 code=$3
  check "a form: $name" gives "$status" "$code" PUT "$list/n/scripts/s" \
    'Content-Type: multipart/form-data; boundary=b'
}
part() { printf -- '--b\r\nContent-Disposition: form-data; name="%s"\r\n%s\r\n%s\r\n' "$1" "$2" "$3"; }
{ for i in $(seq 12000); do part "p$i" '' x; done; printf -- '--b--\r\n'; } > "$scratch/body"
form '12,000 parts' 400 10026
{ part metadata "X: $(many x 100000)" '{}'; printf -- '--b--\r\n'; } > "$scratch/body"
form 'a header of 100 KB' 400 -
{ part "$(many x 100000)" '' '{}'; printf -- '--b--\r\n'; } > "$scratch/body"
form 'a name of 100 KB' 400 -
{ part metadata '' '{}'; } > "$scratch/body"
form 'without its end' 400 10026
{ part metadata '' "$(many '[' 5000)"; printf -- '--b--\r\n'; } > "$scratch/body"
form 'deep metadata' 400 -

check 'and it serves on' gives 200 - GET "$list/n"
check 'ends well' stop_server
check 'and has nothing to report' [ ! -s "$scratch/log" ]
finish
