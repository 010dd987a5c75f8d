-- Uses 'grant/door' in every way while it is exchanged for a link to the outside. For each way it prints its
-- kind, its name, how many uses were inside and how many were refused; a use that sees the outside ends the script.
local url = ...
local file, target = "grant/door/file", "grant/door/target"

local function look(text)
  if text and text:find("canary", 1, true) then error("the outside was read", 0) end
  return text
end

local function write(path, mode)
  local handle, message = io.open(path, mode)
  if not handle then return nil, message end
  handle:write("return 'inside'")
  return handle:close()
end

local function read(path)
  local handle <close> = io.open(path)
  return handle and look(handle:read("a"))
end

local function outcome(fn, ...)
  local ok, value = pcall(fn, ...)
  if not ok then
    if value == "the outside was read" then error(value, 0) end
    return false
  end
  return value
end

-- Kind, name, rounds, the use, and what makes it possible again: that is done beside the door.
local uses = {
  { "reads", "read", 1500, function() return read(file) end },
  { "reads", "lines", 1000, function() for line in io.lines(file) do look(line) end return true end },
  { "reads", "dofile", 1000, function() look(dofile(file)) return true end },
  { "reads", "loadfile", 500, function() local chunk = loadfile(file) return chunk and look(chunk()) end },
  { "writes", "write", 1500, function() return write(file, "w") end },
  { "writes", "append", 500, function() return write(target, "a") end },
  { "writes", "update", 500, function() return write(file, "r+") end },
  { "names", "rename", 1000, function(i) return os.rename(i % 2 == 0 and file or target, i % 2 == 0 and target or file) end },
  { "names", "away", 750, function() write("grant/aside", "w") return os.rename("grant/aside", target) end },
  { "names", "out", 750, function() write(target, "w") return os.rename(target, "grant/aside") and look(read("grant/aside")) end },
  { "names", "remove", 800, function() write(target, "w") return os.remove(target) end },
  { "writes", "download", 200, function() return http.download(url, target) end },
}
for _, use in ipairs(uses) do
  local kind, name, rounds, fn = table.unpack(use)
  local inside = 0
  for i = 1, rounds do
    write(file, "w")
    if outcome(fn, i) then inside = inside + 1 end
  end
  print(kind .. " " .. name .. " " .. inside .. " " .. rounds - inside)
end
