/* The multipart reader. See multipart.h.
 *
 *   PREAMBLE --first boundary--> HEAD --blank line--> BODY --boundary--> HEAD …
 *        \___________________________________________________\--last--> EPILOGUE
 *   any --> FAILED
 *
 * Input is searched with memmem, whose cost is linear for needles as short as a boundary, and
 * `scanned` keeps a search from starting over when the next piece arrives. A piece is parsed where
 * the caller has it; only what it leaves over (an unfinished head, a part that is still collected)
 * is copied to `held`. What is found depends on positions alone, never on where pieces end. */
#include "io/multipart.h"

#include <string.h>

#include "moonherd.h"

enum { PREAMBLE, HEAD, BODY, EPILOGUE, FAILED };

/* Blanks that may stand between a boundary and its line end. Nobody sends any; RFC 2046 allows
 * them without a limit, and a limit bounds what has to be looked at again. */
enum { MAX_PADDING = 64 };

static const mh_multipart_limits DEFAULTS = {
    .max_parts = 10000,
    .max_header = 16384,
    .max_name = 1024,
    .max_total = UINT64_MAX,
    .inline_max = 262144,
    .block = 262144,
};

static mh_multipart_kind fail(mh_multipart *r, const char *reason, uint64_t offset,
                              const char *detail) {
  r->state = FAILED;
  r->error = (mh_multipart_error){reason, detail, offset};
  return MH_MULTIPART_ERROR;
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* ---- setting up --------------------------------------------------------------------------- */

static void set_limits(mh_multipart_limits *to, const mh_multipart_limits *from) {
  *to = DEFAULTS;
  if (from == NULL) return;
  if (from->max_parts != 0) to->max_parts = from->max_parts;
  if (from->max_header != 0) to->max_header = from->max_header;
  if (from->max_name != 0) to->max_name = from->max_name;
  if (from->max_total != 0) to->max_total = from->max_total;
  if (from->inline_max != 0) to->inline_max = from->inline_max;
  if (from->block != 0) to->block = from->block;
}

/* Printable ASCII that does not end with a space: more than RFC 2046 allows, no more than clients
 * could mean. */
static bool is_readable_boundary(mh_slice b) {
  if (b.len == 0 || b.len > MH_MULTIPART_BOUNDARY || b.data[b.len - 1] == ' ') return false;
  for (size_t i = 0; i < b.len; i++)
    if (b.data[i] < 0x20 || b.data[i] > 0x7E) return false;
  return true;
}

static void set_needle(mh_multipart *r, mh_slice boundary) {
  memcpy(r->needle, "\r\n--", 4);
  memcpy(r->needle + 4, boundary.data, boundary.len);
  r->needle_len = 4 + boundary.len;
}

static int set_boundary(mh_multipart *r, mh_slice parameters) {
  char text[2 * MH_MULTIPART_BOUNDARY] = "";
  mh_slice boundary = {NULL, 0};
  mh_param param;
  int found;
  while ((found = mh_params_next(&parameters, &param)) == 1) {
    if (!mh_slice_is(param.name, "boundary")) continue;
    if (boundary.data != NULL || param.value.len > sizeof text) return MOONHERD_EPROTO;
    boundary = (mh_slice){text, mh_params_unescape(param.value, false, text)};
  }
  if (found != 0 || boundary.data == NULL || !is_readable_boundary(boundary))
    return MOONHERD_EPROTO;
  set_needle(r, boundary);
  return 0;
}

int mh_multipart_init(mh_multipart *r, mh_slice content_type, const mh_multipart_limits *limits,
                      mh_mem *mem) {
  memset(r, 0, sizeof *r);
  mh_buf_init(&r->head, mem);
  mh_buf_init(&r->held, mem);
  set_limits(&r->limits, limits);
  mh_slice type = {NULL, 0};
  if (content_type.data != NULL) type = mh_params_start(&content_type);
  if (type.len < 10 || !mh_slice_is((mh_slice){type.data, 10}, "multipart/")) {
    fail(r, "not_multipart", 0, "the content type is not multipart/form-data");
    return MOONHERD_EPROTO;
  }
  r->is_form = mh_slice_is(type, "multipart/form-data");
  if (set_boundary(r, content_type) == 0) return 0;
  fail(r, "bad_boundary", 0, "the content type needs one boundary of 1 to 70 characters");
  return MOONHERD_EPROTO;
}

void mh_multipart_fini(mh_multipart *r) {
  mh_buf_fini(&r->head);
  mh_buf_fini(&r->held);
}

/* ---- input -------------------------------------------------------------------------------- */

static void drop(mh_multipart *r, size_t n) {
  r->offset += n;
  r->scanned = r->scanned > n ? r->scanned - n : 0;
  if (r->is_borrowed) {
    r->input.data += n;
    r->input.len -= n;
  } else {
    mh_buf_consume(&r->held, n);
    r->input = (mh_slice){r->held.data, r->held.len};
  }
}

static void drop_spent(mh_multipart *r) {
  if (r->spent != 0) drop(r, r->spent);
  r->spent = 0;
}

static int append(mh_multipart *r, const char *bytes, size_t n) {
  if (mh_buf_append(&r->held, bytes, n) != 0) {
    fail(r, "no_memory", r->offset, "no memory for the part that is being read");
    return MOONHERD_ENOMEM;
  }
  r->input = (mh_slice){r->held.data, r->held.len};
  return 0;
}

/* Copies what is left of the caller's piece: it goes away. */
static int hold(mh_multipart *r) {
  if (!r->is_borrowed) return 0;
  r->is_borrowed = false;
  mh_slice left = r->input;
  mh_buf_clear(&r->held);
  return append(r, left.data, left.len);
}

int mh_multipart_feed(mh_multipart *r, const char *bytes, size_t n) {
  drop_spent(r);
  uint64_t room = r->limits.max_total - r->fed;
  if (n > room) {
    r->is_over = true;  // reported when what is allowed has been read
    n = (size_t)room;
  }
  r->fed += n;
  if (n == 0 || r->state == FAILED) return 0;
  if (r->input.len == 0) {
    r->is_borrowed = true;
    r->input = (mh_slice){bytes, n};
    return 0;
  }
  int e = hold(r);
  return e != 0 ? e : append(r, bytes, n);
}

void mh_multipart_finish(mh_multipart *r) {
  r->is_finished = true;
}

/* There is nothing to be found in what was fed so far. */
static mh_multipart_kind starve(mh_multipart *r) {
  if (r->is_over) return fail(r, "too_large", r->fed, "the body is over its size limit");
  if (r->is_finished && r->state == PREAMBLE)
    return fail(r, "missing_boundary", r->fed, "the body does not contain its boundary");
  if (r->is_finished) return fail(r, "truncated", r->fed, "the body ends before its last boundary");
  return hold(r) == 0 ? MH_MULTIPART_MORE : MH_MULTIPART_ERROR;
}

/* ---- boundaries --------------------------------------------------------------------------- */

typedef enum tail { TAIL_NONE, TAIL_MORE, TAIL_PART, TAIL_LAST } tail;

/* Judges a line end at p: which one is right is known once the first boundary was read. */
static tail match_line_end(mh_multipart *r, const char *p, size_t n, size_t *len) {
  bool is_first = r->state == PREAMBLE;
  if (p[0] == '\n' && (is_first || r->has_bare_lf)) {
    r->has_bare_lf = true;
    *len = 1;
    return TAIL_PART;
  }
  if (p[0] != '\r' || (!is_first && r->has_bare_lf)) return TAIL_NONE;
  if (n < 2) return TAIL_MORE;
  *len = 2;
  return p[1] == '\n' ? TAIL_PART : TAIL_NONE;
}

/* Judges what stands behind "--boundary": without a proper tail it is content that looks alike. */
static tail match_tail(mh_multipart *r, const char *p, size_t n, size_t *len) {
  if (n > 0 && p[0] == '-') {
    if (n < 2) return TAIL_MORE;
    *len = 2;
    return p[1] == '-' ? TAIL_LAST : TAIL_NONE;
  }
  size_t padding = 0;
  while (padding < n && padding <= MAX_PADDING && (p[padding] == ' ' || p[padding] == '\t'))
    padding++;
  if (padding > MAX_PADDING) return TAIL_NONE;
  if (padding == n) return TAIL_MORE;
  tail t = match_line_end(r, p + padding, n - padding, len);
  *len += padding;
  return t;
}

/* Looks at the boundary at `at`, which is `n` bytes long. On TAIL_PART and TAIL_LAST r->tail is the
 * length of the whole delimiter. */
static tail match_at(mh_multipart *r, size_t at, size_t n) {
  size_t len = 0;
  tail t = match_tail(r, r->input.data + at + n, r->input.len - at - n, &len);
  if (t == TAIL_PART || t == TAIL_LAST) {
    r->tail = n + len;
    r->is_last = t == TAIL_LAST;
  }
  return t;
}

/* Finds the delimiter from r->scanned on; `at` is its start. Moves r->scanned. */
static bool find_delimiter(mh_multipart *r, const char *needle, size_t n, size_t *at) {
  while (r->input.len - r->scanned >= n) {
    const char *start = r->input.data + r->scanned;
    const char *found = memmem(start, r->input.len - r->scanned, needle, n);
    if (found == NULL) {
      r->scanned = r->input.len - (n - 1);
      return false;
    }
    r->scanned = *at = (size_t)(found - r->input.data);
    tail t = match_at(r, *at, n);
    if (t == TAIL_MORE) return false;
    if (t != TAIL_NONE) return true;
    r->scanned++;
  }
  return false;
}

static void enter_head(mh_multipart *r, size_t consumed) {
  drop(r, consumed);
  r->scanned = 0;
  r->tail = 0;
  r->state = r->is_last ? EPILOGUE : HEAD;
}

/* The first boundary needs no line end in front when it is the first thing in the body. Returns
 * TAIL_NONE when there is none. */
static tail match_at_start(mh_multipart *r) {
  size_t n = r->needle_len - 2;
  if (r->scanned != 0) return TAIL_NONE;
  if (memcmp(r->input.data, r->needle + 2, smaller(n, r->input.len)) != 0) return TAIL_NONE;
  return r->input.len < n ? TAIL_MORE : match_at(r, 0, n);
}

static mh_multipart_kind read_preamble(mh_multipart *r) {
  size_t at = 0, most = r->limits.max_header;
  tail t = r->input.len == 0 ? TAIL_MORE : match_at_start(r);
  if (t == TAIL_MORE) return starve(r);
  bool is_found = t != TAIL_NONE;
  if (!is_found) is_found = find_delimiter(r, r->needle + 1, r->needle_len - 1, &at);
  if (is_found ? at >= most : r->scanned >= most)
    return fail(r, "missing_boundary", most, "the body does not begin with its boundary");
  if (!is_found) return starve(r);
  enter_head(r, at + r->tail);
  return MH_MULTIPART_MORE;
}

/* ---- headers ------------------------------------------------------------------------------ */

static mh_multipart_kind bad_header(mh_multipart *r, size_t at, const char *detail) {
  return fail(r, "bad_header", r->offset + at, detail);
}

/* Joins folded lines by overwriting the line end between them. */
static void unfold(char *block, size_t n, const char *eol, size_t eol_len) {
  char *p = block;
  while ((p = memmem(p, n - (size_t)(p - block), eol, eol_len)) != NULL) {
    char *next = p + eol_len;
    if (next < block + n && (*next == ' ' || *next == '\t')) memset(p, ' ', eol_len);
    p = next;
  }
}

/* Checks the characters of a header's name and makes its letters small. */
static bool lower_name(char *name, size_t n) {
  for (size_t i = 0; i < n; i++) {
    char c = name[i];
    if (c >= 'A' && c <= 'Z') name[i] = (char)(c + 'a' - 'A');
    else if (c <= ' ' || c > '~' || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL) return false;
  }
  return n > 0;
}

static bool has_control(mh_slice s) {
  for (size_t i = 0; i < s.len; i++) {
    unsigned char c = (unsigned char)s.data[i];
    if ((c < 0x20 && c != '\t') || c == 0x7F) return true;
  }
  return false;
}

static const char *parse_line(mh_multipart *r, char *line, size_t n) {
  char *colon = memchr(line, ':', n);
  if (colon == NULL) return "a header line has no colon";
  size_t name_len = (size_t)(colon - line);
  if (!lower_name(line, name_len)) return "a header's name has a character that is not allowed";
  mh_slice value = mh_slice_trim((mh_slice){colon + 1, n - name_len - 1});
  if (has_control(value)) return "a header's value has a control character";
  if (r->part.header_count == MH_MULTIPART_HEADERS) return "a part has more than 32 headers";
  r->part.headers[r->part.header_count++] = (mh_multipart_header){{line, name_len}, value};
  return NULL;
}

/* Where decoded text goes: behind the headers, in room that copy_head reserved. */
static char *decoded(mh_multipart *r) {
  return r->head.data + r->head.len;
}

static mh_slice keep(mh_multipart *r, size_t n) {
  mh_slice kept = {decoded(r), n};
  r->head.len += n;
  return kept;
}

static const char *parse_parameter(mh_multipart *r, const mh_param *param, mh_slice *extended) {
  mh_slice *into = mh_slice_is(param->name, "name")        ? &r->part.name
                   : mh_slice_is(param->name, "filename")  ? &r->part.filename
                   : mh_slice_is(param->name, "filename*") ? extended
                                                           : NULL;
  if (into == NULL) return NULL;
  if (into->data != NULL) return "a parameter of Content-Disposition appears twice";
  size_t n;
  if (into != extended) n = mh_params_unescape(param->value, true, decoded(r));
  else if (mh_params_decode(param->value, decoded(r), &n) != 0) return "filename* is malformed";
  *into = keep(r, n);
  return mh_slice_is_utf8(*into) && memchr(into->data, 0, n) == NULL ? NULL
                                                                     : "a name is not UTF-8 text";
}

static const char *parse_disposition(mh_multipart *r, mh_slice value) {
  mh_slice extended = {NULL, 0};
  mh_param param;
  int found;
  mh_params_start(&value);
  while ((found = mh_params_next(&value, &param)) == 1) {
    const char *wrong = parse_parameter(r, &param, &extended);
    if (wrong != NULL) return wrong;
  }
  if (extended.data != NULL) r->part.filename = extended;
  return found == 0 ? NULL : "Content-Disposition is malformed";
}

static const char *find_header(const mh_multipart_part *part, const char *name, mh_slice *value) {
  *value = (mh_slice){NULL, 0};
  for (size_t i = 0; i < part->header_count; i++) {
    if (!mh_slice_is(part->headers[i].name, name)) continue;
    if (value->data != NULL) return "Content-Disposition or Content-Type appears twice";
    *value = part->headers[i].value;
  }
  return NULL;
}

/* The name, filename and type of the part whose headers were parsed. */
static const char *interpret(mh_multipart *r) {
  mh_slice disposition = {NULL, 0};
  const char *wrong = find_header(&r->part, "content-type", &r->part.content_type);
  if (wrong == NULL) wrong = find_header(&r->part, "content-disposition", &disposition);
  if (wrong == NULL && disposition.data != NULL) wrong = parse_disposition(r, disposition);
  return wrong;
}

/* Copies the headers, with room behind them for what is decoded: filename* may double in length. */
static int copy_head(mh_multipart *r, size_t n) {
  mh_buf_clear(&r->head);
  if (mh_buf_reserve(&r->head, 3 * n + 1) != 0) return MOONHERD_ENOMEM;
  return mh_buf_append(&r->head, r->input.data, n);
}

static mh_multipart_kind parse_head(mh_multipart *r, size_t n) {
  const char *eol = r->has_bare_lf ? "\n" : "\r\n";
  size_t eol_len = strlen(eol);
  char *block = r->head.data;
  r->part = (mh_multipart_part){.header_count = 0};
  unfold(block, n, eol, eol_len);
  for (size_t at = 0; at < n;) {
    char *end = memmem(block + at, n - at, eol, eol_len);
    const char *wrong = parse_line(r, block + at, (size_t)(end - block) - at);
    if (wrong != NULL) return bad_header(r, at, wrong);
    at = (size_t)(end - block) + eol_len;
  }
  const char *wrong = interpret(r);
  if (wrong != NULL) return bad_header(r, 0, wrong);
  if (r->is_form && r->part.name.data == NULL)
    return fail(r, "missing_name", r->offset, "a part has no name");
  if (r->part.name.len > r->limits.max_name || r->part.filename.len > r->limits.max_name)
    return fail(r, "name_too_long", r->offset, "a name or filename is over its limit");
  return MH_MULTIPART_PART;
}

/* Finds the blank line. `n` is the length of the lines in front of it. */
static bool find_blank_line(mh_multipart *r, size_t *n) {
  size_t eol = r->has_bare_lf ? 1 : 2;
  const char *blank = r->has_bare_lf ? "\n\n" : "\r\n\r\n";
  *n = 0;
  if (r->input.len < eol) return false;
  if (memcmp(r->input.data, blank, eol) == 0) return true;
  const char *start = r->input.data + r->scanned;
  const char *found = memmem(start, r->input.len - r->scanned, blank, 2 * eol);
  if (found != NULL) *n = (size_t)(found - r->input.data) + eol;
  else if (r->input.len >= r->scanned + 2 * eol) r->scanned = r->input.len - (2 * eol - 1);
  return found != NULL;
}

static void enter_body(mh_multipart *r, size_t consumed) {
  drop(r, consumed);
  r->scanned = 0;
  r->is_large = r->has_data = false;
  r->state = BODY;
}

static mh_multipart_kind read_head(mh_multipart *r, mh_multipart_event *event) {
  if (r->part_count == r->limits.max_parts)
    return fail(r, "too_many_parts", r->offset, "the body has more parts than allowed");
  size_t n, most = r->limits.max_header, eol = r->has_bare_lf ? 1 : 2;
  bool is_found = find_blank_line(r, &n);
  if (!is_found && r->input.len >= eol) n = r->scanned + eol;  // at least
  if (n > most)
    return fail(r, "header_too_long", r->offset + most, "a part's headers are over their limit");
  if (!is_found) return starve(r);
  if (copy_head(r, n) != 0)
    return fail(r, "no_memory", r->offset, "no memory for the headers of a part");
  mh_multipart_kind kind = parse_head(r, n);
  if (kind != MH_MULTIPART_PART) return kind;
  r->part_count++;
  enter_body(r, n + eol);
  event->part = &r->part;
  return kind;
}

/* ---- content ------------------------------------------------------------------------------ */

static mh_multipart_kind read_body(mh_multipart *r, mh_multipart_event *event) {
  const char *needle = r->has_bare_lf ? r->needle + 1 : r->needle;
  size_t needle_len = r->has_bare_lf ? r->needle_len - 1 : r->needle_len;
  bool is_ended = r->tail != 0 || find_delimiter(r, needle, needle_len, &r->body_left);
  size_t known = is_ended ? r->body_left : r->scanned;  // bytes that surely are content
  if (is_ended && known == 0 && r->has_data) {
    enter_head(r, r->tail);
    return MH_MULTIPART_END;
  }
  if (known > r->limits.inline_max) r->is_large = true;
  size_t n = r->is_large ? smaller(known, r->limits.block) : known;
  if (!is_ended && !(r->is_large && n == r->limits.block)) return starve(r);
  *event = (mh_multipart_event){NULL, {r->input.data, n}, r->is_large};
  r->spent = n;
  r->body_left -= is_ended ? n : 0;
  r->has_data = true;
  return MH_MULTIPART_DATA;
}

static mh_multipart_kind read_epilogue(mh_multipart *r) {
  drop(r, r->input.len);
  if (r->is_over) return starve(r);
  return r->is_finished ? MH_MULTIPART_DONE : MH_MULTIPART_MORE;
}

mh_multipart_kind mh_multipart_next(mh_multipart *r, mh_multipart_event *event) {
  memset(event, 0, sizeof *event);
  drop_spent(r);
  if (r->state == PREAMBLE) {
    mh_multipart_kind kind = read_preamble(r);
    if (r->state == PREAMBLE || r->state == FAILED) return kind;
  }
  switch (r->state) {
    case HEAD: return read_head(r, event);
    case BODY: return read_body(r, event);
    case EPILOGUE: return read_epilogue(r);
    default: return MH_MULTIPART_ERROR;
  }
}
