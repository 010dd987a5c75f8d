/*
** The HTTP server (wit/http-server.wit).
*/
#ifndef http_server_h
#define http_server_h

#include <stdbool.h>

#include "lua.h"

/* Adds what only the prelude may call to the table on top of the stack. */
void http_server_internals (lua_State *L);

/* Fetches the events that the host has for servers whose last batch has been handled. */
void http_server_ask (void);

/* Stops every server gracefully. False if there is none. */
bool http_server_stop_all (void);

#endif
