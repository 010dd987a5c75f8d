-- Recursion of every kind that reaches a stack: Lua's own, the interpreter's, the task's.
local ways = {}

local function call(n) return 1 + call(n + 1) end
ways.calls = function() return call(1) end
ways.calls_in_a_coroutine = function() return coroutine.wrap(call)(1) end
ways.calls_in_a_task = function() return async.spawn(call, 1):await() end

function ways.varargs()
  local function f(...) return 1 + f(1, ...) end
  return f()
end

function ways.arguments() return select("#", table.unpack({}, 1, 900000)) end

function ways.gsub()
  local function f(s) return (s:gsub(".", f)) end
  return f("x")
end

function ways.sort()
  local function f() table.sort({ 2, 1 }, f) end
  f()
end

function ways.pcall()
  local function f()
    local ok, e = pcall(f)
    if not ok then error(e, 0) end
    return 1 + (f() or 0)
  end
  return f()
end

function ways.xpcall_handler()
  local function handler(e) return handler(e) .. error(e) end
  local ok, e = xpcall(error, handler, "x")
  error(e, 0)
end

function ways.coroutine_wrap()
  local function f() return coroutine.wrap(f)() end
  return f()
end

function ways.coroutine_resume()
  local function f() return assert(coroutine.resume(coroutine.create(f))) end
  return f()
end

function ways.coroutine_close()
  local function f()
    local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = f }) coroutine.yield() end)
    coroutine.resume(co)
    assert(coroutine.close(co))
  end
  f()
end

function ways.spawn()
  local function f() return async.spawn(f):await()[1] end
  return f()
end

function ways.all()
  local function f() return async.all({ f })[1] end
  return f()
end

function ways.load_reader()
  local function reader() return assert(load(reader)) end
  return assert(load(reader))
end

function ways.load_run()
  deeper = "return assert(load(deeper))() .. ''"
  return assert(load(deeper))()
end

function ways.require()
  local n = 0
  local function loader()
    n = n + 1
    package.preload["again" .. n] = loader
    return require("again" .. n)
  end
  return loader()
end

function ways.tostring()
  local t = setmetatable({}, {})
  getmetatable(t).__tostring = function() return tostring(t) .. "" end
  return tostring(t)
end

function ways.format()
  local t = setmetatable({}, {})
  getmetatable(t).__tostring = function() return string.format("%s", t) end
  return string.format("%s", t)
end

function ways.print()
  local t = setmetatable({}, {})
  getmetatable(t).__tostring = function() print(t) return "" end
  print(t)
end

function ways.log()
  local t = setmetatable({}, {})
  getmetatable(t).__tostring = function() log.info("x", { t = t }) return "" end
  log.info("x", { t = t })
end

for _, name in ipairs { "add", "concat", "eq", "lt", "le", "unm", "len", "call", "index", "newindex", "pairs" } do
  ways["metamethod_" .. name] = function()
    local mt = {}
    local function new() return setmetatable({}, mt) end
    local operate = {
      add = function(a) return a + a end, concat = function(a) return a .. a end,
      eq = function(a) return a == new() end, lt = function(a) return a < new() end,
      le = function(a) return a <= new() end, unm = function(a) return -a end,
      len = function(a) return #a end, call = function(a) return a() .. "" end,
      index = function(a) return a.x .. "" end, newindex = function(a) a.x = 1 end,
      pairs = function(a) return pairs(a) end,
    }
    mt["__" .. name] = function(...) return operate[name](...) end
    return operate[name](new())
  end
end

function ways.metamethod_close()
  local mt = {}
  mt.__close = function() local x <close> = setmetatable({}, mt) end
  local x <close> = setmetatable({}, mt)
end

function ways.metamethod_gc()
  -- Each finalizer makes the collector run the next one within it.
  local deepest, depth = 0, 0
  local function again()
    depth = depth + 1
    deepest = math.max(deepest, depth)
    if deepest < 1e4 then
      setmetatable({}, { __gc = again })
      collectgarbage()
    end
    depth = depth - 1
  end
  again()
  return deepest
end

function ways.chain_of_index()
  local chain = {}
  for _ = 1, 1e5 do chain = setmetatable({}, { __index = chain }) end
  return chain.x
end

function ways.chain_of_call()
  local chain = print
  for _ = 1, 1e4 do chain = setmetatable({}, { __call = chain }) end
  return chain()
end

function ways.loop_of_index()
  local t = {}
  setmetatable(t, { __index = t, __newindex = t })
  getmetatable(t).__index = setmetatable({}, { __index = t })
  return t.x
end

function ways.pattern() return (("x"):rep(1e6)):find(("x?"):rep(1e5)) end

function ways.captures() return (("x"):rep(1e5)):find(("("):rep(1e5)) end

function ways.json_encode()
  local t = {}
  for _ = 1, 1e5 do t = { t } end
  return json.encode(t)
end

function ways.json_parse() return json.parse(("["):rep(1e6)) end

function ways.metatable_pairs_in_json()
  local t = setmetatable({}, {})
  getmetatable(t).__index = function() return json.encode(t) end
  getmetatable(t).__pairs = function() return json.encode(t) end
  return json.encode(t) .. t.x
end

return require("named_ways")(ways, "stack overflow|not enough memory|too many tasks", {
  arguments = "came to its end with 900000",
  chain_of_call = "chain too long",
  chain_of_index = "chain too long",
  loop_of_index = "chain too long",
  captures = "too many captures",
  pattern = "pattern too complex",
  json_encode = "nesting deeper than 256 levels",
  json_parse = "at most 256 levels",
  log = "came to its end with nil",
  metamethod_gc = "came to its end with 2",
  require = "--max-require-depth",
  xpcall_handler = "error in error handling|not enough memory|stack overflow",
})
