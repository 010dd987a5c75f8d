/*
** url_codec.h - percent-encoding, to and from a buffer.
*/

#ifndef pure_url_codec_h
#define pure_url_codec_h

#include <stddef.h>

#include "buf.h"

/* In both, 'plus' says whether '+' is another way to write a space. */

/* Encodes all but the unreserved characters of RFC 3986. */
void url_put_encoded (Buf *b, const char *s, size_t len, int plus);

/* Decodes; an escape that is none stays as it is. */
void url_put_decoded (Buf *b, const char *s, size_t len, int plus);

#endif
