/*
** json_scalar.c - appends the JSON text of one number or string.
*/

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua.h"

#include "buf.h"
#include "json_scalar.h"
#include "json_scan.h"

/* longest number, as "%.17g" or as 64 bits of integer */
#define NUMSIZE	32

/* decimals that 'shortfloat' tries */
#define MAXDECIMALS	6


void json_put_integer (Buf *b, lua_Integer n) {
  char digits[NUMSIZE];
  char *p = digits + NUMSIZE;
  uint64_t u = (n < 0) ? 0 - (uint64_t)n : (uint64_t)n;
  do {
    *--p = (char)('0' + u % 10);
    u /= 10;
  } while (u != 0);
  if (n < 0)
    *--p = '-';
  buf_add(b, p, (size_t)(digits + NUMSIZE - p));
}


/*
** Floats like prices and coordinates: if |f| is what m / 10^k gives for an
** m below 10^15, then m with k decimals is its shortest text. Returns
** false if 'f' is not that simple.
*/
static int shortfloat (Buf *b, double f) {
  double a = fabs(f), scale = 1;
  int k;
  if (a != 0 && !(a >= 1e-3 && a < 1e9))
    return 0;
  for (k = 0; k <= MAXDECIMALS; k++, scale *= 10) {
    uint64_t m = (uint64_t)(a * scale + 0.5);
    if ((double)m / scale == a) {
      uint64_t unit = (uint64_t)scale;
      if (signbit(f))
        buf_char(b, '-');
      json_put_integer(b, (lua_Integer)(m / unit));
      buf_char(b, '.');
      if (k == 0)
        buf_char(b, '0');
      for (m %= unit; (unit /= 10) > 0; m %= unit)
        buf_char(b, (char)('0' + m / unit));
      return 1;
    }
  }
  return 0;
}


void json_put_float (Buf *b, double f) {
  char text[NUMSIZE];
  int precision, len;
  if (shortfloat(b, f))
    return;
  for (precision = 15; ; precision++) {
    len = snprintf(text, sizeof(text), "%.*g", precision, f);
    if (precision == 17 || strtod(text, NULL) == f)
      break;
  }
  buf_add(b, text, (size_t)len);
  if (strpbrk(text, ".e") == NULL)
    buf_add(b, ".0", 2);
}


/* The escape for quote, backslash or control character 'c'. */
static void putescape (Buf *b, unsigned c) {
  static const char hex[] = "0123456789abcdef";
  buf_char(b, '\\');
  switch (c) {
    case '"': case '\\': buf_char(b, (char)c); break;
    case '\b': buf_char(b, 'b'); break;
    case '\f': buf_char(b, 'f'); break;
    case '\n': buf_char(b, 'n'); break;
    case '\r': buf_char(b, 'r'); break;
    case '\t': buf_char(b, 't'); break;
    default:
      buf_add(b, "u00", 3);
      buf_char(b, hex[c >> 4]);
      buf_char(b, hex[c & 15]);
  }
}


size_t json_put_string (Buf *b, const char *s, size_t len) {
  const unsigned char *p = (const unsigned char *)s;
  const unsigned char *end = p + len;
  buf_char(b, '"');
  for (;;) {
    const unsigned char *run = p;
    p = json_skipplain(p, end);
    buf_add(b, run, (size_t)(p - run));
    if (p == end)
      break;
    if (*p >= 0x80)
      return (size_t)((const char *)p - s) + 1;
    putescape(b, *p++);
  }
  buf_char(b, '"');
  return 0;
}
