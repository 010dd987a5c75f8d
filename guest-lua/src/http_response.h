/*
** What a handler returns, as a response.
*/
#ifndef http_response_h
#define http_response_h

#include <stdbool.h>

#include "lua.h"
#include "script.h"

/*
** Sends the response that the value at 'index' describes; raises if it describes none. False, and
** nothing is sent, if it goes on after its head: it has a field 'ws', 'sse' or 'stream'.
*/
bool http_response_send (lua_State *L, int index,
                         tidelock_script_http_server_borrow_server_t server, uint64_t request);

/* Whose default fields a response has that goes on after its head. */
typedef enum { FIELDS_OF_EVENTS, FIELDS_OF_BYTES, FIELDS_OF_UPGRADE } StreamFields;

/* The status and, pushed, the header block of such a response, the table at 'index'. */
script_list_u8_t http_response_push_head (lua_State *L, int index, StreamFields kind,
                                          lua_Integer *status);

/* Sends a plain text response of our own. */
void http_response_send_text (tidelock_script_http_server_borrow_server_t server, uint64_t request,
                              uint16_t status, const char *text);

#endif
