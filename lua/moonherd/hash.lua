-- Hashes, text forms of bytes, random bytes, sealing, by libcrypto. Strings above 64 KiB are hashed
-- and converted off the loop thread while the task waits, shorter ones at once.
local raw = require "moonherd._hash"

local M = {}

local function checked(value, err)
  if err ~= nil then error(err, 0) end
  return value
end

--- SHA-256 as 64 hexadecimal digits.
---@async
---@param bytes string
---@return string hex  in lower case
---@error usage usage  when `bytes` is no text
---@example
--- print(hash.sha256 "abc")
function M.sha256(bytes)
  return checked(raw.sha256(bytes))
end

--- SHA-256 as 32 bytes.
---@async
---@param bytes string
---@return string digest
---@error usage usage  when `bytes` is no text
---@example
--- print(#hash.sha256_raw "abc") --> 32
function M.sha256_raw(bytes)
  return checked(raw.sha256_raw(bytes))
end

--- HMAC with SHA-256, as 32 bytes.
---@async
---@param key string  of any length
---@param bytes string
---@return string digest
---@error usage usage  when one of them is no text
---@example
--- local signature = hash.base64url(hash.hmac_sha256("key", "header.payload"))
function M.hmac_sha256(key, bytes)
  return checked(raw.hmac_sha256(bytes, key))
end

--- Begins a SHA-256 that is fed piece by piece.
---@return hasher h
---@error internal crypto  when there is no memory left
---@example
--- local h = hash.new()
--- h:update "a":update "bc"
--- print(h:hex() == hash.sha256 "abc")
function M.new()
  return checked(raw.new())
end

--- Base64 with + and /, padded.
---@async
---@param bytes string
---@return string text
---@error usage usage  when `bytes` is no text
---@example
--- print(hash.base64 "hi") --> aGk=
function M.base64(bytes)
  return checked(raw.base64(bytes))
end

--- The bytes of a base64 text. Strict: padding is required; white space, other characters and bits
--- left over are not allowed.
---@async
---@param text string
---@return string? bytes  nil when the text is wrong
---@error usage usage  when `text` is no text at all: a number, nil
---@example
--- print(hash.unbase64 "aGk=") --> hi
function M.unbase64(text)
  return checked(raw.unbase64(text))
end

--- Base64 with - and _, without padding: for URLs, file names and tokens.
---@async
---@param bytes string
---@return string text
---@error usage usage  when `bytes` is no text
---@example
--- print(hash.base64url "\xff\xfe") --> __4
function M.base64url(bytes)
  return checked(raw.base64url(bytes))
end

--- The bytes of a text that `hash.base64url` made. Padding is allowed.
---@async
---@param text string
---@return string? bytes  nil when the text is wrong
---@error usage usage  when `text` is no text at all: a number, nil
---@example
--- print(#hash.unbase64url "__4") --> 2
function M.unbase64url(text)
  return checked(raw.unbase64url(text))
end

--- Two hexadecimal digits for each byte.
---@param bytes string
---@return string text  in lower case
---@error usage usage  when `bytes` is no text
---@example
--- print(hash.hex "\0\xff") --> 00ff
function M.hex(bytes)
  return raw.hex(bytes)
end

--- The bytes of a text of hexadecimal digits, in upper or lower case.
---@param text string
---@return string? bytes  nil when the text is wrong
---@error usage usage  when `text` is no text at all: a number, nil
---@example
--- print(hash.unhex "6869") --> hi
function M.unhex(text)
  return raw.unhex(text)
end

--- Random bytes that nobody can guess: for keys and tokens.
---@param count integer  0 to 1,048,576
---@return string bytes
---@error usage usage  for a count outside of that
---@error internal crypto  when the system gives no random bytes
---@example
--- local token = hash.base64url(hash.random(32))
function M.random(count)
  return checked(raw.random(count))
end

--- A random UUID (version 4).
---@return string uuid  36 characters in lower case
---@error internal crypto  when the system gives no random bytes
---@example
--- print(#hash.uuid()) --> 36
function M.uuid()
  return checked(raw.uuid())
end

--- Compares two secrets: takes as long whether they differ early, late or not at all.
---@param a string
---@param b string
---@return boolean is_equal
---@error usage usage  when one of them is no text
---@example
--- print(hash.equal("a", "b")) --> false
function M.equal(a, b)
  return raw.equal(a, b)
end

--- Encrypts and authenticates a text with AES-256-GCM. The same text gives another result each
--- time.
---@param key string  32 bytes, for instance `hash.random(32)`
---@param text string
---@param with? string  what the text belongs to (a name, an account): not part of the result, but
---  needed again to open it; default ""
---@return string sealed  28 bytes longer than the text
---@error usage usage  when the key has not 32 bytes
---@error internal crypto  when the system gives no random bytes
---@example
--- local key = hash.random(32)
--- print(hash.open(key, hash.seal(key, "secret", "tenant 7"), "tenant 7"))
function M.seal(key, text, with)
  return checked(raw.seal(key, text, with))
end

--- Decrypts what `hash.seal` has made.
---@param key string  the same 32 bytes
---@param sealed string
---@param with? string  the same as when it was sealed; default ""
---@return string? text  nil when the key or `with` is another, or the sealed text was changed
---@error usage usage  when the key has not 32 bytes
---@example
--- local key = hash.random(32)
--- print(hash.open(key, hash.seal(key, "secret"))) --> secret
function M.open(key, sealed, with)
  return checked(raw.open(key, sealed, with))
end

return M
