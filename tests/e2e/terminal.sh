# What a terminal gets to see: colours only where they are wanted, readable without a locale, in 20
# columns, and in a closed pipe.
. tests/shell.sh

command -v script > /dev/null || { skip terminal 'no script(1)'; finish; exit; }
cd "$scratch" || exit 1
escape=$(printf '\033')
echo 'error "went wrong"' > fails.lua

# shows ENVIRONMENT… : what a terminal is sent when a script fails.
shows() {
  env -u NO_COLOR TERM=xterm "$@" script -qec "'$moonherd' run fails.lua" /dev/null < /dev/null
}
coloured() { shows "$@" | grep -q "$escape\[31m"; }
plain() { shows "$@" > shown; grep -q 'went wrong' shown && ! grep -q "$escape" shown; }
check 'an error is red on a terminal' coloured
check 'not with NO_COLOR' plain NO_COLOR=1
check 'nor on a dumb one' plain TERM=dumb
check 'nor on one without a name' plain TERM=
check 'nor in a file' sh -c "TERM=xterm '$moonherd' run fails.lua 2>&1 | { ! grep -q '$escape'; }"

without_locale() {
  [ "$(env -i "$moonherd" -e 'print("\u{e9}", os.setlocale())')" = "$(printf '\303\251\tC')" ]
}
check 'without a locale, text is what it was' without_locale
fits() { # COLUMNS COMMAND…: but for words and lines of code that are longer
  width=$1
  shift
  COLUMNS=$width "$moonherd" "$@" | sed '/^Example/,$d' | grep ' .* ' |
    awk -v width="$width" '/^  +[a-z]/ && length > width { print; bad = 1 } END { exit bad }'
}
check 'help in 20 columns' fits 20 help moonherd.race
check 'help in 200 columns' fits 200 help moonherd.race
narrow() { # what help prints on a terminal of 20 columns, without COLUMNS
  env -u COLUMNS TERM=xterm script -qec "stty cols 20; '$moonherd' help moonherd.race" /dev/null < /dev/null |
    tr -d '\r' | sed '/^Example/,$d' | grep ' .* ' |
    awk '/^  +[a-z]/ && length > 20 { print; bad = 1 } END { exit bad || NR < 10 }'
}
check 'help on a terminal of 20 columns' narrow
check 'nonsense in COLUMNS' sh -c "COLUMNS=many '$moonherd' help moonherd.race | grep -q '^moonherd.race'"

# What is written into a pipe that nobody reads ends quietly.
for command in "help moonherd.map" "completion bash" "help" "doctor --target local --state s"; do
  check "a closed pipe: $command" sh -c \
    "'$moonherd' $command 2> err | true; ! grep -qi 'pipe\|traceback' err"
done
finish
