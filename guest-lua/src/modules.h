/*
** Lua source: the script and its modules (wit/modules.wit).
*/
#ifndef modules_h
#define modules_h

#include "lua.h"

/* Prepares 'package'; 'require' itself is in prelude/modules.lua. */
void modules_open (lua_State *L);

/* Adds what only the prelude may call to the table on top of the stack. */
void modules_internals (lua_State *L);

/* Pushes the script's main chunk; raises its syntax error. */
void modules_load_script (lua_State *L);

#endif
