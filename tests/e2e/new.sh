# moonherd new: what it makes runs at once, offline, as its README says.
. tests/shell.sh

PATH=$PWD/$B:$PATH
cd "$scratch" || exit 1
check 'a project' sh -c "moonherd new shop > out"
check 'says how to go on' grep -q 'cd shop' out
cd shop || exit 1
check 'its script deploys' sh -c "moonherd run --target local deploy.lua acme globex 2> err | grep -qx '2 deployed, 0 failed'"
check 'for each tenant' sh -c "moonherd api --target local GET \
  '/accounts/{account_id}/workers/dispatch/namespaces/shop/scripts' --field 'result[].id' 2> err | grep -qx globex"
check 'its tests pass' sh -c "moonherd test > ../out 2>&1 || { cat ../out; exit 1; }"
check 'its README shows commands that work' sh -c \
  "sed -n '/^\`\`\`sh/,/^\`\`\`/{/^moonherd/p}' README.md | sh -e > ../out 2>&1 || { cat ../out; exit 1; }"
check 'its JSON is JSON' sh -c "moonherd -e 'require \"moonherd\".json.decode(io.read \"a\")' < .luarc.json"
check 'its types are there' grep -q 'function script:upload(spec)' types/moonherd/class/script.lua
cd ..
refused() { moonherd new "$1" > out 2> err; [ $? = 2 ] && [ "$(wc -l < err)" = 1 ]; }
check 'a folder that is not empty is left alone' refused shop
check 'so is a file' refused out
check 'a name that no namespace has' refused 'My Shop'
finish
