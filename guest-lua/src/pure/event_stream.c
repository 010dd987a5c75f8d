/*
** event_stream.c - the event-stream format (HTML standard, sections 9.2.5
** and 9.2.6) as a parser that is given bytes and gives back events.
** It decodes nothing: no byte of a longer UTF-8 character can be taken for a
** line end or a colon, so the lines are the same as those of decoded text.
*/

#include <stddef.h>
#include <string.h>

#include "lua.h"

#include "lauxlib.h"

#include "event_stream.h"

#define EVENT_STREAM	"tidelock.event_stream"

/* user values of a parser: blocks of bytes, strings */
enum {UV_DATA = 1, UV_TYPE, UV_ID, UV_PIECE, UV_IDSEEN, UV_IDLAST, UV_COUNT = UV_IDLAST};

/* smallest block worth allocating */
#define MINCAP	256

/* blocks above this size are dropped with the event they were needed for */
#define MAXIDLECAP	(64 * 1024)

/* bytes of a field's name that are kept: one more than the longest known name has */
#define NAMESIZE	6

typedef enum Field {FIELD_OTHER, FIELD_DATA, FIELD_EVENT, FIELD_ID, FIELD_RETRY} Field;

/* Where in the stream the next byte is. */
typedef enum Place {
  AT_START,  /* perhaps in the byte order mark */
  AT_LINE,
  AFTER_CR,  /* as AT_LINE, but a line feed belongs to the line before */
  IN_NAME,
  AFTER_COLON,  /* a space here is not part of the value */
  IN_VALUE,
  TOO_LARGE  /* for ever */
} Place;

/* Bytes that are being collected, in a block that is a user value. */
typedef struct Bytes {
  char *data;
  size_t n;
  size_t cap;
} Bytes;

typedef struct EventStream {
  Place place;
  size_t mark;  /* bytes of the byte order mark seen */
  size_t at;  /* bytes of the piece taken */
  Field field;
  char name[NAMESIZE];
  size_t namelen;
  Bytes data;  /* a line feed after each line */
  Bytes type;
  Bytes id;  /* value of the id field that is being read */
  int idhaszero;
  lua_Integer number;  /* value of the retry field that is being read; -1 if it is none */
  lua_Integer retry;  /* -1 if none was received */
} EventStream;

static const char bom[] = "\xEF\xBB\xBF";


/* {== Collecting; the parser is at stack index 1 == */

static void bytes_grow (lua_State *L, Bytes *b, int slot, size_t extra) {
  size_t cap = (b->cap == 0) ? MINCAP : b->cap * 2;  /* never above twice EVENT_STREAM_MAX */
  char *data;
  if (cap < b->n + extra)
    cap = b->n + extra;
  data = lua_newuserdatauv(L, cap, 0);
  if (b->n > 0)
    memcpy(data, b->data, b->n);
  b->data = data;
  b->cap = cap;
  lua_setiuservalue(L, 1, slot);  /* the old block becomes garbage */
}


static void bytes_add (lua_State *L, EventStream *es, Bytes *b, int slot, const char *s, size_t len) {
  if (len > EVENT_STREAM_MAX - (es->data.n + es->type.n + es->id.n)) {
    es->place = TOO_LARGE;
    return;
  }
  if (b->cap - b->n < len)
    bytes_grow(L, b, slot, len);
  if (len > 0)
    memcpy(b->data + b->n, s, len);
  b->n += len;
}


static void bytes_reset (lua_State *L, Bytes *b, int slot) {
  b->n = 0;
  if (b->cap > MAXIDLECAP) {
    b->data = NULL;
    b->cap = 0;
    lua_pushnil(L);
    lua_setiuservalue(L, 1, slot);
  }
}

/* }== */


/* {== Fields == */

static Field known_field (const char *name, size_t len) {
  switch (len) {
    case 2: return memcmp(name, "id", 2) == 0 ? FIELD_ID : FIELD_OTHER;
    case 4: return memcmp(name, "data", 4) == 0 ? FIELD_DATA : FIELD_OTHER;
    case 5:
      if (memcmp(name, "event", 5) == 0) return FIELD_EVENT;
      if (memcmp(name, "retry", 5) == 0) return FIELD_RETRY;
      return FIELD_OTHER;
    default: return FIELD_OTHER;  /* a comment has an empty name */
  }
}


static void field_begin (EventStream *es) {
  es->field = known_field(es->name, es->namelen);
  switch (es->field) {
    case FIELD_EVENT: es->type.n = 0; break;
    case FIELD_ID: es->id.n = 0; es->idhaszero = 0; break;
    case FIELD_RETRY: es->number = -1; break;
    default: break;
  }
}


/* Digits make a number; anything else none, whatever follows. */
static void retry_add (EventStream *es, const char *s, size_t len) {
  for (; len > 0; s++, len--) {
    int digit = *s - '0';
    if (digit < 0 || digit > 9) {
      es->field = FIELD_OTHER;
      return;
    }
    if (es->number < 0)
      es->number = 0;
    if (es->number > (LUA_MAXINTEGER - digit) / 10)
      es->number = LUA_MAXINTEGER;
    else
      es->number = es->number * 10 + digit;
  }
}


static void field_add (lua_State *L, EventStream *es, const char *s, size_t len) {
  switch (es->field) {
    case FIELD_DATA: bytes_add(L, es, &es->data, UV_DATA, s, len); break;
    case FIELD_EVENT: bytes_add(L, es, &es->type, UV_TYPE, s, len); break;
    case FIELD_ID:
      if (len > 0 && memchr(s, '\0', len) != NULL)
        es->idhaszero = 1;
      bytes_add(L, es, &es->id, UV_ID, s, len);
      break;
    case FIELD_RETRY: retry_add(es, s, len); break;
    case FIELD_OTHER: break;
  }
}


static void field_end (lua_State *L, EventStream *es) {
  switch (es->field) {
    case FIELD_DATA: bytes_add(L, es, &es->data, UV_DATA, "\n", 1); break;
    case FIELD_ID:
      if (!es->idhaszero) {
        lua_pushlstring(L, es->id.n > 0 ? es->id.data : "", es->id.n);
        lua_setiuservalue(L, 1, UV_IDSEEN);
      }
      bytes_reset(L, &es->id, UV_ID);
      break;
    case FIELD_RETRY:
      if (es->number >= 0)
        es->retry = es->number;
      break;
    default: break;
  }
}

/* }== */


/* {== Lines == */

static int is_end (char c) {
  return c == '\n' || c == '\r';
}


static const char *line_end (const char *p, const char *end) {
  while (p < end && !is_end(*p))
    p++;
  return p;
}


/* Takes the end of a line. */
static const char *take_end (EventStream *es, const char *p) {
  if (es->place != TOO_LARGE)
    es->place = (*p == '\r') ? AFTER_CR : AT_LINE;
  return p + 1;
}


/* The bytes that looked like a byte order mark were none. */
static void mark_is_name (EventStream *es) {
  memcpy(es->name, bom, es->mark);
  es->namelen = es->mark;
  es->place = (es->mark > 0) ? IN_NAME : AT_LINE;
}


/* Takes bytes to the end of the next empty line, which '*empty' then says, or to 'end'. */
static const char *take (lua_State *L, EventStream *es, const char *p, const char *end, int *empty) {
  *empty = 0;
  while (p < end && !*empty) {
    switch (es->place) {
      case AT_START:
        if (es->mark < sizeof(bom) - 1 && *p == bom[es->mark]) {
          es->mark++;
          p++;
        }
        else if (es->mark == sizeof(bom) - 1)
          es->place = AT_LINE;
        else
          mark_is_name(es);
        break;
      case AFTER_CR:
        es->place = AT_LINE;
        if (*p == '\n')
          p++;
        break;
      case AT_LINE:
        es->namelen = 0;
        es->place = IN_NAME;
        break;
      case IN_NAME:
        if (*p == ':') {
          field_begin(es);
          es->place = AFTER_COLON;
          p++;
        }
        else if (is_end(*p)) {
          *empty = (es->namelen == 0);
          if (!*empty) {  /* no colon: the value is empty */
            field_begin(es);
            field_end(L, es);
          }
          p = take_end(es, p);
        }
        else {
          if (es->namelen < NAMESIZE)
            es->name[es->namelen++] = *p;
          p++;
        }
        break;
      case AFTER_COLON:
        es->place = IN_VALUE;
        if (*p == ' ')
          p++;
        break;
      case IN_VALUE: {
        const char *value = p;
        p = line_end(p, end);
        field_add(L, es, value, (size_t)(p - value));
        if (p < end && es->place != TOO_LARGE) {
          field_end(L, es);
          p = take_end(es, p);
        }
        break;
      }
      case TOO_LARGE:
        return end;
    }
  }
  return p;
}

/* }== */


/* {== For preludes == */

static EventStream *to_stream (lua_State *L) {
  return luaL_checkudata(L, 1, EVENT_STREAM);
}


/* Pushes the string that a user value is; nil if it is empty or none. */
static void push_id (lua_State *L, int slot) {
  if (lua_getiuservalue(L, 1, slot) == LUA_TSTRING && lua_rawlen(L, -1) == 0) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
}


static void push_retry (lua_State *L, const EventStream *es) {
  if (es->retry < 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, es->retry);
}


/* An empty line: pushes the event that ends with it; false if there is none. */
static int dispatch (lua_State *L, EventStream *es) {
  int any = es->data.n > 0;
  lua_getiuservalue(L, 1, UV_IDSEEN);
  lua_setiuservalue(L, 1, UV_IDLAST);
  if (any) {
    lua_createtable(L, 0, 4);
    if (es->type.n > 0)
      lua_pushlstring(L, es->type.data, es->type.n);
    else
      lua_pushliteral(L, "message");
    lua_setfield(L, -2, "event");
    lua_pushlstring(L, es->data.data, es->data.n - 1);
    lua_setfield(L, -2, "data");
    push_id(L, UV_IDLAST);
    lua_setfield(L, -2, "id");
    push_retry(L, es);
    lua_setfield(L, -2, "retry");
  }
  bytes_reset(L, &es->data, UV_DATA);
  bytes_reset(L, &es->type, UV_TYPE);
  return any;
}


static int stream_feed (lua_State *L) {
  EventStream *es = to_stream(L);
  luaL_checktype(L, 2, LUA_TSTRING);
  if (lua_getiuservalue(L, 1, UV_PIECE) != LUA_TNIL)
    return luaL_error(L, "events of the bytes before were not taken");
  lua_settop(L, 2);
  lua_setiuservalue(L, 1, UV_PIECE);
  es->at = 0;
  return 0;
}


static int stream_next (lua_State *L) {
  EventStream *es = to_stream(L);
  const char *piece, *p, *end;
  size_t len;
  int found = 0;
  lua_settop(L, 1);
  if (lua_getiuservalue(L, 1, UV_PIECE) != LUA_TSTRING)
    return 1;  /* nil */
  piece = lua_tolstring(L, 2, &len);
  end = piece + len;
  p = piece + es->at;
  while (p < end && !found) {
    int empty;
    p = take(L, es, p, end, &empty);
    es->at = (size_t)(p - piece);
    found = empty && dispatch(L, es);
  }
  if (es->place == TOO_LARGE) {
    lua_pushnil(L);
    lua_pushfstring(L, "an event of the stream is larger than %I bytes", (LUAI_UACINT)EVENT_STREAM_MAX);
    return 2;
  }
  if (found)
    return 1;
  lua_pushnil(L);
  lua_setiuservalue(L, 1, UV_PIECE);
  lua_pushnil(L);
  return 1;
}


static int stream_state (lua_State *L) {
  EventStream *es = to_stream(L);
  push_id(L, UV_IDLAST);
  push_retry(L, es);
  return 2;
}


static int stream_new (lua_State *L) {
  EventStream *es;
  lua_Integer retry = luaL_optinteger(L, 2, -1);
  luaL_optstring(L, 1, NULL);
  lua_settop(L, 1);
  es = lua_newuserdatauv(L, sizeof(EventStream), UV_COUNT);
  memset(es, 0, sizeof(EventStream));
  es->retry = retry;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 2, UV_IDSEEN);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 2, UV_IDLAST);
  luaL_setmetatable(L, EVENT_STREAM);
  return 1;
}


void event_stream_internals (lua_State *L) {
  static const luaL_Reg methods[] = {
    {"feed", stream_feed},
    {"next", stream_next},
    {"state", stream_state},
    {NULL, NULL}
  };
  luaL_newmetatable(L, EVENT_STREAM);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  lua_pushcfunction(L, stream_new);
  lua_setfield(L, -2, "event_stream");
}

/* }== */
