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

/* Where Lua's code begins in a file: after a byte order mark, and after a first line that begins with '#'. */
size_t modules_source_start (const char *text, size_t length);

/* Pushes the script's main chunk; raises its syntax error. */
void modules_load_script (lua_State *L);

#endif
