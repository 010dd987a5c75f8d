/*
** crypto.c - library `crypto`: hash, hmac, random.
** The algorithms are in digest.c.
*/

#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE  /* for 'getentropy' */
#endif

#include <string.h>
#include <unistd.h>

#include "lua.h"

#include "lauxlib.h"
#include "lualib.h"

#include "args.h"
#include "crypto.h"
#include "digest.h"

/* most characters that `crypto.random` makes at a time */
#define MAXRANDOM	(1024 * 1024)

/* most bytes that 'getentropy' gives at a time */
#define ENTROPYCHUNK	256

#define DEFAULTALG	"sha256"


/* Pushes "md5, sha1, ..." and returns it. */
static const char *crypto_algnames (lua_State *L) {
  const DigestAlg *alg;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (alg = digest_algs; alg->name != NULL; alg++) {
    if (alg != digest_algs)
      luaL_addstring(&b, ", ");
    luaL_addstring(&b, alg->name);
  }
  luaL_pushresult(&b);
  return lua_tostring(L, -1);
}


static int crypto_samename (const char *name, const char *s, size_t len) {
  size_t i;
  if (strlen(name) != len)
    return 0;
  for (i = 0; i < len; i++) {
    char c = (s[i] >= 'A' && s[i] <= 'Z') ? (char)(s[i] | 0x20) : s[i];
    if (c != name[i])
      return 0;
  }
  return 1;
}


/* The algorithm named by argument 'arg', in upper or lower case. */
static const DigestAlg *crypto_alg (lua_State *L, int arg, const char *fn) {
  const DigestAlg *alg;
  size_t len = strlen(DEFAULTALG);
  const char *s = lua_isnoneornil(L, arg) ? DEFAULTALG
                                          : arg_string(L, arg, fn, &len);
  for (alg = digest_algs; alg->name != NULL; alg++) {
    if (crypto_samename(alg->name, s, len))
      return alg;
  }
  arg_error(L, "%s: argument #%d must be one of %s, got '%s'", fn, arg,
            crypto_algnames(L), (len <= 32) ? s : "a longer text");
}


static void crypto_pushhex (lua_State *L, const unsigned char *p, size_t n) {
  static const char digits[] = "0123456789abcdef";
  char hex[2 * DIGEST_MAXSIZE];
  size_t i;
  for (i = 0; i < n; i++) {
    hex[2 * i] = digits[p[i] >> 4];
    hex[2 * i + 1] = digits[p[i] & 15];
  }
  lua_pushlstring(L, hex, 2 * n);
}


static int crypto_hash (lua_State *L) {
  size_t len;
  const char *s = arg_string(L, 1, "crypto.hash", &len);
  const DigestAlg *alg = crypto_alg(L, 2, "crypto.hash");
  unsigned char result[DIGEST_MAXSIZE];
  Digest d;
  digest_init(&d, alg);
  digest_update(&d, s, len);
  digest_final(&d, result);
  crypto_pushhex(L, result, alg->size);
  return 1;
}


/* RFC 2104. */
static void crypto_mac (const DigestAlg *alg, const char *key, size_t keylen,
                        const char *s, size_t len, unsigned char *result) {
  unsigned char pad[DIGEST_MAXBLOCK] = {0};
  Digest d;
  size_t i;
  if (keylen > alg->block) {
    digest_init(&d, alg);
    digest_update(&d, key, keylen);
    digest_final(&d, pad);
  }
  else if (keylen > 0)
    memcpy(pad, key, keylen);
  for (i = 0; i < alg->block; i++)
    pad[i] ^= 0x36;
  digest_init(&d, alg);
  digest_update(&d, pad, alg->block);
  digest_update(&d, s, len);
  digest_final(&d, result);
  for (i = 0; i < alg->block; i++)
    pad[i] ^= 0x36 ^ 0x5C;
  digest_init(&d, alg);
  digest_update(&d, pad, alg->block);
  digest_update(&d, result, alg->size);
  digest_final(&d, result);
}


static int crypto_hmac (lua_State *L) {
  size_t keylen, len;
  const char *key = arg_string(L, 1, "crypto.hmac", &keylen);
  const char *s = arg_string(L, 2, "crypto.hmac", &len);
  const DigestAlg *alg = crypto_alg(L, 3, "crypto.hmac");
  int raw = arg_optboolean(L, 4, "crypto.hmac");
  unsigned char result[DIGEST_MAXSIZE];
  crypto_mac(alg, key, keylen, s, len, result);
  if (raw)
    lua_pushlstring(L, (const char *)result, alg->size);
  else
    crypto_pushhex(L, result, alg->size);
  return 1;
}


/*
** Six bits of each random byte choose one of 64 values; the two that name
** no character are thrown away, so that all others are equally likely.
*/
static int crypto_random (lua_State *L) {
  static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789";
  size_t n = (size_t)arg_optinteger(L, 1, "crypto.random", 1, MAXRANDOM, 32);
  size_t done = 0, i;
  unsigned char noise[ENTROPYCHUNK];
  luaL_Buffer b;
  char *o = luaL_buffinitsize(L, &b, n);
  while (done < n) {
    size_t want = n - done;
    if (want > ENTROPYCHUNK)
      want = ENTROPYCHUNK;
    if (getentropy(noise, want) != 0)
      arg_error(L, "crypto.random: no random bytes from the system");
    for (i = 0; i < want; i++) {
      unsigned v = noise[i] & 63;
      if (v < sizeof(chars) - 1)
        o[done++] = chars[v];
    }
  }
  luaL_pushresultsize(&b, n);
  return 1;
}


static const luaL_Reg crypto_funcs[] = {
  {"hash", crypto_hash},
  {"hmac", crypto_hmac},
  {"random", crypto_random},
  {NULL, NULL}
};


int luaopen_crypto (lua_State *L) {
  luaL_newlib(L, crypto_funcs);
  return 1;
}
