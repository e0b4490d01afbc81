-- moonherd.race under any name: what races as a part of something larger, such as a job and its
-- signs of life, is told by the name of that in dumps and in errors of time limits.
local core = require "moonherd._task"

--- Runs functions as tasks until the first of them has ended; the others are cancelled.
---@async
---@param what string  what the caller waits for
---@param ... function  at least one
---@return any ...  the results of the first; its error is raised
return function (what, ...)
  local functions = table.pack(...)
  local first
  core.scope(function ()
    local tasks, done = {}, core.waitlist()
    for i = 1, functions.n do
      tasks[i] = core.spawn(function ()
        local outcome = table.pack(pcall(functions[i]))
        if first then return end
        first = outcome
        done:wake()
      end)
    end
    while not first do done:wait(what) end
    for _, task in ipairs(tasks) do task:cancel "another one was first" end
  end)
  if not first[1] then error(first[2], 0) end
  return table.unpack(first, 2, first.n)
end
