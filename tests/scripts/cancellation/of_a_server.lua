-- Cancelling the task of 'http.serve' ends the server and its handlers; another can follow.
local function settle() for _ = 1, 10 do sleep(0) end end -- others have their turns

local closed = 0
local entered = 0
local function start()
  local port
  local h = async.spawn(http.serve, 0, {
    GET = {
      ["/wait"] = function()
        local x <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
        entered = entered + 1
        sleep(1000)
        return "never"
      end,
    },
  }, { on_listen = function(server) port = server.port end })
  while not port do sleep(0) end
  return h, "http://127.0.0.1:" .. port
end

for round = 1, 3 do
  local h, at = start()
  local clients = {}
  for i = 1, 3 do
    clients[i] = async.spawn(function()
      local ok, e = pcall(http.get, at .. "/wait")
      return ok, ok and e.status or e.kind
    end)
  end
  while entered < 3 * round do sleep(0.001) end
  h:cancel()
  local ok, e = pcall(function() return h:await() end)
  assert(not ok and e.kind == "cancelled", tostring(e))
  for i = 1, 3 do
    local r = clients[i]:await()
    assert(r[1] == false or r[2] >= 500, "a client got " .. tostring(r[2]))
  end
  settle()
  assert(closed == 3 * round, closed)
  -- nobody listens there any more
  local ok, e = pcall(http.get, at .. "/", { timeout = 5 })
  assert(not ok and e.kind == "connect", tostring(e))
end

-- A client that gives up cancels its handler.
local port
local h = async.spawn(http.serve, 0, {
  GET = {
    ["/wait"] = function()
      local x <close> = setmetatable({}, { __close = function(_, e) closed = e and e.kind end })
      entered = true
      sleep(1000)
    end,
  },
}, { on_listen = function(server) port = server.port end })
while not port do sleep(0) end
entered = false
local client = async.spawn(http.get, "http://127.0.0.1:" .. port .. "/wait")
while not entered do sleep(0.001) end
client:cancel()
while closed ~= "cancelled" do sleep(0.001) end
h:cancel()
pcall(function() return h:await() end)
print("ok")
