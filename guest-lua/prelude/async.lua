-- The part of 'async' that can be said in Lua.
local internals = ...
local join, state, results = internals.join, internals.state, internals.results
local is_handle, raise = internals.is_handle, internals.raise
local spawn = async.spawn

local function check_seconds(fn, seconds, least)
  if type(seconds) ~= "number" or not (seconds >= least) then
    error(fn .. ": seconds must be a number " .. (least > 0 and "> 0" or ">= 0") .. ", got " .. tostring(seconds), 3)
  end
end

-- Handles that are cancelled when the block that made them is left, whatever the reason.
local group = {}
group.__close = function(handles)
  for _, handle in ipairs(handles) do handle:cancel() end
end

-- The handles of a list of functions and handles.
local function start_all(fn, list)
  if type(list) ~= "table" then
    error(fn .. ": argument #1 must be a table of functions and handles, got " .. type(list), 3)
  end
  local handles = setmetatable({}, group)
  for i, item in ipairs(list) do
    if is_handle(item) then
      handles[i] = item
    elseif type(item) == "function" then
      handles[i] = spawn(item)
    else
      group.__close(handles)
      error(fn .. ": item " .. i .. " must be a function or a handle, got " .. type(item), 3)
    end
  end
  return handles
end

-- Waits for all; returns the first result of each, in the order of the list. The first failure
-- cancels the others and is raised.
function async.all(list)
  local handles <close> = start_all("async.all", list)
  join(false, table.unpack(handles))
  for _, handle in ipairs(handles) do
    if state(handle) == "failed" then results(handle) end
  end
  local firsts = {}
  for i, handle in ipairs(handles) do firsts[i] = (results(handle)) end
  return firsts
end

-- Returns what the first to end returns, or raises what it raised; the others are cancelled.
function async.race(list)
  local handles <close> = start_all("async.race", list)
  if #handles == 0 then error("async.race: nothing to race: the list is empty", 2) end
  join(true, table.unpack(handles))
  for _, handle in ipairs(handles) do
    if state(handle) ~= "running" then return results(handle) end
  end
end

-- Returns what 'fn' returns, or raises a failure of kind 'timeout' and cancels it.
function async.timeout(seconds, fn, ...)
  check_seconds("async.timeout", seconds, 0)
  if type(fn) ~= "function" then
    error("async.timeout: argument #2 must be a function, got " .. type(fn), 2)
  end
  local handles <close> = setmetatable({ spawn(fn, ...), spawn(sleep, seconds) }, group)
  join(true, handles[1], handles[2])
  if state(handles[1]) == "running" then
    raise("timeout", "async.timeout: no result within " .. seconds .. " s")
  end
  return results(handles[1])
end

-- A message handler: what is worth saying about an error.
local function describe(failure)
  local kind = type(failure) == "table" and rawget(failure, "kind") or nil
  return { error_kind = kind, text = debug.traceback(tostring(failure), 2) }
end

-- Calls 'fn' after each period until it fails or is cancelled; a slow call delays the next.
function async.spawn_interval(seconds, fn)
  check_seconds("async.spawn_interval", seconds, 1e-9)
  if type(fn) ~= "function" then
    error("async.spawn_interval: argument #2 must be a function, got " .. type(fn), 2)
  end
  local handle = spawn(function()
    local due = time.monotonic()
    while true do
      due = math.max(due + seconds, time.monotonic())
      sleep(math.max(due - time.monotonic(), 0))
      local ok, failure = xpcall(fn, describe)
      if not ok then
        -- Nobody awaits an interval, so what ends it is said at once.
        if failure.error_kind ~= "cancelled" then log.error("async.spawn_interval: stopped: " .. failure.text) end
        return
      end
    end
  end)
  return { cancel = function() handle:cancel() end }
end
