/*
** HTTP requests (wit/http-client.wit).
*/
#ifndef http_client_h
#define http_client_h

#include <stdint.h>

#include "lua.h"

/* Opens 'http', empty: client and server functions are added by their preludes. */
int luaopen_http (lua_State *L);

/* The handle of the client at 'index', as 'open_client' made it; raises if it is closed. */
int32_t http_client_handle (lua_State *L, int index, const char *fn);

/* Adds what only the prelude may call to the table on top of the stack. */
void http_client_internals (lua_State *L);

#endif
