/*
** The standard streams (wit/files.wit).
*/
#ifndef files_h
#define files_h

#include "lua.h"

/* Opens 'io' (the rest is in prelude/files.lua) and sets the global 'print'. */
int luaopen_files (lua_State *L);

/* Adds what only the prelude may call to the table on top of the stack. */
void files_internals (lua_State *L);

#endif
