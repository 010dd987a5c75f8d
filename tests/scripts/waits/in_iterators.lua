-- A wait inside the iterator of a generic for: a function, a callable object, a coroutine.
local function collect(...)
  local seen = {}
  for k, v in ... do
    sleep(0)
    seen[#seen + 1] = tostring(k) .. "=" .. tostring(v)
  end
  return table.concat(seen, " ")
end

local function counter(limit)
  return function(_, k)
    sleep(0)
    k = (k or 0) + 1
    if k <= limit then return k, k * k end
  end
end
assert(collect(counter(3)) == "1=1 2=4 3=9")
assert(collect(counter(0)) == "")

local callable = setmetatable({}, { __call = function(_, state, k) sleep(0) return next(state, k) end })
assert(collect(callable, { "a", "b" }) == "1=a 2=b")

assert(collect(coroutine.wrap(function()
  for i = 1, 3 do
    sleep(0)
    coroutine.yield(i, -i)
    sleep(0)
  end
end)) == "1=-1 2=-2 3=-3")

-- Iterators within iterators.
local function outer()
  return coroutine.wrap(function()
    for i in counter(3) do
      for j in coroutine.wrap(function() for j = 1, i do sleep(0) coroutine.yield(j) end end) do
        coroutine.yield(i, j)
      end
    end
  end)
end
assert(collect(outer()) == "1=1 2=1 2=2 3=1 3=2 3=3")

-- An error of the iterator ends the loop.
local ok, e = pcall(collect, function() sleep(0) error("no more", 0) end)
assert(not ok and e == "no more")

-- 'pairs', 'ipairs' and 'next' over plain tables, with waits in the body.
local t = { 10, 20, 30, x = 1 }
local sum = 0
for _, v in pairs(t) do sleep(0) sum = sum + v end
for _, v in ipairs(t) do sleep(0) sum = sum + v end
assert(sum == 121)
for i = 1, 3 do sleep(0) sum = sum + i end
assert(sum == 127)
print("ok")
