/*
** digest.c - message digests: MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4).
** Padding and buffering are common; an algorithm is one compress function.
*/

#include <string.h>

#include "digest.h"


/* Fractional parts of the square roots of the first 16 primes. */
static const uint64_t roots2[16] = {
  0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B,
  0xA54FF53A5F1D36F1, 0x510E527FADE682D1, 0x9B05688C2B3E6C1F,
  0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179, 0xCBBB9D5DC1059ED8,
  0x629A292A367CD507, 0x9159015A3070DD17, 0x152FECD8F70E5939,
  0x67332667FFC00B31, 0x8EB44A8768581511, 0xDB0C2E0D64F98FA7,
  0x47B5481DBEFA4FA4
};

/*
** Fractional parts of the cube roots of the first 80 primes. SHA-256 uses
** the upper halves of the first 64.
*/
static const uint64_t roots3[80] = {
  0x428A2F98D728AE22, 0x7137449123EF65CD, 0xB5C0FBCFEC4D3B2F,
  0xE9B5DBA58189DBBC, 0x3956C25BF348B538, 0x59F111F1B605D019,
  0x923F82A4AF194F9B, 0xAB1C5ED5DA6D8118, 0xD807AA98A3030242,
  0x12835B0145706FBE, 0x243185BE4EE4B28C, 0x550C7DC3D5FFB4E2,
  0x72BE5D74F27B896F, 0x80DEB1FE3B1696B1, 0x9BDC06A725C71235,
  0xC19BF174CF692694, 0xE49B69C19EF14AD2, 0xEFBE4786384F25E3,
  0x0FC19DC68B8CD5B5, 0x240CA1CC77AC9C65, 0x2DE92C6F592B0275,
  0x4A7484AA6EA6E483, 0x5CB0A9DCBD41FBD4, 0x76F988DA831153B5,
  0x983E5152EE66DFAB, 0xA831C66D2DB43210, 0xB00327C898FB213F,
  0xBF597FC7BEEF0EE4, 0xC6E00BF33DA88FC2, 0xD5A79147930AA725,
  0x06CA6351E003826F, 0x142929670A0E6E70, 0x27B70A8546D22FFC,
  0x2E1B21385C26C926, 0x4D2C6DFC5AC42AED, 0x53380D139D95B3DF,
  0x650A73548BAF63DE, 0x766A0ABB3C77B2A8, 0x81C2C92E47EDAEE6,
  0x92722C851482353B, 0xA2BFE8A14CF10364, 0xA81A664BBC423001,
  0xC24B8B70D0F89791, 0xC76C51A30654BE30, 0xD192E819D6EF5218,
  0xD69906245565A910, 0xF40E35855771202A, 0x106AA07032BBD1B8,
  0x19A4C116B8D2D0C8, 0x1E376C085141AB53, 0x2748774CDF8EEB99,
  0x34B0BCB5E19B48A8, 0x391C0CB3C5C95A63, 0x4ED8AA4AE3418ACB,
  0x5B9CCA4F7763E373, 0x682E6FF3D6B2B8A3, 0x748F82EE5DEFB2FC,
  0x78A5636F43172F60, 0x84C87814A1F0AB72, 0x8CC702081A6439EC,
  0x90BEFFFA23631E28, 0xA4506CEBDE82BDE9, 0xBEF9A3F7B2C67915,
  0xC67178F2E372532B, 0xCA273ECEEA26619C, 0xD186B8C721C0C207,
  0xEADA7DD6CDE0EB1E, 0xF57D4F7FEE6ED178, 0x06F067AA72176FBA,
  0x0A637DC5A2C898A6, 0x113F9804BEF90DAE, 0x1B710B35131C471B,
  0x28DB77F523047D84, 0x32CAAB7B40C72493, 0x3C9EBE0A15C9BEBC,
  0x431D67C49C100D4C, 0x4CC5D4BECB3E42B6, 0x597F299CFC657E2A,
  0x5FCB6FAB3AD6FAEC, 0x6C44198C4A475817
};

/* Integer parts of 2^32 * |sin(i)|, i from 1. */
static const uint32_t sines[64] = {
  0xD76AA478, 0xE8C7B756, 0x242070DB, 0xC1BDCEEE, 0xF57C0FAF, 0x4787C62A,
  0xA8304613, 0xFD469501, 0x698098D8, 0x8B44F7AF, 0xFFFF5BB1, 0x895CD7BE,
  0x6B901122, 0xFD987193, 0xA679438E, 0x49B40821, 0xF61E2562, 0xC040B340,
  0x265E5A51, 0xE9B6C7AA, 0xD62F105D, 0x02441453, 0xD8A1E681, 0xE7D3FBC8,
  0x21E1CDE6, 0xC33707D6, 0xF4D50D87, 0x455A14ED, 0xA9E3E905, 0xFCEFA3F8,
  0x676F02D9, 0x8D2A4C8A, 0xFFFA3942, 0x8771F681, 0x6D9D6122, 0xFDE5380C,
  0xA4BEEA44, 0x4BDECFA9, 0xF6BB4B60, 0xBEBFBC70, 0x289B7EC6, 0xEAA127FA,
  0xD4EF3085, 0x04881D05, 0xD9D4D039, 0xE6DB99E5, 0x1FA27CF8, 0xC4AC5665,
  0xF4292244, 0x432AFF97, 0xAB9423A7, 0xFC93A039, 0x655B59C3, 0x8F0CCC92,
  0xFFEFF47D, 0x85845DD1, 0x6FA87E4F, 0xFE2CE6E0, 0xA3014314, 0x4E0811A1,
  0xF7537E82, 0xBD3AF235, 0x2AD7D2BB, 0xEB86D391
};

/* First states that are not roots: counting up and down in hexadecimal. */
static const uint64_t counting[5] = {
  0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0
};


static uint32_t rotl32 (uint32_t x, unsigned n) {
  return x << n | x >> (32 - n);
}


static uint32_t rotr32 (uint32_t x, unsigned n) {
  return x >> n | x << (32 - n);
}


static uint64_t rotr64 (uint64_t x, unsigned n) {
  return x >> n | x << (64 - n);
}


static uint64_t loadbig (const unsigned char *p, size_t n) {
  uint64_t x = 0;
  while (n-- > 0)
    x = x << 8 | *p++;
  return x;
}


static void store (unsigned char *p, uint64_t x, size_t n, int little) {
  size_t i;
  for (i = 0; i < n; i++, x >>= 8)
    p[little ? i : n - 1 - i] = (unsigned char)x;
}


/* {== Compress functions == */

static void md5_compress (Digest *d, const unsigned char *p) {
  static const unsigned char turns[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}
  };
  uint32_t m[16];
  uint32_t a = (uint32_t)d->state[0], b = (uint32_t)d->state[1];
  uint32_t c = (uint32_t)d->state[2], e = (uint32_t)d->state[3];
  unsigned i;
  for (i = 0; i < 16; i++, p += 4)
    m[i] = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16
                | (uint32_t)p[3] << 24;
  for (i = 0; i < 64; i++) {
    uint32_t f, old = e;
    unsigned g;
    switch (i / 16) {
      case 0: f = (b & c) | (~b & e); g = i; break;
      case 1: f = (e & b) | (~e & c); g = 5 * i + 1; break;
      case 2: f = b ^ c ^ e; g = 3 * i + 5; break;
      default: f = c ^ (b | ~e); g = 7 * i; break;
    }
    e = c;
    c = b;
    b += rotl32(a + f + sines[i] + m[g % 16], turns[i / 16][i % 4]);
    a = old;
  }
  d->state[0] += a; d->state[1] += b;
  d->state[2] += c; d->state[3] += e;
}


static void sha1_compress (Digest *d, const unsigned char *p) {
  static const uint32_t k[4] = {
    0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6
  };
  uint32_t w[80], s[5];
  unsigned i;
  for (i = 0; i < 16; i++)
    w[i] = (uint32_t)loadbig(p + 4 * i, 4);
  for (; i < 80; i++)
    w[i] = rotl32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  for (i = 0; i < 5; i++)
    s[i] = (uint32_t)d->state[i];
  for (i = 0; i < 80; i++) {
    uint32_t f, t;
    switch (i / 20) {
      case 0: f = (s[1] & s[2]) | (~s[1] & s[3]); break;
      case 2: f = (s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3]); break;
      default: f = s[1] ^ s[2] ^ s[3]; break;
    }
    t = rotl32(s[0], 5) + f + s[4] + k[i / 20] + w[i];
    s[4] = s[3];
    s[3] = s[2];
    s[2] = rotl32(s[1], 30);
    s[1] = s[0];
    s[0] = t;
  }
  for (i = 0; i < 5; i++)
    d->state[i] += s[i];
}


static void sha256_compress (Digest *d, const unsigned char *p) {
  uint32_t w[64], s[8];
  unsigned i;
  for (i = 0; i < 16; i++)
    w[i] = (uint32_t)loadbig(p + 4 * i, 4);
  for (; i < 64; i++) {
    uint32_t x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + (rotr32(x, 7) ^ rotr32(x, 18) ^ x >> 3)
         + w[i - 7] + (rotr32(y, 17) ^ rotr32(y, 19) ^ y >> 10);
  }
  for (i = 0; i < 8; i++)
    s[i] = (uint32_t)d->state[i];
  for (i = 0; i < 64; i++) {
    uint32_t a = s[0], e = s[4];
    uint32_t t = s[7] + (rotr32(e, 6) ^ rotr32(e, 11) ^ rotr32(e, 25))
               + ((e & s[5]) ^ (~e & s[6])) + (uint32_t)(roots3[i] >> 32)
               + w[i];
    memmove(s + 1, s, 7 * sizeof(s[0]));
    s[4] += t;
    s[0] = t + (rotr32(a, 2) ^ rotr32(a, 13) ^ rotr32(a, 22))
         + ((a & s[2]) ^ (a & s[3]) ^ (s[2] & s[3]));
  }
  for (i = 0; i < 8; i++)
    d->state[i] += s[i];
}


static void sha512_compress (Digest *d, const unsigned char *p) {
  uint64_t w[80], s[8];
  unsigned i;
  for (i = 0; i < 16; i++)
    w[i] = loadbig(p + 8 * i, 8);
  for (; i < 80; i++) {
    uint64_t x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + (rotr64(x, 1) ^ rotr64(x, 8) ^ x >> 7)
         + w[i - 7] + (rotr64(y, 19) ^ rotr64(y, 61) ^ y >> 6);
  }
  memcpy(s, d->state, sizeof(s));
  for (i = 0; i < 80; i++) {
    uint64_t a = s[0], e = s[4];
    uint64_t t = s[7] + (rotr64(e, 14) ^ rotr64(e, 18) ^ rotr64(e, 41))
               + ((e & s[5]) ^ (~e & s[6])) + roots3[i] + w[i];
    memmove(s + 1, s, 7 * sizeof(s[0]));
    s[4] += t;
    s[0] = t + (rotr64(a, 28) ^ rotr64(a, 34) ^ rotr64(a, 39))
         + ((a & s[2]) ^ (a & s[3]) ^ (s[2] & s[3]));
  }
  for (i = 0; i < 8; i++)
    d->state[i] += s[i];
}

/* }== */


/* SHA-224 and SHA-384 start from the roots of the second eight primes. */
const DigestAlg digest_algs[] = {
  {"md5", 64, 16, 4, 1, counting, 0, md5_compress},
  {"sha1", 64, 20, 4, 0, counting, 0, sha1_compress},
  {"sha224", 64, 28, 4, 0, roots2 + 8, 0, sha256_compress},
  {"sha256", 64, 32, 4, 0, roots2, 32, sha256_compress},
  {"sha384", 128, 48, 8, 0, roots2 + 8, 0, sha512_compress},
  {"sha512", 128, 64, 8, 0, roots2, 0, sha512_compress},
  {NULL, 0, 0, 0, 0, NULL, 0, NULL}
};


void digest_init (Digest *d, const DigestAlg *alg) {
  size_t i, n = (alg->init == counting) ? 5 : 8;
  memset(d, 0, sizeof(*d));
  d->alg = alg;
  for (i = 0; i < n; i++)
    d->state[i] = alg->init[i] >> alg->shift;
}


void digest_update (Digest *d, const void *data, size_t len) {
  const unsigned char *p = data;
  size_t block = d->alg->block;
  if (len == 0)
    return;
  d->length += len;
  if (d->fill > 0) {
    size_t n = block - d->fill;
    if (n > len)
      n = len;
    memcpy(d->block + d->fill, p, n);
    d->fill += n;
    p += n;
    len -= n;
    if (d->fill < block)
      return;
    d->alg->compress(d, d->block);
    d->fill = 0;
  }
  for (; len >= block; p += block, len -= block)
    d->alg->compress(d, p);
  memcpy(d->block, p, len);
  d->fill = len;
}


void digest_final (Digest *d, unsigned char *out) {
  const DigestAlg *alg = d->alg;
  size_t block = alg->block, word = alg->word, i;
  uint64_t bits = d->length * 8;  /* the upper half is always zero */
  d->block[d->fill++] = 0x80;
  if (d->fill > block - 2 * word) {  /* no room for the length? */
    memset(d->block + d->fill, 0, block - d->fill);
    alg->compress(d, d->block);
    d->fill = 0;
  }
  memset(d->block + d->fill, 0, block - d->fill);
  store(d->block + block - 8, bits, 8, alg->little);
  alg->compress(d, d->block);
  for (i = 0; i * word < alg->size; i++)
    store(out + i * word, d->state[i], word, alg->little);
}
