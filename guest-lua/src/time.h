/*
** Clocks and 'sleep' (wit/time.wit).
*/
#ifndef tidelock_time_h
#define tidelock_time_h

#include "lua.h"

/* Opens 'time' and sets the global 'sleep'. */
int luaopen_time (lua_State *L);

#endif
