/*
** json_scan.h - the loop where parser and encoder spend their time.
*/

#ifndef pure_json_scan_h
#define pure_json_scan_h

#include <stdint.h>
#include <string.h>

#include "utf8.h"

#define EACH_BYTE(c)	((uint64_t)(c) * UINT64_C(0x0101010101010101))


/*
** Skips text that stands for itself inside a JSON string. Stops at 'end'
** or at a quote, a backslash, a control character or invalid UTF-8.
** Eight bytes at a time: subtracting sets the high bit of a byte smaller
** than the subtrahend, and the borrow can only follow such a byte.
*/
static inline const unsigned char *json_skipplain (const unsigned char *p,
                                                   const unsigned char *end) {
  for (;;) {
    while (end - p >= 8) {
      uint64_t w;
      memcpy(&w, p, 8);
      if (((w - EACH_BYTE(0x20)) | ((w ^ EACH_BYTE('"')) - EACH_BYTE(1)) |
           ((w ^ EACH_BYTE('\\')) - EACH_BYTE(1)) | w) & EACH_BYTE(0x80))
        break;
      p += 8;
    }
    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
      p++;
    if (p < end && *p >= 0x80) {
      size_t n = utf8_length(p, end);
      if (n == 0)
        return p;
      p += n;
    }
    else if (p == end || *p < 0x20 || *p == '"' || *p == '\\')
      return p;
  }
}

#endif
