-- Times that are none, and timers without end.
local ways = {}

function ways.negative() return sleep(-1) end
function ways.not_a_number() return sleep(0 / 0) end
function ways.negative_and_huge() return sleep(-1e300) end
function ways.negative_infinity() return sleep(-math.huge) end
function ways.text() return sleep("x") end
function ways.none() return sleep() end
function ways.table() return sleep({}) end
function ways.negative_zero() return sleep(-0.0) end
function ways.tiny() return sleep(5e-324) end

-- As long as anything lasts: only cancelling ends it.
for name, seconds in pairs { huge = 1e300, infinity = math.huge, integer = math.maxinteger, edge = 2 ^ 64 / 1e9 } do
  ways[name] = function() return async.timeout(0.01, sleep, seconds) end
end

function ways.timeout_negative() return async.timeout(-1, sleep, 1) end
function ways.timeout_not_a_number() return async.timeout(0 / 0, sleep, 1) end
function ways.timeout_infinity() return async.timeout(math.huge, sleep, 0) end
function ways.interval_of_nothing() return async.spawn_interval(0, print) end
function ways.interval_not_a_number() return async.spawn_interval(0 / 0, print) end
function ways.interval_negative() return async.spawn_interval(-1, print) end
function ways.get_not_a_number() return http.get("http://127.0.0.1:1/", { timeout = 0 / 0 }) end
function ways.get_negative() return http.get("http://127.0.0.1:1/", { timeout = -1 }) end

-- Many of them, one after the other: each goes to the event loop and back.
function ways.one_after_the_other()
  for _ = 1, 100000 do sleep(0) end
end

function ways.at_once()
  local tasks <close> = setmetatable({}, { __close = function(all) for _, task in ipairs(all) do task:cancel() end end })
  for i = 1, 1000000 do tasks[i] = async.spawn(sleep, 1e6 + i) end
end

function ways.intervals_at_once()
  local intervals <close> = setmetatable({}, { __close = function(all) for _, interval in ipairs(all) do interval.cancel() end end })
  for i = 1, 1000000 do intervals[i] = async.spawn_interval(1e-9, function() end) end
end

local cancelled, limit = "no result within 0.01 s", "too many tasks"
return require("named_ways")(ways, "must be a number", {
  huge = cancelled, infinity = cancelled, integer = cancelled, edge = cancelled,
  negative_zero = "came to its end with nil", tiny = "came to its end with nil", one_after_the_other = "came to its end with nil",
  timeout_infinity = "came to its end with nil", at_once = limit, intervals_at_once = limit,
})
