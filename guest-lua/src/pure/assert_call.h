/*
** assert_call.h - what happens when `assert` is called.
*/

#ifndef assert_call_h
#define assert_call_h

#include "lua.h"

/* Adds what prelude/assert.lua needs to the table on top of the stack. */
void assert_internals (lua_State *L);

#endif
