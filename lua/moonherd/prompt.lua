-- moonherd.prompt: questions to the person at the terminal. They go to standard error, so that what
-- a script prints stays clean. Without a terminal the default is the answer, and is told with the
-- question; without a default that is an error: a script in a pipeline must not wait for a person.
-- Ctrl-C cancels the script.
local errors = require "moonherd.error"
local options = require "moonherd._options"
local secret = require "moonherd.secret"
local tty = require "moonherd._tty"

local M = {}

local turns, is_busy = require "moonherd._task".waitlist(), false

-- One question at a time: a second task waits for the first one's answer.
local function take_turn()
  while is_busy do turns:wait "the terminal" end
  is_busy = true
  return setmetatable({}, { __close = function ()
    is_busy = false
    turns:wake(1)
  end })
end

local function check_question(who, question)
  if type(question) ~= "string" then
    errors.usage("%s: bad question (string expected, got %s)", who, type(question))
  end
end

-- Whether there is nobody to ask: then the question is told, and as `shown` the default that is the
-- answer. Raises when nothing can stand for one.
local function has_nobody(who, question, default, shown)
  if tty.has_person() then return false end
  if default ~= nil then
    io.stdout:flush()
    io.stderr:write(question, " ", shown, " (default; no terminal)\n")
    return true
  end
  errors.raise {
    kind = "usage", reason = "no_terminal", message = who .. ": there is no terminal to ask on",
    hint = "run it on a terminal, or give the option 'default'",
  }
end

-- Ends the line of the question when there is no answer: the input has ended, or nobody waits now.
local function read_line(who, is_hidden)
  local text, err
  local _ <close> = setmetatable({}, { __close = function ()
    if not text then io.stderr:write "\n" end
  end })
  text, err = tty.read_line(who, is_hidden)
  return text, err
end

-- Asks until `read` makes something of the answer; it returns nil and what is expected else.
-- `again` is what is asked then, when it is not the whole question.
local function ask(who, question, read, is_hidden, again)
  local _ <close> = take_turn()
  while true do
    io.stdout:flush() -- what was printed stands above the question
    io.stderr:write(question, " ")
    local text, err = read_line(who, is_hidden)
    if err then error(err, 0) end
    if not text then
      local message = who .. ": the input has ended"
      errors.raise { kind = "usage", reason = "no_answer", message = message }
    end
    local answer, expected = read(text)
    if answer ~= nil then return answer end
    io.stderr:write(expected, "\n")
    question = again or question
  end
end

-- ---- questions ---------------------------------------------------------------------------------

local YES = { y = true, yes = true }
local NO = { n = true, no = true }

local read_confirm = options.reader("prompt.confirm", { { "default", "boolean" } })

--- Asks a question that is answered by yes or no.
---@async
---@param question string  as in "Delete 12 scripts?"
---@param opts? table
---@field opts.default? boolean  the answer when none is typed, and without a terminal
---@return boolean is_confirmed
---@error usage no_terminal  when there is none, and no default
---@error usage no_answer  when the input ends
---@example
--- if moonherd.prompt.confirm("Delete 12 scripts?", { default = false }) then
---   print "deleting"
--- end
function M.confirm(question, opts)
  local who = "prompt.confirm"
  check_question(who, question)
  local default = read_confirm(opts).default
  if has_nobody(who, question, default, default and "yes" or "no") then return default end
  local choices = default == nil and "[y/n]" or default and "[Y/n]" or "[y/N]"
  return ask(who, question .. " " .. choices, function (text)
    text = text:lower():match "^%s*(.-)%s*$"
    if YES[text] then return true end
    if NO[text] then return false end
    if text == "" then return default, "yes or no?" end
    return nil, "yes or no?"
  end)
end

local read_text = options.reader("prompt.text", { { "default", "string" } })

--- Asks for a line of text.
---@async
---@param question string
---@param opts? table
---@field opts.default? string  the answer when none is typed, and without a terminal
---@return string text
---@error usage no_terminal  when there is none, and no default
---@error usage no_answer  when the input ends
---@example
--- print(moonherd.prompt.text("Which region?", { default = "eu" }))
function M.text(question, opts)
  local who = "prompt.text"
  check_question(who, question)
  local default = read_text(opts).default
  if has_nobody(who, question, default, default) then return default end
  if default then question = ("%s [%s]"):format(question, default) end
  return ask(who, question, function (text)
    if text ~= "" then return text end
    return default, "it cannot be empty"
  end)
end

local read_choose = options.reader("prompt.choose", { { "default", "string" } })

local function check_choices(choices, default)
  local is_list = type(choices) == "table" and #choices > 0
  for _, choice in ipairs(is_list and choices or {}) do
    is_list = is_list and type(choice) == "string"
    if choice == default then default = nil end
  end
  if not is_list then errors.usage "prompt.choose: bad choices (list of strings expected)" end
  if default then
    errors.usage("prompt.choose: bad option 'default' (got '%s'%s)", default,
      options.suggestion(default, choices, "choices"))
  end
end

local MOST_NAMED <const> = 5 -- of the choices that an answer fits

-- What a person means: a choice, its number, or the beginning of one only; else nil and what is
-- expected.
local function chosen(choices, text)
  local found = {}
  for _, choice in ipairs(choices) do
    if choice == text then return choice end
    if text ~= "" and choice:sub(1, #text) == text then found[#found + 1] = choice end
  end
  local number = text:find "^%d+$" and math.tointeger(tonumber(text))
  if number and choices[number] then return choices[number] end
  if #found == 1 then return found[1] end
  if #found == 0 then
    local nearest = not number and options.nearest(text, choices)
    return nil, nearest and ("did you mean '%s'?"):format(nearest)
      or ("a number from 1 to %d, or a name is expected"):format(#choices)
  end
  local names = table.concat(found, ", ", 1, math.min(#found, MOST_NAMED))
  return nil, ("%d begin so: %s"):format(#found, names .. (#found > MOST_NAMED and ", …" or ""))
end

--- Asks for one of several, which are listed with numbers. The answer is a number, a name, or the
--- beginning of one name only; a choice that is a number goes by its name.
---@async
---@param question string
---@param choices string[]
---@param opts? table
---@field opts.default? string  the answer when none is typed, and without a terminal
---@return string choice
---@error usage no_terminal  when there is none, and no default
---@error usage no_answer  when the input ends
---@example
--- print(moonherd.prompt.choose("Where?", { "staging", "production" }, { default = "staging" }))
function M.choose(question, choices, opts)
  local who = "prompt.choose"
  check_question(who, question)
  local default = read_choose(opts).default
  check_choices(choices, default)
  if has_nobody(who, question, default, default) then return default end
  local lines = { question }
  local row = ("  %%%dd  %%s"):format(#tostring(#choices))
  for i, choice in ipairs(choices) do lines[#lines + 1] = row:format(i, choice) end
  local again = default and ("number or name [%s]"):format(default) or "number or name"
  lines[#lines + 1] = again
  return ask(who, table.concat(lines, "\n"), function (text)
    if text == "" and default then return default end
    return chosen(choices, text:match "^%s*(.-)%s*$")
  end, false, again)
end

local read_secret = options.reader("prompt.secret", { { "default", "string" } })

--- Asks for a secret, without showing what is typed.
---@async
---@param question string
---@param opts? table
---@field opts.default? string|secret  the answer when none is typed, and without a terminal
---@return secret value  prints as ***
---@error usage no_terminal  when there is none, and no default
---@error usage no_answer  when the input ends
---@example
--- local key = moonherd.prompt.secret("The new key?", { default = moonherd.secret "hunter2" })
--- print(key)     --> ***
function M.secret(question, opts)
  local who = "prompt.secret"
  check_question(who, question)
  local default = read_secret(opts).default
  if has_nobody(who, question, default, "***") then return secret.new(default) end
  return ask(who, question, function (text)
    if text ~= "" then return secret.new(text) end
    return default and secret.new(default), "it cannot be empty"
  end, true)
end

return M
