-- What becomes of the body of a response: it is kept whole, or handed to a function of the script in pieces
-- or as events. 'next_piece' returns the next piece, nil at the end.
local internals = ...
local event_stream, raise = internals.event_stream, internals.raise

function internals.keep_whole(response, next_piece)
  local pieces = {}
  for piece in next_piece do pieces[#pieces + 1] = piece end
  response.body = table.concat(pieces)
end

-- Raises a failure with further fields.
local function raise_with(fields, kind, message)
  local _, failure = pcall(raise, kind, message)
  for name, value in pairs(fields) do failure[name] = value end
  error(failure, 0)
end
internals.raise_with = raise_with

-- A function that returns the next event, nil at the end, and the parser, which knows id and retry time.
local function events_of(fn, url, next_piece, last_event_id, retry)
  local stream = event_stream(last_event_id, retry)
  local function next_event()
    while true do
      local event, problem = stream:next()
      if event then return event end
      if problem then raise_with({ url = url }, "too_large", fn .. " failed: " .. problem) end
      local piece = next_piece()
      if not piece then return nil end
      stream:feed(piece)
    end
  end
  return next_event, stream
end
internals.events_of = events_of

-- Calls the script's function until the body ends or the function returns "close".
function internals.hand_over(fn, url, response, next_piece, opts)
  if opts.on_chunk then
    for piece in next_piece do
      if opts.on_chunk(piece) == "close" then return end
    end
    return
  end
  local next_event, stream = events_of(fn, url, next_piece)
  for event in next_event do
    if opts.on_event(event) == "close" then break end
  end
  response.last_event_id, response.retry = stream:state()
end
