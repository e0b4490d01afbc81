# The example Workers are real ones: the WebAssembly is well-formed, and (where node is installed)
# every module loads and answers as its comments say.
. tests/shell.sh

check 'money.wasm is well-formed' lua5.4 tests/e2e/wasm_sections.lua \
  examples/workers/shop/wasm/money.wasm add times convert

if command -v node >/dev/null; then
  check 'the shop answers' node tests/e2e/workers_shop.mjs
  check 'the service worker answers' node tests/e2e/workers_legacy.mjs
else
  skip 'the shop answers' 'no node'
  skip 'the service worker answers' 'no node'
fi
finish
