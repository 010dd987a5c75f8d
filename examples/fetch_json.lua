#!/usr/bin/env -S tidelock --allow-net=public
-- Fetches JSON and prints it indented, with sorted keys, or one value of it. Try it with
-- `examples/json_api.lua` running on port 8080:
--   tidelock run --allow-net=127.0.0.1:8080 examples/fetch_json.lua http://127.0.0.1:8080/notes
--   tidelock run --allow-net=127.0.0.1:8080 examples/fetch_json.lua http://127.0.0.1:8080/notes/1 text
-- The words after the address are the way to the value: names of objects, positions in arrays (from 1).
-- As a program of its own (with tidelock on the PATH) the first line above grants it every public
-- address and nothing else:
--   examples/fetch_json.lua https://example.com/data.json
-- Exit code: 0 printed; 1 the request failed; 2 wrong arguments; 4 the answer is an error, is not JSON,
-- or does not hold the value. (3 is tidelock's own: a limit stopped the script.)

-- Says what went wrong on standard error and ends the script with this exit code.
local function give_up(code, message)
  io.stderr:write("fetch_json: ", message, "\n")
  os.exit(code)
end

local address = arg[1]
if not address or address:sub(1, 1) == "-" then
  give_up(2, "usage: fetch_json.lua URL [NAME ...]")
end

local ok, response = pcall(http.get, address, { headers = { Accept = "application/json" } })
if not ok then
  -- A failure is an object whose text is one line; if a grant is missing, it names the flag to add.
  give_up(1, tostring(response))
end
if response.status >= 300 then
  give_up(4, response.url .. " answered " .. response.status)
end

local parsed, value = pcall(json.parse, response.body)
if not parsed then
  give_up(4, response.url .. " did not answer with JSON: " .. tostring(value))
end

for i = 2, #arg do
  local key, inner = arg[i], nil
  if type(value) == "table" then
    inner = value[key]
    if inner == nil then
      inner = value[math.tointeger(key)] -- a position in an array
    end
  end
  if inner == nil then
    give_up(4, "there is no `" .. key .. "` in the answer")
  end
  value = inner
end

if type(value) == "string" then
  print(value)
else
  print(json.encode(value, { indent = 2 }))
end
