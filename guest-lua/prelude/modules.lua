-- 'require' for the pure-Lua modules below the script's own folder.
local internals = ...
local load_module, limit = internals.load_module, internals.require_depth()
local current_task, join = internals.current_task, internals.join
local loaded, preload = package.loaded, package.preload
local spawn, sleep = async.spawn, sleep

-- A module may wait while it loads, and another task may require it meanwhile: { task, gate } by name.
local loading = {}

-- What a task waits for, by task, and how deep its calls of 'require' are nested.
local waiting, depths = {}, {}

-- Whether 'task' would wait for itself if it waited for the load of 'name'.
local function is_circle(task, name)
  while name do
    local loader = loading[name].task
    if loader == task then return true end
    name = waiting[loader]
  end
  return false
end

-- Waits until the task that loads 'name' is done with it.
local function wait_for(task, name)
  local load = loading[name]
  load.gate = load.gate or spawn(sleep, 1e9)
  waiting[task] = name
  local mark <close> = setmetatable({}, { __close = function() waiting[task] = nil end })
  join(true, load.gate)
end

-- The load of a module by a task; over when it is closed, whatever the reason.
local load_metatable = {}
function load_metatable.__close(load)
  loading[load.name] = nil
  depths[load.task] = load.depth > 1 and load.depth - 1 or nil
  if load.gate then load.gate:cancel() end
end

local function begin_load(task, name)
  local depth = (depths[task] or 0) + 1
  if depth > limit then
    error("require: modules nest deeper than " .. limit .. " at '" .. name
      .. "' (raise --max-require-depth if that is meant)", 3)
  end
  depths[task] = depth
  local load = setmetatable({ task = task, name = name, depth = depth }, load_metatable)
  loading[name] = load
  return load
end

function _G.require(...)
  local name = ...
  if type(name) == "number" then name = tostring(name) end
  if type(name) ~= "string" then
    local got = select("#", ...) == 0 and "no value" or type(name)
    error("bad argument #1 to 'require' (string expected, got " .. got .. ")", 2)
  end
  local task = current_task()
  while loaded[name] == nil and loading[name] do
    if is_circle(task, name) then
      error("require: module '" .. name .. "' requires itself, directly or through others", 2)
    end
    wait_for(task, name)
  end
  if loaded[name] ~= nil then return loaded[name] end
  local load <close> = begin_load(task, name)
  local chunk, where
  if preload[name] ~= nil then
    chunk, where = preload[name], ":preload:"
  else
    chunk, where = load_module(name)
  end
  local value = chunk(name, where)
  if value ~= nil then
    loaded[name] = value
  elseif loaded[name] == nil then
    loaded[name] = true
  end
  return loaded[name], where
end
