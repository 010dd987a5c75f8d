/*
** What a script finds in its global table.
*/
#ifndef globals_h
#define globals_h

#include "lua.h"

void globals_open (lua_State *L);

#endif
