# Scripts as they come: bytes in front, line ends, zeros, sizes, and what is no script at all.
. tests/shell.sh

cd "$scratch" || exit 1
out=$scratch/out err=$scratch/err

# runs CODE OUTPUT FILE ARGUMENTS…: both as `moonherd FILE` and as `moonherd run FILE`.
runs() {
  want=$1 output=$2
  shift 2
  for command in '' run; do
    timeout 60 "$moonherd" $command "$@" > "$out" 2> "$err" < /dev/null
    got=$?
    [ "$got" = "$want" ] && [ "$(cat "$out")" = "$output" ] ||
      { echo "exit code $got, not $want"; cat "$out" "$err"; return 1; }
  done
}
says() { grep -qF -- "$1" "$err" || { cat "$err"; return 1; }; }
is_one_line() { [ "$(wc -l < "$err")" = 1 ] || { cat "$err"; return 1; }; }

printf '\357\273\277print(1)\n' > bom.lua
check 'a byte order mark' runs 0 1 bom.lua
printf '\357\273\277#!/usr/bin/env moonherd\nprint(1)\n' > bom_shebang.lua
check 'in front of a shebang line' runs 0 1 bom_shebang.lua
printf 'print(1)\r\nprint(#[[a\r\nb]])\r\n' > crlf.lua
check 'lines that end in CRLF' runs 0 "$(printf '1\n3')" crlf.lua
printf '#!/usr/bin/env moonherd\r\nprint(1)\r\n' > crlf_shebang.lua
check 'and the shebang line, too' runs 0 1 crlf_shebang.lua
printf 'print(1)\r\nerror "here"\r\n' > crlf_error.lua
check 'an error in one of them' runs 1 1 crlf_error.lua
check 'is shown without its CR' says '>    2 | error "here"'
check 'in a line that ends there' sh -c "! grep -q \"\$(printf '\\r')\" '$err'"
printf '#!/usr/bin/env moonherd' > only_shebang.lua
check 'nothing but a shebang line' runs 0 '' only_shebang.lua
: > empty.lua
check 'nothing at all' runs 0 '' empty.lua
printf 'print(#"a\0b")' > zero.lua
check 'a zero in a string' runs 0 3 zero.lua
printf 'print(1)\n\0\n' > zero_outside.lua
check 'a zero elsewhere' runs 1 '' zero_outside.lua
check 'is where it is' says 'zero_outside.lua:2:'
head -c 52428800 /dev/zero | tr '\0' ' ' > big.lua
echo 'print(1)' >> big.lua
check '50 MB' runs 0 1 big.lua
rm big.lua
yes 'x = 1' | head -300000 > long.lua
echo 'error "at the end"' >> long.lua
check '300,000 lines' runs 1 '' long.lua
check 'and where in them it failed' says 'long.lua:300001: at the end'
printf '\033Lua' > binary.lua
check 'bytecode is refused' runs 1 '' binary.lua
check 'as such' says 'binary chunk'
echo "print('$(printf '\377\376')' == '\\xff\\xfe')" > latin.lua
check 'bytes that are no UTF-8' runs 0 true latin.lua

mkdir folder
check 'a folder' runs 2 '' folder
check 'is told' says 'folder: it is a folder'
check 'in one line' is_one_line
check 'a file that is not there' runs 2 '' nothing.lua
check 'is told in one line' is_one_line
ln -s loop.lua loop.lua
check 'a link to itself' runs 2 '' loop.lua
check 'is told' says 'loop.lua: Too many levels of symbolic links'
mkdir near
for name in deploy repl a1 x "$(printf 'odd\033[2Jname')"; do echo 'print(...)' > "near/$name.lua"; done
# offers WORDS NAME: the script that was meant, in one line; without a NAME none is near.
offers() {
  (cd near && "$moonherd" $1 > "$out" 2> "$err") < /dev/null
  [ $? = 2 ] && is_one_line || return 1
  if [ -n "$2" ]; then says "did you mean '$2'?"; else ! grep -q 'did you mean' "$err"; fi
}
# What is typed, and the script that is offered, where one is.
while IFS='|' read -r name want; do
  check "a name that may mean another: $name" offers "$name" "$want"
  case $name in run*) ;; *) check 'behind run, too' offers "run ./$name" "${want:+./$want}" ;; esac
done << 'END'
depoly.lua|deploy.lua
deploy.ts|deploy.lua
deploy.lau|deploy.lua
./depoly.lua|./deploy.lua
../near/deply.lua|../near/deploy.lua
run a1|a1.lua
run a2|a1.lua
run y|
run far/from.lua|
elsewhere.lua|
run odd[2Jname|odd?[2Jname.lua
END
check 'a word that is a script without its ending' offers a1 a1.lua
check 'also when it is near a command' offers deploy deploy.lua
check 'a word that is near a command' offers tset test
check 'and steers no terminal' sh -c "! grep -q \"\$(printf '\\033')\" '$err'"
check 'standard input by its path' sh -c "echo 'print(...)' | '$moonherd' run /dev/stdin 1 | grep -qx 1"
check 'which is a file' sh -c "'$moonherd' /dev/stdin 2 < near/deploy.lua | grep -qx 2"
check 'or by -' sh -c "'$moonherd' - 3 < near/deploy.lua | grep -qx 3"
from_fifo() {
  mkfifo "$scratch/fifo"
  echo 'print(...)' > fifo &
  [ "$(timeout 10 "$moonherd" run fifo 1)" = 1 ]
}
check 'a FIFO' from_fifo
echo 'print(1)' > unreadable.lua
chmod 000 unreadable.lua
if [ "$(id -u)" != 0 ]; then
  check 'no permission to read' runs 2 '' unreadable.lua
  check 'is told' says 'Permission denied'
elif chmod 711 "$scratch" && command -v setpriv > /dev/null; then
  unreadable() {
    cp "$moonherd" "$scratch/moonherd"
    setpriv --reuid=65534 --clear-groups "$scratch/moonherd" run unreadable.lua 2> "$err"
    [ $? = 2 ] && says 'Permission denied' && is_one_line
  }
  check 'no permission to read' unreadable
else skip 'no permission to read' 'root may read all'; fi
finish
