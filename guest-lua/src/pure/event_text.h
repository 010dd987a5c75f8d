/*
** event_text.h - server-sent events as text (HTML standard, section 9.2.5).
*/

#ifndef pure_event_text_h
#define pure_event_text_h

#include "lua.h"

/*
** Pushes the text of the event at 'idx': a string, which is its data, or a
** table with 'event', 'data', 'id', 'retry' and 'comment'. Raises for what
** cannot be sent. 'fn' is the name that errors start with.
*/
void event_text_push (lua_State *L, int idx, const char *fn);

#endif
