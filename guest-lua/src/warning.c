/*
** The warning system of 'lauxlib', whose own writes to a C stream that is not here.
*/
#include "warning.h"

#include <stdbool.h>
#include <string.h>

#include "script.h"

static void ignore (void *ud, const char *message, int continues);
static void begin (void *ud, const char *message, int continues);
static void go_on (void *ud, const char *message, int continues);


static void write_text (const char *text) {
  script_list_u8_t bytes = {(uint8_t *)text, strlen(text)};
  tidelock_script_files_error_t error;
  if (bytes.len == 0) return;
  if (!tidelock_script_files_write(TIDELOCK_SCRIPT_FILES_OUTPUT_STDERR, &bytes, &error))
    tidelock_script_types_error_free(&error);  /* there is nobody to tell */
}


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
  write_text("Lua warning: ");
  go_on(ud, message, continues);
}


static void go_on (void *ud, const char *message, int continues) {
  write_text(message);
  if (!continues) write_text("\n");
  lua_setwarnf(ud, continues ? go_on : begin, ud);
}


void warning_open (lua_State *L) { lua_setwarnf(L, begin, L); }
