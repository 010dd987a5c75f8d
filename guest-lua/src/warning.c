/*
** The warning system of 'lauxlib', whose own writes to a C stream that is not here: a whole warning is a
** line of the log (wit/log.wit).
*/
#include "warning.h"

#include <stdbool.h>
#include <string.h>

#include "script.h"

/* No line of the log is longer. */
#define MOST_BYTES 16384

static void ignore (void *ud, const char *message, int continues);
static void begin (void *ud, const char *message, int continues);
static void go_on (void *ud, const char *message, int continues);

/* The pieces of a warning that have come. */
static struct {
  uint8_t bytes[MOST_BYTES];
  size_t length;
} warning;


/* Obeys a control message; false if it is none. */
static bool obey (lua_State *L, const char *message, int continues) {
  if (continues || message[0] != '@') return false;
  if (strcmp(message, "@off") == 0) lua_setwarnf(L, ignore, L);
  else if (strcmp(message, "@on") == 0) lua_setwarnf(L, begin, L);
  return true;
}


static void ignore (void *ud, const char *message, int continues) {
  obey(ud, message, continues);
}


static void begin (void *ud, const char *message, int continues) {
  if (obey(ud, message, continues)) return;
  warning.length = 0;
  go_on(ud, message, continues);
}


static void go_on (void *ud, const char *message, int continues) {
  size_t length = strlen(message), room = MOST_BYTES - warning.length;
  if (length > room) length = room;
  memcpy(warning.bytes + warning.length, message, length);
  warning.length += length;
  if (!continues) {
    script_list_u8_t bytes = {warning.bytes, warning.length};
    tidelock_script_log_warning(&bytes);
  }
  lua_setwarnf(ud, continues ? go_on : begin, ud);
}


void warning_open (lua_State *L) { lua_setwarnf(L, begin, L); }
