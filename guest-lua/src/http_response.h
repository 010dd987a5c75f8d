/*
** What a handler returns, as a response.
*/
#ifndef http_response_h
#define http_response_h

#include "lua.h"
#include "script.h"

/* Sends the response that the value at 'index' describes; raises if it describes none. */
void http_response_send (lua_State *L, int index,
                         tidelock_script_http_server_borrow_server_t server, uint64_t request);

/* Sends a plain text response of our own. */
void http_response_send_text (tidelock_script_http_server_borrow_server_t server, uint64_t request,
                              uint16_t status, const char *text);

/* Sends the 500 of a failed handler whose failure cannot be described. */
void http_response_fail (tidelock_script_http_server_borrow_server_t server, uint64_t request,
                         const char *report);

#endif
