-- Each function that waits, at depth 0, 1 and 3, in a coroutine of the main chunk and of a task.
local base = arg[1]
local waits = {
  sleep = function() sleep(0.001) end,
  get = function() assert(http.get(base .. "/text").body == "hello") end,
  post = function() assert(http.post(base .. "/text", { a = 1 }).status == 200) end,
  client = function() assert(http.client({}):get(base .. "/text").body == "hello") end,
  await = function() assert(async.spawn(function() sleep(0) return 5 end):await()[1] == 5) end,
  all = function() assert(async.all({ function() sleep(0) return 5 end })[1] == 5) end,
  race = function() assert(async.race({ function() sleep(0) return 5 end }) == 5) end,
  timeout = function() assert(async.timeout(60, function() sleep(0) return 5 end) == 5) end,
  read = function() assert(io.read("a") == "") end, -- standard input has ended
  lines = function() for _ in io.lines() do error("there is no line") end end,
  serve = function()
    http.serve(0, {}, { on_listen = function(server) async.spawn(function() server:close() end) end })
  end,
}

local function at_depth(depth, wait)
  if depth == 0 then return wait() end
  local co = coroutine.create(function()
    at_depth(depth - 1, wait)
    return coroutine.yield("yielded"), "after"
  end)
  local ok, value = coroutine.resume(co)
  assert(ok and value == "yielded", value)
  local ok, value, after = coroutine.resume(co, "passed")
  assert(ok and value == "passed" and after == "after")
end

for name, wait in pairs(waits) do
  for _, depth in ipairs { 0, 1, 3 } do
    local ok, e = pcall(at_depth, depth, wait)
    assert(ok, name .. " in the main chunk: " .. tostring(e))
    ok, e = pcall(function() async.spawn(at_depth, depth, wait):await() end)
    assert(ok, name .. " in a task: " .. tostring(e))
  end
end
print("ok")
