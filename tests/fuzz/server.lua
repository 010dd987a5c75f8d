-- A route of every kind for random bytes to meet.
local function echo(req) return { body = req.body, headers = { ["X-Path"] = "p", ["X-Count"] = { 1, "two" } } } end

local function read(req)
  local bytes = 0
  for piece in req:chunks() do bytes = bytes + #piece end
  return tostring(bytes)
end

http.serve(0, {
  ANY = {
    ["/"] = function() return "root" end,
    ["/*"] = echo,
    ["/echo"] = echo,
    ["/read"] = { stream_body = true, handler = read },
    ["/json"] = function(req) return { json = { req.method, req.params, req.headers, req.query, req.path } } end,
    ["/parse"] = function(req) return { json = req:json() } end,
    ["/:a/:b"] = function(req) return { json = req.path_params } end,
  },
  GET = {
    ["/innocent"] = function() return "well" end,
    ["/sse"] = function()
      return { sse = function(send) for i = 1, 5 do send { data = "a\nb", id = i } end end }
    end,
    ["/stream"] = function()
      return { stream = function(write) for _ = 1, 5 do write(("x"):rep(20000)) end end }
    end,
    ["/ws"] = function()
      return { ws = function(conn) for message, kind in conn:messages() do conn:write(message, { binary = kind == "binary" }) end end }
    end,
  },
}, { on_listen = function(s) print(s.port) end })
