-- 'async.all': the first result of each, in the order of the list; the first failure cancels the rest.
local function settle() for _ = 1, 10 do sleep(0) end end -- others have their turns

local empty = async.all({})
assert(type(empty) == "table" and next(empty) == nil)

local r = async.all({
  function() sleep(0.003) return "a", "not this" end,
  function() return "b" end,
  async.spawn(function() sleep(0.001) return "c" end),
  function() end,
  function() return false end,
})
assert(r[1] == "a" and r[2] == "b" and r[3] == "c" and r[4] == nil and r[5] == false)

-- Handles that have ended already, the same one twice, many.
local done = async.spawn(function() return 7 end)
done:await()
r = async.all({ done, done })
assert(r[1] == 7 and r[2] == 7)
local many = {}
for i = 1, 1000 do many[i] = function() sleep(0) return i end end
r = async.all(many)
assert(#r == 1000 and r[1000] == 1000)

-- A failure: raised as it is, the others are cancelled, none is left behind.
local log = {}
local function lasting(name)
  return function()
    local x <close> = setmetatable({}, { __close = function() log[#log + 1] = name end })
    sleep(1000)
  end
end
local object = {}
local handle = async.spawn(lasting("handle"))
local ok, e = pcall(async.all, { lasting("a"), function() sleep(0.001) error(object) end, lasting("b"), handle })
assert(not ok and e == object, tostring(e))
local ok, e = pcall(function() return handle:await() end)
assert(not ok and e.kind == "cancelled")
settle()
table.sort(log)
assert(table.concat(log, " ") == "a b handle", table.concat(log, " "))

-- One that had failed before.
local failed = async.spawn(error, object)
pcall(function() failed:await() end)
ok, e = pcall(async.all, { failed, function() return 1 end })
assert(not ok and e == object)

-- Cancelled from outside, it cancels what it started.
log = {}
local outer = async.spawn(async.all, { lasting("a"), lasting("b") })
settle()
outer:cancel()
ok, e = pcall(function() return outer:await() end)
assert(not ok and e.kind == "cancelled")
settle()
table.sort(log)
assert(table.concat(log, " ") == "a b", table.concat(log, " "))

-- Nested.
r = async.all({
  function() return async.all({ function() return 1 end, function() sleep(0) return 2 end })[2] end,
  function() return async.race({ function() return 3 end, lasting("never") }) end,
  function() return async.timeout(60, function() sleep(0) return 4 end) end,
})
assert(r[1] == 2 and r[2] == 3 and r[3] == 4)

-- Arguments.
for _, bad in ipairs { false, 1, "x" } do
  ok, e = pcall(async.all, bad)
  assert(not ok and tostring(e):find("async.all: argument #1 must be a table", 1, true), e)
end
log = {}
ok, e = pcall(async.all, { lasting("started"), 42 })
assert(not ok and tostring(e):find("async.all: item 2 must be a function or a handle, got number", 1, true), e)
print("ok")
