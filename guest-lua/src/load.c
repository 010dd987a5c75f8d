/*
** 'load' as in Lua's base library, but for text alone, since a binary chunk can crash any interpreter, and
** within the operator's limit.
*/
#include "load.h"

#include <stdbool.h>
#include <string.h>

#include "lauxlib.h"

#include "protected.h"
#include "settings.h"

/* Where the last piece of a reader is kept from the collector, above all arguments. */
#define PIECE_SLOT 5

typedef struct Reading {
  size_t left;  /* bytes that the script's reader may still give */
  bool begun;
} Reading;


/* Pushes what 'load' says of source beyond the operator's limit. */
static const char *push_too_large (lua_State *L) {
  return lua_pushfstring(L, "source exceeds the limit of %I bytes (raise --max-source)",
                         (LUAI_UACINT)settings()->source_limit);
}


static bool is_binary (const char *bytes, size_t length) {
  return length > 0 && bytes[0] == LUA_SIGNATURE[0];
}


/* Asks the script's reader for the next piece. */
static const char *read_piece (lua_State *L, void *ud, size_t *length) {
  Reading *reading = ud;
  const char *piece;
  luaL_checkstack(L, 2, "too many nested functions");
  lua_pushvalue(L, 1);
  lua_call(L, 0, 1);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    *length = 0;
    return NULL;
  }
  if (!lua_isstring(L, -1)) luaL_error(L, "reader function must return a string");
  lua_replace(L, PIECE_SLOT);
  piece = lua_tolstring(L, PIECE_SLOT, length);
  if (*length > reading->left) luaL_error(L, "%s", push_too_large(L));
  reading->left -= *length;
  if (!reading->begun && is_binary(piece, *length)) {
    lua_pushliteral(L, "attempt to load a binary chunk (mode is 't')");  /* as the core says it */
    lua_error(L);
  }
  reading->begun = true;
  return piece;
}


const char *load_check_mode (lua_State *L, int index) {
  const char *mode = luaL_optstring(L, index, "bt");
  if (strchr(mode, 'B') != NULL) luaL_argerror(L, index, "invalid mode");
  return mode;
}


int load_source (lua_State *L, const char *source, size_t length, const char *name, const char *mode) {
  return luaL_loadbufferx(L, source, length, name, is_binary(source, length) ? "t" : mode);
}


static int load_string (lua_State *L, const char *source, size_t length, const char *mode) {
  const char *name = luaL_optstring(L, 2, source);
  if (length > settings()->source_limit) {
    push_too_large(L);
    return LUA_ERRSYNTAX;
  }
  return load_source(L, source, length, name, mode);
}


static int load_pieces (lua_State *L, const char *mode) {
  Reading reading = {settings()->source_limit, false};
  const char *name = luaL_optstring(L, 2, "=(load)");
  bool unwinding = protected_unwinding();
  int status;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, PIECE_SLOT);
  status = lua_load(L, read_piece, &reading, name, mode);
  protected_caught(unwinding);  /* what the reader raises ends here */
  return status;
}


int load_text (lua_State *L) {
  size_t length;
  int status;
  const char *source = lua_tolstring(L, 1, &length);
  const char *mode = load_check_mode(L, 3);
  bool has_env = !lua_isnone(L, 4);
  status = source != NULL ? load_string(L, source, length, mode) : load_pieces(L, mode);
  if (status != LUA_OK) {
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
  }
  if (has_env) {
    lua_pushvalue(L, 4);
    if (!lua_setupvalue(L, -2, 1)) lua_pop(L, 1);
  }
  return 1;
}
