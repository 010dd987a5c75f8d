-- The smallest server. Try it:
--   tidelock run --allow-listen=8080 examples/hello.lua 8080
--   curl http://127.0.0.1:8080/
-- The argument is the port; without it, 8080. Ctrl-C stops the server.

local port = tonumber(arg[1]) or 8080

http.serve(port, {
  GET = {
    ["/"] = function() return { status = 200, body = "hello from the sandbox\n" } end,
  },
}, {
  on_listen = function(server) print("listening on http://" .. server.addr .. "/") end,
})
