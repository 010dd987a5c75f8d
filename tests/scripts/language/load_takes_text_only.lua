-- 'load' compiles text, whatever mode it is asked for; bytecode is refused in every disguise.
assert(load("return 1 + 1")() == 2)
assert(load("return ...", "=name", "t")(5) == 5)
assert(load("return 1", "x", "bt")() == 1)
assert(load("x = 7; return x", "x", "t", {})() == 7 and x == nil)
assert(load("return _ENV", "x", "t", nil)() == nil)
local pieces = { "return ", "1", "2" }
local i = 0
assert(load(function() i = i + 1 return pieces[i] end)() == 12)
assert(load(function() return nil end)() == nil)

local header = "\27Lua"
local whole = header .. "\x55\0\x19\x93\r\n\x1a\n" .. ("\0"):rep(200)
for _, binary in ipairs { header, "\27", whole } do
  for _, mode in ipairs { "b", "bt", "t", "tb", false } do
    local chunk, e = load(binary, "=x", mode or nil)
    assert(chunk == nil and e:find("attempt to load a binary chunk", 1, true), e)
    local sent = false
    chunk, e = load(function() if not sent then sent = true return binary end end, "=x", mode or nil)
    assert(chunk == nil and e:find("attempt to load a binary chunk", 1, true), e)
    local at = 0
    chunk, e = load(function() at = at + 1 return binary:sub(at, at) end, "=x", mode or nil)
    assert(chunk == nil and e:find("attempt to load a binary chunk", 1, true), e)
  end
end
assert(string.dump == nil)

-- Errors: a result, with the chunk's name and line.
local chunk, e = load("x = = 1", "@file.lua")
assert(chunk == nil and e == "file.lua:1: unexpected symbol near '='", e)
chunk, e = load("\n\nx = = 1", "=named")
assert(chunk == nil and e == "named:3: unexpected symbol near '='", e)
chunk, e = load("x = = 1")
assert(chunk == nil and e == "[string \"x = = 1\"]:1: unexpected symbol near '='", e)
chunk, e = load(function() error("reader", 0) end)
assert(chunk == nil and e == "reader", e)
assert(not pcall(load))
assert(not pcall(load, {}))
print("ok")
