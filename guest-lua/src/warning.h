/*
** What 'warn' writes on standard error.
*/
#ifndef warning_h
#define warning_h

#include "lua.h"

/* Turns warnings on, as 'luaL_newstate' does. */
void warning_open (lua_State *L);

#endif
