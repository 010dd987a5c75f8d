-- A JSON API over notes that are kept in memory. Try it:
--   tidelock run --allow-listen=8080 examples/json_api.lua 8080
--   curl -d '{"text":"buy bread"}' http://127.0.0.1:8080/notes
--   curl http://127.0.0.1:8080/notes/1
--   curl -X PUT -d '{"text":"buy milk"}' http://127.0.0.1:8080/notes/1
--   curl -X DELETE http://127.0.0.1:8080/notes/1
-- The argument is the port; without it, 8080.

local port = tonumber(arg[1]) or 8080

-- The handlers are coroutines of this one script, so plain variables are all the storage there is:
-- shared by every request, and gone when the script ends. With `--workers=2` there would be two
-- scripts, each with notes of its own.
local notes = {}
local last_id = 0

local function failure(status, message)
  return { status = status, json = { error = message } }
end

-- The text a client sent, or nil and the response that tells it what is wrong.
local function text_of(req)
  local ok, note = pcall(req.json)
  if not ok then
    return nil, failure(400, note.message)
  end
  if type(note) ~= "table" or type(note.text) ~= "string" then
    return nil, failure(400, 'expected {"text": "..."}')
  end
  return note.text
end

-- The note that `:id` in the path names; path parameters are text.
local function note_of(req)
  return notes[tonumber(req.path_params.id)]
end

http.serve(port, {
  GET = {
    ["/notes"] = function()
      -- `json.array` makes the empty list `[]`; an empty table alone is `{}`.
      local list = json.array({})
      for id = 1, last_id do
        list[#list + 1] = notes[id]
      end
      return { json = list }
    end,

    ["/notes/:id"] = function(req)
      local note = note_of(req)
      if not note then
        return failure(404, "no such note")
      end
      return { json = note }
    end,
  },

  POST = {
    ["/notes"] = function(req)
      local text, wrong = text_of(req)
      if not text then
        return wrong
      end
      last_id = last_id + 1
      notes[last_id] = { id = last_id, text = text }
      return {
        status = 201,
        headers = { Location = "/notes/" .. last_id },
        json = notes[last_id],
      }
    end,
  },

  PUT = {
    ["/notes/:id"] = function(req)
      local note = note_of(req)
      if not note then
        return failure(404, "no such note")
      end
      local text, wrong = text_of(req)
      if not text then
        return wrong
      end
      note.text = text
      return { json = note }
    end,
  },

  DELETE = {
    ["/notes/:id"] = function(req)
      local note = note_of(req)
      if not note then
        return failure(404, "no such note")
      end
      notes[note.id] = nil
      return { status = 204 }
    end,
  },
}, {
  on_listen = function(server) print("listening on http://" .. server.addr .. "/") end,
})
