# The examples in the doc comments run, and print what they say they print.
. tests/shell.sh

# They may write files, beside the script that runs them.
cp -r examples/workers tests/e2e/doc_examples.lua "$scratch/"
echo '[{"id": "acme"}]' > "$scratch/tenants.json"
top=$PWD
cd "$scratch" || exit 1
"$moonherd" run --target local doc_examples.lua "$top"
