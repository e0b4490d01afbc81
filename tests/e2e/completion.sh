# Completion scripts, in the shells they are for; the man page, as groff reads it.
. tests/shell.sh

# bash_offers WORDS… OFFER: completing the last of the words offers this one.
cat > "$scratch/complete.bash" <<'BASH'
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_moonherd
echo "${COMPREPLY[*]}"
BASH
bash_offers() {
  want=$1
  shift
  got=$(bash "$scratch/complete.bash" "$scratch/moonherd.bash" "$@")
  case " $got " in *" $want "*) ;; *) echo "offers $got"; return 1 ;; esac
}

for shell in bash zsh fish; do
  "$moonherd" completion $shell > "$scratch/moonherd.$shell"
  check "$shell: there is a script" [ -s "$scratch/moonherd.$shell" ]
done
check 'no other shell' sh -c "! '$moonherd' completion tcsh 2> /dev/null"

if command -v bash > /dev/null; then
  check 'bash: commands' bash_offers serve moonherd se
  check 'bash: common options' bash_offers --target moonherd --ta
  check 'bash: their values' bash_offers cloudflare moonherd --target cl
  check 'bash: options of a command' bash_offers --listen moonherd serve --li
else skip bash 'not here'; fi

if command -v zsh > /dev/null; then
  check 'zsh: it is read' zsh -n "$scratch/moonherd.zsh"
  mkdir "$scratch/functions" && cp "$scratch/moonherd.zsh" "$scratch/functions/_moonherd"
  check 'zsh: it is the completion of moonherd' zsh -f -c "fpath=('$scratch/functions' \$fpath)
    autoload -U compinit && compinit -D -u && [[ \$_comps[moonherd] = _moonherd ]]"
else skip zsh 'not here'; fi

fish_offers() {
  HOME=$scratch fish --no-config -c "source $scratch/moonherd.fish; complete -C '$2'" 2> /dev/null | grep -q -- "^$1"
}
if command -v fish > /dev/null; then
  check 'fish: commands' fish_offers serve 'moonherd se'
  check 'fish: common options' fish_offers --target 'moonherd --ta'
  check 'fish: options of a command' fish_offers --listen 'moonherd serve --li'
else skip fish 'not here'; fi

check 'moonherd docs' "$moonherd" docs "$scratch/docs"
check 'makes a man page' grep -q '^.TH MOONHERD 1' "$scratch/docs/moonherd.1"
check 'and pages of reference' grep -q '^## `script:upload(spec)' "$scratch/docs/script.md"
if command -v groff > /dev/null; then
  clean() { [ -z "$(groff -man -Tutf8 -ww -z "$scratch/docs/moonherd.1" 2>&1)" ]; }
  shown() { groff -man -Tascii -P-cbou "$scratch/docs/moonherd.1" | grep -q -- "$1"; }
  check 'groff has nothing to say of it' clean
  check 'it has the options' shown '--insecure-base-url'
  check 'and those of commands' shown '--implicit-secret-inheritance'
else skip groff 'not here'; fi

check 'moonherd types' "$moonherd" types "$scratch/types"
check 'makes definitions' grep -q '^function moonherd.map(items, options, f) end' "$scratch/types/moonherd.lua"
check 'that say what waits' sh -c "grep -B9 '^function script:upload(' '$scratch/types/moonherd/class/script.lua' | grep -q '^---@async'"
check 'into a folder that cannot be made' sh -c "! '$moonherd' types /dev/null/x 2> /dev/null"
finish
