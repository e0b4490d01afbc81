-- Values that must not be shown: moonherd.secret. The text is kept outside of the object, so that
-- nothing which looks into tables finds it.
local errors = require "moonherd.error"
local log = require "moonherd._log"

local M = {}

--- A secret value: what moonherd.secret returns.
---@class secret
local Secret = {}
Secret.__index = Secret
Secret.__name = "moonherd.secret"

local texts = setmetatable({}, { __mode = "k" })

function Secret.__tostring() return "***" end

-- What is made with a secret is one: `"Bearer " .. key`.
function Secret.__concat(a, b)
  return M.new(M.reveal(a) .. M.reveal(b))
end

function Secret.__eq(a, b) return texts[a] == texts[b] end

--- The text itself, for what takes no secrets. Logs and errors hide it still.
---@return string text
---@error none
---@example
--- print(#moonherd.secret("hunter2"):reveal())     --> 7
function Secret:reveal()
  return texts[self]
end

--- Makes a secret of a text: it prints as ***, and logs, traces and errors hide the text from now
--- on. It is taken wherever an option is text (`api_token`, `stdin`), as a secret of a Worker, as
--- a binding (then of type secret_text), in the arguments and `env` of moonherd.sh, and as url,
--- header or body of a request of moonherd.http. Text that is put together with it is a secret,
--- too.
---@param text string|secret  at least four bytes: shorter ones cannot be hidden in other text
---@return secret value
---@error usage usage  when it is no text
---@example
--- local key = moonherd.secret "hunter2"
--- print(key)     --> ***
--- print("Bearer " .. key)     --> ***
function M.new(text)
  if M.is(text) then return text end
  if type(text) ~= "string" then
    errors.usage("moonherd.secret: bad text (string expected, got %s)", type(text))
  end
  local secret = setmetatable({}, Secret)
  texts[secret] = log.hide(text)
  return secret
end

--- Tells whether a value is a secret.
---@param value any
---@return boolean is_secret
function M.is(value)
  return getmetatable(value) == Secret
end

--- The text of a secret; any other value as it is.
---@param value any
---@return any text
function M.reveal(value)
  if M.is(value) then return texts[value] end
  return value
end

return M
