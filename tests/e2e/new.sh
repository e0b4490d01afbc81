# moonherd new: what it makes runs at once, offline, as its README says.
. tests/shell.sh

PATH=$PWD/$B:$PATH
cd "$scratch" || exit 1
check 'a project' sh -c "moonherd new shop > out"
check 'says how to go on' grep -q 'cd shop' out
cd shop || exit 1
check 'its script deploys' sh -c "moonherd run --target local deploy.lua acme globex 2> err | grep -qx '2 deployed, 0 failed'"
dry_runs() { # ARGUMENT…: says what it would do, and only that
  moonherd run --target local "$@" > ../out 2> ../err && grep -qx '1 would be deployed, 0 failed' ../out &&
    ! moonherd api --target local GET '/accounts/{account_id}/workers/dispatch/namespaces/shop/scripts' 2> /dev/null |
    grep -q initech || { cat ../out ../err; return 1; }
}
check 'a dry run says what would be' dry_runs --dry-run deploy.lua initech
check 'also when it is asked for behind the script' dry_runs deploy.lua initech --dry-run
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
check 'nor one of other letters' refused 'läden'
check 'nor an empty one' refused ''
check 'a name that is too long' refused "$(printf 'x%.0s' $(seq 1 300))"
offers() { refused "$1" && grep -qF "$2" err || { cat err; return 1; }; }
check 'capital letters are offered as small ones' offers Shop "(such as 'shop')"
check 'so are spaces and dots' offers 'My Shop.v2' "(such as 'my-shop-v2')"
check 'of the name alone' offers sub/Shop "(such as 'shop')"
check 'and nothing is made on the way' [ ! -e sub ]
for command in new types docs; do
  into_file() { moonherd $command "$1" > printed 2> err; [ $? = 2 ] && [ "$(cat err)" = "moonherd: $command: out is a file, not a folder" ]; }
  check "$command into a file" into_file out
  check 'or into a folder in one' into_file out/folder
done
check 'a file with a slash behind it' refused out/
mkdir empty
check 'an empty folder is filled' sh -c 'moonherd new empty/ > out && [ -f empty/deploy.lua ]'

# A limit on the size of files stands in for a full disk: some are written before it is met.
fails() { ! (trap '' XFSZ; ulimit -f "$1" && moonherd new "$2" > out 2> err); }
mkdir half_empty
check 'a project that cannot be written' fails 8 half
check 'says so in a line' sh -c '[ "$(wc -l < err)" = 1 ]'
check 'and leaves nothing' [ ! -e half ]
check 'also not the folders on the way to it' fails 8 far/away/half
check 'none' [ ! -e far ]
mkdir near
check 'those that were there' fails 8 near/by/half
check 'are left' sh -c 'rmdir near'
check 'a folder that was there' fails 8 half_empty
check 'is empty again' sh -c 'rmdir half_empty'
finish
