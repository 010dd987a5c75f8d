-- A server whose every path shows what a handler sees of a request; `/count` tells how many came to one, and
-- `/run` runs the body of its request as the code of a hostile handler.

local count = 0

local function show(req)
  count = count + 1
  return req.method .. " " .. req.path .. " " .. req.body
end

http.serve(0, {
  ANY = {
    ["/innocent"] = function() return "well" end,
    ["/count"] = function() return tostring(count) end,
    ["/*"] = show,
    ["/run"] = function(req) return assert(load(req.body, "=handler"))(req) end,
    ["/unread"] = { stream_body = true, handler = function() count = count + 1 return "enough" end },
    ["/drain"] = {
      stream_body = true,
      handler = function(req)
        local bytes = 0
        for piece in req:chunks() do bytes = bytes + #piece end
        return bytes .. " bytes"
      end,
    },
    -- A WebSocket, or what the code in a header makes instead.
    ["/ws"] = function(req)
      count = count + 1
      if req.headers["x-code"] then return assert(load(req.headers["x-code"], "=handler"))(req) end
      return { ws = function(conn) for _ in conn:messages() do end end }
    end,
  },
}, { on_listen = function(s) print(s.port) end })
