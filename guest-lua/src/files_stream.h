/*
** Buffered files: what Lua's own 'io' library asks of the C library, over wit/files.wit.
**
** 'files_library.c' compiles Lua's library with these in place of the C library's. Files of granted
** folders, the standard streams written to at once, and standard input, of which only what has arrived
** can be read: 'files_input.c' waits for more.
*/
#ifndef files_stream_h
#define files_stream_h

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lua.h"

#include "script.h"

typedef struct File File;

struct File {
  enum { FILE_OF_DISK, FILE_INPUT, FILE_OUTPUT, FILE_ERRORS } kind;
  tidelock_script_files_own_file_t handle;  /* of a file of the disk */
  bool readable, writable, appends;
  bool failed;  /* what 'ferror' tells */
  enum { HOLDS_NOTHING, HOLDS_UNREAD, HOLDS_UNWRITTEN } state;
  uint8_t *data;  /* the buffer; room for the operating system's answer or what was written */
  size_t room;
  size_t at, end;  /* what the buffer holds */
  int buffering;  /* _IOFBF, _IOLBF or _IONBF */
  int64_t position;  /* of the host's file; -1: not known */
  File *next, *previous;  /* open files of the disk */
};

/* The standard streams: FILE_INPUT, FILE_OUTPUT, FILE_ERRORS. */
File *file_standard (int kind);

/*
** Opens the file that the string at index 1 names; NULL if that failed. Raises where the mistake is the
** script's, and where too many files are open.
*/
File *file_open (lua_State *L, const char *mode);

/* The rest as in C. */
int file_close (File *file);
int file_underflow (File *file);
size_t file_read (void *into, size_t size, size_t count, File *file);
size_t file_write (const void *from, size_t size, size_t count, File *file);
int file_flush (File *file);
int file_seek (File *file, int64_t offset, int from);
int64_t file_tell (File *file);
int file_set_buffering (File *file, int buffering);

static inline int file_getc (File *file) {
  if (file->state == HOLDS_UNREAD && file->at < file->end) return file->data[file->at++];
  return file_underflow(file);
}

/* Only ever the character that was read last. */
static inline void file_ungetc (int c, File *file) {
  if (c != EOF) file->at--;
}

/* Makes room for 'more' bytes behind what the buffer holds; false if there is no memory. */
bool file_make_room (File *file, size_t more);

/* Writes what every open file holds: the script ends without closing them. */
void file_flush_all (void);

#endif
