-- Recursion of every kind ends in a Lua error, and the script goes on.
local function deep(name, f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok, name .. " came back")
  e = tostring(e)
  assert(e:find("overflow", 1, true) or e:find("not enough memory", 1, true) or e:find("too complex", 1, true)
    or e:find("error in error handling", 1, true) or e:find("loop", 1, true), name .. ": " .. e:sub(-200))
  collectgarbage()
  sleep(0)
end

local function call(n) return 1 + call(n + 1) end
deep("calls", call, 1)
deep("calls with many locals", load("local function f() local " .. ("a,"):rep(150) .. "b = 1 return 1 + f() end return f")())
local function varargs(...) return 1 + varargs(1, ...) end
deep("varargs", varargs)
local function protected() local ok, e = pcall(protected) if not ok then error(e, 0) end return 1 end
deep("pcall", function() protected() error("overflow was caught", 0) end)
local function gsub(s) return (s:gsub(".", gsub)) end
deep("gsub", gsub, "x")
local function sort() table.sort({ 2, 1 }, sort) end
deep("sort", sort)
local function wrap() return coroutine.wrap(wrap)() end
deep("coroutine.wrap", wrap)
local function resume() assert(coroutine.resume(coroutine.create(resume))) end
deep("coroutine.resume", resume)
local function waiting() sleep(0) return coroutine.wrap(waiting)() end
deep("coroutine.wrap with waits", waiting)
local function loader() return load(loader) or error("overflow", 0) end
deep("load", loader)

local mt = {}
local t = setmetatable({}, mt)
mt.__index = function(t, k) return t[k + 1] end
deep("__index", function() return t[1] end)
mt.__newindex = function(t, k, v) t[k + 1] = v end
deep("__newindex", function() t[1] = 1 end)
mt.__add = function(a, b) return a + b end
deep("__add", function() return t + 1 end)
mt.__concat = function(a, b) return a .. b end
deep("__concat", function() return t .. 1 end)
mt.__eq = function(a, b) return a == b end
deep("__eq", function() return t == setmetatable({}, mt) end)
mt.__lt = function(a, b) return a < b end
deep("__lt", function() return t < t end)
mt.__len = function(a) return #a end
deep("__len", function() return #t end)
mt.__call = function(self, ...) return self(...) + 1 end
deep("__call", function() return t() end)
mt.__tostring = function(self) return tostring(self) end
deep("__tostring", tostring, t)
mt.__close = function() local x <close> = t end
deep("__close", function() local x <close> = t end)
deep("an index chain", function()
  local a = {}
  a.__index = a
  setmetatable(a, a)
  return a.x
end)
local chain = {}
for _ = 1, 3000 do chain = setmetatable({}, { __index = chain }) end
deep("a long index chain", function() return chain.x end)
deep("an error handler", function()
  local function handler(e) error(e) end
  local ok, e = xpcall(error, handler, "x")
  error(tostring(e), 0)
end)
deep("patterns", string.find, ("x"):rep(1e6), ("x?"):rep(1e5))

-- In a coroutine and in a task as well.
deep("calls in a coroutine", coroutine.wrap(function() return call(1) end))
deep("calls in a task", function() async.spawn(call, 1):await() end)
deep("tasks that await tasks", function()
  local function f(n) return async.spawn(f, n + 1):await() end
  local ok, e = pcall(f, 1)
  error(tostring(e) .. " overflow", 0)
end)

-- Source that nests: an error of 'load'.
for _, source in ipairs {
  "return " .. ("("):rep(1e5) .. "1" .. (")"):rep(1e5), "return " .. ("{"):rep(1e5), "return " .. ("-"):rep(1e5) .. "1",
  ("do "):rep(1e5) .. ("end "):rep(1e5), ("function f() "):rep(1e5), "return " .. ("a."):rep(1e5) .. "a",
  "return " .. ("a.."):rep(1e5) .. "a", "return " .. ("2^"):rep(1e5) .. "2", "a" .. (".a"):rep(1e5) .. "=1",
  "local " .. ("a,"):rep(1e6) .. "a", "return '" .. ("\\z "):rep(1e5) .. "'", ("a="):rep(1e5) .. "1",
  "return f" .. ("()"):rep(1e5), "if x then " .. ("elseif x then "):rep(5e3) .. "end",
} do
  local chunk, e = load(source)
  assert(chunk or type(e) == "string")
  if chunk then pcall(chunk) end
end
collectgarbage()

-- Structures that nest: encoding, freeing and collecting them.
local nested = {}
for _ = 1, 1e5 do nested = { nested } end
deep("json.encode", function() local ok, e = pcall(json.encode, nested) error(tostring(e) .. " overflow", 0) end)
deep("json.parse", function() local ok, e = pcall(json.parse, ("["):rep(1e6)) error(tostring(e) .. " overflow", 0) end)
nested = nil
collectgarbage()
print("ok")
