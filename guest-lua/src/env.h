/*
** Environment variables (wit/env.wit).
*/
#ifndef env_h
#define env_h

#include "lua.h"

int luaopen_env (lua_State *L);

/* 'os.getenv'. */
int env_getenv (lua_State *L);

#endif
