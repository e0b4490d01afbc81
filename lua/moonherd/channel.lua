-- moonherd.channel: values from tasks to tasks, in order, with a bound on those under way.
local core = require "moonherd._task"
local errors = require "moonherd.error"
local methods = require "moonherd._methods"
local printable = require "moonherd._printable"

local M = {}

--- Values from tasks to tasks, in order: what moonherd.channel returns.
---@class channel
---@call any  as channel:recv, so that `for value in channel do` takes what is sent until it is
---  closed
local Channel = {}
Channel.__index = Channel
Channel.__name = "moonherd.channel"

--- Hands in a value; waits while the channel is full.
---@async
---@param value any  not nil
---@error usage closed  when the channel is closed, also meanwhile
---@error usage deadlock  when all tasks wait for each other, and nothing is left to wake them
---@example
--- local channel = moonherd.channel(1)
--- channel:send "hello"
--- print(channel:recv())     --> hello
function Channel:send(value)
  if value == nil then errors.usage "channel:send: bad value (it cannot be nil)" end
  while not self._is_closed and self._last - self._first + 1 >= self._most do
    self._senders:wait "channel:send"
  end
  if self._is_closed then
    errors.raise {
      kind = "usage", reason = "closed", message = "channel:send: the channel is closed",
    }
  end
  self._last = self._last + 1
  self._values[self._last] = value
  self._receivers:wake(1)
end

--- Takes the oldest value; waits while there is none.
---@async
---@return any value  nil when the channel is closed and empty
---@error cancelled cancelled  when the task is cancelled meanwhile; the value stays in the channel
---@error usage deadlock  when all tasks wait for each other, and nothing is left to wake them
---@example
--- local channel = moonherd.channel(2)
--- moonherd.spawn(function ()
---   for i = 1, 3 do channel:send(i) end
---   channel:close()
--- end)
--- local sum = channel:recv()
--- for i in channel do sum = sum + i end
--- print(sum)     --> 6
function Channel:recv()
  while self._last < self._first do
    if self._is_closed then return nil end
    self._receivers:wait "channel:recv"
  end
  local value = self._values[self._first]
  self._values[self._first] = nil
  self._first = self._first + 1
  self._senders:wake(1)
  return value
end

Channel.__call = Channel.recv

--- Ends the channel: nothing more is sent, what is in it can still be received. A second call does
--- nothing.
---@error none
---@example
--- local channel = moonherd.channel(1)
--- channel:close()
--- print(channel:recv())     --> nil
function Channel:close()
  self._is_closed = true
  self._senders:wake()
  self._receivers:wake()
end

methods.guard(Channel, "channel")
Channel.__close = Channel.close

--- Makes a channel.
---@param most? integer  how many values it holds before who sends waits; default 1
---@return channel channel
---@error usage usage  when it is no such number
---@example
--- local channel <close> = moonherd.channel(16)
function M.new(most)
  if most == nil then most = 1 end
  if math.type(most) ~= "integer" or most < 1 then
    errors.usage("moonherd.channel: bad number (integer of at least 1 expected, got %s)",
      printable.value(most))
  end
  return setmetatable({
    _most = most, _values = {}, _first = 1, _last = 0,
    _senders = core.waitlist(), _receivers = core.waitlist(),
  }, Channel)
end

return M
