-- A wait in a coroutine that the script made is no yield to the script's own resume.
local function pack(...) return { n = select("#", ...), ... } end

-- 'resume' and 'wrap' pass values both ways, with waits anywhere between.
local function body(...)
  sleep(0)
  local got = pack(...)
  for i = 1, 3 do
    sleep(0)
    got = pack(coroutine.yield(i, table.unpack(got, 1, got.n)))
    sleep(0)
  end
  return "end", table.unpack(got, 1, got.n)
end

local co = coroutine.create(body)
local r = pack(coroutine.resume(co, "a", nil))
assert(r.n == 4 and r[1] == true and r[2] == 1 and r[3] == "a" and r[4] == nil)
r = pack(coroutine.resume(co))
assert(r.n == 2 and r[2] == 2)
r = pack(coroutine.resume(co, nil, nil, nil))
assert(r.n == 5 and r[2] == 3 and r[5] == nil)
r = pack(coroutine.resume(co, "last"))
assert(r.n == 3 and r[2] == "end" and r[3] == "last")
assert(coroutine.status(co) == "dead")
r = pack(coroutine.resume(co))
assert(r.n == 2 and r[1] == false and r[2] == "cannot resume dead coroutine")

local f = coroutine.wrap(body)
r = pack(f("x"))
assert(r.n == 2 and r[1] == 1 and r[2] == "x")
r = pack(f(7, 8))
assert(r.n == 3 and r[1] == 2 and r[2] == 7 and r[3] == 8)

-- Nested two to five deep, by every mixture of 'create' and 'wrap': each wait is everybody's,
-- each yield goes to the nearest resume only.
local seen
local function level(depth, kinds)
  local inner
  if depth > 0 then inner = level(depth - 1, kinds // 2) end
  local function run(first)
    sleep(0)
    if not inner then
      local second = coroutine.yield("y" .. first)
      sleep(0)
      return "r" .. second
    end
    local a = inner(first)
    sleep(0)
    seen[#seen + 1] = depth .. a
    local second = coroutine.yield("Y" .. a)
    local b = inner(second)
    sleep(0)
    return "R" .. b
  end
  if kinds % 2 == 0 then return coroutine.wrap(run) end
  local co = coroutine.create(run)
  return function(...)
    local ok, value = coroutine.resume(co, ...)
    assert(ok, value)
    return value
  end
end
for depth = 1, 4 do
  for kinds = 0, 2 ^ (depth + 1) - 1 do
    seen = {}
    local f = level(depth, kinds)
    assert(f(1) == ("Y"):rep(depth) .. "y1")
    sleep(0)
    assert(f(2) == ("R"):rep(depth) .. "r2")
    assert(#seen == depth)
  end
end

-- A wait through pcall, a metamethod and an iterator inside nested coroutines.
local lazy = setmetatable({}, { __index = function(_, k) sleep(0) return k * 2 end })
local g = coroutine.wrap(function()
  local ok, v = pcall(function()
    for v in coroutine.wrap(function() for i = 1, 2 do coroutine.yield(lazy[i]) end end) do
      coroutine.yield(v)
    end
    error({ code = lazy[10] })
  end)
  assert(not ok)
  return v.code
end)
assert(g() == 2 and g() == 4 and g() == 20)

-- Errors after a wait: 'resume' returns the value, 'wrap' raises it.
local object = {}
local co = coroutine.create(function() sleep(0) error(object) end)
local ok, e = coroutine.resume(co)
assert(ok == false and e == object and coroutine.status(co) == "dead")
ok, e = pcall(coroutine.wrap(function() sleep(0) error(object) end))
assert(ok == false and e == object)
ok, e = coroutine.close(co)
assert(ok == false and e == object)

-- A waiting function itself as the body.
ok, e = coroutine.resume(coroutine.create(sleep), 0)
assert(ok == true and e == nil)
assert(select("#", coroutine.wrap(sleep)(0)) == 0)
ok, e = coroutine.resume(coroutine.create(sleep), "x")
assert(ok == false and tostring(e):find("sleep: seconds must be a number", 1, true), e)

-- Tail calls, and 'resume' and 'wrap' called by pcall.
assert((function() return coroutine.wrap(function() sleep(0) return "tail" end)() end)() == "tail")
local r = pack(pcall(coroutine.resume, coroutine.create(function(...) sleep(0) return ... end), 1, 2))
assert(r.n == 4 and r[1] and r[2] and r[3] == 1 and r[4] == 2)

-- Every level of a deep nesting waits; far more levels than any program has.
local function deep(n)
  if n == 0 then sleep(0) return "bottom" end
  return coroutine.wrap(function() sleep(0) return deep(n - 1) end)()
end
assert(deep(100) == "bottom")

-- Ten thousand waits in one coroutine.
local many = coroutine.wrap(function() for i = 1, 10000 do sleep(0) end return "many" end)
assert(many() == "many")
print("ok")
