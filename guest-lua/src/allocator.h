/*
** The memory a script may use: Lua's allocator with a cap, and a reserve for values the host lowers.
*/
#ifndef allocator_h
#define allocator_h

#include <stddef.h>

#include "lua.h"

/* Sets the cap. Call once, before the Lua state exists. */
void allocator_init (size_t limit);

/* A lua_Alloc: NULL past the cap, which Lua turns into 'not enough memory'. */
void *allocator_lua (void *ud, void *block, size_t old_size, size_t new_size);

/*
** What 'lua_getallocf' is for Lua's auxiliary library (build/module.rs): an allocator that collects
** garbage before it gives up. Lua's core does so by itself; the buffers of its libraries do not.
*/
lua_Alloc allocator_collecting (lua_State *L, void **ud);

/* Raises what Lua raises when its allocator fails. */
int raise_out_of_memory (lua_State *L);

/* Refills the reserve if a lowering used it. Call between two crossings. */
void allocator_refill (void);

#endif
