-- The properties of the fuzz targets (tests/fuzz), held to what their corpora hold, found cases
-- included, and to a few thousand mutations of it, always the same.
local fs = require "moonherd.fs"

local MUTATIONS = 40 -- of each file of a corpus

-- A source of numbers from 1 to n.
local function numbers(seed)
  return function (n)
    seed = (seed * 1103515245 + 12345) % 0x80000000
    return (seed >> 8) % n + 1
  end
end

local function mutate(text, random)
  for _ = 1, random(4) do
    local at, kept = random(#text + 1), random(3) - 1
    text = text:sub(1, at - 1) .. string.char(random(256) - 1) .. text:sub(at + kept)
  end
  return text
end

describe("the property of a fuzz target", function ()
  for _, name in ipairs { "json", "tags", "target", "token" } do
    it("holds: " .. name, function ()
      local property = dofile("tests/fuzz/properties/" .. name .. ".lua")
      local directory = "tests/fuzz/corpus/" .. name
      for number, file in ipairs(fs.list(directory)) do
        local text, random = fs.read(directory .. "/" .. file), numbers(number)
        property(text)
        for _ = 1, MUTATIONS do property(mutate(text, random)) end
      end
    end)
  end
end)
