-- Handles by the hundred thousand: those that are dropped are gone, those that are kept are bounded.
local ways = {}

-- How many of what costs little, of what costs a call to the host, and of what costs a connection.
local MANY, SOME, FEW = 300000, 30000, 300

function ways.clients()
  for _ = 1, SOME do http.client({}) end
end

function ways.clients_kept()
  local kept = {}
  while true do kept[#kept + 1] = http.client({}) end
end

function ways.tasks()
  for i = 1, MANY do
    async.spawn(function() return i end)
    if i % 500 == 0 then sleep(0) end
  end
end

function ways.tasks_that_fail()
  for i = 1, SOME do
    async.spawn(function() error("x") end):cancel()
    if i % 500 == 0 then sleep(0) end
  end
end

function ways.tasks_kept()
  local tasks <close> = setmetatable({}, { __close = function(all) for _, task in ipairs(all) do task:cancel() end end })
  while true do tasks[#tasks + 1] = async.spawn(sleep, 1e9) end
end

function ways.intervals()
  for i = 1, SOME do
    async.spawn_interval(1e9, print).cancel()
    if i % 500 == 0 then sleep(0) end
  end
end

function ways.coroutines()
  for _ = 1, MANY do coroutine.wrap(function() coroutine.yield() end)() end
end

-- Coroutines of the script that wait and are never resumed again.
function ways.waiting_coroutines()
  for i = 1, SOME do
    local task = async.spawn(function() coroutine.wrap(sleep)(1e9) end)
    if i % 500 == 0 then sleep(0) end
    task:cancel()
  end
end

function ways.requests()
  for _ = 1, FEW do
    local task = async.spawn(pcall, http.get, "http://127.0.0.1:1/")
    sleep(0)
    task:cancel()
  end
end

function ways.event_streams()
  for _ = 1, SOME do http.events("http://127.0.0.1:1/") end
end

function ways.websockets()
  for _ = 1, FEW do pcall(ws.connect, "ws://127.0.0.1:1/") end
end

function ways.files()
  for _ = 1, SOME do
    io.lines()
    io.open("/etc/passwd")
  end
end

function ways.modules()
  for i = 1, FEW do pcall(require, "missing" .. i) end
end

return require("named_ways")(ways, "came to its end with nil", {
  clients_kept = "clients are open (raise --max-tasks)",
  tasks_kept = "tasks are waiting or ready (raise --max-tasks)|too many tasks",
})
