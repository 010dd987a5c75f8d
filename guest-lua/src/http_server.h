/*
** The HTTP server (wit/http-server.wit).
*/
#ifndef http_server_h
#define http_server_h

#include "lua.h"

/* Adds what only the prelude may call to the table on top of the stack. */
void http_server_internals (lua_State *L);

#endif
