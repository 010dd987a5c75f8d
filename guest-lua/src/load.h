/*
** 'load' without binary chunks.
*/
#ifndef load_h
#define load_h

#include "lua.h"

int load_text (lua_State *L);

/* The mode at 'index', as 'load' and 'loadfile' take it. */
const char *load_check_mode (lua_State *L, int index);

/* As 'luaL_loadbufferx', but no mode lets a binary chunk in. */
int load_source (lua_State *L, const char *source, size_t length, const char *name, const char *mode);

#endif
