/* Fuzzes the multipart reader: a body fed whole and the same body fed in pieces must give the same
 * events and the same error. The first three bytes choose limits and pieces. Run by
 * `make fuzz`. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "io/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char TYPE[] = "multipart/form-data; boundary=b";

static void put_slice(mh_buf *to, mh_slice s) {
  mh_buf_printf(to, "%d %zu ", s.data != NULL, s.len);
  mh_buf_append(to, s.data, s.len);
}

static void put_event(mh_buf *to, mh_multipart_kind kind, const mh_multipart_event *event) {
  mh_buf_printf(to, "%d %d ", (int)kind, event->is_large);
  if (kind == MH_MULTIPART_DATA) put_slice(to, event->data);
  if (kind != MH_MULTIPART_PART) return;
  put_slice(to, event->part->name);
  put_slice(to, event->part->filename);
  for (size_t i = 0; i < event->part->header_count; i++) {
    put_slice(to, event->part->headers[i].name);
    put_slice(to, event->part->headers[i].value);
  }
}

static mh_multipart_kind pull(mh_multipart *r, mh_buf *to) {
  mh_multipart_event event;
  mh_multipart_kind kind;
  while ((kind = mh_multipart_next(r, &event)) > MH_MULTIPART_MORE) put_event(to, kind, &event);
  return kind;
}

/* `piece` 0: whole. Each piece is a copy that goes away. */
static void read_all(mh_slice body, const mh_multipart_limits *limits, size_t piece, mh_buf *to) {
  mh_multipart r;
  if (mh_multipart_init(&r, (mh_slice){TYPE, sizeof TYPE - 1}, limits, NULL) != 0) abort();
  size_t at = 0;
  while (at < body.len) {
    size_t n = piece == 0 || piece > body.len - at ? body.len - at : piece;
    char *copy = malloc(n);
    if (copy == NULL) abort();
    memcpy(copy, body.data + at, n);
    if (mh_multipart_feed(&r, copy, n) != 0) abort();
    pull(&r, to);
    free(copy);
    at += n;
  }
  mh_multipart_finish(&r);
  if (pull(&r, to) == MH_MULTIPART_MORE) abort();
  if (r.error.reason != NULL) mh_buf_printf(to, "%s %zu", r.error.reason, (size_t)r.error.offset);
  mh_multipart_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 3) return 0;
  mh_multipart_limits limits = {.max_header = (size_t)data[0] + 1,
                                .max_total = data[0] % 4 == 0 ? data[2] * 4u : 0,
                                .max_name = 16,
                                .inline_max = data[1] % 16 + 1u,
                                .block = data[1] / 16 + 1u};
  mh_slice body = {(const char *)data + 3, size - 3};
  mh_buf whole, cut;
  mh_buf_init(&whole, NULL);
  mh_buf_init(&cut, NULL);
  read_all(body, &limits, 0, &whole);
  read_all(body, &limits, data[2] % 8 + 1u, &cut);
  if (whole.len != cut.len) abort();
  if (whole.len > 0 && memcmp(whole.data, cut.data, whole.len) != 0) abort();
  mh_buf_fini(&whole);
  mh_buf_fini(&cut);
  return 0;
}
