# moonherd repl on a real terminal: what a person sees of it.
. tests/tmux.sh

check 'a prompt comes without a command' start 80
check 'behind a line that says how to go on' sees ':help says more'
types '1 + 1'
check 'an expression shows its value' ends 2 '2
>'
types '_ * 21'
check '_ is the last one' ends 2 '42
>'
types '{ name = "acme", tags = { "a" } }'
check 'a table is printed' sees '{ name = "acme", tags = { "a" } }'
types 'for i = 1, 2 do'
check 'an open block asks for more' ends 1 '>>'
types 'print("round " .. i) end'
check 'and runs when it is whole' sees 'round 2'
types 'nonsense here'
check 'a mistake is told' sees "repl:1: syntax error near 'here'"
types '= 20 + 3'
check 'an equals sign in front is one, as in older Luas' ends 2 '23
>'
types 'for i = 1, 2 do print(i) end io.stderr:write "told\n" print "3" error "last"'
check 'what comes on both streams stands in its order' ends 7 '1
2
told
3
moonherd: repl:1: last
  repl:1: in main chunk
>'
types '_'
check 'after an error _ is what it was' ends 2 '23
>'
types 'local lost = 1'
check 'a local is told of' ends 2 '(a local ends with its line; without `local` the name is kept)
>'
types 'local again = 1'
check 'once' ends 2 '> local again = 1
>'
types 'list = {} for i = 1, 100000 do list[i] = i end'
types 'list'
check 'a long result is shown in part' sees '99900 more,'
check 'which says how to see more' sees '(shown in part; print(moonherd.inspect(_,'
types '("x"):rep(10001)'
check 'so is a long text' sees '(10001 bytes)'
types 'moonherd.sleep "10ms" print "slept"'
check 'what waits just waits' sees slept
types 'client = moonherd.connect() ns = client:ensure_namespace "shop"'
types '#client:namespaces()'
check 'calls of the API wait too' ends 2 '1
>'

types 'moonherd.spawn(function () moonherd.sleep "300ms" print "from behind" end)'
sees '<task' > /dev/null
keys -l 'half a l'
check 'what prints behind stands above what is typed' ends 2 'from behind
> half a l'
keys C-c
check 'Ctrl-C drops a line' ends 1 '>'
types 'moonherd.sleep "1h"'
sleep 0.3
keys C-c
check 'and cancels one that runs' sees cancelled
check 'which brings the prompt back' ends 1 '>'
types 'io.stderr:write "round " while true do end'
check 'a line that never waits' ends 1 'round'
keys C-c
check 'is stopped too' ends 2 'round ^Ccancelled
>'
types '6 * 7'
check 'and the session goes on' ends 2 '42
>'

keys -l 'moonherd.ens'
keys Tab
keys C-u
keys -l 'moonherd.conn'
keys Tab
check 'a public name is completed' ends 1 '> moonherd.connect'
keys C-u
keys -l 'moonherd.fs.remove_'
keys Tab
check 'also below what is not loaded yet' ends 1 '> moonherd.fs.remove_all'
keys C-u
keys -l 'ns:delete_s'
keys Tab
check 'so is a method' ends 1 '> ns:delete_scripts'
keys C-u
keys -l 'string.re'
keys Tab Tab
check 'several are listed' sees 'rep  reverse'
keys C-u
keys -l ':help '
keys Tab Tab
check 'of very many a part' sees ' more'
keys C-u
types ':tasks'
check ':tasks tells of none' sees 'nothing runs but this line'
types 'sleeper = moonherd.spawn(moonherd.sleep, "1h")'
types ':tasks'
check ':tasks tells what runs' sees 's for sleep, spawned at repl:1'
types 'sleeper:cancel()'
types ':help moonherd.map'
check ':help has the documentation' sees 'concurrency'
types ':time moonherd.sleep "10ms"'
check ':time says how long' sees 'took 0.0'
printf '\357\273\277#!/usr/bin/env moonherd\nloaded = "from a file"\n' > loaded.lua
types ':load loaded.lua'
types 'loaded'
check ':load keeps globals' sees '"from a file"'
types 'loaded = nil'
types ':load ~/loaded.lua'
types 'loaded'
check 'also of the home folder' ends 2 '"from a file"
>'
types ':load'
check 'and asks for one' sees ':load: which file?'
types ':lod loaded.lua'
check 'a command is suggested' sees "did you mean ':load'?"

types 'exit'
check 'who wants to leave is told how' ends 2 'Ctrl-D or :quit leaves
>'
types 'help()'
check 'likewise who wants help' ends 2 ':help says what there is, :help NAME more of it
>'
types 'quit = 7'
types 'quit'
check 'but not when the name is in use' ends 2 '7
>'
types 'moonherd'
check 'the module says that there is more of it' sees ':help moonherd tells'
types ' secret = "after a space"'
types 'moonherd.log.hide "hunter-two-hunter" token = "hunter-two-hunter"'
types '{ token }'
check 'no secret is printed' sh -c "! $tmux capture-pane -p -t repl | grep -F '{ \"hunter'"
keys C-d
check 'Ctrl-D leaves' ended
history=$XDG_STATE_HOME/moonherd/history
check 'the history is for its owner alone' sh -c "[ \"\$(stat -c %a '$history')\" = 600 ]"
check 'it has no line that begins with a space' sh -c "! grep -q 'after a space' '$history'"
start 80 > /dev/null
keys C-r
keys -l "loaded.lua"
check 'the next session has it' sees 'loaded.lua'
keys C-c
ends 1 '>' > /dev/null
types ':quit'
check ':quit leaves, too' ended

$tmux kill-session -t repl 2> /dev/null
$tmux new-session -d -s repl -x 80 -y 40 "'$moonherd' --target local"
sees '>' > /dev/null
types 'do local p <close> = moonherd.progress("thumbs", { total = 2 }) for _ = 1, 10 do moonherd.sleep "150ms" p:update { done = 1 } end end'
check 'a line that tells its progress has a bar' sees '[##########----------] thumbs: 1 of 2'
check 'the end of which stays' sees 'moonherd: thumbs: 1 of 2 (50 %), took'
check 'and is all that stays of it' sh -c "[ \$($tmux capture-pane -p -t repl | grep -c 'thumbs: 1 of') = 1 ]"

start 20 > /dev/null
types '{ one = "a long word", two = "another one" }'
check 'in 20 columns a table is broken' sees '  one = "a long wo'
types ':help'
check 'help is broken between words' sees '    what runs, and'
start 80 TERM=dumb > /dev/null
types '1 + 1'
check 'a dumb terminal shows results' sees '2'
start 80 NO_COLOR=1 > /dev/null
types '"plain"'
check 'NO_COLOR' sees '"plain"'
check 'has no colours' sh -c "! $tmux capture-pane -e -p -t repl | grep -q '$(printf '\033')\[3'"
start 80 LC_ALL=C > /dev/null
types '"\u{FC}", { { { { { { { 1 } } } } } } }'
check 'without a locale there is ASCII' sees '"\u{FC}"'
check 'and three dots' sees '{...}'

start 80 TERM=dumb LC_ALL=C > /dev/null
types 'x = "üä"'
types '#x'
check 'there too what is typed is UTF-8' ends 2 '4
>'

# What is half of a sequence of keys holds nobody up.
start 40 > /dev/null
types 'moonherd.spawn(function () moonherd.sleep "300ms" print "from behind" end)'
keys Escape
check 'tasks go on behind a lone ESC' sees 'from behind'
keys C-c
ends 1 '>'
keys C-r
keys -l 'spawn'
check 'and while the history is searched' sees 'bck:spawn'
keys C-c
check 'which Ctrl-C ends' ends 1 '>'
types 'moonherd.spawn(function () moonherd.sleep "500ms" print "behind wide ones" end)'
keys -l '"日本語日本語日本語日本語日本語日本語日本語日本語'
check 'what prints behind finds the first line of wide characters' ends 3 'behind wide ones
> "日本語日本語日本語日本語日本語日本語
日本語日本語'
keys C-c
ends 1 '>'
keys -l 'aaaaaaaaaabbbbbbbbbbccccccccccddddddddef'
keys C-a
$tmux resize-window -t repl -x 30
keys -l z
keys C-e
keys -l y
check 'a line goes on when the window has another width' ends 2 '> zaaaaaaaaaabbbbbbbbbbccccccc
cccddddddddefy'
keys C-c
ends 1 '>'
types "long = [[$(head -c 3000 /dev/zero | tr '\0' q)]]"
types '#long'
check 'a line may be long' ends 2 '3000
>'
printf 'function double(n)\n\treturn n *\t2\nend\nprint(double(21))\nprint("pasted")\n' > pasted
$tmux load-buffer pasted
$tmux paste-buffer -t repl
check 'many lines are pasted at once' ends 2 'pasted
>'
check 'and run one after the other' sees 42
keys 'C-\'
check 'Ctrl-\ shows the tasks' sees 'tasks are alive'

# Two sessions add to one history; what is a secret by then is hidden in it.
$tmux new-session -d -s other -x 80 -y 20 "'$moonherd' --target local --log warn"
types 'moonherd.log.hide "typed-secret-word"'
types 'mine = 1'
$tmux send-keys -t other -l 'others = 2'
$tmux send-keys -t other Enter
kept() { for _ in $(seq 100); do grep -qF -- "$1" "$history" && return 0; sleep 0.05; done; cat "$history"; return 1; }
check 'a line is kept' kept 'mine = 1'
check 'so is one of another session' kept 'others = 2'
check 'a secret is not' sh -c "grep -F 'log.hide \"[hidden]\"' '$history' > /dev/null && ! grep -q typed-secret '$history'"
head -c 400000 /dev/zero | tr '\0' 'x' | fold -w 99 > "$history"
types 'after = "a long one"'
check 'a long history is cut' sh -c "for _ in \$(seq 100); do [ \$(stat -c %s '$history') -lt 200000 ] && exit; sleep 0.05; done; exit 1"
check 'at its beginning' kept 'after = "a long one"'
$tmux send-keys -t other -l 'others = 3'
$tmux send-keys -t other Enter
check 'and the other session goes on with the new one' kept 'others = 3'
check 'which is for its owner alone too' sh -c "[ \"\$(stat -c %a '$history')\" = 600 ]"
$tmux kill-server 2> /dev/null

printf 'x = 20\nx + 1\nfor i = 1, 2 do\nprint("r" .. i)\nend\n' | "$moonherd" repl --target local > out 2> err
check 'lines may come through a pipe' sh -c '[ "$(tr "\n" " " < out)" = "21 r1 r2 " ]'
check 'without a word of moonherd' test ! -s err
# piped LINES: the exit code of a session that reads them; what it says is in out and err.
piped() {
  printf "$1" | "$moonherd" repl --target local > out 2> err
  echo $?
}
check 'and all is well' [ "$(piped 'x = 1\n')" = 0 ]
check 'a line that fails' [ "$(piped 'error "bad"\nprint "on"\n')" = 1 ]
check 'ends nothing' grep -qx on out
check ':q goes no further' [ "$(piped ':q\nerror "bad"\n')" = 0 ]
check 'a mistake in one' [ "$(piped 'x = = 1\nx = 1\n')" = 1 ]
check 'a command that is none' [ "$(piped ':lod x\n')" = 1 ]
check 'and a statement that is not whole are told in the exit code' \
  [ "$(piped 'print "one"\nfor i = 1, 2 do\nprint(i)\n')" = 1 ]
check 'the last one in words, too' grep -qx 'moonherd: standard input ends within a statement, which has not run' err
check 'what was whole has run' grep -qx one out
finish
