/*
** 'load' without binary chunks.
*/
#ifndef load_h
#define load_h

#include "lua.h"

int load_text (lua_State *L);

#endif
