# Keys at the prompt of moonherd repl: completion, pastes, entries of several lines, words, and the keys
# and signals that stop, continue and end a session.
. tests/tmux.sh
history=$XDG_STATE_HOME/moonherd/history
# kept LINES TEXT: the last lines of the history are these.
kept() {
  for _ in $(seq 100); do
    [ "$(tail -n "$1" "$history")" = "$2" ] && return 0
    sleep 0.05
  done
  cat "$history"
  return 1
}

start 80 > /dev/null
keys -l 'client = moonherd.connect():ens'
keys Tab
keys -l ' "shop"'
check 'the method of what a call returns is completed, and keys behind Tab wait for that' \
  ends 1 '> client = moonherd.connect():ensure_namespace "shop"'
keys C-u
keys -l "$(printf 'x = moonherd.conn\t{ acc\t = 1 }')"
check 'also when all come at once' ends 1 '> x = moonherd.connect{ account_id = 1 }'
keys C-u
mkdir tools
echo 'loaded = 7' > tools/setup_of_all.lua
keys -l ':load too'
keys Tab
keys -l set
keys Tab
check 'a path is completed' ends 1 '> :load tools/setup_of_all.lua'
keys C-u
keys -l 'require "tools.set'
keys Tab
check 'so is a module' ends 1 '> require "tools.setup_of_all'
keys C-u
keys Tab
keys -l 'x'
check 'a tab at the start of a line indents' ends 1 '>   x'
keys C-u
keys -l 'ns:script "a":upload {'
keys Enter
keys -l 'compatibility_d'
keys Tab
check 'a line that goes on is completed as a part of the whole' ends 1 '>> compatibility_date'
keys C-u C-d
check 'Ctrl-D ends only what is not whole yet' ends 1 '>'
types '6 * 7'
check 'and drops it' ends 2 '42
>'
ends 1 '>' > /dev/null

keys -l 'foo bar baz'
keys C-Left
keys -l 1
keys M-Left
keys -l 2
keys C-Right
keys -l 3
keys Home
keys -l 4
keys DC
keys End
keys C-w
keys -l 5
check 'Ctrl and Alt with arrows go by words' ends 1 '> 4oo bar 5'
keys C-c
ends 1 '>' > /dev/null

# A terminal that marks its pastes: one entry, which waits for Enter, whatever is in it.
printf 'local t = {\n\tone = 1,\n}\nfor name in pairs(t) do\n\tprint(name)\nend\n' > pasted
$tmux load-buffer pasted
$tmux paste-buffer -p -t repl
check 'pasted lines stay as they are, tabs too' ends 6 '> local t = {
        one = 1,
}
for name in pairs(t) do
        print(name)
end'
keys Enter
check 'and are one entry, with its locals' ends 2 'one
>'
types 'if true then'
types 'print "typed"'
types 'end'
check 'lines that are typed become one too' ends 2 'typed
>'
pasted='local t = {\
	one = 1,\
}\
for name in pairs(t) do\
	print(name)\
end'
typed='if true then\
print "typed"\
end'
check 'in the history' kept 9 "$pasted
$typed"
keys Up
check 'which is recalled as one' ends 3 '> if true then
print "typed"
end'
keys Up
keys End
keys BSpace BSpace
keys -l 'again"'
keys Enter
check 'and edited in any of its lines' ends 2 'typeagain
>'
keys Up Up Up Up
check 'above its first line is the entry before' ends 3 '> if true then
print "typed"
end'
keys C-c
ends 1 '>' > /dev/null
printf 'local a = 2\na*3\n' > pasted
$tmux load-buffer pasted
$tmux paste-buffer -p -t repl
keys Enter
check 'which may end in an expression' ends 2 '6
>'
printf 'q = 2\nq\n' > pasted
$tmux load-buffer pasted
$tmux paste-buffer -p -t repl
keys Enter
check 'or in a name' ends 2 '2
>'
types 'x = \'
check 'a mistake is kept like any line' sees 'unexpected symbol'
types 'x = 2'
keys C-d
ended
start 80 > /dev/null
keys Up Up
check 'and is no part of the next one' ends 1 '> x = \'
keys C-c
ends 1 '>' > /dev/null
printf 'local a = 1\nlocal b = = 2\nprint(a)' > pasted
$tmux load-buffer pasted
$tmux paste-buffer -p -t repl
keys Enter
check 'a mistake in one of several lines is shown with them' ends 5 "moonherd: repl:2: unexpected symbol near '='
     1 | local a = 1
>    2 | local b = = 2
     3 | print(a)
>"
printf 'function fails() error "deep" end\nlocal a = 1\nprint(a.b.c)' > pasted
$tmux load-buffer pasted
$tmux paste-buffer -p -t repl
keys Enter
check 'so is what fails when it runs' sees '>    3 | print(a.b.c)'
printf 'local b\nfails()' > pasted
$tmux load-buffer pasted
$tmux paste-buffer -p -t repl
keys Enter
check 'but no line of another entry' ends 4 "moonherd: repl:1: deep
  repl:1: in function 'fails'
  repl:2: in main chunk
>"
(echo 'big = [['; seq 1 20000; echo ']]') > pasted
$tmux load-buffer pasted
$tmux paste-buffer -p -t repl
sees '20000' > /dev/null
keys Enter
types '#big'
check 'a paste may be of 100 KB' ends 2 '108894
>'

# Ctrl-Z, and what else comes between a line and its end.
$tmux kill-session -t repl
$tmux new-session -d -s repl -x 80 -y 40 "PS1='shell> ' sh -i"
ends 1 'shell>' > /dev/null
types "'$moonherd' --target local --log warn"
ends 1 '>' > /dev/null
types 'x = 42'
keys -l 'half line'
ends 1 '> half line' > /dev/null # Ctrl-Z drops keys that are not read yet
keys Left Left Left Left
sleep 0.2
keys C-z
check 'Ctrl-Z gives the terminal back' ends 1 'shell>'
types 'stty -a | grep -o " icanon\| echo "'
check 'as it was' sees ' icanon'
types 'fg'
check 'fg brings the line' ends 1 '> half line'
keys -l 'a '
check 'and the cursor where it was' ends 1 '> half a line'
keys C-c
ends 1 '>' > /dev/null
types 'moonherd.sleep "300ms" print "woke"'
sleep 0.2
keys C-z
ends 1 'shell>' > /dev/null
types 'fg'
check 'a line that runs goes on too' ends 2 'woke
>'
types 'os.execute "kill -TERM $PPID"'
check 'SIGTERM ends the session' ends 1 'shell>'
types 'echo "code $?"; stty -a | grep -o " icanon\| echo "'
check 'with its code' sees 'code 143'
check 'and the history has its last line' sh -c "tail -n 1 '$history' | grep -q 'kill -TERM'"

start 80 > /dev/null
types 'os.execute "kill -HUP $PPID"'
check 'SIGHUP ends one too' ended
check 'and keeps its last line' sh -c "tail -n 1 '$history' | grep -q 'kill -HUP'"
echo 'moonherd:bind ^X^X ed-delete-prev-char' > .editrc
start 80 > /dev/null
keys -l '1234'
keys C-x C-x
check 'keys may be bound in .editrc' ends 1 '> 123'
rm .editrc
start 80 > /dev/null
types 'print("it " .. "spins") while true do pcall(function () while true do end end) end'
sees 'it spins' > /dev/null
keys C-c
keys C-c
check 'a line that catches Ctrl-C twice does not end the session' $tmux has-session -t repl
keys C-c
check 'the third says what ends it' sees 'what runs does not let itself be stopped'
keys C-c
check 'and the fourth does' ended
start 80 > /dev/null
types 'print("it " .. "waits") while true do pcall(moonherd.sleep, 1) end'
sees 'it waits' > /dev/null
# cancelled TEXT: Ctrl-C until it comes; two that are pressed at once may be one.
cancelled() {
  for _ in 1 2 3 4 5 6; do
    keys C-c
    sleep 0.5
    screen | grep -qF -- "$1" && return 0
  done
  screen
  return 1
}
check 'one that catches its cancel is told of' cancelled 'the line catches what cancels it'
check 'and closed' ends 1 '>'
types '6 * 7'
check 'and the session goes on' ends 2 '42
>'
finish
