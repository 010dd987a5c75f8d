/*
** Environment variables (wit/env.wit).
*/
#ifndef env_h
#define env_h

#include "lua.h"

int luaopen_env (lua_State *L);

/* Pushes 'os.getenv', which is 'env.get'. */
void env_open_getenv (lua_State *L);

#endif
