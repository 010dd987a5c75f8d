-- 'require' for the pure-Lua modules below the script's own folder.
local internals = ...
local load_module, limit = internals.load_module, internals.require_depth()
local loaded, preload = package.loaded, package.preload
local depth = 0

-- One level of nesting; left whatever the reason.
local nesting = setmetatable({}, { __close = function() depth = depth - 1 end })

function require(name)
  if type(name) ~= "string" then
    error("require: argument #1 must be a module name, got " .. type(name), 2)
  end
  if loaded[name] ~= nil then return loaded[name] end
  if depth >= limit then
    error("require: modules nest deeper than " .. limit .. " (is there a circle through '" .. name
      .. "'? raise --max-require-depth if not)", 2)
  end
  depth = depth + 1
  local level <close> = nesting
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
