/*
** Standard input: a read waits until what it asks for has arrived.
**
** The prelude's reader takes one format after the other: it fills the buffer until the format lacks
** nothing more, then has Lua's library read it from there.
*/
#include "files_input.h"

#include <ctype.h>
#include <string.h>

#include "lauxlib.h"

#include "allocator.h"
#include "call.h"
#include "failure.h"
#include "files_library.h"
#include "files_stream.h"

/* Largest read: one crossing. */
#define LARGEST_READ 65536

/* Longest numeral that Lua reads. */
#define LONGEST_NUMERAL 200

#define READER "tidelock.input_reader"

static struct {
  bool ended;
  size_t searched;  /* bytes of the buffer that have no newline */
} input;


/* {======================================================
** For the prelude
** ======================================================= */

typedef struct Read {
  CallWait call;
  tidelock_script_files_result_list_u8_error_t result;
} Read;


static void read_release (CallWait *call) {
  tidelock_script_files_result_list_u8_error_free(&((Read *)call)->result);
}


static int read_finish (lua_State *L, Wait *wait) {
  Read *read = (Read *)wait;
  File *file = file_standard(FILE_INPUT);
  script_list_u8_t *piece = &read->result.val.ok;
  if (read->result.is_err) {
    read->call.released = true;  /* by whoever raises it */
    return failure_raise(L, "io.read", "io.read", &read->result.val.err);
  }
  if (piece->len == 0)
    input.ended = true;
  else {
    input.searched -= file->at < input.searched ? file->at : input.searched;
    if (!file_make_room(file, piece->len)) return raise_out_of_memory(L);
    memcpy(file->data + file->end, piece->ptr, piece->len);
    file->end += piece->len;
    file->state = HOLDS_UNREAD;
  }
  call_release(&read->call);
  return 0;
}


/* fill(): waits for more input. */
static int fill (lua_State *L) {
  Read *read;
  wait_begin(L, "io.read");
  read = (Read *)call_new(L, "io.read", sizeof(Read), read_finish, read_release);
  return call_suspend(L, &read->call, tidelock_script_files_read(LARGEST_READ, &read->result));
}


static bool has_line (File *file) {
  size_t from = file->at > input.searched ? file->at : input.searched;
  bool found = from < file->end && memchr(file->data + from, '\n', file->end - from) != NULL;
  input.searched = found ? file->at : file->end;
  return found;
}


/* Whether it is clear where the numeral ends. */
static bool has_numeral (File *file) {
  size_t at = file->at, length = 0;
  while (at < file->end && isspace(file->data[at])) at++;
  for (; at < file->end && length <= LONGEST_NUMERAL; at++, length++)
    if (!isxdigit(file->data[at]) && strchr("+-.xXpP", file->data[at]) == NULL) return true;
  return length > LONGEST_NUMERAL;
}


/* lacks(format): whether more input could change what is read. */
static int lacks (lua_State *L) {
  File *file = file_standard(FILE_INPUT);
  bool enough = input.ended;
  if (!enough && lua_type(L, 1) == LUA_TNUMBER) {
    lua_Unsigned count = (lua_Unsigned)luaL_checkinteger(L, 1);
    enough = file->end - file->at >= (count > 0 ? count : 1) || count > (lua_Unsigned)1 << 32;
  }
  else if (!enough) {
    const char *format = luaL_checkstring(L, 1);
    if (*format == '*') format++;
    if (*format == 'n') enough = has_numeral(file);
    else if (*format != 'a') enough = has_line(file);
  }
  lua_pushboolean(L, !enough);
  return 1;
}


/* take(format): what has arrived, by one format. */
static int take (lua_State *L) {
  File *file = file_standard(FILE_INPUT);
  int count = library_read_one(L);
  input.searched = 0;
  if (file->at == file->end && file->data != NULL) {  /* may have become large */
    allocator_lua(NULL, file->data, file->room, 0);
    file->data = NULL;
    file->room = file->at = file->end = 0;
    file->state = HOLDS_NOTHING;
  }
  return count;
}


/* use(reader): the function that 'read' calls with its formats. */
static int use (lua_State *L) {
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, READER);
  return 0;
}


void input_internals (lua_State *L) {
  static const luaL_Reg functions[] = {
    {"fill_input", fill},
    {"input_lacks", lacks},
    {"take_input", take},
    {"use_input_reader", use},
    {NULL, NULL}
  };
  luaL_setfuncs(L, functions, 0);
}

/* }====================================================== */


static int reader_returned (lua_State *L, int status, lua_KContext below) {
  (void)status;
  return lua_gettop(L) - (int)below;
}


int input_read (lua_State *L, int first) {
  int i, count = lua_gettop(L) - first + 1;
  for (i = first; i < first + count; i++) {
    const char *format;
    if (lua_type(L, i) == LUA_TNUMBER) {
      luaL_checkinteger(L, i);
      continue;
    }
    format = luaL_checkstring(L, i);
    if (*format == '*') format++;
    if (*format == '\0' || strchr("nlLa", *format) == NULL)
      return luaL_argerror(L, i, "invalid format");
  }
  luaL_checkstack(L, 2, "too many arguments");
  lua_getfield(L, LUA_REGISTRYINDEX, READER);
  lua_insert(L, first);
  lua_callk(L, count, LUA_MULTRET, first - 1, reader_returned);
  return reader_returned(L, LUA_OK, first - 1);
}


static int next_of_lines (lua_State *L) {
  int i, count = (int)lua_tointeger(L, lua_upvalueindex(1));
  lua_settop(L, 0);
  luaL_checkstack(L, count, "too many arguments");
  for (i = 1; i <= count; i++) lua_pushvalue(L, lua_upvalueindex(1 + i));
  return input_read(L, 1);
}


int input_lines (lua_State *L, int first) {
  int count = lua_gettop(L) - first + 1;
  luaL_argcheck(L, count <= 250, 252, "too many arguments");
  lua_pushinteger(L, count);
  lua_insert(L, first);
  lua_pushcclosure(L, next_of_lines, 1 + count);
  return 1;
}
