/*
** Lua source: the script and its modules (wit/modules.wit).
*/
#include "modules.h"

#include <string.h>

#include "lauxlib.h"

#include "failure.h"
#include "pure/args.h"
#include "pure/buf.h"
#include "script.h"
#include "settings.h"

#define SOURCE "tidelock.source"


static int source_close (lua_State *L) {
  tidelock_script_modules_own_source_t *source = luaL_checkudata(L, 1, SOURCE);
  tidelock_script_modules_own_source_t own = *source;
  source->__handle = 0;
  if (own.__handle != 0) tidelock_script_modules_source_drop_own(own);
  return 0;
}


/* Pushes a holder, closed; the handle follows. */
static tidelock_script_modules_own_source_t *new_source (lua_State *L) {
  tidelock_script_modules_own_source_t *source = lua_newuserdatauv(L, sizeof(*source), 0);
  source->__handle = 0;
  luaL_setmetatable(L, SOURCE);
  return source;
}


size_t modules_source_start (const char *text, size_t length) {
  size_t skip = 0;
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) skip = 3;
  if (length > skip && text[skip] == '#')
    while (skip < length && text[skip] != '\n') skip++;
  return skip;
}


/* Pushes all of a source as one string. A first line that begins with '#' is left empty. */
static void push_text (lua_State *L, tidelock_script_modules_borrow_source_t source) {
  Buf text;
  size_t skip;
  buf_init(&text, L, "require");
  for (;;) {
    script_list_u8_t piece;
    tidelock_script_modules_method_source_read(source, &piece);
    if (piece.len == 0) break;
    buf_add(&text, piece.ptr, piece.len);
    script_list_u8_free(&piece);
  }
  skip = modules_source_start((const char *)text.data, text.n);
  lua_pushlstring(L, text.data + skip, text.n - skip);
  lua_replace(L, text.slot);
  lua_settop(L, text.slot);
}


/* Pushes the chunk and its name; raises its syntax error. Closes the source. */
static void push_chunk (lua_State *L, tidelock_script_modules_own_source_t *source) {
  tidelock_script_modules_borrow_source_t borrowed = {source->__handle};
  script_string_t name;
  const char *text;
  size_t length;
  tidelock_script_modules_method_source_name(borrowed, &name);
  lua_pushlstring(L, (const char *)name.ptr, name.len);
  script_string_free(&name);
  lua_pushfstring(L, "@%s", lua_tostring(L, -1));
  push_text(L, borrowed);
  text = lua_tolstring(L, -1, &length);
  if (luaL_loadbufferx(L, text, length, lua_tostring(L, -2), "t") != LUA_OK) lua_error(L);
  lua_replace(L, -3);
  lua_pop(L, 1);
  lua_insert(L, -2);  /* chunk, name */
}


/* load(name): the chunk of a module and where it is; raises a failure if there is none. */
static int modules_load (lua_State *L) {
  script_list_u8_t name;
  tidelock_script_modules_own_source_t *source;
  tidelock_script_modules_own_source_t own;
  tidelock_script_modules_error_t error;
  name.ptr = (uint8_t *)arg_string(L, 1, "require", &name.len);
  source = new_source(L);
  if (!tidelock_script_modules_open(&name, &own, &error))
    return failure_raise(L, "require", "require", &error);
  *source = own;
  push_chunk(L, source);
  return 2;
}


/* depth(): how deep 'require' may nest. */
static int modules_depth (lua_State *L) {
  lua_pushinteger(L, settings()->require_depth);
  return 1;
}


void modules_load_script (lua_State *L) {
  tidelock_script_modules_own_source_t *source = new_source(L);
  tidelock_script_modules_own_source_t own;
  tidelock_script_modules_error_t error;
  if (!tidelock_script_modules_script(&own, &error))
    failure_raise(L, "tidelock", "tidelock", &error);
  *source = own;
  push_chunk(L, source);
  lua_pop(L, 1);
}


void modules_internals (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"load_module", modules_load},
    {"require_depth", modules_depth},
    {NULL, NULL}
  };
  luaL_setfuncs(L, functions, 0);
}


void modules_open (lua_State *L) {
  luaL_newmetatable(L, SOURCE);
  lua_pushcfunction(L, source_close);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  lua_newtable(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "package");
  lua_setfield(L, -2, "loaded");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_setfield(L, -2, "preload");
  lua_pushliteral(L, "./?.lua;./?/init.lua");
  lua_setfield(L, -2, "path");  /* for reading: the host decides where modules are */
  lua_pushliteral(L, "/\n;\n?\n!\n-\n");
  lua_setfield(L, -2, "config");
  lua_setglobal(L, "package");
}
