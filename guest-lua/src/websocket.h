/*
** WebSocket connections (wit/websocket.wit).
*/
#ifndef websocket_h
#define websocket_h

#include <stdbool.h>
#include <stdint.h>

#include "lua.h"

/* Opens 'ws', empty: its functions are added by the prelude. */
int luaopen_ws (lua_State *L);

/* Adds what only preludes may call to the table on top of the stack. */
void websocket_internals (lua_State *L);

/*
** Pushes a holder for a connection, closed: store the handle there once the host has given it. The
** prelude's 'new_connection(holder, peer_addr, protocol)' makes it what a script sees. When the holder is
** collected the connection is closed.
*/
int32_t *websocket_push (lua_State *L);

/* Closes the connection of the holder at 'index' without waiting for the peer. */
void websocket_begin_close (lua_State *L, int index, uint16_t code);

/* Whether nothing can be written to it any more. */
bool websocket_is_closed (lua_State *L, int index);

/* Pushes what 'new_connection' also takes: the peer's address and the subprotocol, or nil. */
void websocket_push_ends (lua_State *L, int32_t handle);

#endif
