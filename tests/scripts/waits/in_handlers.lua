-- Handlers wait in coroutines of their own, concurrently, and start tasks.
local arrived, go = 0, nil
local routes = { GET = {} }

routes.GET["/generator"] = function()
  local parts = {}
  local lines = coroutine.wrap(function()
    for i = 1, 3 do
      sleep(0)
      coroutine.yield("line " .. i)
    end
  end)
  for line in lines do parts[#parts + 1] = line end
  return table.concat(parts, ",")
end

routes.GET["/task"] = function()
  local results = async.all({
    function() return coroutine.wrap(function() sleep(0) return 1 end)() end,
    function() sleep(0) return 2 end,
  })
  return { json = results }
end

-- Answers only when a second request is here too: handlers that delay each other would never end.
routes.GET["/meet"] = function()
  arrived = arrived + 1
  local meeting = coroutine.wrap(function()
    while arrived < 2 do sleep(0.001) end
    return "met"
  end)
  return meeting()
end

routes.GET["/close"] = function()
  local x <close> = setmetatable({}, { __close = function() sleep(0) end })
  return setmetatable({}, { __index = function() sleep(0) return nil end }) and "closed"
end

routes.GET["/yield"] = function()
  local ok, e = pcall(coroutine.yield, "x")
  return tostring(ok) .. " " .. tostring(e)
end

http.serve(0, routes, {
  on_listen = function(server)
    async.spawn(function()
      local base = "http://127.0.0.1:" .. server.port
      assert(http.get(base .. "/generator").body == "line 1,line 2,line 3")
      assert(http.get(base .. "/task").body == "[1,2]")
      local both = async.all({
        function() return http.get(base .. "/meet").body end,
        function() return http.get(base .. "/meet").body end,
      })
      assert(both[1] == "met" and both[2] == "met")
      assert(http.get(base .. "/close").body == "closed")
      assert(http.get(base .. "/yield").body == "false attempt to yield from outside a coroutine")
      go = true
      server:close()
    end)
  end,
})
assert(go, "the client did not come to its end")
print("ok")
