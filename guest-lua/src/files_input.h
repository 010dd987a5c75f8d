/*
** Standard input: a read waits until what it asks for has arrived.
*/
#ifndef files_input_h
#define files_input_h

#include "lua.h"

/* Reads the formats from index 'first' on, as Lua's 'read' does. */
int input_read (lua_State *L, int first);

/* Pushes a function that reads these formats each time it is called. */
int input_lines (lua_State *L, int first);

/* Adds what only the prelude may call to the table on top of the stack. */
void input_internals (lua_State *L);

#endif
