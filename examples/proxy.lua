-- A server that asks two other servers at the same time and answers with both answers. Try it, each
-- server in a terminal of its own:
--   tidelock run --allow-listen=9001 examples/hello.lua 9001
--   tidelock run --allow-listen=9002 examples/hello.lua 9002
--   tidelock run --allow-listen=8080 --allow-net=127.0.0.1:9001,127.0.0.1:9002 examples/proxy.lua 8080 http://127.0.0.1:9001 http://127.0.0.1:9002
--   curl http://127.0.0.1:8080/
-- The arguments are the port and the addresses of the two upstream servers.

local port = tonumber(arg[1])
if not port or #arg ~= 3 then
  io.stderr:write("usage: proxy.lua PORT FIRST_URL SECOND_URL\n")
  os.exit(2)
end

-- Each client keeps its connections open between requests.
local upstreams = {
  http.client({ base_url = arg[2], timeout = 5 }),
  http.client({ base_url = arg[3], timeout = 5 }),
}

-- Makes a function for `async.all`: nothing is sent before it is called.
local function asking(upstream, req)
  local target = req.path
  if req.query ~= "" then
    target = target .. "?" .. req.query
  end
  return function()
    local response = upstream:get(target)
    return { url = response.url, status = response.status, body = response.body }
  end
end

http.serve(port, {
  GET = {
    ["/*"] = function(req)
      -- Both requests are under way at once; the handler waits for the slower one. If one fails, the
      -- other is cancelled and `async.all` raises the failure.
      local ok, answers = pcall(async.all, {
        asking(upstreams[1], req),
        asking(upstreams[2], req),
      })
      if ok then
        return { json = { first = answers[1], second = answers[2] } }
      end
      -- The failure says which upstream and why; that belongs into the log, not to the client.
      log.warn("an upstream failed", { kind = answers.kind, message = tostring(answers) })
      local status = answers.kind == "timeout" and 504 or 502
      return { status = status, json = { error = "an upstream failed" } }
    end,
  },
}, {
  on_listen = function(server) print("listening on http://" .. server.addr .. "/") end,
})
