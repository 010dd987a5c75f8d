/*
** The request table of a handler.
*/
#ifndef http_request_h
#define http_request_h

#include <stdbool.h>

#include "lua.h"
#include "script.h"

/* Creates the metatable of requests. */
void http_request_open (lua_State *L);

/* Pushes the table of a request, with its body unless that is still on its way. */
void http_request_push (lua_State *L, const tidelock_script_http_server_request_t *request,
                        tidelock_script_http_server_borrow_server_t server);

/* Whether the value at 'index' is the failure of a 'req.json' whose client sent no JSON. */
bool http_request_is_bad_json (lua_State *L, int index);

/* Gives the request at 'index' its body, which the host has taken in meanwhile. */
void http_request_set_body (lua_State *L, int index,
                            tidelock_script_http_server_borrow_server_t server, uint64_t id);

#endif
