-- Lua 5.5: 'coroutine.close()' in a coroutine ends it; its variables are closed.
local log = {}
local co = coroutine.create(function()
  local x <close> = setmetatable({}, { __close = function() log[#log + 1] = "closed" end })
  sleep(0)
  coroutine.close()
  log[#log + 1] = "went on"
end)
local ok, value = coroutine.resume(co)
assert(ok == true and value == nil, value)
assert(coroutine.status(co) == "dead" and table.concat(log) == "closed")

-- By name, before and after yields, from a nested call and through pcall, which cannot hold it.
co = coroutine.create(function()
  coroutine.yield(1)
  pcall(function()
    sleep(0)
    coroutine.close((coroutine.running()))
  end)
  log[#log + 1] = "went on"
end)
assert(select(2, coroutine.resume(co)) == 1)
assert(coroutine.resume(co) == true)
assert(coroutine.status(co) == "dead" and #log == 1)

-- A handler that fails makes the end a failure.
co = coroutine.create(function()
  local x <close> = setmetatable({}, { __close = function() error("in close", 0) end })
  sleep(0)
  coroutine.close()
end)
ok, value = coroutine.resume(co)
assert(ok == false and value == "in close", tostring(value))

-- Others go on: the one that resumed it, and a wait of its.
local outer = coroutine.wrap(function()
  local inner = coroutine.wrap(function() sleep(0) coroutine.close() end)
  inner()
  sleep(0)
  coroutine.yield("outer")
  sleep(0)
  return "end"
end)
assert(outer() == "outer" and outer() == "end")

-- One that is normal cannot be closed.
local below
below = coroutine.create(function()
  return coroutine.wrap(function() sleep(0) return pcall(coroutine.close, below) end)()
end)
local _, closed, e = coroutine.resume(below)
assert(closed == false and tostring(e):find("cannot close a normal coroutine", 1, true), tostring(e))
print("ok")
