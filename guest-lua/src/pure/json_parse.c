/*
** json_parse.c - RFC 8259 text to Lua values, strictly.
** One pass; the line and the column are only counted for an error.
*/

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lua.h"

#include "lauxlib.h"

#include "args.h"
#include "buf.h"
#include "json.h"
#include "json_scan.h"

typedef struct Parser {
  lua_State *L;
  const char *fn;
  const unsigned char *start;
  const unsigned char *p;  /* next byte to read */
  const unsigned char *end;
  Buf scratch;  /* strings with escapes, long numbers */
  int depth;
} Parser;

/* decimal exponents up to here are exact as floats */
#define MAXEXACT10	22

/* floats hold all integers up to here */
#define MAXEXACTINT	(UINT64_C(1) << 53)

/* exponents beyond this are as good as infinite */
#define MAXEXPONENT	100000

static void p_value (Parser *P);


_Noreturn static void p_failgot (Parser *P, const unsigned char *at,
                                 const char *expected, const char *got) {
  int line = 1, column = 1;
  const unsigned char *q;
  for (q = P->start; q < at; q++) {
    if (*q == '\n') {
      line++;
      column = 1;
    }
    else if ((*q & 0xC0) != 0x80)  /* columns count characters */
      column++;
  }
  arg_error(P->L, "%s: line %d, column %d: expected %s, got %s",
            P->fn, line, column, expected, got);
}


_Noreturn static void p_fail (Parser *P, const unsigned char *at,
                              const char *expected) {
  char got[UTF8_MAX + 16];
  if (at >= P->end)
    p_failgot(P, at, expected, "end of input");
  if (*at > 0x20 && *at != 0x7F && utf8_length(at, P->end) > 0)
    snprintf(got, sizeof(got), "'%.*s'", (int)utf8_length(at, P->end),
             (const char *)at);
  else
    snprintf(got, sizeof(got), "byte 0x%02X", *at);
  p_failgot(P, at, expected, got);
}


static void p_space (Parser *P) {
  const unsigned char *p = P->p;
  while (p < P->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    p++;
  P->p = p;
}


/* The next byte after white space, -1 at the end. */
static int p_peek (Parser *P) {
  p_space(P);
  return (P->p < P->end) ? *P->p : -1;
}


static void p_word (Parser *P, const char *word, const char *expected) {
  for (; *word != '\0'; word++, P->p++) {
    if (P->p == P->end || *P->p != (unsigned char)*word)
      p_fail(P, P->p, expected);
  }
}


/* {== Strings == */

/* Four hexadecimal digits after `\u`. */
static unsigned p_hex4 (Parser *P) {
  unsigned u = 0;
  int i;
  for (i = 0; i < 4; i++, P->p++) {
    unsigned c = (P->p < P->end) ? *P->p : 0;
    if (c - '0' < 10)
      u = u << 4 | (c - '0');
    else if ((c | 0x20) - 'a' < 6)
      u = u << 4 | ((c | 0x20) - 'a' + 10);
    else
      p_fail(P, P->p, "four hexadecimal digits after \\u");
  }
  return u;
}


/* The code point of a `\u` escape; 'P->p' is after the `u`. */
static unsigned long p_codepoint (Parser *P) {
  static const char expected[] = "a low surrogate after a high one";
  const unsigned char *at = P->p - 2;
  unsigned high = p_hex4(P), low;
  if (high < 0xD800 || high > 0xDFFF)
    return high;
  if (high >= 0xDC00)
    p_failgot(P, at, "a character", "a lone low surrogate");
  at = P->p;
  if (P->end - at < 2 || at[0] != '\\' || at[1] != 'u')
    p_fail(P, at, expected);
  P->p += 2;
  low = p_hex4(P);
  if (low < 0xDC00 || low > 0xDFFF)
    p_failgot(P, at, expected, "another character");
  return 0x10000 + ((unsigned long)(high - 0xD800) << 10) + (low - 0xDC00);
}


/* One escape; 'P->p' is after the backslash. */
static void p_escape (Parser *P) {
  Buf *b = &P->scratch;
  int c = (P->p < P->end) ? *P->p : -1;
  switch (c) {
    case '"': case '\\': case '/': break;
    case 'b': c = '\b'; break;
    case 'f': c = '\f'; break;
    case 'n': c = '\n'; break;
    case 'r': c = '\r'; break;
    case 't': c = '\t'; break;
    case 'u': {
      unsigned long u;
      P->p++;
      u = p_codepoint(P);
      b->n += utf8_put(buf_need(b, UTF8_MAX), u);
      return;
    }
    default: p_fail(P, P->p, "one of \"\\/bfnrtu after a backslash");
  }
  P->p++;
  buf_char(b, (char)c);
}


/* Pushes the string that starts at 'P->p' with its quote. */
static void p_string (Parser *P) {
  const unsigned char *run = P->p + 1;
  Buf *b = &P->scratch;
  b->n = 0;
  for (;;) {
    P->p = json_skipplain(run, P->end);
    if (P->p == P->end)
      p_fail(P, P->p, "'\"' to end a string");
    else if (*P->p == '"')
      break;
    else if (*P->p >= 0x80)
      p_fail(P, P->p, "valid UTF-8");
    else if (*P->p < 0x20)
      p_fail(P, P->p, "an escape for a control character");
    buf_add(b, run, (size_t)(P->p - run));
    P->p++;  /* skip the backslash */
    p_escape(P);
    run = P->p;
  }
  if (b->n == 0)  /* no escape */
    lua_pushlstring(P->L, (const char *)run, (size_t)(P->p - run));
  else {
    buf_add(b, run, (size_t)(P->p - run));
    buf_push(b);
  }
  P->p++;
}

/* }== */


/* {== Numbers == */

/* What the digits of a number say, as far as 64 bits can hold it. */
typedef struct Digits {
  uint64_t mantissa;
  int exponent;  /* power of ten that scales the mantissa */
  int exact;  /* no digit was lost */
} Digits;


/* One or more digits; those of a fraction ('scale' 1) scale down. */
static void p_digits (Parser *P, Digits *d, int scale) {
  const unsigned char *p = P->p;
  if (p == P->end || *p < '0' || *p > '9')
    p_fail(P, p, "a digit");
  for (; p < P->end && *p >= '0' && *p <= '9'; p++) {
    unsigned digit = *p - '0';
    if (d->mantissa > (UINT64_MAX - digit) / 10 ||
        d->exponent < -MAXEXPONENT)
      d->exact = 0;
    if (d->exact) {
      d->mantissa = d->mantissa * 10 + digit;
      d->exponent -= scale;
    }
  }
  P->p = p;
}


static void p_exponent (Parser *P, Digits *d) {
  Digits e = {0, 0, 1};
  int negative = 0;
  P->p++;  /* skip the 'e' */
  if (P->p < P->end && (*P->p == '+' || *P->p == '-'))
    negative = (*P->p++ == '-');
  p_digits(P, &e, 0);
  if (!e.exact || e.mantissa > MAXEXPONENT)
    d->exact = 0;
  else
    d->exponent += negative ? -(int)e.mantissa : (int)e.mantissa;
}


/*
** The float written from 'start' to 'P->p'. With an exact mantissa and an
** exact power of ten, one operation rounds correctly; the rest is for
** 'strtod', which wants a terminated string.
*/
static lua_Number p_float (Parser *P, const unsigned char *start,
                           const Digits *d) {
  static const double exact10[MAXEXACT10 + 1] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
    1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
  };
  double f;
  if (d->exact && d->mantissa <= MAXEXACTINT &&
      d->exponent >= -MAXEXACT10 && d->exponent <= MAXEXACT10) {
    f = (double)d->mantissa;
    f = (d->exponent < 0) ? f / exact10[-d->exponent]
                          : f * exact10[d->exponent];
    return (*start == '-') ? -f : f;
  }
  P->scratch.n = 0;
  buf_add(&P->scratch, start, (size_t)(P->p - start));
  buf_char(&P->scratch, '\0');
  f = strtod(P->scratch.data, NULL);
  if (isinf(f))
    p_failgot(P, start, "a number that a float can hold", "a larger one");
  return (lua_Number)f;
}


static void p_number (Parser *P) {
  const unsigned char *start = P->p;
  int negative = (*start == '-');
  int isint = 1;
  Digits d = {0, 0, 1};
  P->p += negative;
  if (P->p < P->end && *P->p == '0')
    P->p++;  /* no digit may follow */
  else
    p_digits(P, &d, 0);
  if (P->p < P->end && *P->p == '.') {
    isint = 0;
    P->p++;
    p_digits(P, &d, 1);
  }
  if (P->p < P->end && (*P->p == 'e' || *P->p == 'E')) {
    isint = 0;
    p_exponent(P, &d);
  }
  if (negative && d.mantissa == 0)
    isint = 0;  /* only a float can be -0 */
  if (isint && d.exact &&
      d.mantissa <= (uint64_t)INT64_MAX + (uint64_t)negative) {
    uint64_t u = negative ? 0 - d.mantissa : d.mantissa;
    lua_pushinteger(P->L, (lua_Integer)u);
  }
  else
    lua_pushnumber(P->L, p_float(P, start, &d));
}

/* }== */


/* Enters an array or an object, whose bracket it skips. */
static void p_open (Parser *P) {
  luaL_checkstack(P->L, 6, "JSON nested too deep");
  if (++P->depth > JSON_MAXDEPTH)
    p_failgot(P, P->p, lua_pushfstring(P->L, "at most %d levels of nesting",
                                       JSON_MAXDEPTH), "one more");
  P->p++;
}


static void p_array (Parser *P) {
  lua_State *L = P->L;
  lua_Integer n = 0;
  p_open(P);
  lua_newtable(L);
  if (p_peek(P) == ']')
    json_pin_array(L);  /* so that it is encoded as [] again */
  else for (;;) {
    int c;
    p_value(P);
    if (lua_isnil(L, -1)) {  /* null keeps its place */
      lua_pop(L, 1);
      json_push_null(L);
    }
    lua_rawseti(L, -2, ++n);
    c = p_peek(P);
    if (c == ']')
      break;
    if (c != ',')
      p_fail(P, P->p, "',' or ']'");
    P->p++;
  }
  P->p++;
  P->depth--;
}


static void p_object (Parser *P) {
  lua_State *L = P->L;
  const char *expected = "a string or '}'";
  p_open(P);
  lua_newtable(L);
  if (p_peek(P) != '}') for (;;) {
    int c;
    if (p_peek(P) != '"')
      p_fail(P, P->p, expected);
    expected = "a string";  /* no '}' after a comma */
    p_string(P);
    if (p_peek(P) != ':')
      p_fail(P, P->p, "':'");
    P->p++;
    p_value(P);
    lua_rawset(L, -3);  /* null removes the key */
    c = p_peek(P);
    if (c == '}')
      break;
    if (c != ',')
      p_fail(P, P->p, "',' or '}'");
    P->p++;
  }
  P->p++;
  P->depth--;
}


/* Pushes the next value. */
static void p_value (Parser *P) {
  int c = p_peek(P);
  switch (c) {
    case '{': p_object(P); break;
    case '[': p_array(P); break;
    case '"': p_string(P); break;
    case 't':
      p_word(P, "true", "'true'");
      lua_pushboolean(P->L, 1);
      break;
    case 'f':
      p_word(P, "false", "'false'");
      lua_pushboolean(P->L, 0);
      break;
    case 'n':
      p_word(P, "null", "'null'");
      lua_pushnil(P->L);
      break;
    default:
      if (c != '-' && (c < '0' || c > '9'))
        p_fail(P, P->p, "a value");
      p_number(P);
  }
}


void json_parse_bytes (lua_State *L, const char *s, size_t len,
                       const char *fn) {
  Parser P;
  P.L = L;
  P.fn = fn;
  P.start = P.p = (const unsigned char *)s;
  P.end = P.start + len;
  P.depth = 0;
  luaL_checkstack(L, 6, "JSON nested too deep");
  buf_init(&P.scratch, L, fn);
  p_value(&P);
  if (p_peek(&P) != -1)
    p_fail(&P, P.p, "end of input");
  lua_replace(L, P.scratch.slot);  /* the value takes its place */
}
