/* multipart/form-data: an incremental reader (the writer is multipart_write.h). Knows nothing of Lua
 * and nothing of sockets: bytes come in by mh_multipart_feed and leave as events.
 *
 *   mh_multipart_feed(&reader, bytes, n);
 *   while ((kind = mh_multipart_next(&reader, &event)) > MH_MULTIPART_MORE) …
 *
 * The events are the same however the body was cut into pieces. A part of up to inline_max bytes
 * gives PART, one DATA (empty for an empty part), END. A larger one gives its DATA in blocks of
 * exactly `block` bytes, the last one shorter, each marked as large.
 *
 * Accepted, because clients send it: text in front of the first boundary and behind the last one, a
 * quoted boundary, parameters and headers in any case and order, folded headers, blanks behind a
 * boundary, bodies whose lines all end in a bare LF (the first boundary line decides), and names
 * escaped as browsers, curl, and the Go and Python libraries do. */
#ifndef MH_MULTIPART_H
#define MH_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "io/params.h"

enum {
  MH_MULTIPART_BOUNDARY = 70, /* longest boundary, RFC 2046 §5.1.1 */
  MH_MULTIPART_HEADERS = 32   /* most headers of one part */
};

/* Zero is the default of every member. */
typedef struct mh_multipart_limits {
  size_t max_parts;   /* 10,000 */
  size_t max_header;  /* bytes of one part's headers, and of the text in front: 16 KiB */
  size_t max_name;    /* bytes of a name or filename: 1,024 */
  uint64_t max_total; /* bytes of the body: no limit */
  size_t inline_max;  /* larger parts come in blocks: 256 KiB */
  size_t block;       /* 256 KiB */
} mh_multipart_limits;

typedef enum mh_multipart_kind {
  MH_MULTIPART_ERROR, /* reader.error says what; it stays so */
  MH_MULTIPART_DONE,  /* the input was finished and is complete */
  MH_MULTIPART_MORE,  /* feed more */
  MH_MULTIPART_PART,
  MH_MULTIPART_DATA,
  MH_MULTIPART_END
} mh_multipart_kind;

/* Reasons: not_multipart, bad_boundary (of the content type); missing_boundary, truncated,
 * too_many_parts, header_too_long, bad_header, missing_name, name_too_long, too_large, no_memory. */
typedef struct mh_multipart_error {
  const char *reason; /* a fixed word; NULL: none */
  const char *detail; /* a static sentence */
  uint64_t offset;    /* bytes from the start of the body */
} mh_multipart_error;

typedef struct mh_multipart_header {
  mh_slice name; /* in lower case */
  mh_slice value;
} mh_multipart_header;

typedef struct mh_multipart_part {
  mh_slice name; /* always there in form-data */
  mh_slice filename;
  mh_slice content_type;
  size_t header_count;
  mh_multipart_header headers[MH_MULTIPART_HEADERS];
} mh_multipart_part;

/* What an event points to lives until the next call on the reader. */
typedef struct mh_multipart_event {
  const mh_multipart_part *part; /* PART */
  mh_slice data;                 /* DATA */
  bool is_large;                 /* DATA: one block of several, or of a part over inline_max */
} mh_multipart_event;

typedef struct mh_multipart {
  mh_multipart_limits limits;
  mh_multipart_error error;
  mh_multipart_part part;
  mh_buf head;    /* the part's headers: what `part` points to */
  mh_buf held;    /* input that an earlier piece left over */
  mh_slice input; /* what is not parsed yet: in `held`, or in the caller's piece */
  bool is_borrowed;
  size_t scanned; /* bytes of the input that hold no start of what is looked for */
  size_t spent;   /* bytes of the input that the last event used up */
  uint64_t offset, fed;
  size_t part_count;
  char needle[2 + 2 + MH_MULTIPART_BOUNDARY]; /* CRLF -- boundary */
  size_t needle_len;
  size_t tail;      /* length of the delimiter that ends the part, 0: not found yet */
  size_t body_left; /* bytes in front of it */
  int state;
  bool is_form, has_bare_lf, is_large, has_data, is_last, is_over, is_finished;
} mh_multipart;

/* Takes the Content-Type header of the message. Returns 0 or MOONHERD_EPROTO and fills reader.error;
 * call mh_multipart_fini in any case. `limits` and `mem` may be NULL. */
int mh_multipart_init(mh_multipart *r, mh_slice content_type, const mh_multipart_limits *limits,
                      mh_mem *mem);
void mh_multipart_fini(mh_multipart *r);

/* Hands over a piece of the body. It is not copied: it must stay where it is until
 * mh_multipart_next returns MH_MULTIPART_MORE or the next piece is fed. Returns 0 or
 * MOONHERD_ENOMEM. Pull all events of one piece before feeding the next, or the pieces pile up. */
int mh_multipart_feed(mh_multipart *r, const char *bytes, size_t n);
void mh_multipart_finish(mh_multipart *r); /* there is no more */
mh_multipart_kind mh_multipart_next(mh_multipart *r, mh_multipart_event *event);

#endif
