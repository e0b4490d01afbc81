# What the small examples print is what they are meant to show.
. tests/shell.sh

# prints EXAMPLE: compares what it prints, run twice on a state of its own, with the text given to it.
prints() {
  cat > "$scratch/wanted"
  for turn in first second; do
    "$moonherd" run --target local --state "$scratch/$1.state" "examples/$1" < /dev/null \
      > "$scratch/printed" 2> "$scratch/said" || { cat "$scratch/said"; return 1; }
    diff "$scratch/wanted" "$scratch/printed" || { echo "($turn run)"; return 1; }
  done
}

check 1_hello prints 1_hello.lua << 'END'
greeter starts with greeter.mjs; requests: 1
greeter	fetch
export default { fetch() { return new Response('Hello!') } }
END

check 2_folder prints 2_folder.lua << 'END'
tags      	customer:acme, plan:pro
modules   	data/rates.bin, index.mjs, lib/catalogue.mjs, lib/money.mjs, lib/router.mjs, templates/page.txt, wasm/money.wasm
END

check 3_errors prints 3_errors.lua << 'END'
api	namespace_not_found	100119
check the name and the account, or create the namespace
2 deployed, 1 refused
empty	no_handlers
namespace:delete: unknown option 'expects' (did you mean 'expect'?)
END

check 4_tenants prints 4_tenants.lua << 'END'
acme	index.mjs
globex	index.mjs
initech	index.mjs
END

check 5_waiting prints 5_waiting.lua << 'END'
left Rome
left Oslo
seen Oslo	seen Rome
left the Moon
nil	timeout	timed out after 0.05 s while waiting for sleep
END

check 6_secret prints 6_secret.lua << 'END'
rotated	tenant-1
rotated	tenant-3
2 rotated, 0 failed
END

check 7_offboard prints 7_offboard.lua << 'END'
would delete 2: acme-blog, acme-shop
deleted 2
left	acmestore
namespace:delete_scripts: the filter requires no tag: add all = true to delete every script without these
END

check 8_audit prints 8_audit.lua << 'END'
antique	is from 2022-03-01
silent	writes logs from now on
to be rebuilt:	antique	plan:pro needs:compat
END

check 9_copy prints 9_copy.lua << 'END'
old	the same code
shop	the same code
	lacks the secret API_KEY
END

check 10_site prints 10_site.lua << 'END'
28 files
again: 0 sent, 2 requests
true	true
END

check 11_dry_run prints 11_dry_run.lua << 'END'
script plans/acme would change, 1 binding would vanish (nothing was sent)
bindings
  - CURRENCY            plain_text "CHF"            would vanish: not in the upload
  ~ MODE                plain_text "live" → "test"
  = API_KEY             secret_text                 kept
settings
  ~ compatibility_date  2025-10-01 → 2026-10-01
code
  ~ worker.mjs          57 bytes                    other bytes or type
END

check 12_programs prints 12_programs.lua << 'END'
export default { fetch() { return new Response('globex') } }
build | checked
build | signed
exit	2	no such rule
timeout	sleep 3600: stopped after its timeout of 0.05 s
1
END

check 13_files prints 13_files.lua << 'END'
blog	no posts
shop	closed
changed	workers/shop/index.mjs
blog	no posts
shop	open
END

check 14_settings prints 14_settings.lua << 'END'
eu+us
120.0	false
3
***
secret_text
bad key: [hidden]
env.get: SHOP_OWNER is not set
END

check 15_arguments prints 15_arguments.lua << 'END'
3 deployed	free	8	false
0 deleted
END

check 19_pipeline prints 19_pipeline.lua << 'END'
20 built	2 at once
2026-03-01T00:30:00Z	2026-03-02T00:30:00Z
1h 30m	250ms
END

check 20_webhook prints 20_webhook.lua << 'END'
202 taken
400 this is too old
401 the signature is wrong
***	{ key = <***>, tenant = "acme" }
END

check 21_progress prints 21_progress.lua << 'END'
true	0 above 1 MB
END

check 22_prompt prints 22_prompt.lua << 'END'
kept 2
***	API_KEY
no_terminal	run it on a terminal, or give the option 'default'
END

check 18_sqlite prints 18_sqlite.lua << 'END'
acme	1
globex	1
initech	1
initech	has no credit left
1
END

# Whatever has a number is checked above.
is_checked() {
  grep -q "^check [^ ]* prints $1 " tests/e2e/examples_output.sh
}

for example in examples/[0-9]*.lua; do
  check "$example is checked" is_checked "$(basename "$example")"
done

# The demo says how much came back as it was sent, what survived, and how many scripts are left.
demo() {
  "$moonherd" run --target local --state "$scratch/demo" examples/demo.lua < /dev/null \
    > "$scratch/printed" 2> "$scratch/said" || { cat "$scratch/said" "$scratch/printed"; return 1; }
  while read -r line; do
    grep -q -- "$line" "$scratch/printed" || { echo "no line '$line' in:"; cat "$scratch/printed"; return 1; }
  done << END
^Namespace 'tenants' on local, which held $1 scripts
Deploy the Workers  *60 scripts  *60 requests   1.00 each
28 files, $2 of them sent
The same site for the others  *14 scripts  *28 requests   2.00 each
^    0 files sent
^    [1-9][0-9]* bytes, every one as it was sent
^    60 of 60 are
Audit the settings  *75 scripts
^    27 write no logs
would delete tenant-04 and tenant-04-site
^    73 scripts are left
END
}
check 'the demo' demo 0 28
check 'the demo, on what it left' demo 73 0
check 17_job prints 17_job.lua << 'END'
3 done, 0 skipped
0 done, 3 skipped
acme	done	1
globex	done	1
initech	done	1
3 put back, 0 failed; acme is there: false
END

check 16_rotate prints 16_rotate.lua << 'END'
would rotate: acme, globex
2 done, 0 skipped, 0 failed
0 done, 2 skipped, 0 failed
acme	1
globex	1
initech	0
END

finish
