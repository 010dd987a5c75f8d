-- Answers with the value of the Lua expression in the field `Show`, in which `req` is the request.
local function show(req)
  local value = assert(load("local req = ... return " .. req.headers.show))(req)
  return tostring(value)
end

http.serve(0, {
  ANY = {
    ["/*"] = show,
    ["/users/:id"] = show,
    ["/users/:id/posts/:post"] = show,
  },
}, {
  on_listen = function(server) print(server.port) end,
})
