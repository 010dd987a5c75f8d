/*
** json.c - library `json`: parse, encode, array, object, null.
** The work is done in json_parse.c and json_encode.c.
*/

#include <string.h>

#include "lua.h"

#include "lauxlib.h"
#include "lualib.h"

#include "args.h"
#include "json.h"

/* longest indentation of one level */
#define MAXINDENT	32

/* addresses are registry keys of `json.null` and of the two metatables */
static char nullkey;
static char arraykey;
static char objectkey;


void json_push_null (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &nullkey);
}


int json_is_null (lua_State *L, int idx) {
  int eq;
  lua_pushvalue(L, idx);
  json_push_null(L);
  eq = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return eq;
}


void json_pin_array (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &arraykey);
  lua_setmetatable(L, -2);
}


void json_pin_object (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &objectkey);
  lua_setmetatable(L, -2);
}


/* Is the metatable on the top one of the two shared ones? */
static int json_issharedmeta (lua_State *L) {
  int shared;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &arraykey);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &objectkey);
  shared = lua_rawequal(L, -3, -2) || lua_rawequal(L, -3, -1);
  lua_pop(L, 2);
  return shared;
}


/*
** Pins the shape of the table argument (a new table if there is none).
** A metatable of the script's own is kept and gets the field; one that is
** protected is not ours to change.
*/
static int json_pin (lua_State *L, const char *fn, const char *shape,
                     void (*pin) (lua_State *L)) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  else if (!lua_istable(L, 1))
    arg_fail(L, 1, fn, "a table");
  lua_settop(L, 1);
  if (!lua_getmetatable(L, 1) || json_issharedmeta(L)) {
    lua_settop(L, 1);
    pin(L);
    return 1;
  }
  lua_pushliteral(L, "__metatable");
  if (lua_rawget(L, 2) != LUA_TNIL)
    arg_error(L, "%s: argument #1 has a protected metatable", fn);
  lua_pushliteral(L, "__jsontype");
  lua_pushstring(L, shape);
  lua_rawset(L, 2);
  lua_settop(L, 1);
  return 1;
}


static int json_array (lua_State *L) {
  return json_pin(L, "json.array", "array", json_pin_array);
}


static int json_object (lua_State *L) {
  return json_pin(L, "json.object", "object", json_pin_object);
}


static int json_parse (lua_State *L) {
  size_t len;
  const char *s = arg_string(L, 1, "json.parse", &len);
  json_parse_bytes(L, s, len, "json.parse");
  return 1;
}


/* Leaves the text of `opts.indent` on the stack and returns it. */
static const char *json_optindent (lua_State *L, size_t *len) {
  int type = lua_getfield(L, 2, "indent");
  if (type == LUA_TNUMBER) {
    char spaces[MAXINDENT];
    int isint;
    lua_Integer n = lua_tointegerx(L, -1, &isint);
    if (isint && n >= 0 && n <= MAXINDENT) {
      memset(spaces, ' ', sizeof(spaces));
      lua_pushlstring(L, spaces, (size_t)n);
      return lua_tolstring(L, -1, len);
    }
  }
  else if (type == LUA_TSTRING) {
    const char *s = lua_tolstring(L, -1, len);
    if (*len <= MAXINDENT && strspn(s, " \t") == *len)
      return s;
  }
  else if (type == LUA_TNIL) {
    *len = 0;
    return "";
  }
  arg_error(L, "json.encode: opts.indent must be a number of spaces from 0 "
            "to %d or as many spaces and tabs, got %s", MAXINDENT,
            (type == LUA_TNUMBER) ? lua_tostring(L, -1)
                                  : luaL_typename(L, -1));
}


static int json_encode (lua_State *L) {
  const char *indent = "";
  size_t len = 0;
  if (lua_isnone(L, 1))
    arg_fail(L, 1, "json.encode", "a value");
  if (arg_opttable(L, 2, "json.encode"))
    indent = json_optindent(L, &len);
  json_encode_indented(L, 1, "json.encode", indent, len);
  return 1;
}


static int json_nulltostring (lua_State *L) {
  lua_pushliteral(L, "null");
  return 1;
}


/* Creates `json.null` unless another open of the library did; pushes it. */
static void json_createnull (lua_State *L) {
  json_push_null(L);
  if (!lua_isnil(L, -1))
    return;
  lua_pop(L, 1);
  lua_newuserdatauv(L, 0, 0);
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, json_nulltostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "json.null");
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &nullkey);
}


static void json_createmeta (lua_State *L, const void *key,
                             const char *shape) {
  lua_createtable(L, 0, 1);
  lua_pushstring(L, shape);
  lua_setfield(L, -2, "__jsontype");
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}


static const luaL_Reg json_funcs[] = {
  {"array", json_array},
  {"encode", json_encode},
  {"object", json_object},
  {"parse", json_parse},
  {NULL, NULL}
};


int luaopen_json (lua_State *L) {
  json_createmeta(L, &arraykey, "array");
  json_createmeta(L, &objectkey, "object");
  luaL_newlib(L, json_funcs);
  json_createnull(L);
  lua_setfield(L, -2, "null");
  return 1;
}
