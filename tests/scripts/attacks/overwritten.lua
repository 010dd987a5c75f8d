-- Replaces every function of every library by one that raises, lies, or looks at what it is given, and then
-- uses the API: it must answer as before, and hand nothing of its own to what replaced a function.
-- Arguments: the address of a server (see tests/src/scripts.rs), how to replace, and `strings` if the
-- functions behind the methods of strings are replaced as well.
local base, how, strings = arg[1], arg[2], arg[3]

-- What this script needs itself, taken before anything is replaced.
local next, type, pcall, error, tostring, print, rawset, rawget, select = next, type, pcall, error, tostring, print, rawset, rawget, select
local pack, unpack, concat, sort = table.pack, table.unpack, table.concat, table.sort
local find, getmetatable, assert = string.find, getmetatable, assert
local require, sleep = require, sleep
local client, get, post, download, events, serve = http.client, http.get, http.post, http.download, http.events, http.serve
local encode, parse, spawn, all, race, timeout, connect = json.encode, json.parse, async.spawn, async.all, async.race, async.timeout, ws.connect
local spawn_interval, read, open, info, now, monotonic = async.spawn_interval, io.read, io.open, log.info, time.now, time.monotonic
local percent, base64_encode, hash = url.encode, base64.encode, crypto.hash
package.preload.mine = function() return "mine" end

-- The error of a call that must fail.
local function failure(f, ...)
  local ok, e = pcall(f, ...)
  if ok then return "no failure" end
  return (type(e) == "table" and rawget(e, "kind") or "mistake") .. ": " .. (type(e) == "table" and rawget(e, "message") or tostring(e))
end

local steps = {
  { "get", function() return get(base .. "/text", { headers = { ["X-A"] = { "1", "2" } } }).body end },
  { "post", function() return post(base .. "/text", { a = { 1, 2 } }, { timeout = 60 }).status end },
  { "client", function() return client({ base_url = base, headers = { a = "b" } }):get("/text").body end },
  { "callbacks", function()
    local pieces = {}
    get(base .. "/text", { on_chunk = function(piece) pieces[#pieces + 1] = piece end })
    return concat(pieces)
  end },
  { "denied", function() return failure(get, "http://10.0.0.1/secret?query") end },
  { "denied download", function() return failure(download, base .. "/text", "/nowhere/file") end },
  { "denied WebSocket", function() return failure(connect, "ws://10.0.0.1/") end },
  { "denied events", function() return failure(events("http://10.0.0.1/")) end },
  { "denied file", function()
    local file, problem = open("/etc/passwd")
    return file and "no failure" or "denied: " .. problem
  end },
  { "denied listening", function() return failure(serve, 1, {}) end },
  { "mistake", function() return failure(get, 5) end },
  { "wrong option", function() return failure(get, base .. "/text", { timeout = "x" }) end },
  { "framing header", function() return failure(get, base .. "/text", { headers = { Host = "x" } }) end },
  { "line break", function() return failure(get, base .. "/text", { headers = { a = "b\r\nc: d" } }) end },
  { "json", function() return encode(parse('{"a":[1,null,"x"]}')) end },
  { "wrong json", function() return failure(parse, "[") end },
  { "all", function() return all({ function() return 1 end, function() return 2 end })[2] end },
  { "race", function() return race({ function() return 1 end, function() sleep(1000) end }) end },
  { "timeout", function() return failure(timeout, 0, sleep, 1000) end },
  { "failing task", function() return failure(all, { function() error("failed", 0) end }) end },
  { "interval", function()
    local ticked
    local interval = spawn_interval(0.001, function() ticked = true end)
    while not ticked do sleep(0.001) end
    interval.cancel()
    return ticked
  end },
  { "input", function() return tostring(read("l")) .. tostring(read("n")) .. tostring(read("a")) end },
  { "require", function() return require("mine") end },
  { "missing module", function() return failure(require, "missing") end },
  { "log", function() info("x", { a = 1 }) end },
  { "pure", function() return percent("a b") .. base64_encode("x") .. hash("x") end },
  { "time", function() return type(now()) .. type(monotonic()) end },
  { "serve", function()
    local answers = {}
    serve(0, {
      GET = {
        ["/users/:id"] = function(req) return { json = { id = req.path_params.id, q = req.params.q }, headers = { a = { "1", "2" } } } end,
        ["/files/*"] = function(req) return req.path end,
        ["/fails"] = function() error("a secret of the handler") end,
        ["/wrong"] = function() return { status = 9999 } end,
        ["/split"] = function() return { body = "", headers = { a = "b\r\nc: d" } } end,
        ["/sse"] = function() return { sse = function(send) send({ data = "x\ny" }) end } end,
        ["/ws"] = function() return { ws = function(conn) conn:write((conn:read())) end } end,
      },
      POST = { ["/json"] = function(req) return tostring(req.json().a) end },
    }, {
      on_listen = function(server)
        spawn(function()
          local at = "http://127.0.0.1:" .. server.port
          local function note(answer) answers[#answers + 1] = answer.status .. answer.body end
          for _, path in next, { "/users/a%20b?q=c", "/files/x", "/none", "/wrong", "/split" } do
            local answer = get(at .. path, { query = { r = "s t" } })
            answers[#answers + 1] = answer.status .. " " .. (answer.status == 500 and "" or answer.body)
          end
          local failed = get(at .. "/fails")
          answers[#answers + 1] = failed.status .. (find(failed.body, "secret", 1, true) and " leaks" or "")
          note(post(at .. "/json", '{"a":5}'))
          note(post(at .. "/json", "{"))
          get(at .. "/sse", { on_event = function(event) answers[#answers + 1] = event.data end })
          local conn = connect("ws://127.0.0.1:" .. server.port .. "/ws")
          conn:write("over and back")
          answers[#answers + 1] = conn:read()
          server:close()
        end)
      end,
    })
    return concat(answers, ", ")
  end },
}

-- Every value that a script can have seen: what is handed to a spy must be one of these, or plain.
local known = {}
local function learn(value)
  if type(value) ~= "table" and type(value) ~= "function" and type(value) ~= "userdata" then return end
  if known[value] then return end
  known[value] = true
  if type(value) == "table" then
    for k, v in next, value do learn(k) learn(v) end
  end
  learn(getmetatable(value))
end

local suspicious = {}
local function inspect(name, ...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    local kind = type(value)
    if (kind == "function" or kind == "table" or kind == "userdata") and not known[value] then
      suspicious[#suspicious + 1] = name .. " got a " .. kind
    end
  end
end

local replacements = {
  raises = function(name) return function() error("replaced " .. name, 0) end end,
  lies = function() return function() return "a lie", 0 / 0, {} end end,
  spies = function(name, original)
    return function(...)
      inspect(name, ...)
      return original(...)
    end
  end,
  gone = function() return nil end,
}

local function replace_all()
  local G, libraries = _G, {}
  for name, value in next, G do
    if type(value) == "table" and name ~= "_G" and name ~= "package" then libraries[name] = value end
  end
  local replace = replacements[how]
  local function replace_in(library, prefix)
    local names = {}
    for name, value in next, library do
      if type(value) == "function" then names[#names + 1] = name end
    end
    for _, name in next, names do
      local replacement = replace(prefix .. name, library[name])
      if replacement then known[replacement] = true end
      library[name] = replacement
    end
  end
  for name, library in next, libraries do
    if (name == "string") == (strings == "strings") then replace_in(library, name .. ".") end
  end
  if strings ~= "strings" then replace_in(G, "") end
end

local function outcomes()
  local found = {}
  for i, step in next, steps do
    local ok, outcome = pcall(step[2])
    -- Ports and ids differ from time to time.
    found[i] = step[1] .. ": " .. tostring(ok) .. " " .. tostring(outcome)
  end
  return found
end

learn(_G)
learn(steps)
learn(getmetatable(""))
local before = outcomes()
replace_all()
local after = outcomes()
for i, outcome in next, before do
  -- Methods of strings are the script's to spoil, for itself: but nothing is granted by that.
  local is_held = strings ~= "strings" and outcome == after[i]
    or strings == "strings" and (not find(outcome, "denied: ", 1, true) or not find(after[i], "no failure", 1, true))
  if not is_held then print("before " .. outcome .. "\nafter  " .. after[i]) end
end
for _, line in next, suspicious do print(line) end
print("done")
