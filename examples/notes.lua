#!/usr/bin/env tidelock
-- Keeps notes in a file: adds one, lists them, or forgets the one with a number.
--
--   tidelock run --allow-write=. examples/notes.lua notes.txt add buy bread
--   tidelock run --allow-read=. examples/notes.lua notes.txt list
--   tidelock run --allow-write=. examples/notes.lua notes.txt forget 1

local path, command = ...

local commands = {}

function commands.add(...)
  local file <close> = assert(io.open(path, "a"))
  assert(file:write(table.concat({ ... }, " "), "\n"))
  assert(file:close()) -- writes what was collected: a full disk is told here
end

function commands.list()
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    print(number .. ": " .. line)
  end
end

-- The file is replaced as a whole: a reader sees the old notes or the new ones.
function commands.forget(number)
  local kept, count = {}, 0
  for line in io.lines(path, "L") do
    count = count + 1
    if count ~= tonumber(number) then kept[#kept + 1] = line end
  end
  assert(#kept < count, "there is no such note")
  local file <close> = assert(io.open(path .. ".new", "w"))
  assert(file:write(table.concat(kept)))
  assert(file:close())
  assert(os.rename(path .. ".new", path))
end

local fn = assert(commands[command], "usage: notes.lua FILE add TEXT… | list | forget NUMBER")
fn(select(3, ...))
