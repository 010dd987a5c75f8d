/*
** base64.c - library `base64` (RFC 4648): standard alphabet with padding,
** URL-safe alphabet without.
*/

#include <limits.h>

#include "lua.h"

#include "lauxlib.h"
#include "lualib.h"

#include "args.h"
#include "base64.h"

/* longest input whose encoding still fits an 'int' */
#define MAXINPUT	((size_t)INT_MAX / 4 * 3 - 64)

typedef struct Alphabet {
  const char *chars;
  int padded;
} Alphabet;

static const Alphabet standard = {
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 1
};

static const Alphabet urlsafe = {
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 0
};


static const Alphabet *b64_alphabet (lua_State *L, const char *fn) {
  return arg_flag(L, 2, fn, "url") ? &urlsafe : &standard;
}


static int b64_encode (lua_State *L) {
  size_t len;
  const unsigned char *s = (const unsigned char *)
                           arg_string(L, 1, "base64.encode", &len);
  const Alphabet *alphabet = b64_alphabet(L, "base64.encode");
  const char *chars = alphabet->chars;
  luaL_Buffer b;
  char *start, *o;
  if (len > MAXINPUT)
    arg_error(L, "base64.encode: argument #1 is too long");
  start = o = luaL_buffinitsize(L, &b, (len + 2) / 3 * 4);
  for (; len >= 3; len -= 3, s += 3) {
    *o++ = chars[s[0] >> 2];
    *o++ = chars[(s[0] & 0x03) << 4 | s[1] >> 4];
    *o++ = chars[(s[1] & 0x0F) << 2 | s[2] >> 6];
    *o++ = chars[s[2] & 0x3F];
  }
  if (len > 0) {
    unsigned second = (len == 2) ? s[1] : 0;
    *o++ = chars[s[0] >> 2];
    *o++ = chars[(s[0] & 0x03) << 4 | second >> 4];
    if (len == 2)
      *o++ = chars[(second & 0x0F) << 2];
    else if (alphabet->padded)
      *o++ = '=';
    if (alphabet->padded)
      *o++ = '=';
  }
  luaL_pushresultsize(&b, (size_t)(o - start));
  return 1;
}


/* Values of the characters of an alphabet; -1 for all others. */
static void b64_inverse (const Alphabet *alphabet, signed char *values) {
  int i;
  for (i = 0; i <= UCHAR_MAX; i++)
    values[i] = -1;
  for (i = 0; i < 64; i++)
    values[(unsigned char)alphabet->chars[i]] = (signed char)i;
}


/* Length of the text without its padding, which must be right. */
static size_t b64_unpad (lua_State *L, const Alphabet *alphabet,
                         const char *s, size_t len) {
  if (alphabet->padded) {
    if (len % 4 != 0)
      arg_error(L, "base64.decode: length must be a multiple of 4, got %I",
                (LUAI_UACINT)len);
    if (len > 0 && s[len - 1] == '=')
      len -= (s[len - 2] == '=') ? 2 : 1;
  }
  if (len % 4 == 1)
    arg_error(L, "base64.decode: incomplete input (%I characters)",
              (LUAI_UACINT)len);
  return len;
}


static int b64_decode (lua_State *L) {
  size_t len, i;
  const char *s = arg_string(L, 1, "base64.decode", &len);
  const Alphabet *alphabet = b64_alphabet(L, "base64.decode");
  signed char values[UCHAR_MAX + 1];
  unsigned bits = 0, nbits = 0;  /* read but not yet written */
  luaL_Buffer b;
  char *start, *o;
  len = b64_unpad(L, alphabet, s, len);
  b64_inverse(alphabet, values);
  start = o = luaL_buffinitsize(L, &b, len / 4 * 3 + 2);
  for (i = 0; i < len; i++) {
    int v = values[(unsigned char)s[i]];
    if (v < 0)
      arg_error(L, "base64.decode: byte %I is not in the alphabet",
                (LUAI_UACINT)(i + 1));
    bits = (bits << 6 | (unsigned)v) & 0xFFF;
    nbits += 6;
    if (nbits >= 8) {
      nbits -= 8;
      *o++ = (char)(bits >> nbits);
    }
  }
  if (bits & ((1u << nbits) - 1))
    arg_error(L, "base64.decode: the last character has bits that belong to "
              "no byte");
  luaL_pushresultsize(&b, (size_t)(o - start));
  return 1;
}


static const luaL_Reg base64_funcs[] = {
  {"decode", b64_decode},
  {"encode", b64_encode},
  {NULL, NULL}
};


int luaopen_base64 (lua_State *L) {
  luaL_newlib(L, base64_funcs);
  return 1;
}
