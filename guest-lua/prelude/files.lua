-- Reads of standard input: each format waits until enough has arrived for it.
local internals = ...
local fill, lacks, take = internals.fill_input, internals.input_lacks, internals.take_input

local function read_one(format)
  while lacks(format) do fill() end
  return take(format)
end

internals.use_input_reader(function(...)
  local count = select("#", ...)
  if count == 0 then return read_one("l") end
  local results = {}
  for i = 1, count do
    results[i] = read_one((select(i, ...)))
    if results[i] == nil then return table.unpack(results, 1, i) end
  end
  return table.unpack(results, 1, count)
end)
