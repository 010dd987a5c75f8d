-- The body of a request is the code of its handler.
local function handler(req)
  return assert(load(req.body, "=handler"))(req)
end

http.serve(0, {
  POST = { ["/*"] = handler },
  GET = { ["/alive"] = function() return "alive" end },
}, {
  on_listen = function(server) print(server.port) end,
})
