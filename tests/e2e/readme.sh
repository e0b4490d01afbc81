# Every command in README.md runs, and prints what README.md says it prints.
#
# A block of sh is a list of commands, run in order in a copy of the tree; a block of text right
# after it is what they print. A block of Lua is one of the examples, to the letter.
. tests/shell.sh

tree=$scratch/tree
mkdir -p "$tree/build"
cp -r examples "$tree/"
ln -s "$moonherd" "$tree/build/moonherd"

# Blocks become the files 01.lua, 02.sh, 03.text …
awk -v out="$scratch" '
  /^```/ && file  { close(file); file = ""; next }
  /^```[a-z]/     { file = sprintf("%s/%02d.%s", out, ++count, substr($0, 4)); printf "" > file; next }
  file            { print > file }' README.md

is_example() {
  for example in examples/*.lua; do
    cmp -s "$1" "$example" && return
  done
  return 1
}

# Runs the commands of a block; what they print goes to $scratch/printed.
run_commands() {
  : > "$scratch/printed"
  while read -r command; do
    case $command in
      'make test'*) continue ;;  # which is what is running
      make\ *) where=. ;;
      *) where=$tree ;;
    esac
    (cd "$where" && sh -c "$command") < /dev/null >> "$scratch/printed" 2> "$scratch/said" || {
      echo "'$command' failed:"
      cat "$scratch/printed" "$scratch/said"
      return 1
    }
  done < "$1"
}

for block in "$scratch"/[0-9]*; do
  case $block in
    *.lua) check 'the script is an example' is_example "$block" ;;
    *.sh) check "$(head -n 1 "$block")" run_commands "$block" ;;
    *.text) check '    prints that' diff "$block" "$scratch/printed" ;;
    *) check "a block of $block" false ;;
  esac
done
finish
