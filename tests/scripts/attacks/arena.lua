-- A server under attack: `/attack/NAME` runs the attack that `NAME.lua` of this folder returns as a
-- function, `/innocent` is what everybody else asks for.

http.serve(0, {
  GET = {
    ["/innocent"] = function() return "well" end,
    ["/attack/:name"] = function(req)
      local attack = require(req.path_params.name)
      return attack(req) or "survived"
    end,
  },
}, { on_listen = function(s) print(s.port) end })
