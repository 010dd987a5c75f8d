/*
** The coroutine library, for coroutines in which the host can be waited for.
*/
#ifndef coroutine_h
#define coroutine_h

#include "lua.h"

int luaopen_waiting_coroutine (lua_State *L);

#endif
