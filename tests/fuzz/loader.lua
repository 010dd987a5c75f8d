-- Runs the scripts that are posted to it, one after the other, in one instance as long as it lasts.
-- Taken first: the scripts share these globals and may replace them.
local load, pcall, timeout, serve = load, pcall, async.timeout, http.serve

-- A server of a crashed instance keeps its socket for the next one, so further ones would count as leaks.
http.serve = nil

serve(0, {
  POST = {
    ["/run"] = function(req)
      local chunk, problem = load(req.body, "=posted")
      if not chunk then return problem end
      local ok, result = pcall(timeout, 0.2, chunk)
      return ok and "done" or "failed"
    end,
  },
  GET = { ["/innocent"] = function() return "well" end },
}, { on_listen = function(s) print(s.port) end })
