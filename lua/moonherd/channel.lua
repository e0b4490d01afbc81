-- moonherd.channel: values from tasks to tasks, in order, with a bound on those under way.
local core = require "moonherd._task"
local errors = require "moonherd.error"

local M = {}

--- Values from tasks to tasks: what moonherd.channel returns. Called, as a `for` does, it receives.
---@class channel
local Channel = {}
Channel.__index = Channel
Channel.__name = "moonherd.channel"

--- Hands in a value; waits while the channel is full.
---@async
---@param value any  not nil
---@error usage closed  when the channel is closed, also meanwhile
---@example
--- local channel = moonherd.channel(1)
--- channel:send "hello"
--- print(channel:recv())     --> hello
function Channel:send(value)
  if value == nil then errors.usage "channel:send: bad value (it cannot be nil)" end
  while not self.is_closed and self.last - self.first + 1 >= self.most do
    self.senders:wait "channel:send"
  end
  if self.is_closed then
    errors.raise {
      kind = "usage", reason = "closed", message = "channel:send: the channel is closed",
    }
  end
  self.last = self.last + 1
  self.values[self.last] = value
  self.receivers:wake(1)
end

--- Takes the oldest value; waits while there is none.
---@async
---@return any value  nil when the channel is closed and empty
---@example
--- local channel = moonherd.channel(2)
--- moonherd.spawn(function ()
---   for i = 1, 3 do channel:send(i) end
---   channel:close()
--- end)
--- local sum = 0
--- for i in channel do sum = sum + i end
--- print(sum)     --> 6
function Channel:recv()
  while self.last < self.first do
    if self.is_closed then return nil end
    self.receivers:wait "channel:recv"
  end
  local value = self.values[self.first]
  self.values[self.first] = nil
  self.first = self.first + 1
  self.senders:wake(1)
  return value
end

Channel.__call = Channel.recv

--- Ends the channel: nothing more is sent, what is in it can still be received. A second call does
--- nothing.
---@example
--- local channel = moonherd.channel(1)
--- channel:close()
--- print(channel:recv())     --> nil
function Channel:close()
  self.is_closed = true
  self.senders:wake()
  self.receivers:wake()
end

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
      tostring(most))
  end
  return setmetatable({
    most = most, values = {}, first = 1, last = 0,
    senders = core.waitlist(), receivers = core.waitlist(),
  }, Channel)
end

return M
