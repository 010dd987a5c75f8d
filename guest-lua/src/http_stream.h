/*
** Bodies that go on after the head of their message: responses a handler writes piece by piece,
** requests it reads as they arrive, and WebSockets.
*/
#ifndef http_stream_h
#define http_stream_h

#include <stdbool.h>

#include "lua.h"
#include "script.h"

/* Creates the metatables; adds the functions for preludes to the table on top of the stack. */
void http_stream_internals (lua_State *L);

/*
** Begins the streamed response at 'response', of the kind named at 'kind' ("bytes" or "events"), and
** pushes what writes its body; false if the request is gone.
*/
bool http_stream_start (lua_State *L, int response, int kind,
                        tidelock_script_http_server_borrow_server_t server, uint64_t request);

/*
** Upgrades a request as the response at 'response' says; pushes its holder, peer and subprotocol,
** or returns false if the host has refused it.
*/
bool http_stream_upgrade (lua_State *L, int response,
                          tidelock_script_http_server_borrow_server_t server, uint64_t request);

/* Pushes what reads the body of a request that is on its way. */
void http_stream_open_body (lua_State *L, tidelock_script_http_server_borrow_server_t server,
                            uint64_t request);

#endif
