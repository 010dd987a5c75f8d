/*
** lua.c - runs a script natively and reports its end as tidelock does, so that
** tests can compare both byte for byte. Usage: lua SCRIPT [ARGUMENT...]
** The Makefile builds it as target/native/plain from the sources the guest has.
*/

#include <stdio.h>
#include <stdlib.h>

#include "lua.h"

#include "lauxlib.h"
#include "lualib.h"


/* The text of an error as the standalone interpreter describes it. */
static int describe (lua_State *L) {
  lua_settop(L, 1);
  if (lua_isstring(L, 1))
    lua_tostring(L, 1);
  else if (!luaL_callmeta(L, 1, "__tostring") || lua_type(L, -1) != LUA_TSTRING)
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  return 1;
}


/* The message handler keeps the traceback, under its own address, and leaves the error as it is. */
static int keep_traceback (lua_State *L) {
  luaL_traceback(L, L, NULL, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, (void *)keep_traceback);
  return 1;
}


/* Prints the error on top of the stack and where it came from. */
static void report (lua_State *L) {
  lua_pushcfunction(L, describe);
  lua_pushvalue(L, -2);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK)
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, -2));
  fprintf(stderr, "error: %s\n", lua_tostring(L, -1));
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, (void *)keep_traceback) == LUA_TSTRING)
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
}


/* Runs the script named by the first argument; what follows are its arguments. */
static int run (lua_State *L) {
  int count = lua_gettop(L), i;
  luaL_openlibs(L);
  lua_getglobal(L, LUA_LOADLIBNAME);
  lua_pushliteral(L, "?.lua");  /* modules are named as tidelock names them */
  lua_setfield(L, -2, "path");
  lua_createtable(L, count - 1, 1);
  for (i = 1; i <= count; i++) {
    lua_pushvalue(L, i);
    lua_rawseti(L, -2, i - 1);
  }
  lua_setglobal(L, "arg");
  lua_pop(L, 1);
  lua_pushcfunction(L, keep_traceback);
  lua_insert(L, 1);
  if (luaL_loadfile(L, lua_tostring(L, 2)) == LUA_OK) {
    lua_replace(L, 2);
    if (lua_pcall(L, count - 1, 0, 1) == LUA_OK)
      return 0;
  }
  report(L);
  lua_pushboolean(L, 1);
  return 1;
}


int main (int argc, char **argv) {
  lua_State *L = luaL_newstate();
  int i, failed = 1;
  if (L == NULL || argc < 2) {
    fprintf(stderr, "usage: %s SCRIPT [ARGUMENT...]\n", argv[0]);
    return 2;
  }
  lua_pushcfunction(L, run);
  for (i = 1; i < argc; i++)
    lua_pushstring(L, argv[i]);
  if (lua_pcall(L, argc - 1, 1, 0) == LUA_OK)
    failed = lua_toboolean(L, -1);
  else
    fprintf(stderr, "error: %s\n", lua_tostring(L, -1));
  lua_close(L);
  return failed;
}
