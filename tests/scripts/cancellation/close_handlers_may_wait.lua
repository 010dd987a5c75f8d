-- The close handlers of a cancelled task may still wait: a handler of any shape, however deep.
local function settle() for _ = 1, 10 do sleep(0) end end -- others have their turns

local base = arg[1]
local outcome
local function note(...)
  local ok, e = pcall(...)
  outcome = ok and "waited" or tostring(e)
end

local handlers = {
  plain = function() note(sleep, 0.001) end,
  named = function(object, e) note(sleep, 0.001) end,
  vararg = function(...) note(sleep, 0.001) end,
  overwritten = function(object) object = nil note(sleep, 0.001) end,
  nested = function(object) (function() (function() note(sleep, 0.001) end)() end)() end,
  fetching = function(object) note(function() assert(http.get(base .. "/text").body == "hello") end) end,
  awaiting = function(object) note(function() async.spawn(sleep, 0.001):await() end) end,
  all = function(object) note(function() async.all({ function() sleep(0.001) end }) end) end,
  timeout = function(object) note(async.timeout, 60, sleep, 0.001) end,
  coroutine = function(object) note(coroutine.wrap(function() sleep(0.001) end)) end,
  deep = function(object)
    note(coroutine.wrap(function() coroutine.wrap(function() pcall(function() sleep(0.001) end) sleep(0) end)() end))
  end,
  callable = setmetatable({}, { __call = function(self, object) note(sleep, 0.001) end }),
}

local function scopes(handler)
  local object = function() return setmetatable({}, { __close = handler }) end
  return {
    ["the task's own"] = function() local x <close> = object() sleep(1000) end,
    ["in a function"] = function()
      local function inner() local x <close> = object() sleep(1000) return 1 end
      local r = inner()
      return r
    end,
    ["below pcall"] = function()
      local ok, e = pcall(function() local x <close> = object() sleep(1000) end)
      error(e, 0)
    end,
    ["in a coroutine below wrap"] = function()
      coroutine.wrap(function() pcall(function() local x <close> = object() sleep(1000) end) error("over", 0) end)()
    end,
    ["of a loop"] = function() for _ in function() sleep(1000) end, nil, nil, object() do end end,
    ["at the end of a block"] = function()
      pcall(sleep, 1000)
      do local x <close> = object() end
      sleep(1000)
    end,
    ["after http.get"] = function() local x <close> = object() http.get(base .. "/never") end,
    ["after half a body"] = function() local x <close> = object() http.get(base .. "/half") end,
    ["after async.all"] = function() local x <close> = object() async.all({ function() sleep(1000) end }) end,
    ["after async.timeout"] = function() local x <close> = object() async.timeout(500, sleep, 1000) end,
    ["after http.serve"] = function() local x <close> = object() http.serve(0, {}) end,
    ["after an error that was caught and raised again"] = function()
      local x <close> = object()
      local ok, e = pcall(sleep, 1000)
      error(e, 0)
    end,
    ["after one that was caught by xpcall"] = function()
      local x <close> = object()
      local ok, e = xpcall(sleep, function(e) return { e } end, 1000)
      error(e[1])
    end,
    ["after one that came out of resume"] = function()
      local x <close> = object()
      assert(coroutine.resume(coroutine.create(function() sleep(1000) end)))
    end,
    ["after one that came out of wrap"] = function()
      local x <close> = object()
      coroutine.wrap(function() sleep(1000) end)()
    end,
    ["after an error of the script's own"] = function()
      local x <close> = object()
      pcall(sleep, 1000)
      error("something else")
    end,
    ["after an error of Lua's"] = function()
      local x <close> = object()
      pcall(sleep, 1000)
      return x.y.z
    end,
    ["at a return"] = function()
      pcall(sleep, 1000)
      local x <close> = object()
      return 1
    end,
  }
end

for name, handler in pairs(handlers) do
  for where, body in pairs(scopes(handler)) do
    outcome = "not called"
    local h = async.spawn(body)
    settle()
    h:cancel()
    pcall(function() return h:await() end)
    assert(outcome == "waited", name .. " " .. where .. ": " .. outcome)
  end
end

-- Several handlers of one task, inner first; each waits; each sees the error.
local log = {}
local function closing(name)
  return setmetatable({}, { __close = function(_, e) sleep(0.001) log[#log + 1] = name .. ":" .. e.kind end })
end
local h = async.spawn(function()
  local a <close> = closing("a")
  local b <close> = closing("b")
  sleep(1000)
end)
sleep(0)
h:cancel()
local ok, e = pcall(function() return h:await() end)
assert(not ok and e.kind == "cancelled")
assert(table.concat(log, " ") == "b:cancelled a:cancelled", table.concat(log, " "))

-- Cancelling it again does not interrupt them.
h = async.spawn(function()
  local x <close> = setmetatable({}, { __close = function() note(sleep, 0.01) end })
  sleep(1000)
end)
sleep(0)
h:cancel()
settle()
h:cancel()
outcome = "not called"
pcall(function() return h:await() end)
assert(outcome == "waited", outcome)

-- After them the task's waits raise again.
h = async.spawn(function()
  pcall(function()
    local x <close> = setmetatable({}, { __close = function() sleep(0) end })
    sleep(1000)
  end)
  local ok, e = pcall(sleep, 1000)
  outcome = e
end)
sleep(0)
h:cancel()
pcall(function() return h:await() end)
assert(outcome.kind == "cancelled")
print("ok")
