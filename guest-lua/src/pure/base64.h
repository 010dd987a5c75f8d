/*
** base64.h - library `base64`.
*/

#ifndef pure_base64_h
#define pure_base64_h

#include "lua.h"

int luaopen_base64 (lua_State *L);

#endif
