/*
** Header blocks (wit/types.wit) to Lua tables and back, for client and server alike.
*/
#ifndef header_block_h
#define header_block_h

#include <stddef.h>

#include "lua.h"

/*
** Pushes the block for the table at 'index': names to strings, numbers or arrays of these; nil is an
** empty block. Raises for other types and for NUL; everything else is the host's to check.
*/
void header_block_push (lua_State *L, int index, const char *fn);

/* Pushes { name = value }; repeated fields are joined by ", " (cookie: "; "; RFC 9110, 5.3). */
void header_block_push_joined (lua_State *L, const char *block, size_t length);

/* Pushes { name = { value, … } }. */
void header_block_push_all (lua_State *L, const char *block, size_t length);

#endif
