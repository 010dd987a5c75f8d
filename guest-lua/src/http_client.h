/*
** HTTP requests (wit/http-client.wit).
*/
#ifndef http_client_h
#define http_client_h

#include "lua.h"

/* Opens 'http', empty: client and server functions are added by their preludes. */
int luaopen_http (lua_State *L);

/* Adds what only the prelude may call to the table on top of the stack. */
void http_client_internals (lua_State *L);

#endif
