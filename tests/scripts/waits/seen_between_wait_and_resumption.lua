-- The wait of a coroutine is over but its task has not had its turn: looking at the coroutine, or
-- trying to resume it, must not disturb it. Two tasks await 'gate'; they are woken in one round, the
-- last to await first. 'ender' then ends, which wakes 'watched'; 'looker' runs before 'watched' does.
local function window(look)
  local co, seen
  local gate = async.spawn(sleep, 0.001)
  local looker, ender
  local function start_looker()
    looker = async.spawn(function() gate:await() seen = look(co) end)
  end
  local function start_ender()
    ender = async.spawn(function() gate:await() end)
  end
  return function(looker_first)
    if looker_first then start_looker() start_ender() else start_ender() start_looker() end
    local watched = async.spawn(function()
      co = coroutine.create(function() ender:await() return "fine" end)
      return coroutine.resume(co)
    end)
    local results = watched:await()
    looker:await()
    return seen, results
  end
end

for _, looker_first in ipairs { true, false } do
  local seen, results = window(coroutine.status)(looker_first)
  assert(results[1] == true and results[2] == "fine", tostring(results[2]))
  assert(seen == "normal", seen)
  seen, results = window(function(co) return { coroutine.resume(co) } end)(looker_first)
  assert(results[1] == true and results[2] == "fine", tostring(results[2]))
  assert(seen[1] == false and seen[2] == "cannot resume non-suspended coroutine", tostring(seen[2]))
  -- Closing it in that moment closes it once; its task learns that it is gone.
  seen, results = window(function(co) return { coroutine.close(co), coroutine.status(co) } end)(looker_first)
  assert(seen[1] == true and seen[2] == "dead", tostring(seen[2]))
  assert(results[1] == false and results[2].kind == "cancelled", tostring(results[2]))
end
print("ok")
