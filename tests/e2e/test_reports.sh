# What moonherd test reports, as programs read it: JUnit by an XML parser, TAP by a harness. Names and
# messages are anybody's; and a spec that breaks Lua itself does not get lost.
. tests/shell.sh
cd "$scratch" || exit 1

# ---- names and messages from anywhere ------------------------------------------------------------

cat > hostile_spec.lua << 'END'
local texts = {
  "", " ", "plain", "]]>", "<![CDATA[x]]>", "&amp; & &#0; &#x1F;", "<!-- -- -->", "<?xml?>", "\"'", "</testcase>",
  "\0", "a\0b", "\1\2\3\27[2J\127", "\xC2\x85\xC2\x9B2J", "tab\tand\r\nlines\nand more", "\xff\xfe", "a\xC3", "\xED\xA0\x80",
  "\u{FFFE}\u{FFFF}", "\u{1F600} and \u{10FFFF}", "\xEF\xBB\xBFmark", "# SKIP not", "# TO" .. "DO never", "x # to" .. "do", "\\", "\\#",
  "not ok 1", "ok 7 - x", "1..99", "Bail out!", "TAP version 12", "---", "  ok 1 - deeper", "pragma +strict",
  ("long "):rep(20000), ("\u{263A}"):rep(5000), ("\n"):rep(300), "%s %d %n", "${x} `x`",
}
for i, text in ipairs(texts) do
  describe("about " .. i .. text, function ()
    it(text .. " passes", function () end)
    it(text .. " fails", function () assert.equal(text, text .. "!") end)
    it(text .. " raises", function () error(text) end)
    it(text .. " raises a table", function () error { text } end)
    it(text .. " prints", function ()
      print(text)
      io.write(text, "\n")
      io.stdout:write(text, "\n")
      io.output():write(text, "\n")
    end)
    it(text .. " waits", function () pending(text) end)
    pending(text .. " is to come")
  end)
end
describe("outside", function ()
  setup(function () error "]]> in setup\27[2J" end)
  it("is not reached", function () end)
end)
END
count=39 # texts
tests() { "$moonherd" test --log error --output tap --output junit=report.xml "$@" > report.tap 2> err; [ $? = 1 ]; }
check 'names and messages of all kinds' tests hostile_spec.lua

# value XPATH TEXT: what the XML says there.
value() { [ "$(xmllint --xpath "$1" report.xml)" = "$2" ] || { xmllint --xpath "$1" report.xml; return 1; }; }
if command -v xmllint > /dev/null; then
  check 'are XML' xmllint --noout --huge report.xml
  cases="count(//testcase) - count(//testcase[error[contains(@message, 'in setup')]])"
  check 'with every test' value "$cases" $((7 * count))
  check 'and every failure' value 'count(//failure)' $count
  check 'and every skipped one' value 'count(//skipped)' $((2 * count))
  check 'the sums agree' value \
    'number(/testsuites/@tests) = count(//testcase) and number(/testsuites/@errors) = count(//testcase/error)' true
  check 'of the file too' value 'number(//testsuite/@tests) = count(//testcase)' true
  check 'a mark of CDATA is text' value "count(//testcase[contains(@name, ']]> passes')]) > 0" true
  check 'a long name is whole' value 'count(//testcase[string-length(@name) > 190000]) = 7' true
  check 'no name is a command to a terminal' value "count(//testcase[contains(@name, '?[2J')]) >= 7" true
  check 'what is raised in a setup' value "count(//error[contains(@message, ']]> in setup')])" 1
else skip 'JUnit' 'no xmllint'; fi
if python3 -c 'import xml.etree.ElementTree' 2> /dev/null; then
  check 'a second parser reads the same' sh -c "[ \$(python3 -c 'import sys, xml.etree.ElementTree as e
print(len(e.parse(sys.argv[1]).getroot().findall(\".//failure\")))' report.xml) = $count ]"
else skip 'a second parser' 'no python3'; fi

# The harness of Perl is strict: unknown lines, a wrong plan and wrong numbers are errors of the stream.
cat > read_tap.pl << 'END'
use TAP::Parser;
open my $in, "<", $ARGV[0] or die;
my $tap = TAP::Parser->new({ source => $in });
my ($ok, $not_ok, $skipped, $undone) = (0, 0, 0, 0);
while (my $line = $tap->next) {
  die "unknown line: " . $line->raw if $line->is_unknown;
  die "bail out" if $line->is_bailout;
  next unless $line->is_test;
  $undone++ if $line->has_todo;
  if ($line->has_skip) { $skipped++ } elsif ($line->is_ok) { $ok++ } else { $not_ok++ }
}
die join("; ", $tap->parse_errors) if $tap->parse_errors;
die "the plan is wrong" unless $tap->is_good_plan;
print "$ok ok, $not_ok not ok, $skipped skipped, $undone to do\n";
END
tap_is() { said=$(perl read_tap.pl report.tap) && [ "$said" = "$1" ] || { echo "$said"; return 1; }; }
if perl -MTAP::Parser -e 1 2> /dev/null; then
  check 'the harness reads TAP' tap_is \
    "$((2 * count)) ok, $((3 * count + 1)) not ok, $((2 * count)) skipped, 0 to do"
else skip 'TAP' 'no TAP::Parser'; fi

# ---- specs that break Lua ------------------------------------------------------------------------

# broken CODE: a test that runs it and fails, the next one passes, and a third fails: all are counted.
broken() {
  cat > broken_spec.lua << END
it("breaks", function () $1; error "on purpose" end)
it("goes on", function () assert.equal(1, 1) end)
it("is seen", function () assert.equal(1, 2) end)
END
  "$moonherd" test --log error broken_spec.lua > out 2>&1
  [ $? = 1 ] && grep -q '^1 passed, 2 failed' out && grep -q 'not ok broken_spec.lua:1: breaks' out &&
    grep -q 'not ok broken_spec.lua:3: is seen' out || { cat out; return 1; }
}
while read -r code; do
  check "a test that says $code" broken "$code"
done << 'END'
debug = nil
_G.debug = nil
debug.traceback = nil
debug.getinfo = nil
debug.sethook = nil
_G.error = nil
_G.pcall, _G.xpcall = nil, nil
_G.tostring, _G.type, _G.select = nil, nil, nil
_G.pairs, _G.ipairs, _G.next = nil, nil, nil
_G.setmetatable, _G.getmetatable, _G.rawget, _G.rawset = nil, nil, nil, nil
_G.string, _G.table, _G.math, _G.os, _G.io, _G.coroutine = nil, nil, nil, nil, nil, nil
string.format, string.gsub, table.insert, table.concat = nil, nil, nil, nil
getmetatable("").__index = nil
_G.require, _G.package = nil, nil
_G._G = nil
_G.print, io.write, io.stdout = nil, nil, nil
os.clock, os.time = 1, false
for name in pairs(_G) do _G[name] = nil end
END
cat > broken_file_spec.lua << 'END'
before_each(function () _G.type, _G.error = nil, nil end)
it("runs", function () assert.equal(1, 1) end)
describe("a block", function () _G.debug, _G.table = nil, nil end)
it("fails", function () assert.equal(1, 2) end)
_G.string, _G.tostring = nil, nil
END
outside() { "$moonherd" test --log error broken_file_spec.lua > out 2>&1; grep -q '^1 passed, 1 failed' out || { cat out; return 1; }; }
check 'the same outside of tests' outside
cat > stub_spec.lua << 'END'
it("puts a function in the place of another", function () os.time = function () return 7 end end)
it("which stays, as with busted", function () assert.equal(7, os.time()) end)
describe("a stub", function ()
  local stubbed
  before_each(function () stubbed = stub(os, "getenv", function () return "stubbed" end) end)
  after_each(function () stubbed:revert() end)
  it("is a table", function () assert.equal("stubbed", os.getenv "HOME") end)
end)
it("and goes", function () assert.not_equal("stubbed", os.getenv "HOME") end)
END
check 'what is put in its place stays' sh -c "'$moonherd' test --log error stub_spec.lua | grep -q '^4 passed, 0 failed'"
finish
