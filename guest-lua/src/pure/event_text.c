/*
** event_text.c - server-sent events as text (HTML standard, section 9.2.5).
*/

#include <string.h>

#include "lua.h"
#include "lauxlib.h"

#include "args.h"
#include "buf.h"
#include "event_text.h"
#include "json.h"


/* A line `name: text`. */
static void add_line (Buf *b, const char *name, const char *text, size_t len) {
  buf_add(b, name, strlen(name));
  buf_add(b, ": ", 2);
  buf_add(b, text, len);
  buf_char(b, '\n');
}


/* A line for each line of the text; CR, LF and CRLF end one, as they do for the client. */
static void add_lines (Buf *b, const char *name, const char *text, size_t len) {
  const char *end = text + len;
  for (;;) {
    const char *stop = text;
    while (stop < end && *stop != '\n' && *stop != '\r') stop++;
    add_line(b, name, text, (size_t)(stop - text));
    if (stop == end) return;
    text = stop + ((*stop == '\r' && stop + 1 < end && stop[1] == '\n') ? 2 : 1);
  }
}


/* Pushes field 'name' of the event; false, and nothing pushed, if it is nil. */
static int push_field (lua_State *L, int idx, const char *name) {
  if (lua_getfield(L, idx, name) != LUA_TNIL) return 1;
  lua_pop(L, 1);
  return 0;
}


/* A field whose text would end its line, and with it the field, if it held a line end. */
static void add_single (Buf *b, int idx, const char *name, const char *what) {
  lua_State *L = b->L;
  size_t len;
  const char *text;
  if (!push_field(L, idx, name)) return;
  if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
    arg_error(L, "%s: %s must be a string, got %s", b->fn, name, luaL_typename(L, -1));
  text = lua_tolstring(L, -1, &len);
  if (memchr(text, '\n', len) || memchr(text, '\r', len) || memchr(text, 0, len))
    arg_error(L, "%s: SSE %s must not contain newlines or NUL", b->fn, what);
  add_line(b, name, text, len);
  lua_pop(L, 1);
}


static void add_data (Buf *b, int idx) {
  lua_State *L = b->L;
  size_t len;
  const char *text;
  if (!push_field(L, idx, "data")) return;
  switch (lua_type(L, -1)) {
    case LUA_TSTRING: case LUA_TNUMBER:
      break;
    case LUA_TTABLE: case LUA_TBOOLEAN:
      json_encode_value(L, -1, b->fn);
      lua_remove(L, -2);
      break;
    default:
      arg_error(L, "%s: data must be a string or a value for JSON, got %s", b->fn, luaL_typename(L, -1));
  }
  text = lua_tolstring(L, -1, &len);
  add_lines(b, "data", text, len);
  lua_pop(L, 1);
}


static void add_retry (Buf *b, int idx) {
  lua_State *L = b->L;
  int is_integer;
  lua_Integer retry;
  char digits[24];
  if (!push_field(L, idx, "retry")) return;
  retry = lua_tointegerx(L, -1, &is_integer);
  if (!is_integer || retry < 0)
    arg_error(L, "%s: retry must be a whole number of milliseconds >= 0, got %s", b->fn,
              luaL_tolstring(L, -1, NULL));
  add_line(b, "retry", digits, (size_t)lua_integer2str(digits, sizeof(digits), retry));
  lua_pop(L, 1);
}


/* Lines that clients ignore begin with a colon. */
static void add_comment (Buf *b, int idx) {
  lua_State *L = b->L;
  size_t len;
  const char *text;
  if (!push_field(L, idx, "comment")) return;
  if (lua_type(L, -1) != LUA_TSTRING)
    arg_error(L, "%s: comment must be a string, got %s", b->fn, luaL_typename(L, -1));
  text = lua_tolstring(L, -1, &len);
  add_lines(b, "", text, len);
  lua_pop(L, 1);
}


void event_text_push (lua_State *L, int idx, const char *fn) {
  Buf b;
  size_t comment = 0;
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, 8, fn);
  buf_init(&b, L, fn);
  if (lua_type(L, idx) == LUA_TSTRING) {
    size_t len;
    const char *text = lua_tolstring(L, idx, &len);
    add_lines(&b, "data", text, len);
  }
  else if (lua_istable(L, idx)) {
    add_comment(&b, idx);
    comment = b.n;
    add_single(&b, idx, "event", "event name");
    add_data(&b, idx);
    add_single(&b, idx, "id", "id");
    add_retry(&b, idx);
    if (b.n == 0)
      arg_error(L, "%s: the event has none of event, data, id, retry and comment", fn);
  }
  else
    arg_error(L, "%s: an event must be a table or a string, got %s", fn, luaL_typename(L, idx));
  /* an empty line ends an event; some clients take one after nothing but a comment for an event too */
  if (b.n > comment) buf_char(&b, '\n');
  buf_push(&b);
  lua_replace(L, b.slot);
  lua_settop(L, b.slot);
}
