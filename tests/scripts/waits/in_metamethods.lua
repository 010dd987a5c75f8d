-- A wait inside every metamethod that Lua itself calls.
local called
local function waiting(name, result)
  return function(...)
    sleep(0)
    called = name
    return result
  end
end

local mt = {}
local a, b = setmetatable({}, mt), setmetatable({}, mt)
local function expect(name, got, wanted)
  assert(called == name, name .. " was not called but " .. tostring(called))
  assert(got == wanted, name .. " gave " .. tostring(got))
  called = nil
end

local binary = {
  __add = function() return a + b end, __sub = function() return a - b end,
  __mul = function() return a * b end, __div = function() return a / b end,
  __mod = function() return a % b end, __pow = function() return a ^ b end,
  __idiv = function() return a // b end, __band = function() return a & b end,
  __bor = function() return a | b end, __bxor = function() return a ~ b end,
  __shl = function() return a << b end, __shr = function() return a >> b end,
  __concat = function() return a .. b end,
}
for name, operate in pairs(binary) do
  mt[name] = waiting(name, name .. "!")
  expect(name, operate(), name .. "!")
end

-- The same with a constant on either side: other opcodes.
expect("__add", a + 1, "__add!")
expect("__add", 1 + a, "__add!")
expect("__sub", a - 1.5, "__sub!")
expect("__shl", 1 << a, "__shl!")
expect("__shr", a >> 1, "__shr!")
expect("__band", a & 7, "__band!")

mt.__unm, mt.__bnot, mt.__len = waiting("__unm", 1), waiting("__bnot", 2), waiting("__len", 3)
expect("__unm", -a, 1)
expect("__bnot", ~a, 2)
expect("__len", #a, 3)

-- Comparisons turn what the metamethod returns into a boolean, in a condition and as a value.
for _, result in ipairs { true, false } do
  mt.__eq, mt.__lt, mt.__le = waiting("__eq", result), waiting("__lt", result), waiting("__le", result)
  expect("__eq", a == b, result)
  expect("__eq", a ~= b, not result)
  expect("__lt", a < b, result)
  expect("__lt", a > b, result)
  expect("__le", a <= b, result)
  expect("__le", a >= b, result)
  expect("__lt", a < 1, result)
  expect("__lt", a > 1, result)
  expect("__le", 1 <= a, result)
  local taken
  if a < b then taken = true else taken = false end
  expect("__lt", taken, result)
  if a == b then taken = true else taken = false end
  expect("__eq", taken, result)
  while a <= b do taken = "loop" break end
  expect("__le", taken == "loop", result)
end

-- A chain of concatenations goes on where it stopped.
mt.__concat = function(left, right)
  sleep(0)
  return (type(left) == "table" and "T" or left) .. (type(right) == "table" and "T" or right)
end
assert("x" .. a .. "y" .. b .. 1 .. a == "xTyT1T")

-- Index and assignment, by name, by number, by value, through a chain, and as a method call.
local written = {}
mt.__index = function(_, key) sleep(0) return key end
mt.__newindex = function(_, key, value) sleep(0) written[key] = value end
assert(a.name == "name" and a[7] == 7 and a[1.5] == 1.5)
a.x, a[1], a[true] = 1, 2, 3
assert(written.x == 1 and written[1] == 2 and written[true] == 3)
local proxy = setmetatable({}, { __index = a, __newindex = a })
assert(proxy.deep == "deep")
proxy.y = 9
assert(written.y == 9)
mt.__index = function(_, key) sleep(0) return function(self, v) sleep(0) return key .. v end end
assert(a:method("!") == "method!")
a.count = nil
mt.__index = function() sleep(0) return 1 end
a.count = a.count + 1
assert(written.count == 2)

-- Globals are such accesses too.
local env = setmetatable({}, { __index = function(_, name) sleep(0) return "global " .. name end })
assert(load("return anything", "=env", "t", env)() == "global anything")

-- Calls: any arguments, any results, as a statement, a tail call and a method.
mt.__call = function(self, ...) sleep(0) assert(self == a) return select("#", ...), ... end
local n, x, y = a(1, nil)
assert(n == 2 and x == 1 and y == nil)
local function tail(...) return a(...) end
assert(select("#", tail(nil, nil, nil)) == 4)
local chain = setmetatable({}, { __call = a })
assert(select("#", chain(1, 2)) == 4) -- the count, the object, the arguments

-- 'pairs' asks its metamethod.
mt.__pairs = function(t) sleep(0) return function(_, k) sleep(0) if not k then return 1, "one" end end, t, nil end
for k, v in pairs(a) do assert(k == 1 and v == "one") end

-- An error after the wait leaves the operation as an error of its line.
mt.__add = function() sleep(0) error("in __add") end
local ok, e = pcall(function() return a + b end)
assert(not ok and e:find("in_metamethods.lua:%d+: in __add"), e)
print("ok")
