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
  check 'bash: actions of a command' bash_offers rollback moonherd jobs ''
  check 'bash: and options behind them' bash_offers --ledger moonherd jobs show --le
  check 'bash: shells' bash_offers fish moonherd completion f
  offers_nothing() { [ -z "$(bash "$scratch/complete.bash" "$scratch/moonherd.bash" "$@")" ]; }
  check 'bash: where a script stands there are files' offers_nothing moonherd run dep
  check 'bash: which bash itself offers' sh -c "bash -c 'source \"$scratch/moonherd.bash\"; complete -p moonherd' |
    grep -q -- '-o default.* -F _moonherd moonherd'"
else skip bash 'not here'; fi

if command -v zsh > /dev/null; then
  check 'zsh: it is read' zsh -n "$scratch/moonherd.zsh"
  mkdir "$scratch/functions" && cp "$scratch/moonherd.zsh" "$scratch/functions/_moonherd"
  check 'zsh: it is the completion of moonherd' zsh -f -c "fpath=('$scratch/functions' \$fpath)
    autoload -U compinit && compinit -D -u && [[ \$_comps[moonherd] = _moonherd ]]"
  zsh_offers() {
    got=$(timeout 30 zsh -f tests/e2e/complete.zsh "$scratch/functions" "$2")
    case " $(echo $got) " in *" $1 "*) ;; *) echo "offers $got"; return 1 ;; esac
  }
  check 'zsh: commands' zsh_offers serve 'moonherd se'
  check 'zsh: common options' zsh_offers --target 'moonherd --ta'
  check 'zsh: their values' zsh_offers cloudflare 'moonherd --target '
  check 'zsh: options of a command' zsh_offers --listen 'moonherd serve --li'
  check 'zsh: actions of a command' zsh_offers rollback 'moonherd jobs '
else skip zsh 'not here'; fi

fish_offers() {
  HOME=$scratch fish --no-config -c "source $scratch/moonherd.fish; complete -C '$2'" 2> /dev/null | grep -q -- "^$1"
}
if command -v fish > /dev/null; then
  check 'fish: commands' fish_offers serve 'moonherd se'
  check 'fish: common options' fish_offers --target 'moonherd --ta'
  check 'fish: options of a command' fish_offers --listen 'moonherd serve --li'
  check 'fish: actions of a command' fish_offers rollback 'moonherd jobs '
  check 'fish: shells' fish_offers zsh 'moonherd completion '
  check 'fish: values' fish_offers cloudflare 'moonherd --target '
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
if command -v mandoc > /dev/null; then
  lint() { [ -z "$(mandoc -T lint "$scratch/docs/moonherd.1")" ] || { mandoc -T lint "$scratch/docs/moonherd.1"; return 1; }; }
  check 'mandoc has nothing to say of it, not even of its date' lint
else skip mandoc 'not here'; fi
same() {
  (cd / && TZ=Asia/Tokyo LC_ALL=C COLUMNS=40 "$moonherd" docs "$scratch/again") &&
    cmp "$scratch/docs/moonherd.1" "$scratch/again/moonherd.1"
}
check 'it is the same wherever it is built' same

check 'moonherd types' "$moonherd" types "$scratch/types"
check 'makes definitions' grep -q '^function moonherd.map(items, options, f) end' "$scratch/types/moonherd.lua"
check 'that say what waits' sh -c "grep -B9 '^function script:upload(' '$scratch/types/moonherd/class/script.lua' | grep -q '^---@async'"
check 'into a folder that cannot be made' sh -c "! '$moonherd' types /dev/null/x 2> /dev/null"
finish
