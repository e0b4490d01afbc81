-- Calls functions that the host has written in C; `primes` waits, so both run beside each other.
local moonherd = require "moonherd"
local host = require "host"

print(host.version())
local few, many = moonherd.gather(
  function () return host.primes(100) end,
  function () return host.primes(200000) end)
print(few, many)

-- It can be given up like every wait: the host is told, and stops its thread.
print(moonherd.try(moonherd.timeout, "10ms", host.primes, math.maxinteger))
print(moonherd.try(host.primes, -1))
