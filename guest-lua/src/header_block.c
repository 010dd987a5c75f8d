/*
** Header blocks (wit/types.wit) to Lua tables and back, for client and server alike.
*/
#include "header_block.h"

#include <string.h>

#include "lauxlib.h"

#include "failure.h"
#include "pure/buf.h"


/* {======================================================
** Tables to a block
** ======================================================= */

static void add_part (Buf *block, const char *part, size_t length, const char *name) {
  if (memchr(part, 0, length) != NULL)
    failure_error(block->L, "%s: header \"%s\" has a NUL in it", block->fn, name);
  buf_add(block, part, length + 1);  /* a Lua string ends with a NUL of its own */
}


/* Adds one field; its value is on top of the stack and is popped. */
static void add_field (Buf *block, const char *name, size_t name_length) {
  lua_State *L = block->L;
  size_t length;
  const char *value;
  if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
    failure_error(L, "%s: header \"%s\" must be a string, a number or an array of these, got %s",
               block->fn, name, luaL_typename(L, -1));
  value = lua_tolstring(L, -1, &length);
  add_part(block, name, name_length, name);
  add_part(block, value, length, name);
  lua_pop(L, 1);
}


static void add_array (Buf *block, const char *name, size_t name_length) {
  lua_State *L = block->L;
  lua_Integer i;
  for (i = 1; lua_geti(L, -1, i) != LUA_TNIL; i++) add_field(block, name, name_length);
  lua_pop(L, 2);  /* the nil and the array */
}


void header_block_push (lua_State *L, int index, const char *fn) {
  Buf block;
  if (lua_isnoneornil(L, index)) {
    lua_pushliteral(L, "");
    return;
  }
  if (!lua_istable(L, index))
    failure_error(L, "%s: headers must be a table, got %s", fn, luaL_typename(L, index));
  luaL_checkstack(L, 8, fn);
  index = lua_absindex(L, index);
  buf_init(&block, L, fn);
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    size_t length;
    const char *name;
    if (lua_type(L, -2) != LUA_TSTRING)
      failure_error(L, "%s: header names must be strings, got %s", fn, luaL_typename(L, -2));
    name = lua_tolstring(L, -2, &length);
    if (lua_istable(L, -1)) add_array(&block, name, length);
    else add_field(&block, name, length);
  }
  buf_push(&block);
  lua_replace(L, block.slot);
  lua_settop(L, block.slot);
}

/* }====================================================== */


/* {======================================================
** A block to tables
** ======================================================= */

/* Takes the next NUL-terminated part; NULL at the end. */
static const char *next_part (const char **block, const char *end, size_t *length) {
  const char *part = *block;
  const char *stop = part < end ? memchr(part, 0, (size_t)(end - part)) : NULL;
  if (stop == NULL) return NULL;
  *length = (size_t)(stop - part);
  *block = stop + 1;
  return part;
}


void header_block_push_joined (lua_State *L, const char *block, size_t length) {
  const char *end = block + length, *name, *value;
  size_t name_length, value_length;
  lua_newtable(L);
  while ((name = next_part(&block, end, &name_length)) != NULL &&
         (value = next_part(&block, end, &value_length)) != NULL) {
    lua_pushlstring(L, name, name_length);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
      lua_pop(L, 1);
      lua_pushlstring(L, value, value_length);
    }
    else {
      lua_pushstring(L, name_length == 6 && memcmp(name, "cookie", 6) == 0 ? "; " : ", ");
      lua_pushlstring(L, value, value_length);
      lua_concat(L, 3);
    }
    lua_rawset(L, -3);
  }
}


void header_block_push_all (lua_State *L, const char *block, size_t length) {
  const char *end = block + length, *name, *value;
  size_t name_length, value_length;
  lua_newtable(L);
  while ((name = next_part(&block, end, &name_length)) != NULL &&
         (value = next_part(&block, end, &value_length)) != NULL) {
    lua_pushlstring(L, name, name_length);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) == LUA_TNIL) {
      lua_pop(L, 1);
      lua_createtable(L, 1, 0);
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      lua_rawset(L, -5);
    }
    lua_pushlstring(L, value, value_length);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 2);
  }
}

/* }====================================================== */
