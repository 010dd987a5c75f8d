/*
** The standard streams and the files of granted folders (wit/files.wit).
*/
#ifndef files_h
#define files_h

#include "lua.h"

/*
** Opens 'io'; sets the globals 'print', 'dofile' and 'loadfile', and 'remove' and 'rename' of 'os'.
*/
int luaopen_files (lua_State *L);

/* Adds what only the prelude may call to the table on top of the stack. */
void files_internals (lua_State *L);

#endif
