/*
** crypto.h - library `crypto`.
*/

#ifndef pure_crypto_h
#define pure_crypto_h

#include "lua.h"

int luaopen_crypto (lua_State *L);

#endif
