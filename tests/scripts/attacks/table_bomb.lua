-- Tables until nothing is left.
local ways = {}

function ways.plain()
  local t = {}
  while true do t[#t + 1] = {} end
end

function ways.json() return json.parse("[" .. ("{},"):rep(3e6) .. "{}]") end

-- Every look-up leaves another table behind.
function ways.metatable()
  local t = setmetatable({}, { __index = function(t, k) t[k] = setmetatable({}, getmetatable(t)) return t[k] end })
  for i = 1, math.huge do local _ = t[i] end
end

function ways.coroutine() return coroutine.wrap(ways.plain)() end

function ways.task() return async.spawn(ways.plain):await() end

-- Each finalizer leaves more than it freed, as long as the attack lasts.
function ways.finalizers()
  local kept, mt = {}, {}
  local attack <close> = setmetatable({}, { __close = function() mt.__gc = nil end })
  function mt.__gc(o) kept[#kept + 1] = { o, setmetatable({}, mt), ("x"):rep(1e4) .. #kept } end
  while true do setmetatable({}, mt) kept[#kept + 1] = {} end
end

return function(req) return ways[req.params.way]() end
