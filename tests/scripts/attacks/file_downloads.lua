-- Downloads from `url` of the request to `path`, `count` times at once; says what came of each.
return function(req)
  local results = {}
  for i = 1, tonumber(req.params.count or 1) do
    results[i] = async.spawn(function()
      local ok, result = pcall(http.download, req.params.url, req.params.path)
      return ok and "stored " .. result or result.kind .. " " .. result.message
    end)
  end
  for i, handle in ipairs(results) do results[i] = handle:await()[1] end
  return table.concat(results, "\n")
end
