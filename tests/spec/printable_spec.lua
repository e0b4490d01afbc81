-- Text of others: nothing in it steers a terminal.
local names = require "moonherd.cloudflare.names"
local plan_text = require "moonherd.cloudflare.plan_text"
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

  it("is so in messages and plans of the client", function ()
    assert.equal("a?2J", names.shown "a\u{9B}2J")
    local line = plan_text.line(true, { { change = "add", path = "a\u{9B}2J" } })
    assert.is_nil(line:find("\u{9B}", 1, true))
  end)
end)
