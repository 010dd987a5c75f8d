-- Scripts use names like 'url' or 'time' for their own variables: what tidelock gives does not depend
-- on what its globals are by then.
local kept = {}
for name, value in pairs(_G) do kept[name] = value end
local http, async, json, io, require, assert, error, pcall, tostring, print =
  http, async, json, io, require, assert, error, pcall, tostring, print
local sleep = sleep
local base = arg[1]

package.preload.mine = function() return "mine" end

local function works()
  assert(http.get(base .. "/text", { headers = { ["X-A"] = { "1", "2" } } }).body == "hello")
  assert(http.post(base .. "/text", { a = 1 }).status == 200)
  assert(http.client({ base_url = base }):get("/text").body == "hello")
  assert(async.all({ function() return 1 end })[1] == 1)
  assert(async.race({ function() return 2 end }) == 2)
  assert(async.timeout(60, function() return 3 end) == 3)
  assert(not pcall(async.race, {}))
  assert(not pcall(async.timeout, -1, sleep))
  local ticked
  local timer = async.spawn_interval(0.001, function() ticked = true end)
  while not ticked do sleep(0.001) end
  timer.cancel()
  assert(io.read("l") == nil)
  assert(io.write("") == io.stdout)
  assert(io.open("/etc/passwd") == nil)
  assert(require("mine") == "mine")
  local ok, e = pcall(http.get, 5)
  assert(not ok and tostring(e):find("http.get: argument #1 must be a URL string", 1, true), tostring(e))
  ok, e = pcall(assert.eq, 1, 2)
  assert(not ok and tostring(e):find("expected 2, got 1", 1, true), tostring(e))
  local answers
  http.serve(0, {
    GET = {
      ["/users/:id"] = function(req) return { json = { id = req.path_params.id } } end,
      ["/files/*"] = function(req) return req.path end,
    },
  }, {
    on_listen = function(server)
      async.spawn(function()
        local at = "http://127.0.0.1:" .. server.port
        answers = http.get(at .. "/users/a%20b").body .. http.get(at .. "/files/x").body .. http.get(at .. "/none").status
          .. http.request("DELETE", at .. "/files/x").status .. http.request("OPTIONS", at .. "/files/x").status
        server:close()
      end)
    end,
  })
  assert(answers == '{"id":"a b"}/files/x404405204', answers)
end

works()
local next, rawset, G = next, rawset, _G
for name in next, kept do
  if name ~= "_G" then G[name] = "mine" end
end
works()
for name in next, kept do G[name] = nil end
works()
print("ok")
