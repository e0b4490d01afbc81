-- Nobody but the platform makes its tokens: what differs from one by any byte, has another purpose,
-- or is over, is no token, and telling so raises nothing. The input is taken as a token, and as
-- edits of a true one.

local hash = require "moonherd.hash"
local tokens = require "moonherd.platform.asset_tokens"

local KEY, NOW = ("k"):rep(32), 1000000
local SCOPE = { acc = ("0"):rep(32), ns = "n", script = "s", sid = ("5"):rep(32) }
local UPLOAD = tokens.issue(KEY, "upload", SCOPE, NOW)
local COMPLETION = tokens.issue(KEY, "completion", SCOPE, NOW)
local HEADER, PAYLOAD, SIGNATURE = UPLOAD:match "^(.-)%.(.-)%.(.-)$"

local function is_taken(token)
  return tokens.read(KEY, "upload", token, NOW) ~= nil
end

-- Every three bytes of the input are a place, what is done there, and a byte.
local function edited(text, edits)
  for place, kind, byte in edits:gmatch "(.)(.)(.)" do
    local at = place:byte() * #text // 256
    local keep = kind:byte() % 3 -- 0: put in, 1: replace, 2: take away
    text = text:sub(1, at) .. (keep < 2 and byte or "") .. text:sub(at + (keep > 0 and 2 or 1))
  end
  return text
end

local function check(token)
  assert(is_taken(token) == (token == UPLOAD), token)
  assert(token == UPLOAD or not tokens.read(KEY, "upload", token, NOW + 4000))
end

assert(is_taken(UPLOAD) and not is_taken(COMPLETION))
assert(not tokens.read(KEY, "upload", UPLOAD, NOW + tokens.LIFETIME))

return function (input)
  check(input)
  check(edited(UPLOAD, input))
  check(edited(COMPLETION, input))
  check(HEADER .. "." .. hash.base64url(input) .. "." .. SIGNATURE)
  check(HEADER .. "." .. PAYLOAD .. "." .. hash.base64url(input))
  check(input .. "." .. PAYLOAD .. "." .. SIGNATURE)
  local other = tokens.issue(input, "upload", SCOPE, NOW)
  assert(input == KEY or not is_taken(other))
end
