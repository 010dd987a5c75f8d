-- 'async.timeout(seconds, fn, ...)': what 'fn' returns or raises, or a failure of kind 'timeout'.
local function settle() for _ = 1, 10 do sleep(0) end end -- others have their turns

local function pack(...) return { n = select("#", ...), ... } end
local r = pack(async.timeout(60, function(...) sleep(0) return ... end, 1, 2))
assert(r.n == 2 and r[1] == 1 and r[2] == 2)
assert(async.timeout(60, function() return "at once" end) == "at once")

local object = {}
local ok, e = pcall(async.timeout, 60, function() sleep(0) error(object) end)
assert(not ok and e == object)

-- Late: the function is cancelled, its variables are closed.
local closed, caught
local function lasting()
  local x <close> = setmetatable({}, { __close = function() closed = true end })
  local ok, e = pcall(sleep, 1000)
  caught = e
  error(e, 0)
end
ok, e = pcall(async.timeout, 0.001, lasting)
assert(not ok and e.kind == "timeout", tostring(e))
assert(tostring(e):find("async.timeout", 1, true), tostring(e))
settle()
assert(closed and caught.kind == "cancelled", tostring(caught))

-- No time at all.
ok, e = pcall(async.timeout, 0, sleep, 1000)
assert(not ok and e.kind == "timeout", tostring(e))

-- Around every kind of wait.
local base = arg[1]
for name, wait in pairs {
  headers = function() http.get(base .. "/never") end,
  body = function() http.get(base .. "/half") end,
  await = function() async.spawn(sleep, 1000):await() end,
  coroutine = function() coroutine.wrap(function() sleep(1000) end)() end,
  protected = function() pcall(sleep, 1000) sleep(1000) end,
} do
  ok, e = pcall(async.timeout, 0.01, wait)
  assert(not ok and e.kind == "timeout", name .. ": " .. tostring(e))
end

-- Nested: the nearer one ends first and is an error like any other to the farther.
ok, e = pcall(async.timeout, 60, function()
  local ok, e = pcall(async.timeout, 0.001, sleep, 1000)
  assert(not ok and e.kind == "timeout")
  return "went on"
end)
assert(ok and e == "went on")
ok, e = pcall(async.timeout, 0.001, function() return async.timeout(60, sleep, 1000) end)
assert(not ok and e.kind == "timeout" and tostring(e):find("0.001", 1, true), tostring(e))

-- Around a server: its port is free again.
local port
ok, e = pcall(async.timeout, 0.05, function()
  http.serve(0, {}, { on_listen = function(server) port = server.port end })
end)
assert(not ok and e.kind == "timeout", tostring(e))
assert(port)
ok, e = pcall(http.get, "http://127.0.0.1:" .. port .. "/")
assert(not ok and e.kind == "connect", tostring(e))

-- Arguments.
for _, seconds in ipairs { -1, 0 / 0, "x", false } do
  ok, e = pcall(async.timeout, seconds, sleep)
  assert(not ok and tostring(e):find("async.timeout: seconds must be a number", 1, true), e)
end
ok, e = pcall(async.timeout, 1, "x")
assert(not ok and tostring(e):find("async.timeout: argument #2 must be a function", 1, true), e)
assert(async.timeout(1e300, function() return 1 end) == 1)
assert(async.timeout(math.huge, function() return 1 end) == 1)
print("ok")
