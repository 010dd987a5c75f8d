/*
** The script's log (wit/log.wit).
*/
#include "log.h"

#include <stdio.h>
#include <string.h>

#include "lauxlib.h"

#include "pure/json.h"

/* Fields of one line: as many as a person reads. */
#define MOST_FIELDS 32


static script_list_u8_t bytes_at (lua_State *L, int index) {
  script_list_u8_t bytes;
  bytes.ptr = (uint8_t *)lua_tolstring(L, index, &bytes.len);
  return bytes;
}


static script_list_u8_t bytes_of (const char *text) {
  script_list_u8_t bytes = {(uint8_t *)text, strlen(text)};
  return bytes;
}


/* Pushes name and JSON of each field; returns how many fields. */
static int push_fields (lua_State *L, tidelock_script_log_field_t *fields) {
  int count = 0;
  if (lua_isnoneornil(L, 2)) return 0;
  luaL_argexpected(L, lua_istable(L, 2), 2, "table");
  luaL_checkstack(L, 3 * MOST_FIELDS + 8, "too many fields");
  lua_pushnil(L);
  while (lua_next(L, 2) != 0) {
    if (count == MOST_FIELDS)
      luaL_error(L, "log: more than %d fields in one line", MOST_FIELDS);
    json_encode_value(L, -1, "log");
    lua_replace(L, -2);
    luaL_tolstring(L, -2, NULL);
    fields[count].name = bytes_at(L, -1);
    fields[count].value = bytes_at(L, -2);
    lua_pushvalue(L, -3);  /* the key, for 'lua_next'; what is below stays alive */
    count++;
  }
  return count;
}


static int write_line (lua_State *L, tidelock_script_log_level_t level) {
  tidelock_script_log_field_t fields[MOST_FIELDS];
  tidelock_script_log_list_field_t list = {fields, 0};
  script_list_u8_t message;
  luaL_checkany(L, 1);
  lua_settop(L, 2);
  luaL_tolstring(L, 1, NULL);
  lua_replace(L, 1);
  list.len = (size_t)push_fields(L, fields);
  message = bytes_at(L, 1);
  tidelock_script_log_write(level, &message, &list);
  return 0;
}


static int log_debug (lua_State *L) { return write_line(L, TIDELOCK_SCRIPT_LOG_LEVEL_DEBUG); }
static int log_info (lua_State *L) { return write_line(L, TIDELOCK_SCRIPT_LOG_LEVEL_INFO); }
static int log_warn (lua_State *L) { return write_line(L, TIDELOCK_SCRIPT_LOG_LEVEL_WARN); }
static int log_error (lua_State *L) { return write_line(L, TIDELOCK_SCRIPT_LOG_LEVEL_ERROR); }


void log_count (tidelock_script_log_level_t level, int count, const char *text) {
  char line[160];
  script_list_u8_t message;
  tidelock_script_log_list_field_t none = {NULL, 0};
  snprintf(line, sizeof(line), "%d%s", count, text);
  message = bytes_of(line);
  tidelock_script_log_write(level, &message, &none);
}


int log_describe_error (lua_State *L) {
  lua_State *co = lua_touserdata(L, 1);
  lua_pushvalue(co, -3);
  lua_pushvalue(co, -3);
  lua_xmove(co, L, 2);  /* error, traceback */
  luaL_tolstring(L, 2, NULL);
  if (*lua_tostring(L, 3) == '\0') return 1;
  lua_pushfstring(L, "%s\n%s", lua_tostring(L, -1), lua_tostring(L, 3));
  return 1;
}


void log_error_of (lua_State *L, lua_State *co, const char *what) {
  script_list_u8_t message;
  tidelock_script_log_list_field_t none = {NULL, 0};
  lua_pushcfunction(L, log_describe_error);
  lua_pushlightuserdata(L, co);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK)
    lua_pushfstring(L, "%s: %s", what, lua_tostring(L, -1));
  else
    lua_pushstring(L, what);
  message = bytes_at(L, -1);
  tidelock_script_log_write(TIDELOCK_SCRIPT_LOG_LEVEL_ERROR, &message, &none);
  lua_pop(L, 2);
}


int luaopen_log (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"debug", log_debug},
    {"info", log_info},
    {"warn", log_warn},
    {"error", log_error},
    {NULL, NULL}
  };
  luaL_newlib(L, functions);
  return 1;
}
