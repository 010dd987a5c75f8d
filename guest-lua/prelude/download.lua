-- http.download and client:download.
local internals = ...
local start, next_step = internals.start_download, internals.next_of_download

local FN = "http.download"
local DEFAULT_IDLE_TIMEOUT = 30
local DEFAULT_MAX_SIZE = 1 << 30
local known_options = {
  headers = true, query = true, timeout = true, idle_timeout = true, connect_timeout = true,
  follow_redirects = true, max_size = true, sha256 = true, on_progress = true,
}

-- 'http' is what the preludes of the HTTP client offer; they come after this one.
local function check(http, address, path, opts)
  local fail = http.fail
  http.check(FN, address, opts)
  if type(path) ~= "string" then fail(FN, "argument #2 must be the path of a file, got " .. type(path)) end
  opts = opts or {}
  http.warn_about_unknown(FN, opts, known_options)
  if opts.sha256 ~= nil and type(opts.sha256) ~= "string" then
    fail(FN, "opts.sha256 must be a string of 64 hexadecimal digits, got " .. type(opts.sha256))
  end
  if opts.on_progress ~= nil and type(opts.on_progress) ~= "function" then
    fail(FN, "opts.on_progress must be a function, got " .. type(opts.on_progress))
  end
  return opts
end

-- Calls a function of the host. A failure gets to know what it is about, a mistake of the caller its position.
local function call(http, request, path, fn, ...)
  local results = table.pack(pcall(fn, FN, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local problem = results[2]
  if type(problem) == "table" then
    problem.url, problem.path = http.redact(request.address), path
    error(problem, 0)
  end
  http.fail(FN, (tostring(problem):gsub("^.-http%.download: ", "")))
end

-- client: { held, defaults }
function internals.download(client, address, path, opts)
  local http = internals.http
  opts = check(http, address, path, opts)
  local request = http.prepare(client, FN, "GET", address, nil, opts, "pieces")
  -- A client's defaults for these are meant for responses that are kept in memory.
  local timeout = opts.timeout and request.timeout
  local max_size = opts.max_size and request.max_size or DEFAULT_MAX_SIZE
  local idle_timeout = http.seconds(FN, "idle_timeout", opts.idle_timeout) or DEFAULT_IDLE_TIMEOUT
  local on_progress = opts.on_progress
  local transfer <close> = call(http, request, path, start, request.held, request.address, path, request.headers,
    opts.sha256, timeout, idle_timeout, request.connect_timeout, request.follow, max_size, on_progress ~= nil)
  while true do
    local what, done, total = call(http, request, path, next_step, transfer)
    if what == "finished" then return done end
    on_progress(done, total)
  end
end

function http.download(address, path, opts)
  return internals.download(internals.http.default_client(), address, path, opts)
end
