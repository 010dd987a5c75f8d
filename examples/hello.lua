-- The smallest server. Try it:
--   tidelock run --allow-listen 8080 examples/hello.lua
--   curl http://127.0.0.1:8080/
http.serve(8080, {
  GET = {
    ["/"] = function() return { status = 200, body = "hello from the sandbox\n" } end,
  },
})
