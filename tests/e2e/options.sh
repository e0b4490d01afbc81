# Every option of every command, wrong in every way: one line, the nearest name, exit 2.
. tests/shell.sh
top=$PWD
cd "$scratch" && "$moonherd" --log error "$top/tests/e2e/options.lua" "$moonherd" < /dev/null
