# complete.zsh FOLDER LINE: what zsh offers when Tab is pressed at the end of a line, one list a line. The
# folder holds the completion, as _moonherd. A zsh on a terminal of its own does it.
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "stty -echo; PROMPT= RPROMPT=; fpath=('$1' \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w z 'compadd() {
  local -a hits
  [[ $@ == *-[AOD]* ]] || builtin compadd -A hits "$@"
  (( $#hits )) && print -r -- "<offers $hits>"
  builtin compadd "$@"
}'
# Marks are written in two pieces: what is typed may be echoed.
zpty -w z 'offer() { _main_complete; print -r -- "<do""ne>" }; zle -C ask complete-word offer
  bindkey "^I" ask; print -r -- "<re""ady>"'
zpty -r z seen $'*<ready>*'
zpty -w -n z "$2"$'\t'
zpty -r z seen $'*<done>*'
print -r -- "$seen" | tr '\r' '\n' | sed -n 's/.*<offers \(.*\)>.*/\1/p'
zpty -d z
