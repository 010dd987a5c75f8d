/*
** Buffered files: what Lua's own 'io' library asks of the C library, over wit/files.wit.
*/
#include "files_stream.h"

#include <string.h>

#include "lauxlib.h"

#include "allocator.h"
#include "failure.h"
#include "files_failure.h"

/* Of each file; the script's memory pays for it. */
#define BUFFER 16384

/* Largest piece that crosses at once. */
#define LARGEST_PIECE 65536

/* Numbers that Linux has for failures found here; the libc of WebAssembly has others. */
#define BAD_DESCRIPTOR 9
#define OUT_OF_MEMORY 12
#define INVALID_ARGUMENT 22
#define TOO_MANY_OPEN 24
#define ILLEGAL_SEEK 29

/* One instance holds one interpreter; its linear memory is the state. */
static File *first_open;


/* {======================================================
** Opening and closing
** ======================================================= */

File *file_standard (int kind) {
  static File standard[] = {
    {.kind = FILE_OF_DISK},
    {.kind = FILE_INPUT, .readable = true},
    {.kind = FILE_OUTPUT, .writable = true},
    {.kind = FILE_ERRORS, .writable = true},
  };
  return &standard[kind];
}


static tidelock_script_files_mode_t mode_of (const char *mode) {
  bool update = strchr(mode, '+') != NULL;
  switch (*mode) {
    case 'w':
      return update ? TIDELOCK_SCRIPT_FILES_MODE_WRITE_UPDATE : TIDELOCK_SCRIPT_FILES_MODE_WRITE;
    case 'a':
      return update ? TIDELOCK_SCRIPT_FILES_MODE_APPEND_UPDATE : TIDELOCK_SCRIPT_FILES_MODE_APPEND;
    default:
      return update ? TIDELOCK_SCRIPT_FILES_MODE_READ_UPDATE : TIDELOCK_SCRIPT_FILES_MODE_READ;
  }
}


static void link_open (File *file) {
  file->next = first_open;
  file->previous = NULL;
  if (first_open != NULL) first_open->previous = file;
  first_open = file;
}


static void unlink_open (File *file) {
  if (file->next != NULL) file->next->previous = file->previous;
  if (file->previous != NULL) file->previous->next = file->next;
  else first_open = file->next;
}


static bool open_handle (lua_State *L, const char *mode, tidelock_script_files_own_file_t *handle) {
  tidelock_script_files_failure_t failure;
  script_list_u8_t path;
  bool collected = false;
  path.ptr = (uint8_t *)lua_tolstring(L, 1, &path.len);
  while (!tidelock_script_files_static_file_open(&path, mode_of(mode), handle, &failure)) {
    if (failure.code != TOO_MANY_OPEN
        || failure.error.kind != TIDELOCK_SCRIPT_TYPES_ERROR_KIND_LIMIT) {
      if (failure.error.kind == TIDELOCK_SCRIPT_TYPES_ERROR_KIND_INVALID)
        failure_raise(L, "io.open", "io.open", &failure.error);
      file_fail(&failure);
      return false;
    }
    if (collected) failure_raise(L, "io.open", "io.open", &failure.error);
    tidelock_script_files_failure_free(&failure);
    lua_gc(L, LUA_GCCOLLECT);  /* closes those that the script has only forgotten */
    collected = true;
  }
  return true;
}


File *file_open (lua_State *L, const char *mode) {
  File *file = allocator_lua(NULL, NULL, 0, sizeof(File));
  if (file == NULL) {
    file_fail_as(NULL, OUT_OF_MEMORY, "Cannot allocate memory");
    return NULL;
  }
  memset(file, 0, sizeof(File));
  file->kind = FILE_OF_DISK;
  file->buffering = _IOFBF;
  file->readable = *mode == 'r' || strchr(mode, '+') != NULL;
  file->writable = *mode != 'r' || strchr(mode, '+') != NULL;
  file->appends = *mode == 'a';
  file->position = file->appends && !file->readable ? -1 : 0;
  ((luaL_Stream *)lua_touserdata(L, -1))->f = (FILE *)file;  /* an error from here on frees it */
  if (!open_handle(L, mode, &file->handle)) {
    ((luaL_Stream *)lua_touserdata(L, -1))->f = NULL;
    allocator_lua(NULL, file, sizeof(File), 0);
    return NULL;
  }
  link_open(file);
  return file;
}


int file_close (File *file) {
  int result = 0;
  if (file->handle.__handle != 0) {
    result = file_flush(file);
    tidelock_script_files_file_drop_own(file->handle);
    unlink_open(file);
  }
  if (file->data != NULL) allocator_lua(NULL, file->data, file->room, 0);
  allocator_lua(NULL, file, sizeof(File), 0);
  return result;
}


void file_flush_all (void) {
  File *file;
  for (file = first_open; file != NULL; file = file->next) file_flush(file);
}

/* }====================================================== */


/* {======================================================
** Reading
** ======================================================= */

static tidelock_script_files_borrow_file_t borrow (File *file) {
  return tidelock_script_files_borrow_file(file->handle);
}


bool file_make_room (File *file, size_t more) {
  size_t needed, room = file->room;
  uint8_t *data;
  if (file->at > 0) {  /* forget what was read */
    memmove(file->data, file->data + file->at, file->end - file->at);
    file->end -= file->at;
    file->at = 0;
  }
  needed = file->end + more;
  if (needed <= room) return true;
  if (needed > SIZE_MAX / 2) return false;  /* the next power of two is none */
  if (room < BUFFER) room = BUFFER;
  while (room < needed) room *= 2;
  data = allocator_lua(NULL, file->data, file->room, room);
  if (data == NULL) return false;
  file->data = data;
  file->room = room;
  return true;
}


/* Reads at most 'max' bytes into 'into'; how many, or -1. */
static int read_host (File *file, uint8_t *into, size_t max) {
  tidelock_script_files_failure_t failure;
  script_list_u8_t piece;
  int length;
  if (!tidelock_script_files_method_file_read(borrow(file), (uint32_t)max, &piece, &failure)) {
    file_fail(&failure);
    file->failed = true;
    return -1;
  }
  length = (int)piece.len;
  if (length > 0) memcpy(into, piece.ptr, piece.len);
  script_list_u8_free(&piece);
  if (file->position >= 0) file->position += length;
  return length;
}


/* Whether the file can be read now. */
static bool may_read (File *file) {
  if (!file->readable) {
    file_fail_as(file, BAD_DESCRIPTOR, "Bad file descriptor");
    return false;
  }
  return file->state != HOLDS_UNWRITTEN || file_flush(file) == 0;
}


int file_underflow (File *file) {
  int length;
  if (!may_read(file) || file->kind == FILE_INPUT) return EOF;
  file->at = file->end = 0;
  if (!file_make_room(file, BUFFER)) {
    file_fail_as(file, OUT_OF_MEMORY, "Cannot allocate memory");
    return EOF;
  }
  length = read_host(file, file->data, BUFFER);
  file->state = HOLDS_UNREAD;
  if (length <= 0) return EOF;
  file->end = (size_t)length;
  return file->data[file->at++];
}


size_t file_read (void *into, size_t size, size_t count, File *file) {
  uint8_t *to = into;
  size_t left = size * count;
  while (left > 0) {
    size_t held = file->state == HOLDS_UNREAD ? file->end - file->at : 0;
    if (held > 0) {
      if (held > left) held = left;
      memcpy(to, file->data + file->at, held);
      file->at += held;
      to += held;
      left -= held;
    }
    else if (left >= BUFFER && file->kind == FILE_OF_DISK) {  /* needs no buffer */
      int length;
      if (!may_read(file)) break;
      file->at = file->end = 0;
      length = read_host(file, to, left < LARGEST_PIECE ? left : LARGEST_PIECE);
      if (length <= 0) break;
      to += length;
      left -= (size_t)length;
    }
    else {
      if (file_underflow(file) == EOF) break;
      file->at--;
    }
  }
  return size * count - left;
}

/* }====================================================== */


/* {======================================================
** Writing
** ======================================================= */

/* Writes all; how many bytes the host took. */
static size_t write_host (File *file, const uint8_t *from, size_t length) {
  size_t done = 0;
  while (done < length) {
    tidelock_script_files_failure_t failure;
    script_list_u8_t bytes;
    uint32_t taken;
    bytes.ptr = (uint8_t *)from + done;
    bytes.len = length - done < LARGEST_PIECE ? length - done : LARGEST_PIECE;
    if (!tidelock_script_files_method_file_write(borrow(file), &bytes, &taken, &failure)) {
      file_fail(&failure);
      file->failed = true;
      break;
    }
    done += taken;
  }
  if (file->appends)
    file->position = -1;
  else if (file->position >= 0)
    file->position += (int64_t)done;
  return done;
}


static size_t write_standard (File *file, const uint8_t *from, size_t length) {
  script_list_u8_t bytes = {(uint8_t *)from, length};
  tidelock_script_files_error_t error;
  tidelock_script_files_output_t to = file->kind == FILE_OUTPUT
    ? TIDELOCK_SCRIPT_FILES_OUTPUT_STDOUT : TIDELOCK_SCRIPT_FILES_OUTPUT_STDERR;
  if (length == 0 || tidelock_script_files_write(to, &bytes, &error)) return length;
  file_fail_stream(file, &error);
  return 0;
}


static int flush_standard (File *file) {
  tidelock_script_files_error_t error;
  if (file->kind != FILE_OUTPUT
      || tidelock_script_files_flush(TIDELOCK_SCRIPT_FILES_OUTPUT_STDOUT, &error)) return 0;
  file_fail_stream(file, &error);
  return EOF;
}


int file_flush (File *file) {
  size_t done;
  if (file->kind != FILE_OF_DISK) return flush_standard(file);
  if (file->state != HOLDS_UNWRITTEN) return 0;
  done = write_host(file, file->data + file->at, file->end - file->at);
  file->at += done;
  if (file->at < file->end) return EOF;  /* what is left may be tried again */
  file->at = file->end = 0;
  file->state = HOLDS_NOTHING;
  return 0;
}


/* How far the host's position is ahead of the script's. */
static int64_t unread (File *file) {
  return file->state == HOLDS_UNREAD ? (int64_t)(file->end - file->at) : 0;
}


static bool seek_host (File *file, int64_t offset, tidelock_script_files_origin_t origin) {
  tidelock_script_files_failure_t failure;
  uint64_t position;
  if (!tidelock_script_files_method_file_seek(borrow(file), origin, offset, &position, &failure)) {
    file_fail(&failure);
    return false;
  }
  file->position = (int64_t)position;
  file->at = file->end = 0;
  file->state = HOLDS_NOTHING;
  return true;
}


/* Before writing after reading. */
static bool forget_unread (File *file) {
  int64_t ahead = unread(file);
  if (ahead > 0 && !seek_host(file, -ahead, TIDELOCK_SCRIPT_FILES_ORIGIN_CURRENT)) return false;
  file->at = file->end = 0;
  file->state = HOLDS_NOTHING;
  return true;
}


size_t file_write (const void *from, size_t size, size_t count, File *file) {
  size_t length = size * count;
  if (!file->writable) {
    file_fail_as(file, BAD_DESCRIPTOR, "Bad file descriptor");
    return 0;
  }
  if (file->kind != FILE_OF_DISK) return write_standard(file, from, length);
  if (length == 0) return 0;
  if (file->state != HOLDS_UNWRITTEN && !forget_unread(file)) return 0;
  if (file->buffering == _IONBF) return write_host(file, from, length);
  if (file->state == HOLDS_UNWRITTEN && file->end + length > BUFFER && file_flush(file) != 0)
    return 0;
  if (length >= BUFFER) return write_host(file, from, length);
  if (file->state != HOLDS_UNWRITTEN && !file_make_room(file, BUFFER))
    return write_host(file, from, length);  /* slower */
  memcpy(file->data + file->end, from, length);
  file->end += length;
  file->state = HOLDS_UNWRITTEN;
  if (file->buffering == _IOLBF && memchr(from, '\n', length) != NULL && file_flush(file) != 0)
    return 0;
  return length;
}

/* }====================================================== */


/* {======================================================
** Positions
** ======================================================= */

int file_seek (File *file, int64_t offset, int from) {
  static const tidelock_script_files_origin_t origins[] = {
    [SEEK_SET] = TIDELOCK_SCRIPT_FILES_ORIGIN_START,
    [SEEK_CUR] = TIDELOCK_SCRIPT_FILES_ORIGIN_CURRENT,
    [SEEK_END] = TIDELOCK_SCRIPT_FILES_ORIGIN_END
  };
  if (file->kind != FILE_OF_DISK) {
    file_fail_as(NULL, ILLEGAL_SEEK, "Illegal seek");
    return -1;
  }
  if (file_flush(file) != 0) return -1;
  if (from == SEEK_CUR) {
    if (offset == 0 && file->position >= 0) return 0;  /* keeps what was read ahead */
    if (__builtin_sub_overflow(offset, unread(file), &offset)) {
      file_fail_as(NULL, INVALID_ARGUMENT, "Invalid argument");
      return -1;
    }
  }
  return seek_host(file, offset, origins[from]) ? 0 : -1;
}


/* After 'file_seek', which leaves no question open. */
int64_t file_tell (File *file) {
  return file->position - unread(file);
}


int file_set_buffering (File *file, int buffering) {
  if (file->kind == FILE_OF_DISK) {
    if (file->state == HOLDS_UNWRITTEN && file_flush(file) != 0) return EOF;
    file->buffering = buffering;
  }
  return 0;
}

/* }====================================================== */
