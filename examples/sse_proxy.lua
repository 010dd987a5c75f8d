-- A reverse proxy that passes everything on as it comes, so that server-sent events arrive one by one and
-- large bodies never have to fit into memory. Try it, each server in a terminal of its own:
--   tidelock run --allow-listen=9001 examples/sse_clock.lua 9001
--   tidelock run --allow-listen=8080 --allow-net=127.0.0.1:9001 examples/sse_proxy.lua 8080 http://127.0.0.1:9001
--   curl -N http://127.0.0.1:8080/events
-- The arguments are the port and the address of the upstream server.

local port, upstream = tonumber(arg[1]), arg[2]
if not port or not upstream then
  io.stderr:write("usage: sse_proxy.lua PORT UPSTREAM_URL\n")
  os.exit(2)
end

-- Fields that belong to one connection or to the framing of one message, not to what is passed on
-- (RFC 9110, section 7.6.1). The client decodes bodies, so the coding is not passed on either.
local OWN = {}
for name in ([[
  host connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer
  transfer-encoding content-length upgrade expect accept-encoding content-encoding
]]):gmatch("%S+") do
  OWN[name] = true
end

-- The fields of a request or response that are passed on.
local function passed_on(message)
  local named = {} -- by `Connection`, as belonging to the connection too
  for name in (message.headers.connection or ""):lower():gmatch("[^%s,]+") do
    named[name] = true
  end
  local passed = {}
  for name, values in pairs(message.headers_all) do
    if not OWN[name] and not named[name] then
      passed[name] = values
    end
  end
  return passed
end

local NO_CONTENT = { [204] = true, [205] = true, [304] = true } -- statuses of responses without a body

-- Sends the request on. The exchange is a coroutine: it yields the response as soon as its head has
-- come, then each piece of the body.
local function exchange(req)
  return coroutine.create(function()
    http.request(req.method, upstream .. req.path .. (req.query ~= "" and "?" .. req.query or ""), {
      headers = passed_on(req),
      body = req.body ~= "" and req.body or nil,
      follow_redirects = false, -- where to go next is for the client to decide
      timeout = 60, -- for the head, then for each piece
      on_response = coroutine.yield,
      on_chunk = coroutine.yield,
    })
  end)
end

-- What an exchange yields next; nil at its end. Its failure is raised.
local function next_of(running)
  local ok, value = coroutine.resume(running)
  if not ok then
    error(value, 0)
  end
  return value
end

local function pass_on(req)
  local running = exchange(req)
  local ok, response = pcall(next_of, running)
  if not ok then
    log.warn("the upstream failed", { kind = response.kind, message = tostring(response) })
    return { status = response.kind == "timeout" and 504 or 502, body = "the upstream failed\n" }
  end
  local answer = { status = response.status, headers = passed_on(response) }
  if req.method == "HEAD" or NO_CONTENT[response.status] then
    coroutine.close(running)
    return answer
  end
  answer.stream = function(write)
    -- A client that goes away makes `write` raise: then the exchange with the upstream ends too. An
    -- upstream that fails now makes this function fail, and the client sees a broken stream.
    local ending <close> = setmetatable({}, { __close = function() coroutine.close(running) end })
    for piece in next_of, running do
      write(piece)
    end
  end
  return answer
end

http.serve(port, {
  ANY = { ["/*"] = pass_on },
}, {
  on_listen = function(server) print("listening on http://" .. server.addr .. "/") end,
})
