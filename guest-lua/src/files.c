/*
** The standard streams and the files of granted folders (wit/files.wit): what is not in Lua's own 'io'.
*/
#include "files.h"

#include "lauxlib.h"
#include "lualib.h"

#include "event_loop.h"
#include "failure.h"
#include "files_failure.h"
#include "files_input.h"
#include "files_library.h"
#include "files_stream.h"
#include "load.h"
#include "modules.h"
#include "script.h"
#include "settings.h"


static int print (lua_State *L) {
  int count = lua_gettop(L), i;
  const char *text;
  size_t length;
  luaL_Buffer line;
  luaL_buffinit(L, &line);
  for (i = 1; i <= count; i++) {
    if (i > 1) luaL_addchar(&line, '\t');
    luaL_tolstring(L, i, NULL);
    luaL_addvalue(&line);
  }
  luaL_addchar(&line, '\n');
  luaL_pushresult(&line);
  text = lua_tolstring(L, -1, &length);
  file_write(text, 1, length, file_standard(FILE_OUTPUT));  /* as in Lua, it reports nothing */
  return 0;
}


/* Before the instance waits: what was printed must not lie about while it does. */
static void flush_output (lua_State *L) {
  (void)L;
  file_flush(file_standard(FILE_OUTPUT));  /* if it fails, the next write tells somebody */
}


/* {======================================================
** Names
** ======================================================= */

static script_list_u8_t check_path (lua_State *L, int index) {
  script_list_u8_t path;
  path.ptr = (uint8_t *)luaL_checklstring(L, index, &path.len);
  return path;
}


static int result (lua_State *L, bool ok, tidelock_script_files_failure_t *failure, const char *fn,
                   const char *name) {
  if (!ok && failure->error.kind == TIDELOCK_SCRIPT_TYPES_ERROR_KIND_INVALID)
    return failure_raise(L, fn, fn, &failure->error);
  if (!ok) file_fail(failure);
  return file_result(L, ok, name);
}


static int os_remove (lua_State *L) {
  script_list_u8_t path = check_path(L, 1);
  tidelock_script_files_failure_t failure;
  bool ok = tidelock_script_files_remove(&path, &failure);
  return result(L, ok, &failure, "os.remove", lua_tostring(L, 1));
}


static int os_rename (lua_State *L) {
  script_list_u8_t from = check_path(L, 1), to = check_path(L, 2);
  tidelock_script_files_failure_t failure;
  bool ok = tidelock_script_files_rename(&from, &to, &failure);
  return result(L, ok, &failure, "os.rename", NULL);
}

/* }====================================================== */


/* {======================================================
** Chunks
** ======================================================= */

/* Pushes the whole of an open file. False after pushing a message: it is longer than source may be. */
static bool push_source (lua_State *L, File *file) {
  size_t total = 0, length;
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  do {
    char *piece = luaL_prepbuffer(&text);
    length = file_read(piece, 1, LUAL_BUFFERSIZE, file);
    luaL_addsize(&text, length);
    total += length;
    if (total > settings()->source_limit) {
      lua_pushfstring(L, "source exceeds the limit of %I bytes (raise --max-source)",
                      (LUAI_UACINT)settings()->source_limit);
      return false;
    }
  } while (length > 0);
  luaL_pushresult(&text);
  return true;
}


/* Pushes why the file at index 1 cannot be used; raises a denial if 'raising'. */
static bool push_problem (lua_State *L, const char *what, bool raising) {
  if (raising) file_why_not(L);
  if (file_is_denied())
    lua_pushstring(L, file_why_not_text());
  else
    lua_pushfstring(L, "cannot %s %s: %s", what, lua_tostring(L, 1), file_why_not_text());
  return false;
}


/* Pushes the chunk of the file at index 1. False after pushing why not. */
static bool push_chunk (lua_State *L, const char *mode, bool raising) {
  File *file = library_push_file(L);
  int handle = lua_gettop(L);
  const char *source;
  size_t length, start;
  bool whole;
  if (file == NULL) return push_problem(L, "open", raising);
  whole = push_source(L, file);
  if (whole && file->failed) whole = push_problem(L, "read", raising);
  library_close_file(L, handle);
  if (!whole) return false;
  source = lua_tolstring(L, -1, &length);
  start = modules_source_start(source, length);
  lua_pushfstring(L, "@%s", lua_tostring(L, 1));
  return load_source(L, source + start, length - start, lua_tostring(L, -1), mode) == LUA_OK;
}


static int loadfile (lua_State *L) {
  const char *mode;
  bool has_env = !lua_isnone(L, 3);
  luaL_checkstring(L, 1);
  mode = load_check_mode(L, 2);
  lua_settop(L, 3);
  if (!push_chunk(L, mode, false)) {
    luaL_pushfail(L);
    lua_insert(L, -2);
    return 2;
  }
  if (has_env) {
    lua_pushvalue(L, 3);
    if (lua_setupvalue(L, -2, 1) == NULL) lua_pop(L, 1);  /* it uses no global */
  }
  return 1;
}


static int dofile_returned (lua_State *L, int status, lua_KContext context) {
  (void)status; (void)context;
  return lua_gettop(L) - 1;
}


static int dofile (lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  if (!push_chunk(L, "t", true)) return lua_error(L);
  lua_replace(L, 2);
  lua_settop(L, 2);
  lua_callk(L, 0, LUA_MULTRET, 0, dofile_returned);
  return dofile_returned(L, LUA_OK, 0);
}

/* }====================================================== */


void files_internals (lua_State *L) {
  input_internals(L);
}


int luaopen_files (lua_State *L) {
  static const LoopHook hook = {NULL, flush_output, NULL};
  event_loop_hook(&hook);
  lua_register(L, "print", print);
  lua_register(L, "dofile", dofile);
  lua_register(L, "loadfile", loadfile);
  lua_getglobal(L, LUA_OSLIBNAME);
  lua_pushcfunction(L, os_remove);
  lua_setfield(L, -2, "remove");
  lua_pushcfunction(L, os_rename);
  lua_setfield(L, -2, "rename");
  library_open(L);
  return 1;
}
