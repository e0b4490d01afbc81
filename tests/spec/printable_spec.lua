-- Text of others: nothing in it steers a terminal.
local printable = require "moonherd._printable"

local CASES = {
  -- text, as a part of a line, with its line ends
  { "Zürich → 東京", "Zürich → 東京", "Zürich → 東京" },
  { "a\27[2Jb\7", "a?[2Jb?", "a?[2Jb?" },
  { "a\rb\0c\127", "a?b?c?", "a?b?c?" },
  { "a\n\tb", "a??b", "a\n\tb" },
  { "a\u{9B}2Jb\u{85}", "a?2Jb?", "a?2Jb?" },
  { "a\x9B2J\xC3", "a?2J?", "a?2J?" },
  { "\u{A0}é", "\u{A0}é", "\u{A0}é" },
}

describe("text of others", function ()
  it("is printable", function ()
    for _, case in ipairs(CASES) do
      assert.equal(case[2], printable.line(case[1]))
      assert.equal(case[3], printable.lines(case[1]))
    end
  end)
end)
