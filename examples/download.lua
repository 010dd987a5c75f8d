-- Downloads a file, checks its SHA-256 digest, and says how far it is. Try it with `examples/hello.lua`
-- running on port 8080:
--   tidelock run --allow-net=127.0.0.1:8080 --allow-write=/tmp examples/download.lua http://127.0.0.1:8080/ /tmp/hello.txt d0a3dac3c348bbe1a05c55dc4f817cf8ac019bb1415d8e65eb9f12eafd1835b1
-- Without the digest the file is taken as it comes. A file that is there already is replaced, but only by a
-- whole one: whatever goes wrong, it is as it was, and nothing else is left. On a terminal tidelock draws a
-- bar by itself; elsewhere this script writes a line to the log now and then.
-- Exit code: 0 the file is there; 1 it is not, and why is on standard error; 2 wrong arguments.

local address, path, sha256 = arg[1], arg[2], arg[3]
if not path then
  io.stderr:write("usage: download.lua URL PATH [SHA256]\n")
  os.exit(2)
end

-- Told at most ten times a second, and once at the end; logged every tenth part.
local logged = 0
local function told(done, total)
  local tenths = total and total > 0 and done * 10 // total or 0
  if tenths > logged then
    logged = tenths
    log.info("downloading", { percent = tenths * 10, bytes = done })
  end
end

local ok, result = pcall(http.download, address, path, {
  sha256 = sha256,
  idle_timeout = 10, -- seconds without a byte; the whole may take as long as it takes
  on_progress = told,
})
if not ok then
  io.stderr:write("download: ", tostring(result), "\n")
  os.exit(1)
end
print(path .. ": " .. result .. " bytes" .. (sha256 and ", digest as expected" or ""))
