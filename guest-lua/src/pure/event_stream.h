/*
** event_stream.h - what arrives as `text/event-stream`, cut into events.
*/

#ifndef pure_event_stream_h
#define pure_event_stream_h

#include "lua.h"

/* Bytes of one event that are kept while it arrives: its data, type and id. */
#define EVENT_STREAM_MAX	((size_t)16 * 1024 * 1024)

/*
** Adds to the table on the top:
** event_stream(last_event_id?, retry?): a parser that begins with these, whose methods are
**   feed(bytes)   gives it what arrived, once all events of the bytes before were taken
**   next()        the next event, {event, data, id, retry}; nil when there is none yet;
**                 nil and a text if the event is too large, which ends the parser
**   state()       last event id and retry time, nil if there is none
*/
void event_stream_internals (lua_State *L);

#endif
