-- What the sandbox cannot give is not there: under no name, and in no table that can be reached.
local function names(t)
  local list = {}
  for name in pairs(t) do list[#list + 1] = tostring(name) end
  table.sort(list)
  return table.concat(list, " ")
end

local function has_exactly(what, t, expected)
  local wanted = {}
  for name in expected:gmatch("%S+") do wanted[name] = true end
  assert(names(t) == names(wanted), what .. " has: " .. names(t))
end

has_exactly("os", os, "time date difftime clock getenv exit remove rename")
has_exactly("debug", debug, "traceback getinfo")
has_exactly("package", package, "loaded preload path config")
has_exactly("coroutine", coroutine, "create resume running status wrap yield isyieldable close")
has_exactly("string", string,
  "byte char find format gmatch gsub len lower match pack packsize rep reverse sub unpack upper")
has_exactly("_G", _G, [[_G _VERSION assert collectgarbage error getmetatable ipairs load next pairs pcall print
  rawequal rawget rawlen rawset require select setmetatable tonumber tostring type warn xpcall
  arg async base64 coroutine crypto debug dofile env http io json loadfile log math os package sleep string table time url utf8 ws]])
for _, name in ipairs { "popen", "tmpfile" } do assert(io[name] == nil, "io." .. name) end

-- Everything that can be reached from here: no function of these names anywhere, no userdata but the
-- sandbox's own, no registry.
local forbidden = {
  execute = true, popen = true, tmpname = true, tmpfile = true, setlocale = true,
  loadlib = true, cpath = true, searchers = true, searchpath = true, dump = true, getregistry = true,
  getupvalue = true, setupvalue = true, upvalueid = true, upvaluejoin = true, getlocal = true, setlocal = true,
  getmetatable_raw = true, sethook = true, gethook = true, getuservalue = true, setuservalue = true,
  setcstacklimit = true,
}
local seen = {}
local function walk(value, path)
  if type(value) == "thread" or type(value) ~= "table" or seen[value] then
    assert(type(value) ~= "userdata" or value == json.null or io.type(value), path .. " is a userdata")
  else
    seen[value] = true
    for k, v in next, value do
      local name = path .. "." .. tostring(k)
      assert(type(k) ~= "userdata" and type(k) ~= "table", name)
      assert(not (forbidden[k] and type(v) ~= "nil"), name .. " is there")
      walk(v, name)
    end
  end
  local mt = getmetatable(value)
  if type(mt) == "table" then walk(mt, path .. "<metatable>") end
end
walk(_G, "_G")
walk(getmetatable(""), "string metatable")
assert(getmetatable("").__index == string)
assert(("").dump == nil and not pcall(function() return (""):dump() end))
for _, value in ipairs { 1, true, print, coroutine.create(print) } do assert(getmetatable(value) == nil) end
assert(getmetatable(nil) == nil)

-- Files are as in Lua: their metatable is there, and has nothing but their methods.
has_exactly("FILE*", getmetatable(io.stdout), "__close __gc __index __name __tostring")
has_exactly("FILE* methods", getmetatable(io.stdout).__index, "close flush lines read seek setvbuf write")

-- A handle, an error object and a client do not give up what is behind them.
local _, denied = pcall(http.get, "http://10.0.0.1/")
for _, value in ipairs { async.spawn(print), denied, http.client({}), json.null } do
  local mt = getmetatable(value)
  assert(mt == nil or mt == false or type(mt) == "string", tostring(value) .. " shows its metatable")
end

-- 'require' finds no library of C and nothing by a trick.
for _, name in ipairs { "ffi", "posix", "socket", "lfs", "../secret", "/etc/passwd", "os.execute", "", "a\0b" } do
  assert(not pcall(require, name), name)
end
assert(require("os") == os and require("string") == string and require("_G") == _G)
assert(rawequal(package.loaded.os, os) and package.loaded.debug == debug)
print("ok")
