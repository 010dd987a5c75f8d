/*
** The standard streams (wit/files.wit). The 'io' library on top of them is in prelude/files.lua.
*/
#include "files.h"

#include "lauxlib.h"

#include "call.h"
#include "event_loop.h"
#include "failure.h"
#include "script.h"

/* Whether standard output may hold bytes that the system has not got. */
static bool unflushed;

/* Largest read: one crossing. */
#define LARGEST_READ 65536


/* Writes the string on top of the stack. True, or false after pushing nil and a message. */
static bool write_top (lua_State *L, tidelock_script_files_output_t to) {
  script_list_u8_t bytes;
  tidelock_script_files_error_t error;
  bytes.ptr = (uint8_t *)lua_tolstring(L, -1, &bytes.len);
  unflushed |= to == TIDELOCK_SCRIPT_FILES_OUTPUT_STDOUT;
  if (bytes.len == 0 || tidelock_script_files_write(to, &bytes, &error)) return true;
  luaL_pushfail(L);
  lua_pushlstring(L, (const char *)error.message.ptr, error.message.len);
  tidelock_script_types_error_free(&error);
  return false;
}


static int print (lua_State *L) {
  int count = lua_gettop(L), i;
  luaL_Buffer line;
  luaL_buffinit(L, &line);
  for (i = 1; i <= count; i++) {
    if (i > 1) luaL_addchar(&line, '\t');
    luaL_tolstring(L, i, NULL);
    luaL_addvalue(&line);
  }
  luaL_addchar(&line, '\n');
  luaL_pushresult(&line);
  write_top(L, TIDELOCK_SCRIPT_FILES_OUTPUT_STDOUT);  /* as in Lua, 'print' reports nothing */
  return 0;
}


/* write(stream, ...): stream is 0 or 1; true, or nil and a message. */
static int files_write (lua_State *L) {
  tidelock_script_files_output_t to = (tidelock_script_files_output_t)luaL_checkinteger(L, 1);
  int count = lua_gettop(L), i;
  luaL_Buffer bytes;
  luaL_buffinit(L, &bytes);
  for (i = 2; i <= count; i++) {
    luaL_checkstring(L, i);
    lua_pushvalue(L, i);
    luaL_addvalue(&bytes);
  }
  luaL_pushresult(&bytes);
  if (!write_top(L, to)) return 2;
  lua_pushboolean(L, 1);
  return 1;
}


/* flush(stream): true, or nil and a message. */
static int files_flush (lua_State *L) {
  tidelock_script_files_error_t error;
  if (!tidelock_script_files_flush((tidelock_script_files_output_t)luaL_checkinteger(L, 1), &error)) {
    luaL_pushfail(L);
    lua_pushlstring(L, (const char *)error.message.ptr, error.message.len);
    tidelock_script_types_error_free(&error);
    return 2;
  }
  lua_pushboolean(L, 1);
  return 1;
}


/* Before the instance waits: what was printed must not lie about while it does. */
static void flush_output (lua_State *L) {
  tidelock_script_files_error_t error;
  (void)L;
  if (!unflushed) return;
  unflushed = false;
  if (!tidelock_script_files_flush(TIDELOCK_SCRIPT_FILES_OUTPUT_STDOUT, &error))
    tidelock_script_types_error_free(&error);  /* the next write reports it to somebody */
}


typedef struct Read {
  CallWait call;
  tidelock_script_files_result_list_u8_error_t result;
} Read;


static void read_release (CallWait *call) {
  tidelock_script_files_result_list_u8_error_free(&((Read *)call)->result);
}


static int read_finish (lua_State *L, Wait *wait) {
  Read *read = (Read *)wait;
  if (read->result.is_err) {
    read->call.released = true;  /* by whoever raises it */
    return failure_raise(L, "io.read", "io.read", &read->result.val.err);
  }
  lua_pushlstring(L, (const char *)read->result.val.ok.ptr, read->result.val.ok.len);
  call_release(&read->call);
  return 1;
}


/* read(): the next bytes of standard input; empty at the end. */
static int files_read (lua_State *L) {
  Read *read;
  wait_begin(L, "io.read");
  read = (Read *)call_new(L, "io.read", sizeof(Read), read_finish, read_release);
  return call_suspend(L, &read->call, tidelock_script_files_read(LARGEST_READ, &read->result));
}


void files_internals (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"write", files_write},
    {"flush", files_flush},
    {"read", files_read},
    {NULL, NULL}
  };
  luaL_setfuncs(L, functions, 0);
}


int luaopen_files (lua_State *L) {
  static const LoopHook hook = {NULL, flush_output, NULL};
  event_loop_hook(&hook);
  lua_pushcfunction(L, print);
  lua_setglobal(L, "print");
  lua_newtable(L);
  return 1;
}
