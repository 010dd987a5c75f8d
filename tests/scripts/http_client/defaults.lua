-- Five requests: four of a client with defaults, one without any.
local address = ...
local client = http.client {
  base_url = address .. "/api/",
  headers = { ["X-Team"] = "blue", ["X-Both"] = { 1, 2 } },
  timeout = 20,
}
client:get("/users")
client:get("users", { headers = { ["x-team"] = "red" } })
client:get(address .. "/elsewhere")
client:post("users", { name = "ann" })
http.get(address .. "/plain")
