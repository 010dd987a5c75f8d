/*
** The Lua sources that are part of the interpreter, embedded by the build.
*/
#ifndef prelude_h
#define prelude_h

#include <stddef.h>

struct Prelude {
  const char *name;
  const char *source;
  size_t length;
};

/* Ends with an entry whose name is NULL. */
extern const struct Prelude preludes[];

#endif
