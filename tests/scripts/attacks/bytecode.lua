-- Bytecode by every way into the interpreter. The signature is enough: a loader that takes bytecode reads on
-- and says something else.
local chunk = "\27Lua\x55\0\x19\x93\r\n\x1a\n" .. ("\0"):rep(100)
local only_text = "attempt to load a binary chunk"

local function refused(what, f, problem)
  assert(f == nil and problem:find(only_text, 1, true), what .. ": " .. tostring(f) .. ", " .. tostring(problem))
end

for _, mode in ipairs { "b", "bt", "tb", "t", "" } do
  refused("mode " .. mode, load(chunk, "=chunk", mode))
  refused("mode and environment " .. mode, load(chunk, "=chunk", mode, {}))
end
refused("no mode", load(chunk))
refused("nil mode", load(chunk, nil, nil, nil))
local pieces = { "\27", "Lua", chunk:sub(5) }
refused("a reader", load(function() return table.remove(pieces, 1) end, "=chunk", "b"))
refused("coroutine", coroutine.wrap(function() return load(chunk, "=chunk", "b") end)())
assert(string.dump == nil and ("").dump == nil and loadstring == nil)
assert(not pcall(load, chunk, "=chunk", {}) or load(chunk, "=chunk", {}) == nil)

-- A module of bytecode, which the test has put beside this script.
local ok, e = pcall(require, "compiled")
assert(not ok and tostring(e):find(only_text, 1, true), tostring(e))
assert(package.loaded.compiled == nil)
for _, name in ipairs { "dofile", "loadfile" } do
  if _G[name] then
    local ok, f, problem = pcall(_G[name], "compiled.lua", "b")
    assert(not ok or f == nil, name)
  end
end
print("ok")
