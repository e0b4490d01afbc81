-- What the kinds, the reasons and the codes of errors mean: `moonherd help errors`, and help of
-- each of these words. What raises them is found in the doc comments, codes in the client's table.
local codes_of_api = require "moonherd.cloudflare.errors".codes
local index = require "moonherd.docs.index"
local text = require "moonherd.docs.text"

local M = {}

local KINDS = {
  { "usage", "The script asks for what cannot be: an argument, an option or a setting is wrong. "
    .. "The message names it; nothing was sent. Correct the script." },
  { "api", "The API has answered, and refuses. The error has its code and status, and a hint. "
    .. "moonherd help CODE says what a code means." },
  { "http", "No answer came, or none that can be read: name, connection, TLS, proxy, or what "
    .. "answers is no HTTP. `outcome` says whether a write may have been done." },
  { "timeout", "A limit of time is over. The reason says which one: timeout of moonherd.timeout or "
    .. "of an option, timeout_connect, timeout_stall and timeout_total of a request." },
  { "cancelled", "The task was cancelled: by Ctrl-C, by task:cancel, or as a task beside it has "
    .. "failed. moonherd.try lets it through." },
  { "io", "A file, a folder, a database or a socket of this machine; `path` says which one." },
  { "process", "A program that was run has failed; `code` is its exit code." },
  { "internal", "A library that moonherd stands on has failed, or moonherd itself. Please tell "
    .. "its authors." },
  { "script", "The script's own error, or one of Lua: what was raised is in `cause`." },
}

local function description_of(kind)
  for _, row in ipairs(KINDS) do
    if row[1] == kind then return row[2] end
  end
end

-- The functions that raise errors with a field of a value: {name, …}, and by reason {names}.
local function raised(field, value)
  local by_reason, reasons = {}, {}
  for entry in index.each() do
    for _, err in ipairs(entry.block and entry.block.errors or {}) do
      for _, reason in ipairs(err.reasons or {}) do
        if (field == "kind" and err.kind or reason) == value then
          if not by_reason[reason] then
            by_reason[reason], reasons[#reasons + 1] = {}, reason
          end
          table.insert(by_reason[reason], entry.name)
        end
      end
    end
  end
  table.sort(reasons)
  return reasons, by_reason
end

-- The kind a reason belongs to; nil when no function is documented to raise it.
local function kind_of(reason)
  for entry in index.each() do
    for _, err in ipairs(entry.block and entry.block.errors or {}) do
      for _, other in ipairs(err.reasons or {}) do
        if other == reason then return err.kind end
      end
    end
  end
end

local function codes_with(reason)
  local found = {}
  for _, row in ipairs(codes_of_api()) do
    if row.reason == reason then found[#found + 1] = row end
  end
  return found
end

local MOST_NAMES <const> = 8

local function some(names)
  local shown = table.concat(names, ", ", 1, math.min(#names, MOST_NAMES))
  return #names > MOST_NAMES and ("%s and %d more"):format(shown, #names - MOST_NAMES) or shown
end

-- ---- texts -------------------------------------------------------------------------------------

local function add_codes(out, rows)
  for _, row in ipairs(rows) do
    out[#out + 1] = ("  %d  %s"):format(row.code, row.reason)
    out[#out + 1] = text.wrap(row.hint, 6)
  end
end

local function text_of_all()
  local out = {
    "errors", "",
    text.wrap("Calls raise error objects: moonherd help error tells their fields. Scripts compare "
      .. "`reason`; moonherd.try returns an error in the place of raising it.", 2),
    "\nKinds",
  }
  for _, row in ipairs(KINDS) do
    out[#out + 1] = "  " .. row[1]
    out[#out + 1] = text.wrap(row[2], 6)
  end
  out[#out + 1] = "\nCodes of the API, with their reasons"
  add_codes(out, codes_of_api())
  out[#out + 1] = "\nMore\n" .. text.wrap(
    "moonherd help io (a kind), moonherd help rate_limited (a reason), moonherd help 10021", 2)
  return table.concat(out, "\n")
end

local function text_of_kind(kind, description)
  local out = {
    kind .. ": a kind of errors", "", text.wrap(description, 2), "\nReasons, and what raises them",
  }
  local reasons, by_reason = raised("kind", kind)
  for _, reason in ipairs(reasons) do
    out[#out + 1] = "  " .. reason
    out[#out + 1] = text.wrap(some(by_reason[reason]), 6)
  end
  return table.concat(out, "\n")
end

local function text_of_reason(reason)
  local _, by_reason = raised("reason", reason)
  local rows, names = codes_with(reason), by_reason[reason] or {}
  local kind = rows[1] and "api" or kind_of(reason)
  local out = { ("%s: a reason of errors of kind %s"):format(reason, kind) }
  if rows[1] then
    out[#out + 1] = "\nCodes of the API, and what to do"
    for _, row in ipairs(rows) do
      out[#out + 1] = text.wrap(("%d: %s"):format(row.code, row.hint), 2)
    end
  end
  if names[1] then out[#out + 1] = "\nRaised by\n" .. text.wrap(some(names), 2) end
  out[#out + 1] = ('\nExample\n  local result, err = moonherd.try(f)\n'
    .. '  if err and err.reason == "%s" then … end'):format(reason)
  return table.concat(out, "\n")
end

local function text_of_code(row)
  return table.concat({
    ("%d: a code of the API"):format(row.code), "",
    text.wrap("Hint: " .. row.hint .. ".", 2), "",
    text.wrap(('Errors of kind "api" with `code` %d; scripts compare their reason, "%s". What has '
      .. "failed is in `message` and `errors`."):format(row.code, row.reason), 2),
  }, "\n")
end

--- The kinds of errors.
---@return table[] kinds  in order, each with `name` and `text`
function M.kinds()
  local list = {}
  for i, row in ipairs(KINDS) do list[i] = { name = row[1], text = row[2] } end
  return list
end

--- The codes of the API: `code`, `reason`, `hint`, in order.
M.codes = codes_of_api

--- What a word of errors means.
---@param word string  "errors", a kind, a reason, or a code
---@return string? text  nil when it is no such word
function M.text(word)
  if word == "errors" then return text_of_all() end
  local description = description_of(word)
  if description then return text_of_kind(word, description) end
  for _, row in ipairs(codes_of_api()) do
    if word == tostring(row.code) then return text_of_code(row) end
  end
  local is_reason = codes_with(word)[1] or kind_of(word)
  return is_reason and text_of_reason(word) or nil
end

--- What a kind of errors is, in a line, for those that are also the name of something else.
---@param word string
---@return string? line
function M.line(word)
  return description_of(word)
    and ("%s is also a kind of errors: moonherd help errors"):format(word) or nil
end

return M
