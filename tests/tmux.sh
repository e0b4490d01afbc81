# For the tests that drive `moonherd repl` on a terminal: `. tests/tmux.sh` in the place of shell.sh. tmux
# is the terminal, and shows what a person would see.
. tests/shell.sh
export XDG_STATE_HOME="$scratch/state" HOME="$scratch" LC_ALL=C.UTF-8
tmux="tmux -L moonherd-test-$$ -f /dev/null"
trap '$tmux kill-server 2> /dev/null; rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
# libedit never frees the names of functions that keys are bound to.
echo 'leak:wcsdup' > lsan
export LSAN_OPTIONS="suppressions=$scratch/lsan:print_suppressions=0"

$tmux new-session -d -s keep 'sleep 600' # or the server would end between two sessions

screen() { $tmux capture-pane -p -t repl; }
# sees TEXT: it comes to stand on the screen. Ten seconds, for a machine that is busy.
sees() {
  for _ in $(seq 200); do
    screen | grep -qF -- "$1" && return 0
    sleep 0.05
  done
  screen
  return 1
}
# line TEXT…: the last lines of the screen are these.
ends() {
  for _ in $(seq 200); do
    [ "$(screen | sed '/^$/d' | tail -n "$1")" = "$2" ] && return 0
    sleep 0.05
  done
  screen
  return 1
}
keys() { $tmux send-keys -t repl "$@"; }
types() { $tmux send-keys -t repl -l "$1"; $tmux send-keys -t repl Enter; }
# start COLUMNS VARIABLE…: begins a session.
start() {
  columns=$1
  shift
  $tmux kill-session -t repl 2> /dev/null
  $tmux new-session -d -s repl -x "$columns" -y 40 "env $* '$moonherd' --target local --log warn"
  sees '>'
}
# ended: the session ends.
ended() {
  for _ in $(seq 100); do
    $tmux has-session -t repl 2> /dev/null || return 0
    sleep 0.05
  done
  return 1
}
