/* Growable bytes: the one buffer type of the project. Bytes are kept in one piece; taking from the
 * front is cheap, because it only moves the start. Knows nothing of Lua. */
#ifndef MH_BUF_H
#define MH_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "core/mem.h"

typedef struct mh_buf {
  char *data;  /* first byte still held; not terminated */
  size_t len;  /* bytes held */
  size_t skip; /* bytes in front of `data` that were consumed */
  size_t cap;  /* bytes allocated, counted from data - skip */
  mh_mem *mem; /* account, or NULL */
} mh_buf;

void mh_buf_init(mh_buf *b, mh_mem *mem);
void mh_buf_fini(mh_buf *b);

/* All of these return 0, or MOONHERD_ENOMEM and leave the buffer as it was. */
int mh_buf_reserve(mh_buf *b, size_t more); /* room for `more` bytes at data + len */
int mh_buf_append(mh_buf *b, const void *bytes, size_t n);
int mh_buf_puts(mh_buf *b, const char *text);
int mh_buf_putc(mh_buf *b, char c);
int mh_buf_printf(mh_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
int mh_buf_vprintf(mh_buf *b, const char *format, va_list args);

void mh_buf_consume(mh_buf *b, size_t n); /* drop the first n bytes (n <= len) */
void mh_buf_clear(mh_buf *b);             /* drop all bytes, keep the memory */
void mh_buf_move(mh_buf *to,
                 mh_buf *from); /* `to` frees what it had and takes over; `from` is empty */

/* A zero byte is written behind the last one (not counted); returns data, or NULL without memory. */
const char *mh_buf_cstr(mh_buf *b);

#endif
