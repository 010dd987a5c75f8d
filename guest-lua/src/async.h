/*
** The 'async' library: tasks that a script spawns, and waiting for them.
*/
#ifndef async_h
#define async_h

#include "lua.h"

int luaopen_async (lua_State *L);

/* Adds what only the prelude may call to the table on top of the stack. */
void async_internals (lua_State *L);

/* Says in the log that tasks were cancelled because the main chunk ended. */
void async_log_leftover (int count);

#endif
