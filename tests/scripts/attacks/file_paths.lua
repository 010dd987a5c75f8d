-- Tries every hostile path with everything that takes a path. `folder` of the request is granted for
-- writing, `url` may be downloaded; says what got through.
--
-- What lies beyond the test's own folder is only ever read: should the door fail, nothing of the machine's
-- may be harmed.
local function reads()
  return {
    open = function(path) return io.open(path) end,
    lines = function(path) return io.lines(path) end,
    input = function(path) return io.input(path) end,
    dofile = function(path) return dofile(path) or true end,
    loadfile = function(path) return loadfile(path) end,
    require = function(path) return require(path) end,
    ca_cert_file = function(path) return http.client { ca_cert_file = path } end,
  }
end

local function writes(url)
  return {
    write = function(path) return io.open(path, "w") end,
    append = function(path) return io.open(path, "a+") end,
    update = function(path) return io.open(path, "r+") end,
    output = function(path) return io.output(path) end,
    download = function(path) return http.download(url, path) end,
  }
end

-- What changes names may change those inside, whatever they lead to.
local function changes(folder)
  return {
    remove = os.remove,
    rename = function(path) return os.rename(path, folder .. "/taken") end,
    rename_to = function(path) return os.rename(folder .. "/file", path) end,
  }
end

return function(req)
  local folder, url = req.params.folder, req.params.url
  local machine = {
    "/etc/passwd", "//etc/passwd", "../../../../../../../../etc/passwd", "/proc/self/environ", "/proc/self/mem",
    "/dev/null", "/dev/zero", "~/.bashrc", folder .. "/link_to_root/etc/passwd", folder .. "/link_to_proc/self/environ",
    folder .. "/absolute", folder .. "/null", ".", "..", "/",
  }
  local outside = {
    (folder:gsub("[^/]*$", "secret")), folder .. "/../secret", folder .. "/sub/../../secret", folder .. "/./../secret",
    folder .. "/link_to_folder/secret", folder .. "/file/", folder .. "/file/.", folder .. "/file\0", folder .. "\0/file", "",
    folder .. "/" .. ("n"):rep(256), folder .. ("/n"):rep(4096), folder .. "/file/below", folder, folder .. "/",
  }
  local inside = { folder .. "/link", folder .. "/loop", folder .. "/fifo", folder .. "/sub", folder .. "/sub/" }
  local tried, through = 0, {}
  local function try(name, use, path)
    tried = tried + 1
    local ok, value = pcall(use, path)
    if ok and value then through[#through + 1] = name .. " " .. path end
  end
  for name, use in pairs(reads()) do
    for _, paths in ipairs { machine, outside, inside } do
      for _, path in ipairs(paths) do try(name, use, path) end
    end
  end
  for name, use in pairs(writes(url)) do
    for _, paths in ipairs { outside, inside } do
      for _, path in ipairs(paths) do try(name, use, path) end
    end
  end
  for name, change in pairs(changes(folder)) do
    for _, path in ipairs(outside) do try(name, change, path) end
  end
  return #through == 0 and "refused " .. tried or table.concat(through, "\n")
end
