-- A wait inside pcall and xpcall, in every nesting, with and without an error after it.
local function after_wait(...)
  sleep(0)
  return ...
end

local function packed(...)
  return select("#", ...), ...
end

local n, ok, a, b, c = packed(pcall(after_wait, 1, nil, 3))
assert(n == 4 and ok == true and a == 1 and b == nil and c == 3)

n, ok, a = packed(xpcall(after_wait, error, "x"))
assert(n == 2 and ok == true and a == "x")

-- The error value itself comes out, whatever it is.
local object = setmetatable({}, { __tostring = function() return "object" end })
for _, value in ipairs { "text", 42, object, false } do
  local ok, caught = pcall(function()
    sleep(0)
    error(value, 0)
  end)
  assert(ok == false and caught == value, tostring(value))
end

-- The handler of xpcall sees the error and the stack as they are after the wait.
local ok, trace = xpcall(function()
  local function culprit()
    sleep(0)
    error("after the wait")
  end
  culprit()
  return 1 -- no tail call
end, debug.traceback)
assert(not ok and trace:find("after the wait", 1, true), trace)
assert(trace:find("culprit", 1, true), trace)
assert(trace:find("in_protected_calls.lua:", 1, true), trace)

-- Nested: each level goes on after its own failure.
local levels = {}
local function nest(depth)
  if depth == 0 then
    sleep(0)
    error({ depth = 0 })
  end
  local ok, e = pcall(nest, depth - 1)
  assert(not ok)
  sleep(0)
  levels[#levels + 1] = depth
  e.depth = e.depth + 1
  error(e)
end
local ok, e = pcall(nest, 20)
assert(not ok and e.depth == 20 and #levels == 20 and levels[1] == 1)

-- pcall of the waiting function itself, of pcall, and as a tail call.
assert(pcall(sleep, 0))
assert(pcall(pcall, sleep, 0))
assert(select(2, pcall(pcall, pcall, sleep, 0)) == true)
local function tail() return pcall(after_wait, "tail") end
assert(select(2, tail()) == "tail")
local function xtail() return xpcall(after_wait, debug.traceback, "xtail") end
assert(select(2, xtail()) == "xtail")

-- An error of the waiting function is an error like any other.
local ok, e = pcall(sleep, -1)
assert(not ok and tostring(e):find("sleep: seconds must be a number >= 0, got -1", 1, true), e)

-- A script's own error between two waits, a thousand times: nothing piles up.
for i = 1, 1000 do
  local ok, e = pcall(function() sleep(0) error(i) end)
  assert(not ok and e == i)
end
print("ok")
