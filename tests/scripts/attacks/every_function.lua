-- Calls every function that a script can reach, found by walking from the globals and from what earlier
-- calls returned, with random values of every kind, in every place where Lua can call one.
-- Returns a function of { params = { seed, calls, tame } }; a tame walk leaves the libraries as they are, for
-- others that run in the same instance.

local G = _G
local random, randomseed, unpack, pcall, type, rawget = math.random, math.randomseed, table.unpack, pcall, type, rawget
local next, getmetatable, setmetatable, tostring, select = next, getmetatable, setmetatable, tostring, select
local create, resume, wrap, yield, close = coroutine.create, coroutine.resume, coroutine.wrap, coroutine.yield, coroutine.close
local spawn, within, gsub, sort, rep, char, format = async.spawn, async.timeout, string.gsub, table.sort, string.rep, string.char, string.format
local serve, sleep, collectgarbage, assert, load, tonumber = http.serve, sleep, collectgarbage, assert, load, tonumber
local max = math.max

-- What would end the walk by itself: each has attacks of its own.
local left_out <const> = { [os.exit] = true }

local functions, known = {}, {}
local found, POOL <const> = {}, 100

-- Tables that a tame walk does not hand on.
local libraries = {}

local function pick(list) return list[random(#list)] end

local function add_function(fn)
  if known[fn] or left_out[fn] then return end
  known[fn] = true
  if #functions < 2000 then functions[#functions + 1] = fn else functions[random(#functions)] = fn end
end

-- Collects the functions of a value and of what belongs to it.
local function walk(value, depth)
  local kind = type(value)
  if kind == "function" then return add_function(value) end
  if kind ~= "table" and kind ~= "userdata" and kind ~= "string" or depth == 0 then return end
  local meta = getmetatable(value)
  if type(meta) == "table" then walk(meta, depth - 1) end
  if kind ~= "table" then return end
  for key, inner in next, value do
    walk(inner, depth - 1)
    if type(key) ~= "string" then walk(key, depth - 1) end
  end
end

-- Keeps a value for later calls.
local function keep(value)
  local kind = type(value)
  if value ~= nil and libraries[value] then return end
  if kind == "table" or kind == "userdata" or kind == "thread" or kind == "function" then
    if #found < POOL then found[#found + 1] = value else found[random(POOL)] = value end
    walk(value, 2)
  end
end

local function keep_all(...)
  for i = 1, select("#", ...) do keep((select(i, ...))) end
  return ...
end

local integers <const> = {
  0, 1, -1, 2, 3, 7, 100, 127, 128, 255, 256, 1000, 65535, 65536, 1 << 31, (1 << 31) - 1, -(1 << 31), 1 << 32,
  1 << 53, math.mininteger, math.maxinteger, math.maxinteger - 1, math.mininteger + 1, 0x10FFFF, 0x7FFFFFFE,
}
local floats <const> = {
  0.0, -0.0, 0.5, -0.5, 1e-9, 1e-300, 1e15, 1e300, -1e300, 1 / 0, -1 / 0, 0 / 0, 2 ^ 53, 2 ^ 63, -2 ^ 63, 1.5, 1e9,
}
local texts <const> = {
  "", "a", "\0", "a\0b", "\r\n", "a\r\nB: c", "\27[2J", "\xFF\xFE", "\xC3", "\xF4\x90\x80\x80", "%", "%99999d", "%s%s%s%n", "(", "[",
  "[^", "%b()", "(.-)(.-)(.-)$", ".-.-.-.-.-b", "*", "/", "//", "/x", "/*", "/:", "/:a/:b/*", "..", "../..", "/etc/passwd",
  "GET", "POST", "G T", "get", "ANY", "http://", "http://[", "http://a@b/", "ftp://x/", "http://127.0.0.1:1/", "http://127.0.0.1:99999/",
  "http://example.invalid/", "https://127.0.0.1:1/", "ws://127.0.0.1:1/", "file:///etc/passwd", "javascript:1", "{", "[[[[[[", "{}", "null",
  "1e999", "-", "\"\\ud800\"", "n", "l", "a", "*a", "L", "k", "v", "kv", "collect", "count", "step", "generational", "incremental", "stop", "restart",
  "t", "b", "return", "return 1", "while true do", "goto x", "\27Lua", "sha256", "sha512", "md5", "hex", "text", "binary", "close", "off",
  "2026-01-01T00:00:00Z", "!%c", "*t", "%Ez", "%", "nSlutrfL", ">S", "f", "message", "ping", "utf-8", "text/event-stream", "data: x\n\n",
  "Content-Length", "Transfer-Encoding", "Host", "X-A", "x:y", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
}
local keys <const> = {
  "headers", "timeout", "connect_timeout", "follow_redirects", "max_size", "body", "query", "on_event", "on_chunk", "on_response", "ca_cert",
  "ca_cert_file", "base_url", "sha256", "idle_timeout", "on_progress", "protocols", "subprotocols", "origins", "status", "json", "sse", "ws", "stream", "event",
  "data", "id", "retry", "comment", "binary", "indent", "on_listen", "GET", "POST", "ANY", "/", "/x", "handler", "stream_body", "kind", "message", "reconnect",
  "last_event_id", "year", "month", "day", "hour", "sec", "n", "__index", "__call", "__close", "__gc", "__mode", "__name", "__tostring", "__metatable",
  "__pairs", "__len", "__eq", "__lt", "__concat", "__newindex", 1, 2, 3,
}

local value  -- of any kind

local port
local function address()
  local paths <const> = { "plain", "sse", "ws", "stream", "read", "random", "fail", "missing", "plain?a=b#c", "" }
  return pick { "http://127.0.0.1:", "ws://127.0.0.1:", "http://localhost:" } .. tostring(port) .. "/" .. pick(paths)
end

local function text()
  local kind = random(12)
  if kind == 1 then return rep(pick(texts), random(0, 300)) end
  if kind == 2 then return rep(char(random(0, 255)), pick { 10, 1000, 65536, 65537, 200000 }) end
  if kind == 3 then
    local bytes = {}
    for i = 1, random(0, 20) do bytes[i] = char(random(0, 255)) end
    return table.concat(bytes)
  end
  if kind <= 5 then return address() end
  if kind == 6 then return pick(texts) .. pick(texts) end
  return pick(texts)
end

local function number()
  local kind = random(6)
  if kind == 1 then return pick(floats) end
  if kind == 2 then return random(0) end
  if kind == 3 then return random() end
  if kind == 4 then return pick(integers) end
  return random(0, 20)
end

local function deep()
  local inner = {}
  local outer = inner
  for _ = 1, pick { 10, 250, 257, 3000 } do outer = { outer } end
  if random(3) == 1 then inner[1] = outer end
  return outer
end

local metamethods <const> = {
  "__index", "__newindex", "__call", "__len", "__pairs", "__tostring", "__name", "__close", "__gc", "__mode", "__metatable", "__eq", "__lt", "__concat", "__unm",
}

local function plain_table(depth)
  local t = {}
  for _ = 1, random(0, 4) do
    local key = random(4) == 1 and value(depth - 1) or pick(keys)
    if key ~= nil and key == key then t[key] = value(depth - 1) end
  end
  return t
end

local function hostile_table(depth)
  local meta = {}
  for _ = 1, random(3) do meta[pick(metamethods)] = value(depth - 1) end
  local t = plain_table(depth)
  pcall(setmetatable, t, meta)
  return t
end

-- A function that does something it should not where it is called.
local function callback(depth)
  local kind = random(11)
  local result = value(depth - 1)
  if kind == 1 then return function() error(result, 0) end end
  if kind == 2 then return function() yield(result) end end
  if kind == 3 then return function() sleep(1e9) end end
  if kind == 4 then return function(...) return keep_all(...) end end
  if kind == 5 then return function() local fn = pick(functions) return fn(value(1), value(1)) end end
  if kind == 6 then return function(...) keep_all(...) sleep(0) return result end end
  if kind == 7 then return function(...) return select(2, pcall(pick(functions), ...)) end end
  if kind == 8 then return coroutine.wrap(function(...) while true do yield(...) end end) end
  if kind == 9 then return pick(functions) end
  if kind == 10 then return function() collectgarbage() return result end end
  return function() return result end
end

local function thread()
  local kind = random(4)
  local co = create(function(...) yield(...) sleep(0) return ... end)
  if kind > 1 then pcall(resume, co, value(1)) end
  if kind == 3 then pcall(close, co) end
  return co
end

function value(depth)
  local kind = random(15)
  if kind == 1 then return nil end
  if kind == 2 then return random(2) == 1 end
  if kind <= 4 then return number() end
  if kind <= 7 then return text() end
  if kind <= 10 and #found > 0 then return pick(found) end
  if kind == 11 and random(10) == 1 then return deep() end
  if kind == 12 then return thread() end
  if depth <= 0 then return address() end
  if kind == 13 then return hostile_table(depth) end
  if kind == 14 then return callback(depth) end
  return plain_table(depth)
end

local function arguments()
  local list = { n = random(0, 5) }
  for i = 1, list.n do list[i] = value(3) end
  return list
end

-- A handle's method is called as one, most of the time.
local function choose()
  if #found > 0 and random(3) == 1 then
    local handle = pick(found)
    local list = {}
    local ok, meta = pcall(getmetatable, handle)
    local index = ok and type(meta) == "table" and rawget(meta, "__index") or handle
    if type(index) == "table" then
      for _, fn in next, index do if type(fn) == "function" then list[#list + 1] = fn end end
    end
    for _, name in next, { "read", "write", "close", "messages", "is_closed", "get", "post", "request", "download", "await", "cancel", "feed", "next", "chunks", "json", "lines" } do
      local has, fn = pcall(function() return handle[name] end)
      if has and type(fn) == "function" then list[#list + 1] = fn end
    end
    if #list > 0 then return pick(list), handle end
  end
  return pick(functions), nil
end

local function perform(fn, list)
  return keep_all(fn(unpack(list, 1, list.n)))
end

-- The places a call may come from.
local places <const> = {
  function(fn, list) perform(fn, list) end,
  function(fn, list) perform(fn, list) end,
  function(fn, list) perform(fn, list) end,
  function(fn, list) keep(spawn(perform, fn, list)) sleep(0) end,
  function(fn, list)
    local task = spawn(perform, fn, list)
    if random(2) == 1 then sleep(pick { 0, 0.001 }) end
    task:cancel()
  end,
  function(fn, list) within(pick { 0, 0.001, 0.01 }, function() perform(fn, list) end) end,
  function(fn, list) local co = create(perform) keep(co) resume(co, fn, list) if random(2) == 1 then close(co) end end,
  function(fn, list) local inner = wrap(function() within(0.01, function() perform(fn, list) end) end) inner() end,
  function(fn, list) local _ = setmetatable({}, { __index = function() perform(fn, list) end }).x end,
  function(fn, list) local _ <close> = setmetatable({}, { __close = function() perform(fn, list) end }) end,
  function(fn, list) setmetatable({}, { __gc = function() perform(fn, list) end }) collectgarbage() end,
  function(fn, list) sort({ 3, 1, 2 }, function() return perform(fn, list) end) end,
  function(fn, list) gsub("abc", "b", function() return perform(fn, list) end) end,
  function(fn, list) for _ in fn, unpack(list, 1, 3) do break end end,
  function(fn, list) load(function() return perform(fn, list) end) end,
  function(fn, list) async.race { function() perform(fn, list) end, function() sleep(0.001) end } end,
  function(fn, list) async.all { function() perform(fn, list) end, function() perform(fn, list) end } end,
}

-- A server of its own, whose requests, streams and connections are kept like everything else.
local function begin_server()
  local routes = {
    ["/plain"] = function(req) keep(req) return "plain" end,
    ["/sse"] = function(req) keep(req) return { sse = function(send) keep(send) for _ = 1, 3 do pcall(send, value(2)) end sleep(0.01) end } end,
    ["/ws"] = function(req) keep(req) return { ws = function(conn) keep(conn) for _ = 1, 3 do pcall(conn.write, conn, value(1)) end conn:read() end } end,
    ["/stream"] = function(req) keep(req) return { stream = function(write) keep(write) for _ = 1, 3 do pcall(write, value(2)) end end } end,
    ["/read"] = { stream_body = true, handler = function(req) keep(req) return { json = { req:read(random(100)) } } end },
    ["/random"] = function() return value(4) end,
    ["/fail"] = function() error(value(2)) end,
  }
  spawn(function()
    while true do
      pcall(serve, 0, { GET = routes, POST = routes }, { on_listen = function(server) keep(server) port = server.port end })
      sleep(0.01)
    end
  end)
end

return function(req)
  local seed, calls = tonumber(req.params.seed) or 1, tonumber(req.params.calls) or 100
  randomseed(seed)
  if req.params.tame then
    libraries[G], libraries[getmetatable("")] = true, true
    left_out[serve] = true
    -- Once somebody reads it, standard input has a thread as long as the process lives.
    left_out[io.read], left_out[io.lines], left_out[io.input], libraries[io.stdin] = true, true, true, true
    for _, library in next, G do libraries[library] = type(library) == "table" or nil end
  end
  -- A tame walk has no server but the one it runs in: the socket of another would outlive its instance.
  port = G._SERVER_PORT
  if not req.params.tame then begin_server() end
  sleep(0)
  walk(G, 5)
  walk("", 2)
  keep(http.client())
  -- Each function once with what many of them take, so that none is left out; the random walk goes deeper.
  for i = 1, #functions do
    for _, list in next, { { n = 1, "a" }, { n = 1, address() }, { n = 2, "a", "b" } } do
      pcall(within, 0.02, function() pcall(perform, functions[i], list) end)
    end
  end
  local count = 0
  for _ = 1, calls do
    local fn, handle = choose()
    local list = arguments()
    if handle ~= nil and random(5) > 1 then
      list[1] = handle
      list.n = max(list.n, 1)
    end
    local place = pick(places)
    pcall(within, 0.05, function() pcall(place, fn, list) end)
    count = count + 1
  end
  collectgarbage("restart")
  return "survived " .. count .. " calls of " .. #functions .. " functions"
end
