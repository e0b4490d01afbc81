/* Growable bytes. See buf.h. */
#include "core/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "moonherd.h"

enum { FIRST_CAPACITY = 256 };

void mh_buf_init(mh_buf *b, mh_mem *mem) {
  memset(b, 0, sizeof *b);
  b->mem = mem;
}

void mh_buf_fini(mh_buf *b) {
  if (b->cap != 0) mh_mem_realloc(b->mem, b->data - b->skip, b->cap, 0);
  mh_buf_init(b, b->mem);
}

/* Moves the bytes back to the start of the allocation. */
static void compact(mh_buf *b) {
  if (b->skip == 0) return;
  char *start = b->data - b->skip;
  memmove(start, b->data, b->len);
  b->data = start;
  b->skip = 0;
}

int mh_buf_reserve(mh_buf *b, size_t more) {
  if (more > SIZE_MAX / 2 - b->len) return MOONHERD_ENOMEM;
  size_t need = b->len + more;
  if (need <= b->cap - b->skip) return 0;
  // Moving bytes must pay off: at least as many must have been taken as are moved.
  bool is_cheap = b->skip >= b->len;
  compact(b);
  if (is_cheap && need <= b->cap) return 0;
  size_t cap = b->cap < FIRST_CAPACITY ? FIRST_CAPACITY : b->cap + b->cap / 2;
  while (cap < need) cap += cap / 2;
  char *data = mh_mem_realloc(b->mem, b->data, b->cap, cap);
  if (data == NULL && cap > need) {
    cap = need;  // near the limit: ask for exactly what is needed
    data = mh_mem_realloc(b->mem, b->data, b->cap, cap);
  }
  if (data == NULL) return MOONHERD_ENOMEM;
  b->data = data;
  b->cap = cap;
  return 0;
}

int mh_buf_append(mh_buf *b, const void *bytes, size_t n) {
  if (n == 0) return 0;
  int e = mh_buf_reserve(b, n);
  if (e != 0) return e;
  memcpy(b->data + b->len, bytes, n);
  b->len += n;
  return 0;
}

int mh_buf_puts(mh_buf *b, const char *text) {
  return mh_buf_append(b, text, strlen(text));
}

int mh_buf_putc(mh_buf *b, char c) {
  return mh_buf_append(b, &c, 1);
}

int mh_buf_vprintf(mh_buf *b, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, again);
  va_end(again);
  if (n < 0) return MOONHERD_EINVAL;
  int e = mh_buf_reserve(b, (size_t)n + 1);
  if (e != 0) return e;
  vsnprintf(b->data + b->len, (size_t)n + 1, format, args);
  b->len += (size_t)n;
  return 0;
}

int mh_buf_printf(mh_buf *b, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int e = mh_buf_vprintf(b, format, args);
  va_end(args);
  return e;
}

void mh_buf_consume(mh_buf *b, size_t n) {
  if (n >= b->len) {
    mh_buf_clear(b);
    return;
  }
  b->data += n;
  b->skip += n;
  b->len -= n;
}

void mh_buf_clear(mh_buf *b) {
  if (b->data != NULL) b->data -= b->skip;
  b->skip = 0;
  b->len = 0;
}

void mh_buf_move(mh_buf *to, mh_buf *from) {
  mh_buf_fini(to);
  *to = *from;
  mh_buf_init(from, from->mem);
}

const char *mh_buf_cstr(mh_buf *b) {
  if (mh_buf_reserve(b, 1) != 0) return NULL;
  b->data[b->len] = '\0';
  return b->data;
}
