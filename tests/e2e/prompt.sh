# Questions on a terminal, beside a shell: what is typed, hidden, stopped and asked again.
# tests/c/test_prompt.c looks at the terminal itself.
. tests/tmux.sh

cat > ask.lua << 'END'
local moonherd = require "moonherd"
local prompt = moonherd.prompt
local ask = {}

function ask.secret()
  print("got " .. #prompt.secret("Key?"):reveal())
end

function ask.choose()
  print("chose " .. prompt.choose("Where?", { "staging", "production", "prod-eu", "2" }))
end

function ask.two()
  moonherd.gather(function () print("A " .. prompt.text "first?") end,
    function () print("B " .. prompt.text "second?") end)
end

ask[arg[1]]()
END
ask="'$moonherd' --target local --log error ask.lua"

$tmux kill-session -t repl 2> /dev/null
$tmux new-session -d -s repl -x 80 -y 40 "PS1='shell> ' sh -i"
sees 'shell>' > /dev/null

types "$ask secret"
sees 'Key?' > /dev/null
keys -l hun
keys C-z
check 'Ctrl-Z in a secret gives the shell its terminal' ends 1 'shell>'
types 'stty -a | grep -o " echo "'
check 'which shows what is typed' ends 2 ' echo
shell>'
types 'clear; fg'
sleep 0.3 # nothing on the screen tells when it goes on
types hunter2
check 'fg goes on' sees 'got 7'
check 'and hides what is typed' sh -c "! $tmux capture-pane -p -t repl | grep hunter"

types 'clear'
types "$ask choose"
sees 'number or name' > /dev/null
types prod
check 'a beginning of two names is asked again' ends 2 '2 begin so: production, prod-eu
number or name'
types stagign
check 'the nearest name is told' ends 2 "did you mean 'staging'?
number or name"
types 9
check 'a number that is none, too' ends 2 'a number from 1 to 4, or a name is expected
number or name'
types 2
check 'a name that is a number is no place' sees 'chose 2'

types 'clear'
types "$ask two"
sees 'first?' > /dev/null
types 1
sees 'second?' > /dev/null
types 2
check 'two questions take turns' sees 'B 2'

types 'clear'
types "$ask secret; echo \"code \$?\"; stty -a | grep -o ' echo '"
sees 'Key?' > /dev/null
keys -l hun
keys C-c
check 'Ctrl-C ends a secret, and the terminal echoes' ends 3 'code 130
 echo
shell>'

yes | "$moonherd" --target local --log error ask.lua secret > out 2>&1
check 'an answer in a pipe is no person' grep -q 'there is no terminal to ask on' out
finish
