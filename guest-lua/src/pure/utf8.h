/*
** utf8.h - strict UTF-8 (no overlong forms, no surrogates, no more than
** U+10FFFF), one sequence at a time.
*/

#ifndef pure_utf8_h
#define pure_utf8_h

#include <stddef.h>

/* Longest sequence, in bytes. */
#define UTF8_MAX	4


/* Length of the valid sequence that starts at 'p' < 'end', 0 if none. */
static inline size_t utf8_length (const unsigned char *p,
                                  const unsigned char *end) {
  size_t left = (size_t)(end - p);
  unsigned c = p[0];
  unsigned lo = 0x80, hi = 0xBF;  /* bounds of the second byte */
  if (c < 0x80)
    return 1;
  if (c < 0xC2 || left < 2)
    return 0;
  if (c == 0xE0) lo = 0xA0;
  else if (c == 0xED) hi = 0x9F;
  else if (c == 0xF0) lo = 0x90;
  else if (c == 0xF4) hi = 0x8F;
  if (p[1] < lo || p[1] > hi)
    return 0;
  if (c < 0xE0)
    return 2;
  if (left < 3 || (p[2] & 0xC0) != 0x80)
    return 0;
  if (c < 0xF0)
    return 3;
  if (c > 0xF4 || left < 4 || (p[3] & 0xC0) != 0x80)
    return 0;
  return 4;
}


/* Writes code point 'u' to 'o' and returns how many bytes it took. */
static inline size_t utf8_put (char *o, unsigned long u) {
  if (u < 0x80) {
    o[0] = (char)u;
    return 1;
  }
  if (u < 0x800) {
    o[0] = (char)(0xC0 | (u >> 6));
    o[1] = (char)(0x80 | (u & 0x3F));
    return 2;
  }
  if (u < 0x10000) {
    o[0] = (char)(0xE0 | (u >> 12));
    o[1] = (char)(0x80 | ((u >> 6) & 0x3F));
    o[2] = (char)(0x80 | (u & 0x3F));
    return 3;
  }
  o[0] = (char)(0xF0 | (u >> 18));
  o[1] = (char)(0x80 | ((u >> 12) & 0x3F));
  o[2] = (char)(0x80 | ((u >> 6) & 0x3F));
  o[3] = (char)(0x80 | (u & 0x3F));
  return 4;
}

#endif
