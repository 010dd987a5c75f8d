-- Prints everything that a script can reach, a line each: its path and its type. A function of Lua is named with
-- its source. Arguments: a URL that answers `hello`. What it must print stands in reachable.txt.
local seen, lines = {}, {}

local function type_of(value)
  if type(value) ~= "function" then return type(value) end
  local info = debug.getinfo(value, "S")
  assert(debug.getinfo(value, "nSlutr").func == nil)
  return info.what == "C" and "function" or "function of " .. info.short_src:gsub("^.*/", "")
end

local function note(path, value)
  lines[#lines + 1] = path .. ": " .. type_of(value)
  if value == nil or seen[value] or type(value) == "string" and path ~= "(string)" then return end
  seen[value] = true
  local metatable = getmetatable(value)
  if metatable ~= nil then note(path .. "<metatable>", metatable) end
  if type(value) ~= "table" then return end
  local names = {}
  for key in next, value do names[#names + 1] = key end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    local is_plain = type(name) == "string" or type(name) == "number"
    note(path .. "." .. (is_plain and name or "(a " .. type(name) .. ")"), rawget(value, name))
  end
end

-- What a call returns, or the error it raises.
local function note_call(path, f, ...)
  local results = table.pack(pcall(f, ...))
  for i = 2, results.n do note(path .. (results[1] and "()#" or " raises#") .. i - 1, results[i]) end
end

local url, denied = arg[1], "http://10.0.0.1/"
arg = nil
note("_G", _G)
note("(string)", "")
for name, value in pairs { ["nil"] = false, boolean = true, number = 1, ["function"] = print, thread = coroutine.create(print) } do
  if name == "nil" then value = nil end
  assert(getmetatable(value) == nil, name)
end

note_call("http.get", http.get, url)
note_call("http.get(denied)", http.get, denied)
note_call("http.get(wrong)", http.get, 5)
note_call("http.get(on_response)", http.get, url, { on_response = function(response) note("on_response", response) return "close" end })
note_call("http.get(on_chunk)", http.get, url, { on_chunk = function(...) note("on_chunk", table.pack(...)) end })
note_call("http.client", http.client, {})
note_call("http.client.get(wrong)", http.client({}).get, {})
note_call("http.events", http.events, denied)
note_call("http.download", http.download, url, "/nowhere/file")
note_call("ws.connect", ws.connect, "ws://10.0.0.1/")
note_call("json.parse", json.parse, '{"a":[1,null,{}],"b":{}}')
note_call("json.parse(wrong)", json.parse, "{")
note_call("json.array", json.array, { 1 })
note_call("json.object", json.object, { a = 1 })
note_call("url.parse", _G.url.parse, "http://h:1/p?a=b")
note_call("async.spawn", async.spawn, function() return {} end)
note_call("async.spawn.await", async.spawn(function() return 1 end).await)
note_call("async.spawn.await(failure)", async.spawn(function() error({ 1 }) end).await)
note_call("async.spawn_interval", async.spawn_interval, 1, print)
note_call("async.all", async.all, { function() return 1 end })
note_call("async.race", async.race, { function() return 1 end })
note_call("async.timeout", async.timeout, 0, sleep, 100)
note_call("assert.eq", assert.eq, 1, 2)
note_call("require", require, "no-such-module")
note_call("require(string)", require, "string")
note_call("load", load, "return _ENV")
note_call("load()", load("return _ENV"))
note_call("io.lines", io.lines)
note_call("io.open", io.open, "/etc/passwd")
note_call("coroutine.running", coroutine.running)
note_call("debug.getinfo", debug.getinfo, 1, "nSlutrL")
note_call("debug.getinfo(f)", debug.getinfo, 1, "f")
note_call("debug.getinfo(>)", debug.getinfo, print, ">f")
note_call("debug.traceback", debug.traceback, {})
note_call("select", select, -1, 1)
note_call("gmatch", string.gmatch, "a", "a")
note_call("utf8.codes", utf8.codes, "a")
note_call("pairs", pairs, {})
note_call("ipairs", ipairs, {})
xpcall(http.get, function(e)
  note("xpcall's handler", e)
  for level = 1, 20 do
    local info = debug.getinfo(level, "nSlutr")
    if info then assert(info.func == nil) end
  end
end, 5)

-- What handlers and the other side get.
http.serve(0, {
  PUT = { ["/body"] = { stream_body = true, handler = function(req)
    note("streamed req", req)
    note_call("streamed req.read(wrong)", req.read, {})
    note_call("streamed req.chunks", req.chunks, req)
  end } },
  POST = { ["/x/:id"] = function(req)
    note("req", req)
    for _, name in ipairs { "headers", "headers_all", "params", "params_all", "peer_addr", "version" } do
      note("req." .. name, req[name])
    end
    note_call("req.json", req.json)
    note_call("req.json(wrong)", req.json, {})
    return { json = {} }
  end },
  GET = {
    ["/sse"] = function()
      return { sse = function(send)
        note("sse's send", send)
        note_call("sse's send(wrong)", send, 5)
        send("x")
      end }
    end,
    ["/stream"] = function()
      return { stream = function(write)
        note("stream's write", write)
        note_call("stream's write(wrong)", write, {})
      end }
    end,
    ["/ws"] = function()
      return { ws = function(conn)
        note("ws", conn)
        for _, name in ipairs { "read", "write", "close", "is_closed", "messages" } do
          note("ws." .. name, conn[name])
          note_call("ws." .. name .. "(wrong)", conn[name], {})
        end
        note_call("ws.read", conn.read, conn)
      end }
    end,
  },
}, {
  on_listen = function(server)
    note("server", server)
    async.spawn(function()
      local base = "http://127.0.0.1:" .. server.port
      http.post(base .. "/x/1?a=b", "{}")
      http.put(base .. "/body", "x")
      http.get(base .. "/sse", { on_event = function(event) note("event", event) end })
      http.get(base .. "/stream")
      local conn = ws.connect("ws://127.0.0.1:" .. server.port .. "/ws")
      note("ws.connect()", conn)
      conn:write("x")
      conn:close()
      server:close()
    end)
  end,
})
table.sort(lines)
print(table.concat(lines, "\n"))
