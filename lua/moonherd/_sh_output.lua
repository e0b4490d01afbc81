-- The output of a program that moonherd.sh shows as it comes: line by line, each behind a prefix,
-- without secrets. What is kept of it is its end.
local log = require "moonherd._log"

local M = {}

local LONGEST_LINE <const> = 64 << 10 -- a longer one is shown as several
local OVERLAP <const> = 8 << 10 -- bytes held back there: a secret may go on behind them
local STEP <const> = 512

-- Where a text can be cut without a secret on both sides of it.
local function cut_of(text)
  local masked = log.mask(text)
  for cut = #text - OVERLAP, STEP, -STEP do
    if log.mask(text:sub(1, cut)) .. log.mask(text:sub(cut + 1)) == masked then return cut end
  end
  return #text
end

-- What a terminal shows of a line in the end: progress is drawn over itself.
local function visible(line)
  if not line:find("\r", 1, true) then return line end
  line = line:match "^.*[^\r]" or ""
  return line:match "^.*\r(.*)$" or line
end

-- Returns a function that writes what it is given, line by line, each behind the prefix. It holds
-- back what may go on: secrets are found in whole lines only.
local function line_writer(file, prefix)
  local rest = ""
  local function show(lines)
    lines = lines:gsub("([^\n]*)\n", function (line) return prefix .. visible(line) .. "\n" end)
    file:write(log.mask(lines))
  end
  return function (text, is_last)
    text = rest .. text
    local lines = text:match "^.*\n" or ""
    rest = text:sub(#lines + 1)
    if lines ~= "" then show(lines) end
    while #rest > LONGEST_LINE do
      local cut = cut_of(rest)
      show(rest:sub(1, cut) .. "\n")
      rest = rest:sub(cut + 1)
    end
    if is_last and rest ~= "" then show(rest .. "\n") end
  end
end

-- Keeps the last bytes of what `add` is given; `text` joins them.
local function new_tail(most)
  local pieces, first, size = {}, 1, 0
  local function add(piece)
    pieces[#pieces + 1] = piece
    size = size + #piece
    while size - #pieces[first] >= most and first < #pieces do
      size = size - #pieces[first]
      pieces[first] = "" -- not nil: the list stays one
      first = first + 1
    end
  end
  local function text()
    local all = table.concat(pieces)
    return #all > most and all:sub(#all - most + 1) or all
  end
  return { add = add, text = text }
end

--- Shows what a child writes until it is over.
---@async
---@param child table  of moonherd._proc, with `streams`
---@param prefix string  of every line
---@param most integer  bytes that are kept of each stream
---@return table result  as child:wait gives it, with what was kept
function M.show(child, prefix, most)
  local streams = {
    { name = "stdout", write = line_writer(io.stdout, prefix), kept = new_tail(most) },
    { name = "stderr", write = line_writer(io.stderr, prefix), kept = new_tail(most) },
  }
  local result
  repeat
    result = child:wait()
    for _, stream in ipairs(streams) do
      stream.write(result[stream.name], result.is_over)
      stream.kept.add(result[stream.name])
    end
  until result.is_over
  for _, stream in ipairs(streams) do result[stream.name] = stream.kept.text() end
  return result
end

return M
