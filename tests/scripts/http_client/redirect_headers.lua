-- Three chains: within one origin, to another, and to another and back.
local first, other = ...
local client = http.client { headers = { ["X-Default"] = "s3cret" } }
local options = {
  headers = { Authorization = "Bearer s3cret", Cookie = "id=s3cret", ["X-Api-Key"] = "s3cret" },
}
client:get(first .. "/302//end", options)
client:get(first .. "/302/" .. other .. "/", options)

-- This chain goes through the other host's name for the first one.
local detour = first:gsub("127%.0%.0%.1", "localhost")
client:get(first .. "/302/" .. detour .. "/302/" .. first .. "/back", options)
