-- A wait inside '__close', on every way out of a block.
local log
local function closing(name)
  return setmetatable({}, {
    __close = function(_, e)
      sleep(0)
      log[#log + 1] = name .. ":" .. tostring(e)
    end,
  })
end

local function expect(text)
  local got = table.concat(log, " ")
  assert(got == text, got)
end

-- The block ends.
log = {}
do
  local a <close> = closing("a")
  local b <close> = closing("b")
  sleep(0)
end
expect("b:nil a:nil")

-- A return: the results are those from before the closing.
log = {}
local function returns(...)
  local a <close> = closing("a")
  sleep(0)
  return ...
end
assert(select("#", returns(1, nil, nil)) == 3 and returns("x") == "x")
expect("a:nil a:nil")

-- A break and a goto.
log = {}
for i = 1, 3 do
  local a <close> = closing(i)
  if i == 2 then break end
end
do
  local a <close> = closing("goto")
  goto out
end
::out::
expect("1:nil 2:nil goto:nil")

-- An error, which each handler sees; one that a handler raises replaces it.
log = {}
local ok, e = pcall(function()
  local a <close> = closing("a")
  local b <close> = setmetatable({}, { __close = function() sleep(0) error("second", 0) end })
  local c <close> = closing("c")
  sleep(0)
  error("first", 0)
end)
assert(not ok and e == "second")
expect("c:first a:second")

-- The fourth value of a generic for.
log = {}
for _ in function(_, k) sleep(0) return not k and 1 or nil end, nil, nil, closing("for") do end
expect("for:nil")

-- Inside a coroutine of the script, which yields in the same handler.
log = {}
local co = coroutine.wrap(function()
  local a <close> = setmetatable({}, { __close = function() sleep(0) coroutine.yield("from close") sleep(0) log[1] = "done" end })
  sleep(0)
  coroutine.yield("from body")
  return "result"
end)
assert(co() == "from body" and co() == "from close" and co() == "result")
expect("done")

-- A failed task closes its variables too, also those of its outermost function.
log = {}
local h = async.spawn(function()
  local a <close> = closing("task")
  sleep(0)
  error("failed", 0)
end)
local ok, e = pcall(function() return h:await() end)
assert(not ok and e == "failed", e)
expect("task:failed")
print("ok")
