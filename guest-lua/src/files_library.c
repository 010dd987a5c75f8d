/*
** Lua's own 'io' library, compiled over the files of files_stream.h.
*/
#include "files_library.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "files_failure.h"
#include "files_input.h"

/* {======================================================
** Lua's library asks for these by the names that the C library has for them.
** ======================================================= */

#undef errno
#undef stdin
#undef stdout
#undef stderr
#undef getc
#undef ferror
#undef clearerr

#define FILE			File
#define errno			(*file_error())
#define stdin			file_standard(FILE_INPUT)
#define stdout			file_standard(FILE_OUTPUT)
#define stderr			file_standard(FILE_ERRORS)
#define fopen(name,mode)	((void)(name), file_open(L, mode))
#define strerror(code)		((void)(code), file_why_not(L))
#define luaL_fileresult		file_result
#define fclose			file_close
#define getc			file_getc
#define ungetc			file_ungetc
#define fread			file_read
#define fwrite			file_write
#define ferror(f)		((f)->failed)
#define clearerr(f)		((f)->failed = false)
#define fflush			file_flush
#define setvbuf(f,b,mode,size)	((void)(size), file_set_buffering(f, mode))
#define l_seeknum		int64_t
#define l_fseek			file_seek
#define l_ftell			file_tell

/* The iterator of 'lines' is the only closure that it makes. */
static int next_line (lua_State *L);
#define lua_pushcclosure(L,f,n)	((void)(f), lua_pushcclosure(L, next_line, n))

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wreturn-type"  /* in what it has no use for here */
#include "liolib.c"
#pragma clang diagnostic pop

#undef lua_pushcclosure

/* }====================================================== */


/* {======================================================
** Lines, which are most of what is read
** ======================================================= */

/* Pushes the next line without its end, if the buffer holds all of it. */
static bool push_held_line (lua_State *L, FILE *file) {
  const uint8_t *line, *end;
  if (file->state != HOLDS_UNREAD || file->kind != FILE_OF_DISK) return false;
  line = file->data + file->at;
  end = memchr(line, '\n', file->end - file->at);
  if (end == NULL) return false;
  lua_pushlstring(L, (const char *)line, (size_t)(end - line));
  file->at += (size_t)(end - line) + 1;
  return true;
}


/* Has the upvalues of 'io_readline'. */
static int next_line (lua_State *L) {
  LStream *stream = lua_touserdata(L, lua_upvalueindex(1));
  if (lua_tointeger(L, lua_upvalueindex(2)) == 0 && !isclosed(stream) && push_held_line(L, stream->f))
    return 1;
  return io_readline(L);
}

/* }====================================================== */


/* {======================================================
** Reading standard input, which waits
** ======================================================= */

static int library_read (lua_State *L) {
  FILE *file = getiofile(L, IO_INPUT);
  if (file->kind != FILE_INPUT) return g_read(L, file, 1);
  lua_pop(L, 1);
  return input_read(L, 1);
}


static int method_read (lua_State *L) {
  FILE *file = tofile(L);
  if (lua_gettop(L) == 1 && push_held_line(L, file)) return 1;
  return file->kind == FILE_INPUT ? input_read(L, 2) : g_read(L, file, 2);
}


static int library_lines (lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    LStream *stream;
    lua_getfield(L, LUA_REGISTRYINDEX, IO_INPUT);
    stream = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!isclosed(stream) && stream->f->kind == FILE_INPUT) {
      if (lua_gettop(L) > 0) lua_remove(L, 1);
      return input_lines(L, 1);
    }
  }
  return io_lines(L);
}


static int method_lines (lua_State *L) {
  return tofile(L)->kind == FILE_INPUT ? input_lines(L, 2) : f_lines(L);
}


int library_read_one (lua_State *L) {
  lua_settop(L, 1);
  lua_pushnil(L);  /* in place of a file */
  lua_insert(L, 1);
  return g_read(L, stdin, 2);
}

/* }====================================================== */


File *library_push_file (lua_State *L) {
  LStream *stream = newfile(L);
  return stream->f = file_open(L, "r");
}


void library_close_file (lua_State *L, int index) {
  LStream *stream = lua_touserdata(L, index);
  stream->closef = NULL;
  file_close(stream->f);
}


void library_open (lua_State *L) {
  static const luaL_Reg replaced[] = {
    {"lines", library_lines},
    {"read", library_read},
    {"popen", NULL},
    {"tmpfile", NULL},
    {NULL, NULL}
  };
  static const luaL_Reg methods[] = {
    {"lines", method_lines},
    {"read", method_read},
    {NULL, NULL}
  };
  const luaL_Reg *entry;
  luaopen_io(L);
  for (entry = replaced; entry->name != NULL; entry++) {
    if (entry->func != NULL) lua_pushcfunction(L, entry->func);
    else lua_pushnil(L);
    lua_setfield(L, -2, entry->name);
  }
  luaL_getmetatable(L, LUA_FILEHANDLE);
  lua_getfield(L, -1, "__index");
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 2);
}
