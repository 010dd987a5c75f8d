/*
** Why the last operation on a file failed.
*/
#include "files_failure.h"

#include <string.h>

#include "lauxlib.h"

#include "failure.h"

/* The numbers that Linux has for failures of the standard streams. */
#define BROKEN_PIPE 32
#define OTHER 5

/* Holds a denial whole, for its end is the flag: it names the path and its folder, each at most 4096 bytes. */
#define LONGEST (2 * 4096 + 256)

/* One instance holds one interpreter; its linear memory is the state. */
static struct {
  int code;
  char text[LONGEST];
  bool denied;  /* and the text names the path */
} last;


int *file_error (void) { return &last.code; }


static void fail (File *file, int code, const char *text, size_t length) {
  if (length >= sizeof(last.text)) length = sizeof(last.text) - 1;
  memcpy(last.text, text, length);
  last.text[length] = '\0';
  last.code = code;
  last.denied = false;
  if (file != NULL) file->failed = true;
}


void file_fail_as (File *file, int code, const char *text) {
  fail(file, code, text, strlen(text));
}


void file_fail (tidelock_script_files_failure_t *failure) {
  tidelock_script_types_error_t *error = &failure->error;
  fail(NULL, failure->code, (const char *)error->message.ptr, error->message.len);
  last.denied = error->kind == TIDELOCK_SCRIPT_TYPES_ERROR_KIND_DENIED;
  tidelock_script_files_failure_free(failure);
}


void file_fail_stream (File *file, tidelock_script_types_error_t *error) {
  int code = error->kind == TIDELOCK_SCRIPT_TYPES_ERROR_KIND_CLOSED ? BROKEN_PIPE : OTHER;
  fail(file, code, (const char *)error->message.ptr, error->message.len);
  tidelock_script_types_error_free(error);
}


int file_result (lua_State *L, int ok, const char *name) {
  int code = last.code;
  if (ok) {
    lua_pushboolean(L, 1);
    return 1;
  }
  luaL_pushfail(L);
  if (code == 0)
    lua_pushliteral(L, "(no extra info)");
  else
    lua_pushstring(L, last.text);
  if (name != NULL && !(code != 0 && last.denied)) {
    lua_pushfstring(L, "%s: %s", name, lua_tostring(L, -1));
    lua_remove(L, -2);
  }
  lua_pushinteger(L, code);
  return 3;
}


const char *file_why_not (lua_State *L) {
  if (last.denied) {
    failure_push(L, "denied", "%s", last.text);
    lua_error(L);
  }
  return last.text;
}


const char *file_why_not_text (void) { return last.text; }
bool file_is_denied (void) { return last.denied; }
