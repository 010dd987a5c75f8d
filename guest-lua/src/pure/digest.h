/*
** digest.h - message digests: MD5, SHA-1 and the SHA-2 family.
** No allocation, no global state, nothing of Lua.
*/

#ifndef pure_digest_h
#define pure_digest_h

#include <stddef.h>
#include <stdint.h>

/* largest block and largest result of all algorithms, in bytes */
#define DIGEST_MAXBLOCK	128
#define DIGEST_MAXSIZE	64

typedef struct Digest Digest;

typedef struct DigestAlg {
  const char *name;
  size_t block;  /* bytes that 'compress' takes */
  size_t size;  /* bytes of the result */
  size_t word;  /* bytes of a state word, and half those of the length */
  int little;  /* true if words and length are little-endian */
  const uint64_t *init;  /* first state ... */
  int shift;  /* ... after shifting each word right by this */
  void (*compress) (Digest *d, const unsigned char *block);
} DigestAlg;

struct Digest {
  const DigestAlg *alg;
  uint64_t state[8];  /* words of 32 bits use the low half */
  uint64_t length;  /* bytes so far */
  size_t fill;  /* bytes in 'block' */
  unsigned char block[DIGEST_MAXBLOCK];
};

/* Ends with an entry whose name is NULL. */
extern const DigestAlg digest_algs[];

void digest_init (Digest *d, const DigestAlg *alg);
void digest_update (Digest *d, const void *data, size_t len);

/* Writes 'alg->size' bytes to 'out'. */
void digest_final (Digest *d, unsigned char *out);

#endif
