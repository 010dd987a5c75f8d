-- A job that runs on a schedule: asks a server whether it is well, every so often. Try it with
-- `examples/hello.lua` running on port 8080:
--   tidelock run --allow-net=127.0.0.1:8080 examples/scheduled_job.lua http://127.0.0.1:8080/ 1 3
-- The arguments are the address, the seconds between two rounds (5 if not given) and the number of
-- rounds (without it, the job goes on until Ctrl-C).
-- Exit code: 0 if every round found the server well, 1 if one did not, 2 for wrong arguments.

local address = arg[1]
local period = tonumber(arg[2] or 5)
local rounds = tonumber(arg[3] or math.huge)
if not address or not period or period <= 0 or not rounds then
  io.stderr:write("usage: scheduled_job.lua URL [SECONDS [ROUNDS]]\n")
  os.exit(2)
end

local done, failed = 0, 0

local function check()
  -- An interval ends with the first error that leaves its function, so errors are caught here.
  local ok, response = pcall(http.get, address, { timeout = 10 })
  done = done + 1
  if ok and response.status < 400 then
    print("round " .. done .. ": well")
  else
    failed = failed + 1
    print("round " .. done .. ": " .. (ok and "status " .. response.status or tostring(response)))
  end
end

local job -- declared first, so that the function can cancel the job it belongs to
job = async.spawn_interval(period, function()
  check()
  if done >= rounds then
    job.cancel()
  end
end)

-- A run ends with its main chunk, whatever is still scheduled: so the main chunk waits.
while done < rounds do
  sleep(period)
end

print(failed .. " of " .. done .. " rounds failed")
os.exit(failed == 0 and 0 or 1)
