/*
** Downloads (wit/download.wit).
*/
#ifndef download_h
#define download_h

#include "lua.h"

/* Adds what only the prelude may call to the table on top of the stack. */
void download_internals (lua_State *L);

#endif
